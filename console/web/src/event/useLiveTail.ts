import {useEffect, useEffectEvent, useState} from 'react'
import {api, eventStreamURL} from '../api/client'
import type {EventSummary} from '../api/gen'
import {maxPending} from './useEventList'

interface Handlers {
  /** Called at most four times a second, with the newest event first. */
  onEvents: (events: EventSummary[]) => void
  /** The server left out so many events because this browser reads too slowly. */
  onDropped: (n: number) => void
}

const handOver = 250 // ms
const tryAgain = 3000 // ms

/** Follows the stream of new events that fit the filter while on. */
export function useLiveTail(on: boolean, q: string, handlers: Handlers): 'off' | 'connecting' | 'open' {
  const [open, setOpen] = useState(false)
  const onEvents = useEffectEvent(handlers.onEvents)
  const onDropped = useEffectEvent(handlers.onDropped)

  useEffect(() => {
    if (!on) return
    let buffer: EventSummary[] = []
    let source: EventSource
    let again: ReturnType<typeof setTimeout> | undefined
    const connect = () => {
      source = new EventSource(eventStreamURL(q))
      source.onopen = () => setOpen(true)
      source.onmessage = (m) => {
        buffer.unshift(JSON.parse(m.data as string) as EventSummary)
        if (buffer.length > maxPending) buffer.length = maxPending
      }
      source.addEventListener('dropped', (m) => onDropped((JSON.parse((m as MessageEvent<string>).data) as {count: number}).count))
      source.onerror = () => {
        setOpen(false)
        if (source.readyState !== EventSource.CLOSED) return // the browser tries again by itself
        // The stream was refused: this request finds out whether the session is over.
        void api.getSession().catch(() => {})
        again = setTimeout(connect, tryAgain)
      }
    }
    connect()
    const flush = setInterval(() => {
      if (buffer.length === 0) return
      const events = buffer
      buffer = []
      onEvents(events)
    }, handOver)
    return () => {
      clearInterval(flush)
      clearTimeout(again)
      source.close()
      setOpen(false)
    }
  }, [on, q])
  return on ? (open ? 'open' : 'connecting') : 'off'
}
