import {useHotkeys} from '@mantine/hooks'
import {useCallback, type KeyboardEvent, type RefObject} from 'react'
import type {EventSummary} from '../api/gen'
import type {VirtualListHandle} from '../widgets/VirtualList'
import type {OpenEvent} from './useOpenEvent'

/** How far a key moves the selection while the list has the focus; elsewhere these keys scroll as usual. */
const steps: Record<string, number> = {ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity}

interface Options {
  rows: EventSummary[]
  event: OpenEvent
  list: RefObject<VirtualListHandle | null>
  search: RefObject<HTMLInputElement | null>
}

/** Keyboard control of the list; HelpDialog tells the user about it. */
export function useListKeys({rows, event, list, search}: Options) {
  const {selected, open, select, setOpen} = event
  const index = selected === null ? -1 : rows.findIndex((e) => e.id === selected)

  const move = (by: number) => {
    const next = index < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, index + by))
    const e = rows[next]
    if (!e) return
    if (open) setOpen(e.id)
    else select(e.id)
    list.current?.reveal(next)
    // So that Enter reaches the list; the focus is left where it is if it is in the detail.
    if (document.activeElement === document.body) list.current?.focus()
  }
  const close = useCallback(() => {
    setOpen(null)
    list.current?.focus()
  }, [setOpen, list])

  useHotkeys([
    ['J', () => move(1)],
    ['K', () => move(-1)],
    ['/', () => search.current?.focus()],
    // A dialog, a menu or a help text that is open takes the key for itself.
    ['Escape', () => !document.querySelector('[role=dialog], [role=menu]') && close()],
  ])
  const onKeyDown = (e: KeyboardEvent) => {
    const by = steps[e.key]
    if (by !== undefined) move(by)
    else if (e.key === 'Enter' && selected) setOpen(selected)
    else return
    e.preventDefault()
  }
  return {index, move, close, onKeyDown}
}
