import {useEffect, useReducer, useRef} from 'react'
import {api} from '../api/client'
import type {EventSummary} from '../api/gen'

const firstPage = 200
const laterPages = 2000

/** Rows that arrive while the reader is elsewhere; more than these and the oldest are not shown until a reload. */
const maxPending = 2000

interface State {
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

const empty = (): State => ({
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

/**
 * The events of a filter and a time range, loaded page by page. The rows live in one
 * array that grows in place: with 100,000 of them, copying at each page or each new
 * event would be what makes scrolling stutter.
 */
export function useEventList(q: string, from: string, to: string) {
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const state = useRef<State>(empty())

  const load = async (s: State) => {
    if (s.loading || (s.loaded && s.next === undefined)) return
    s.loading = true
    s.error = null
    redraw()
    try {
      const page = await api.listEvents({q, from, to, cursor: s.next, limit: s.loaded ? laterPages : firstPage}, s.abort.signal)
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
    if (state.current === s) redraw()
  }

  useEffect(() => {
    const s = empty()
    state.current = s
    void load(s)
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
    loadMore: () => void load(state.current),
    /** Takes new events, newest first; shows them at once or keeps them back. */
    add: (events: EventSummary[], show: boolean) => {
      const s = state.current
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
    countDropped: (n: number) => {
      state.current.dropped += n
      redraw()
    },
  }
}

/** Follows the stream of new events while `on`. Arrivals are handed over four times a second, newest first. */
export function useLiveTail(
  on: boolean,
  q: string,
  onEvents: (events: EventSummary[]) => void,
  onDropped: (n: number) => void,
): 'off' | 'connecting' | 'open' {
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const status = useRef<'off' | 'connecting' | 'open'>('off')
  const handlers = useRef({onEvents, onDropped})
  handlers.current = {onEvents, onDropped}

  useEffect(() => {
    const set = (s: typeof status.current) => {
      status.current = s
      redraw()
    }
    if (!on) {
      set('off')
      return
    }
    set('connecting')
    let buffer: EventSummary[] = []
    let source: EventSource
    let again: ReturnType<typeof setTimeout> | undefined
    const connect = () => {
      source = new EventSource('/api/v1/events/stream' + (q === '' ? '' : '?q=' + encodeURIComponent(q)))
      source.onopen = () => set('open')
      source.onmessage = (m) => {
        buffer.unshift(JSON.parse(m.data as string) as EventSummary)
        if (buffer.length > maxPending) buffer.length = maxPending
      }
      source.addEventListener('dropped', (m) =>
        handlers.current.onDropped((JSON.parse((m as MessageEvent<string>).data) as {count: number}).count),
      )
      source.onerror = () => {
        set('connecting')
        if (source.readyState !== EventSource.CLOSED) return // the browser tries again by itself
        // A refused stream: if the session is over this request finds out, else try later.
        void api.getSession().catch(() => {})
        again = setTimeout(connect, 3000)
      }
    }
    connect()
    const flush = setInterval(() => {
      if (buffer.length === 0) return
      const events = buffer
      buffer = []
      handlers.current.onEvents(events)
    }, 250)
    return () => {
      clearInterval(flush)
      clearTimeout(again)
      source.close()
    }
  }, [on, q])
  return status.current
}
