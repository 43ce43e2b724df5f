// Draws a part of the console as main.tsx does: with theme, queries, address and session.
import {MantineProvider} from '@mantine/core'
import {QueryClient, QueryClientProvider} from '@tanstack/react-query'
import {cleanup, configure, render} from '@testing-library/react'
import {userEvent} from '@testing-library/user-event'
import type {ReactNode} from 'react'
import {MemoryRouter, useLocation} from 'react-router'
import {afterEach} from 'vitest'
import type {Role, Session} from '../api/gen'
import {SessionContext} from '../session/session'
import {Toasts} from '../widgets/toast'

// What Mantine asks of a browser and happy-dom does not have.
Object.defineProperty(document, 'fonts', {value: new EventTarget(), configurable: true})

// Whether an element is hidden follows from the styles of all that it is in, and without a
// style sheet there are none: looking costs most of the time of a test and tells nothing.
configure({defaultHidden: true, asyncUtilTimeout: 5000})

// Without globals the library does not know when a test ends.
afterEach(cleanup)

export const sessionOf = (role: Role): Session => ({
  user: {id: 'u1', name: 'ada', role, disabled: false, created: '2026-01-01T00:00:00Z'},
  csrf_token: 'token',
  version: 'v0.0.0',
})

interface Options {
  at?: string
  role?: Role
  /** Width of the window. */
  width?: number
}

/** Draws it at an address and returns a user, and the address of the moment. */
export function show(what: ReactNode, {at = '/', role = 'operator', width = 1600}: Options = {}) {
  ;(globalThis as unknown as {happyDOM: {setViewport: (v: {width: number; height: number}) => void}}).happyDOM.setViewport({
    width,
    height: 900,
  })
  let address = at
  function Address() {
    const {pathname, search} = useLocation()
    address = pathname + search
    return null
  }
  const queries = new QueryClient({defaultOptions: {queries: {retry: false}}})
  const user = userEvent.setup()
  const drawn = render(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <MemoryRouter initialEntries={[at]}>
          <SessionContext.Provider value={sessionOf(role)}>{what}</SessionContext.Provider>
          <Toasts />
          <Address />
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  )
  return {...drawn, user, address: () => address}
}
