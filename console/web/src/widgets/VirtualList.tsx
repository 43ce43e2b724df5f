import {forwardRef, useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type ReactNode} from 'react'

export interface VirtualListHandle {
  /** Brings a row into view with as little movement as possible. */
  reveal: (index: number) => void
  toTop: () => void
  atTop: () => boolean
  focus: () => void
}

interface Props {
  count: number
  rowHeight: number
  render: (index: number) => ReactNode
  /** Called when the end of what is loaded comes near. */
  onEnd: () => void
  onKeyDown: (e: React.KeyboardEvent) => void
  /** Called when the user scrolls back to the top. */
  onTop: () => void
  /** Called when the list gets the focus by the keyboard, not by the mouse. */
  onFocus: () => void
  label: string
  activeID: string | undefined
  total: number
  /** Stays at the top, in line with the rows. */
  head?: ReactNode
  children?: ReactNode
}

const overscan = 12

/** A list that draws only the rows in sight. All rows are equally high, which keeps this short and scrolling cheap. */
export const VirtualList = forwardRef<VirtualListHandle, Props>(function VirtualList(
  {count, rowHeight, render, onEnd, onKeyDown, onTop, onFocus, label, activeID, total, head, children},
  ref,
) {
  const box = useRef<HTMLDivElement>(null)
  const [span, setSpan] = useState<[number, number]>([0, 40])
  const last = useRef({count, onEnd, onTop, wasAtTop: true})
  last.current.count = count
  last.current.onEnd = onEnd
  last.current.onTop = onTop

  const measure = useCallback(() => {
    const el = box.current
    if (!el) return
    const first = Math.max(0, Math.floor(el.scrollTop / rowHeight) - overscan)
    const end = Math.ceil((el.scrollTop + el.clientHeight) / rowHeight) + overscan
    // Steps of four: most scroll events change nothing and draw nothing.
    const a = first - (first % 4)
    const b = end + (4 - (end % 4))
    setSpan((s) => (s[0] === a && s[1] === b ? s : [a, b]))
    if (end > last.current.count - Math.min(500, last.current.count / 2)) last.current.onEnd()
    const atTop = el.scrollTop < rowHeight / 2
    if (atTop && !last.current.wasAtTop) last.current.onTop()
    last.current.wasAtTop = atTop
  }, [rowHeight])

  useLayoutEffect(measure, [measure, count])
  useEffect(() => {
    const observer = new ResizeObserver(measure)
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [measure])

  useImperativeHandle(
    ref,
    () => ({
      reveal(index) {
        const el = box.current
        if (!el) return
        const headHeight = el.querySelector<HTMLElement>('.erow-head')?.offsetHeight ?? 0
        const top = index * rowHeight // and, below the head, what is in sight
        if (top < el.scrollTop) el.scrollTop = top
        else if (top + rowHeight + headHeight > el.scrollTop + el.clientHeight)
          el.scrollTop = top + rowHeight + headHeight - el.clientHeight
      },
      toTop() {
        if (box.current) box.current.scrollTop = 0
      },
      atTop: () => (box.current?.scrollTop ?? 0) < rowHeight / 2,
      focus: () => box.current?.focus({preventScroll: true}),
    }),
    [rowHeight],
  )

  const rows: ReactNode[] = []
  for (let i = span[0]; i < Math.min(span[1], count); i++) rows.push(render(i))
  return (
    <div
      ref={box}
      className="vlist"
      tabIndex={0}
      role="grid"
      aria-label={label}
      aria-rowcount={total}
      aria-activedescendant={activeID}
      onScroll={measure}
      onKeyDown={onKeyDown}
      onFocus={(e) => e.currentTarget.matches(':focus-visible') && onFocus()}
    >
      {head}
      <div className="vlist-inner" role="rowgroup" style={{height: count * rowHeight}}>
        {rows}
      </div>
      {children}
    </div>
  )
})
