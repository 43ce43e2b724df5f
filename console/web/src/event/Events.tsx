import {Button, Drawer} from '@mantine/core'
import {useCallback, useRef} from 'react'
import {hasStatus, messageOf} from '../api/client'
import type {Frame} from '../api/keys'
import {untilNow, useFacets, useHistogram} from '../api/queries'
import {cx} from '../lib/cx'
import {toggleTerm} from '../lib/filter'
import {integer, plural} from '../lib/format'
import {eventLink} from '../lib/links'
import {IconButton} from '../widgets/IconButton'
import {Icon} from '../widgets/icons'
import {PageHead} from '../widgets/PageHead'
import {Skel} from '../widgets/states'
import {TimePicker} from '../widgets/TimePicker'
import {useMedia} from '../widgets/useMedia'
import {useRange} from '../widgets/useRange'
import type {VirtualListHandle} from '../widgets/VirtualList'
import {Chips} from './Chips'
import {EventDetail} from './EventDetail'
import {EventList} from './EventList'
import {ExportMenu} from './ExportMenu'
import {Facets} from './Facets'
import {FilterBar} from './FilterBar'
import {Histogram} from './Histogram'
import {NoEvents} from './NoEvents'
import {useEventList, type EventList as List} from './useEventList'
import {useFacetPanel} from './useFacetPanel'
import {useFilter, useFrame} from './useFilter'
import {useListKeys} from './useListKeys'
import {useLiveTail} from './useLiveTail'
import {useOpenEvent} from './useOpenEvent'

/** The events of a time range that fit a filter: facets, histogram, list, and the open event beside it. */
export default function Events() {
  const [range, setRange] = useRange()
  const {q, setQ, live, setLive} = useFilter()
  const [frame, askAgain] = useFrame(range, q)
  const event = useOpenEvent()
  const narrow = useMedia('(max-width: 800px)')
  const facetsIn = useFacetPanel(event.open !== null)
  const grid = useRef<VirtualListHandle>(null)
  const search = useRef<HTMLInputElement>(null)

  const list = useEventList(q, frame)
  const tail = useLiveTail(live, q, {
    onEvents: (events) => list.add(events, grid.current?.atTop() ?? true),
    onDropped: list.countDropped,
  })
  const facets = useFacets(q, frame, live)
  const {index, move, close, onKeyDown} = useListKeys({rows: list.rows, event, list: grid, search})

  const toggle = useCallback((field: string, value: string, not: boolean) => setQ(toggleTerm(q, field, value, not)), [q, setQ])
  const filterIsBad = hasStatus(list.error, 400, 422)
  const facetPanel = facets.isError ? null : <Facets data={facets.data} q={q} onToggle={toggle} />

  return (
    <>
      <PageHead title="Events">
        <LiveButton
          state={tail}
          onClick={() => {
            setLive(!live)
            askAgain()
          }}
        />
        <IconButton icon="refresh" label="Refresh now" onClick={askAgain} />
        <ExportMenu q={q} frame={() => untilNow(frame, live)} />
        <TimePicker value={range} onChange={setRange} />
      </PageHead>
      <div className={cx('events', event.open !== null && 'open', !facetsIn.panel && 'nofacets')}>
        {facetsIn.panel && (
          <aside className="facets" aria-label="Filters">
            {facetPanel}
          </aside>
        )}
        <div className="list-side">
          <FilterBar
            q={q}
            onChange={setQ}
            error={filterIsBad ? messageOf(list.error) : ''}
            input={search}
            facetsShown={facetsIn.panel}
            onFacets={facetsIn.toggle}
            onLeave={() => grid.current?.focus()}
          />
          <Chips q={q} onChange={setQ} />
          {!narrow && (
            <HistogramStrip
              q={q}
              frame={frame}
              live={live}
              onBrush={(from, to) => setRange({from, to})}
              onPick={(action) => toggle('action', action, false)}
            />
          )}
          <Counts list={list} total={facets.data?.total} unknown={facets.isError} />
          <EventList
            list={list}
            total={facets.data?.total}
            event={event}
            narrow={narrow}
            handle={grid}
            onKeyDown={onKeyDown}
            filterIsBad={filterIsBad}
            onClearFilter={() => setQ('')}
            none={
              <NoEvents
                q={q}
                live={live}
                onClear={() => setQ('')}
                onWiden={'last' in range && range.last === '7d' ? undefined : () => setRange({last: '7d'})}
              />
            }
          />
        </div>
        {event.open !== null && (
          <section className="pane" aria-label="Event">
            <EventDetail
              id={event.open}
              onClose={close}
              onPrevious={index > 0 ? () => move(-1) : undefined}
              onNext={index >= 0 && index < list.rows.length - 1 ? () => move(1) : undefined}
              fullPage={eventLink(event.open)}
            />
          </section>
        )}
      </div>
      <Drawer
        opened={facetsIn.drawer}
        onClose={facetsIn.closeDrawer}
        title="Filters"
        size={320}
        position="left"
        closeButtonProps={{'aria-label': 'Close'}}
      >
        {facetPanel}
      </Drawer>
    </>
  )
}

function LiveButton({state, onClick}: {state: ReturnType<typeof useLiveTail>; onClick: () => void}) {
  const on = state !== 'off'
  return (
    <Button
      variant={on ? 'light' : 'default'}
      color={on ? 'red' : undefined}
      aria-pressed={on}
      onClick={onClick}
      leftSection={on ? <span className={state === 'open' ? 'live-dot' : 'dot'} /> : <Icon name="play" />}
    >
      {on ? (state === 'open' ? 'Live' : 'Connecting') : 'Live tail'}
    </Button>
  )
}

interface StripProps {
  q: string
  frame: Frame
  live: boolean
  onBrush: (from: number, to: number) => void
  onPick: (action: string) => void
}

function HistogramStrip({q, frame, live, onBrush, onPick}: StripProps) {
  const {data, isError} = useHistogram(q, frame, live)
  return (
    <div className="histo">
      {data ? <Histogram data={data} onBrush={onBrush} onPick={onPick} /> : isError ? <div style={{height: 76}} /> : <Skel h={76} />}
    </div>
  )
}

function Counts({list, total, unknown}: {list: List; total: number | undefined; unknown: boolean}) {
  const loaded = list.rows.length
  return (
    <div className="list-bar">
      <span role="status">{unknown ? '' : total === undefined ? 'Counting…' : plural(total, 'event')}</span>
      {loaded > 0 && total !== undefined && loaded < total && <span className="faint">{integer(loaded)} loaded</span>}
      {list.dropped > 0 && <span className="badge alert">{plural(list.dropped, 'event')} left out: too many to show live</span>}
    </div>
  )
}
