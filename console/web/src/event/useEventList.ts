import {useEffect, useReducer, useRef} from 'react'
import {api} from '../api/client'
import type {EventSummary} from '../api/gen'
import type {Frame} from '../api/keys'

const firstPage = 200
const laterPages = 2000

/** How many new events are held back while the user is further down the list; beyond it the oldest of them appear only after a reload. */
export const maxPending = 2000

interface State extends Frame {
  q: string
  rows: EventSummary[]
  ids: Set<string>
  /** Came from the stream and wait to be shown, newest first. */
  pending: EventSummary[]
  next: string | undefined
  loading: boolean
  loaded: boolean
  error: unknown
  /** Left out by the server because this browser was too slow. */
  dropped: number
  abort: AbortController
}

const empty = (q: string, {from, to}: Frame): State => ({
  q,
  from,
  to,
  rows: [],
  ids: new Set(),
  pending: [],
  next: undefined,
  loading: false,
  loaded: false,
  error: null,
  dropped: 0,
  abort: new AbortController(),
})

/** Loads the next page into s, in place; changed is called before and after. */
async function load(s: State, changed: () => void) {
  if (s.loading || (s.loaded && s.next === undefined)) return
  s.loading = true
  s.error = null
  changed()
  try {
    const {q, from, to, next: cursor} = s
    const page = await api.listEvents({q, from, to, cursor, limit: s.loaded ? laterPages : firstPage}, s.abort.signal)
    for (const e of page.events) {
      if (!s.ids.has(e.id)) {
        s.ids.add(e.id)
        s.rows.push(e)
      }
    }
    s.next = page.next || undefined
    s.loaded = true
  } catch (e) {
    if (s.abort.signal.aborted) return
    s.error = e
  }
  s.loading = false
  if (!s.abort.signal.aborted) changed()
}

/** The events of a filter and a time range, as far as they are loaded, and what can be done with them. */
export interface EventList {
  /** Newest first. The array grows in place. */
  rows: EventSummary[]
  /** New events that are not among the rows yet. */
  pending: EventSummary[]
  loading: boolean
  /** The first page is there. */
  loaded: boolean
  more: boolean
  /** Null, or why the last page could not be read. */
  error: unknown
  dropped: number
  loadMore: () => void
  /** Takes new events, newest first; shows them at once, with those held back, or holds them back. */
  add: (events: EventSummary[], show: boolean) => void
  countDropped: (n: number) => void
}

/**
 * Loads the events page by page. The rows live in one array that grows in place: with
 * 100,000 of them, copying at each page or each new event would make scrolling stutter.
 */
export function useEventList(q: string, {from, to}: Frame): EventList {
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const state = useRef<State>(null)
  state.current ??= empty(q, {from, to})

  useEffect(() => {
    const s = empty(q, {from, to})
    state.current = s
    void load(s, redraw)
    return () => s.abort.abort()
  }, [q, from, to])

  const s = state.current
  return {
    rows: s.rows,
    pending: s.pending,
    loading: s.loading,
    loaded: s.loaded,
    more: s.next !== undefined,
    error: s.error,
    dropped: s.dropped,
    loadMore: () => void load(state.current!, redraw),
    add: (events, show) => {
      const s = state.current!
      const fresh = events.filter((e) => !s.ids.has(e.id))
      for (const e of fresh) s.ids.add(e.id)
      s.pending.unshift(...fresh)
      if (s.pending.length > maxPending) s.pending.length = maxPending
      if (show && s.pending.length > 0) {
        s.rows.unshift(...s.pending)
        s.pending = []
      }
      if (fresh.length > 0 || show) redraw()
    },
    countDropped: (n) => {
      state.current!.dropped += n
      redraw()
    },
  }
}
