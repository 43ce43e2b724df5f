// A manager for component tests: answers fetch and EventSource from what a test says.
import {afterEach, beforeEach, vi} from 'vitest'
import type {Error as Problem} from '../api/gen'

/** An answer other than 200. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly body: Partial<Problem> = {},
  ) {}
}

export interface Call {
  method: string
  path: string
  query: Record<string, string>
  body: unknown
}

/** A value is the answer; a function makes one, and may return a promise. */
type Answer = unknown

let answers: Record<string, Answer> = {}

/** What was asked since the test began. */
export let calls: Call[] = []

/** Sets answers by operation: 'GET /events'. Asking for anything else fails the test. */
export const answer = (more: Record<string, Answer>) => Object.assign(answers, more)

/** The calls of one operation. */
export const callsOf = (operation: string) => calls.filter((c) => `${c.method} ${c.path}` === operation)

/** An answer that never comes. */
export const never = () => new Promise<never>(() => {})

async function fakeFetch(input: URL | string, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input, location.origin)
  const call: Call = {
    method: init.method ?? 'GET',
    path: url.pathname.replace('/api/v1', ''),
    query: Object.fromEntries(url.searchParams),
    body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
  }
  calls.push(call)
  const known = answers[`${call.method} ${call.path}`]
  if (known === undefined) throw new Error(`no answer for ${call.method} ${call.path}`)
  const value = await (typeof known === 'function' ? (known as (c: Call) => unknown)(call) : known)
  if (value instanceof Refusal) return Response.json({code: 'internal', message: 'refused', ...value.body}, {status: value.status})
  return Response.json(value)
}

/** The stream of new events; a test sends through it. */
export class FakeEventSource extends EventTarget {
  static CLOSED = 2
  static open: FakeEventSource[] = []
  readyState = 0
  onopen: (() => void) | null = null
  onmessage: ((m: MessageEvent<string>) => void) | null = null
  onerror: (() => void) | null = null

  constructor(readonly url: string) {
    super()
    FakeEventSource.open.push(this)
  }
  close() {
    FakeEventSource.open = FakeEventSource.open.filter((s) => s !== this)
  }
  send(data: unknown, type = 'message') {
    const m = new MessageEvent(type, {data: JSON.stringify(data)})
    if (type === 'message') this.onmessage?.(m)
    else this.dispatchEvent(m)
  }
}

beforeEach(() => {
  answers = {}
  calls = []
  FakeEventSource.open = []
  vi.stubGlobal('fetch', fakeFetch)
  vi.stubGlobal('EventSource', FakeEventSource)
})
afterEach(() => {
  vi.unstubAllGlobals()
})
