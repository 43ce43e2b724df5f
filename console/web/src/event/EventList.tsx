import {Button} from '@mantine/core'
import type {KeyboardEvent, ReactNode, RefObject} from 'react'
import {stamp} from '../lib/time'
import {plural} from '../lib/format'
import {Empty, ErrorBox, Skel} from '../widgets/states'
import {VirtualList, type VirtualListHandle} from '../widgets/VirtualList'
import {CardRow, Row, rowID} from './EventRow'
import type {EventList as List} from './useEventList'
import type {OpenEvent} from './useOpenEvent'

interface Props {
  list: List
  /** How many events fit, if that is known already. */
  total: number | undefined
  event: OpenEvent
  narrow: boolean
  handle: RefObject<VirtualListHandle | null>
  onKeyDown: (e: KeyboardEvent) => void
  /** The server cannot parse the filter; the message is below its field. */
  filterIsBad: boolean
  onClearFilter: () => void
  /** What to show if no event fits. */
  none: ReactNode
}

/** The events, newest first, or why there are none. */
export function EventList(props: Props) {
  const {list, handle} = props
  const showPending = () => {
    list.add([], true)
    handle.current?.toTop()
  }
  return (
    <div className="list-hold">
      {list.pending.length > 0 && (
        <button className="pill" onClick={showPending}>
          {plural(list.pending.length, 'new event')}
        </button>
      )}
      {list.rows.length > 0 ? <Rows {...props} /> : <InsteadOfRows {...props} />}
    </div>
  )
}

function Rows({list, total, event, narrow, handle, onKeyDown}: Props) {
  const {rows} = list
  const rowHeight = narrow ? 90 : 46
  const today = stamp(Date.now()).slice(0, 10)
  const RowOf = narrow ? CardRow : Row
  const selectionInList = event.selected !== null && rows.some((e) => e.id === event.selected)
  return (
    <VirtualList
      ref={handle}
      label="Events, newest first"
      count={rows.length}
      total={total ?? rows.length}
      rowHeight={rowHeight}
      render={(i) => {
        const e = rows[i]!
        return (
          <RowOf key={e.id} e={e} top={i * rowHeight} index={i} selected={e.id === event.selected} today={today} onOpen={event.setOpen} />
        )
      }}
      onEnd={() => list.more && !list.error && list.loadMore()}
      onTop={() => list.pending.length > 0 && list.add([], true)}
      onKeyDown={onKeyDown}
      onFocus={() => event.selected === null && event.select(rows[0]!.id)}
      activeID={selectionInList ? rowID(event.selected!) : undefined}
      head={!narrow && <Head />}
    >
      {list.loading && (
        <p className="faint" style={{padding: 10, textAlign: 'center'}}>
          Loading more…
        </p>
      )}
      {list.error !== null && (
        <div style={{padding: 10}}>
          <ErrorBox error={list.error} retry={list.loadMore} />
        </div>
      )}
    </VirtualList>
  )
}

function Head() {
  return (
    <div className="erow-head" aria-hidden="true">
      <span>Time</span>
      <span>Action</span>
      <span className="clip">Request, attack and rule</span>
      <span className="c-client">Client</span>
      <span className="num">Score</span>
      <span className="num">Status</span>
    </div>
  )
}

function InsteadOfRows({list, filterIsBad, onClearFilter, none}: Props) {
  if (filterIsBad)
    return (
      <Empty title="The filter cannot be read" icon="filter">
        <p>See the message below the field.</p>
        <Button variant="default" onClick={onClearFilter}>
          Clear the filter
        </Button>
      </Empty>
    )
  if (list.error !== null)
    return (
      <div style={{padding: 14}}>
        <ErrorBox error={list.error} retry={list.loadMore} />
      </div>
    )
  if (list.loaded) return none
  return (
    <div style={{padding: '10px 14px'}} role="status" aria-label="Loading">
      {Array.from({length: 14}, (_, i) => (
        <Skel key={i} h={18} style={{margin: '7px 0 14px'}} />
      ))}
    </div>
  )
}
