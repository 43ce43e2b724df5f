import {operations, type Call, type Session} from './gen'

/** An answer other than 2xx, or no answer at all (status 0). */
export class ApiError extends Error {
  status: number
  code: string
  problems: string[]
  /** Seconds to wait, from Retry-After; 0 if the server named none. */
  retryAfter: number

  constructor(status: number, code: string, message: string, problems: string[] = [], retryAfter = 0) {
    super(message)
    this.status = status
    this.code = code
    this.problems = problems
    this.retryAfter = retryAfter
  }
}

let csrfToken = ''
let onUnauthenticated = () => {}
let onStaleToken = () => {}

/** Remembers the session's CSRF token for the requests that change something. */
export function rememberSession(session: Session | null) {
  csrfToken = session?.csrf_token ?? ''
}

/** Sets what happens when the server no longer knows the session, and when its CSRF token is not the one we have. */
export function whenUnauthenticated(lost: () => void, staleToken: () => void) {
  onUnauthenticated = lost
  onStaleToken = staleToken
}

const call: Call = async <T>(method: string, path: string, options: {query?: object; body?: unknown; signal?: AbortSignal}) => {
  const url = new URL('/api/v1' + path, location.origin)
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value))
  }
  const headers: Record<string, string> = {Accept: 'application/json'}
  if (method !== 'GET') headers['X-CSRF-Token'] = csrfToken
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(url, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: 'same-origin',
    })
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e
    throw new ApiError(0, 'unreachable', 'The Ringwall manager does not answer.')
  }
  if (response.status === 204) return undefined as T
  const text = await response.text()
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = undefined
  }
  if (response.ok && parsed !== undefined) return parsed as T
  const e = (parsed ?? {}) as {code?: string; message?: string; problems?: string[]}
  const error = new ApiError(
    response.status,
    e.code ?? 'internal',
    e.message ?? `The manager answered ${response.status} ${response.statusText}`.trim() + '.',
    e.problems ?? [],
    Number(response.headers.get('Retry-After')) || 0,
  )
  // A wrong password also answers 401; only a lost session leads to the login page.
  if (error.status === 401 && path !== '/login' && path !== '/session/password') onUnauthenticated()
  // Another tab has logged in since: the next attempt will carry the new token.
  if (error.code === 'csrf') onStaleToken()
  throw error
}

export const api = operations(call)

/** Address of the stream of new events, for EventSource. */
export const eventStreamURL = (q: string) => '/api/v1/events/stream' + (q === '' ? '' : '?q=' + encodeURIComponent(q))

/** Any thrown value in words for the user. */
export const messageOf = (e: unknown) => (e instanceof Error ? e.message : String(e))

/** Whether the API answered with one of these statuses. */
export const hasStatus = (e: unknown, ...statuses: number[]) => e instanceof ApiError && statuses.includes(e.status)

/** The fields that the server found wrong; none for any other error. */
export const problemsOf = (e: unknown): string[] => (e instanceof ApiError ? e.problems : [])
