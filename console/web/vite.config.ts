import {defineConfig} from 'vitest/config'

export default defineConfig({
  build: {
    // A folder below dist, so that the committed fallback page dist/index.html
    // stays as it is.
    outDir: '../dist/app',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows data: for images only
    chunkSizeWarningLimit: 1000,
    modulePreload: {polyfill: false},
    rolldownOptions: {
      // Mantine marks its modules for server components, which there are none of here.
      onLog: (level, log, print) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && print(level, log),
    },
  },
  // console.go puts a fresh nonce here with every page.
  html: {cspNonce: '__CSP_NONCE__'},
  // Component tests are slow on a busy machine; none of them measures time.
  test: {testTimeout: 30_000},
  server: {
    // npm run dev: RINGWALL names a running console, for example https://127.0.0.1:8083
    proxy: {
      '/api': {target: process.env.RINGWALL ?? 'https://127.0.0.1:8083', secure: false, changeOrigin: true},
    },
  },
})
