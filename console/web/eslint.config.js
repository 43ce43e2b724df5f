// Prettier decides about layout and TypeScript about types; what is here finds mistakes
// that both let pass.
import hooks from 'eslint-plugin-react-hooks'
import {defineConfig} from 'eslint/config'
import ts from 'typescript-eslint'

// Two spellings of one query key are two caches.
const message = 'take the query key from api/keys.ts'

export default defineConfig(
  {ignores: ['src/api/gen.ts', 'src/api/event.gen.ts']},
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [ts.configs.base],
    linterOptions: {reportUnusedDisableDirectives: 'error'},
    // The other rules of the plugin prepare for the React compiler, which is not used here.
    plugins: {'react-hooks': hooks},
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {message, selector: 'Property[key.name="queryKey"] ArrayExpression'},
        {message, selector: 'CallExpression[callee.property.name=/Quer(y|ies)(Data|State)$/] > ArrayExpression:first-child'},
      ],
    },
  },
)
