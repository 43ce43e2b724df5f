import '@mantine/core/styles.css'
import './styles.css'

import {MantineProvider} from '@mantine/core'
import {QueryClient, QueryClientProvider} from '@tanstack/react-query'
import {createRoot} from 'react-dom/client'
import {BrowserRouter} from 'react-router'
import {ApiError} from './api/client'
import {App} from './App'
import {colorSchemeManager, styleNonce, theme} from './theme'
import {Toasts} from './widgets/toast'

// The scroll lock of dialogs makes a style element and asks here for its nonce.
;(globalThis as {__webpack_nonce__?: string}).__webpack_nonce__ = styleNonce

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      // Only what may pass by itself is worth a second try.
      retry: (failures, e) => failures < 2 && e instanceof ApiError && (e.status === 0 || e.status >= 502),
    },
  },
})

createRoot(document.getElementById('root')!).render(
  <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={colorSchemeManager} getStyleNonce={() => styleNonce}>
    <QueryClientProvider client={queries}>
      <BrowserRouter>
        <App />
        <Toasts />
      </BrowserRouter>
    </QueryClientProvider>
  </MantineProvider>,
)
