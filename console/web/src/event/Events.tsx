import {Button, Drawer, Menu, Popover, Tooltip} from '@mantine/core'
import {useHotkeys, useLocalStorage, useMediaQuery} from '@mantine/hooks'
import {keepPreviousData, useQuery} from '@tanstack/react-query'
import {memo, useCallback, useEffect, useMemo, useRef, useState} from 'react'
import {useSearchParams} from 'react-router'
import {api, ApiError, messageOf} from '../api/client'
import type {EventSummary, Facets as FacetsData} from '../api/gen'
import {attackShort, attackTitle} from '../lib/attacks'
import {percentDecode} from './decode'
import {eventsCSV} from './csv'
import {invertTerm, parseFilter, removeTerm, stateOf, toggleTerm} from '../lib/filter'
import {compact, integer, plural} from '../lib/format'
import {clock, iso, resolve, shortStamp, stamp} from '../lib/time'
import {EventDetail} from './EventDetail'
import {Icon} from '../widgets/icons'
import {cx} from '../lib/cx'
import {IconButton} from '../widgets/IconButton'
import {PageHead} from '../widgets/PageHead'
import {Payload} from '../widgets/Payload'
import {ActionBadge} from '../widgets/badges'
import {saveFile} from '../widgets/browser'
import {Empty, ErrorBox, Skel} from '../widgets/states'
import {toast} from '../widgets/toast'
import {NothingYet} from '../site/NothingYet'
import {TimeChart} from '../widgets/TimeChart'
import {TimePicker} from '../widgets/TimePicker'
import {useEventList, useLiveTail} from './useEventList'
import {useRange} from '../widgets/useRange'
import {VirtualList, type VirtualListHandle} from '../widgets/VirtualList'

const maxExport = 10_000

export default function Events() {
  const [range, setRange] = useRange()
  const [params, setParams] = useSearchParams()
  const q = params.get('q') ?? ''
  const live = params.get('live') === '1'
  const setQ = useCallback(
    (next: string) =>
      setParams((p) => {
        const n = new URLSearchParams(p)
        if (next.trim() === '') n.delete('q')
        else n.set('q', next.trim())
        return n
      }),
    [setParams],
  )

  // Relative ranges are pinned to the clock when something is asked anew.
  const [asked, setAsked] = useState(0)
  const frame = useMemo(() => {
    const r = resolve(range, Date.now())
    return {from: iso(r.from), to: iso(r.to)}
  }, [range, q, asked])

  const narrow = useMediaQuery('(max-width: 800px)', undefined, {getInitialValueInEffect: false}) ?? false
  const noPanel = useMediaQuery('(max-width: 1180px)', undefined, {getInitialValueInEffect: false}) ?? false
  const [facetDrawer, setFacetDrawer] = useState(false)
  const [hideFacets, setHideFacets] = useLocalStorage({key: 'ringwall-hide-facets', defaultValue: false, getInitialValueInEffect: false})

  const list = useEventList(q, frame.from, frame.to)
  const grid = useRef<VirtualListHandle>(null)
  const status = useLiveTail(
    live,
    q,
    (events) => list.add(events, grid.current?.atTop() ?? true),
    (n) => list.countDropped(n),
  )
  const showPending = () => {
    list.add([], true)
    grid.current?.toTop()
  }

  const badFilter = list.error instanceof ApiError && (list.error.status === 400 || list.error.status === 422) ? list.error.message : ''
  const liveFrame = () => (live ? {from: frame.from, to: iso(Date.now() + 1000)} : frame)
  const facets = useQuery({
    queryKey: ['facets', q, frame],
    queryFn: ({signal}) => api.eventFacets({q, ...liveFrame()}, signal),
    placeholderData: keepPreviousData,
    refetchInterval: live ? 5000 : false,
  })
  const histogram = useQuery({
    queryKey: ['histogram', q, frame],
    queryFn: ({signal}) => api.eventHistogram({q, ...liveFrame(), buckets: 80}, signal),
    placeholderData: keepPreviousData,
    refetchInterval: live ? 5000 : false,
    enabled: !narrow,
  })

  // Selection and the open event. The URL follows a moment later: browsers refuse
  // more than a few address changes a second, and j can be held down.
  const [open, setOpen] = useState(() => params.get('id'))
  const [selected, setSelected] = useState(open)
  const written = useRef(open)
  const inURL = params.get('id')
  useEffect(() => {
    if (inURL !== written.current) {
      written.current = inURL
      setOpen(inURL)
      if (inURL) setSelected(inURL)
    }
  }, [inURL])
  useEffect(() => {
    if (open === written.current) return
    const t = setTimeout(() => {
      written.current = open
      setParams(
        (p) => {
          const n = new URLSearchParams(p)
          if (open) n.set('id', open)
          else n.delete('id')
          return n
        },
        {replace: true},
      )
    }, 250)
    return () => clearTimeout(t)
  }, [open, setParams])

  const choose = useCallback((id: string) => {
    setSelected(id)
    setOpen(id)
  }, [])
  // Beside an open event there is room for the filters on wide screens only.
  const wide = useMediaQuery('(min-width: 1500px)', undefined, {getInitialValueInEffect: false}) ?? true
  const panel = !noPanel && !hideFacets && (wide || open === null)

  const close = useCallback(() => {
    setOpen(null)
    grid.current?.focus()
  }, [])

  const move = (by: number) => {
    const at = selected === null ? -1 : list.rows.findIndex((e) => e.id === selected)
    const next = at < 0 ? (by > 0 ? 0 : list.rows.length - 1) : Math.max(0, Math.min(list.rows.length - 1, at + by))
    const e = list.rows[next]
    if (!e) return
    setSelected(e.id)
    if (open) setOpen(e.id)
    grid.current?.reveal(next)
    // So that Enter finds its way, but without tearing a reader out of the detail.
    if (document.activeElement === document.body) grid.current?.focus()
  }
  const search = useRef<HTMLInputElement>(null)
  useHotkeys([
    ['J', () => move(1)],
    ['K', () => move(-1)],
    ['/', () => search.current?.focus()],
    // A dialog, a menu or a help text that is open takes the key for itself.
    ['Escape', () => !document.querySelector('[role=dialog], [role=menu]') && close()],
  ])
  const onKeyDown = (e: React.KeyboardEvent) => {
    // Only here, so that elsewhere these keys scroll as everywhere.
    const by = {ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9}[e.key]
    if (by !== undefined) move(by)
    else if (e.key === 'Enter' && selected) setOpen(selected)
    else return
    e.preventDefault()
  }

  const toggle = useCallback((field: string, value: string, not: boolean) => setQ(toggleTerm(q, field, value, not)), [q, setQ])
  const setLive = (on: boolean) => {
    setParams((p) => {
      const n = new URLSearchParams(p)
      if (on) n.set('live', '1')
      else n.delete('live')
      return n
    })
    setAsked((n) => n + 1)
  }

  const total = facets.data?.total
  const day = stamp(Date.now()).slice(0, 10)
  const rowHeight = narrow ? 90 : 46
  const rows = list.rows
  const renderRow = (i: number) => {
    const e = rows[i]!
    return narrow ? (
      <CardRow key={e.id} e={e} top={i * rowHeight} index={i} selected={e.id === selected} today={day} onOpen={choose} />
    ) : (
      <Row key={e.id} e={e} top={i * rowHeight} index={i} selected={e.id === selected} today={day} onOpen={choose} />
    )
  }

  const exportAs = async (kind: 'csv' | 'json') => {
    const all: EventSummary[] = []
    let cursor: string | undefined
    try {
      do {
        const page = await api.listEvents({q, ...liveFrame(), cursor, limit: 2000})
        all.push(...page.events)
        cursor = page.next || undefined
      } while (cursor !== undefined && all.length < maxExport)
    } catch (e) {
      toast('The export stopped: ' + messageOf(e), 'bad')
      return
    }
    all.length = Math.min(all.length, maxExport)
    const name = 'ringwall-events-' + iso(Date.now()).slice(0, 19).replace(/[:T]/g, '')
    if (kind === 'csv') saveFile(name + '.csv', 'text/csv', eventsCSV(all))
    else saveFile(name + '.json', 'application/json', JSON.stringify(all, null, 2))
    toast(
      cursor === undefined
        ? `${plural(all.length, 'event')} exported`
        : `The newest ${integer(all.length)} events exported; narrow the filter or use the lake query for more`,
    )
  }

  const index = selected === null ? -1 : rows.findIndex((e) => e.id === selected)
  const facetPanel = facets.isError ? null : <Facets data={facets.data} q={q} onToggle={toggle} />

  return (
    <>
      <PageHead title="Events">
        <Button
          variant={live ? 'light' : 'default'}
          color={live ? 'red' : undefined}
          aria-pressed={live}
          onClick={() => setLive(!live)}
          leftSection={live ? <span className={status === 'open' ? 'live-dot' : 'dot'} /> : <Icon name="play" />}
        >
          {live ? (status === 'open' ? 'Live' : 'Connecting') : 'Live tail'}
        </Button>
        <IconButton icon="refresh" label="Ask again" onClick={() => setAsked((n) => n + 1)} />
        <Menu position="bottom-end">
          <Menu.Target>
            <Tooltip label="Export">
              <Button variant="default" px={8} aria-label="Export">
                <Icon name="download" />
              </Button>
            </Tooltip>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>Up to {integer(maxExport)} events of this result</Menu.Label>
            <Menu.Item onClick={() => void exportAs('csv')}>CSV</Menu.Item>
            <Menu.Item onClick={() => void exportAs('json')}>JSON</Menu.Item>
          </Menu.Dropdown>
        </Menu>
        <TimePicker value={range} onChange={setRange} />
      </PageHead>
      <div className={cx('events', open !== null && 'open', !panel && 'nofacets')}>
        {panel && (
          <aside className="facets" aria-label="Filters">
            {facetPanel}
          </aside>
        )}
        <div className="list-side">
          <QueryBar
            q={q}
            onChange={setQ}
            error={badFilter}
            input={search}
            facetsShown={panel}
            onFacets={() => (noPanel || (open !== null && !wide) ? setFacetDrawer(true) : setHideFacets(!hideFacets))}
            onLeave={() => grid.current?.focus()}
          />
          <Chips q={q} onChange={setQ} />
          {!narrow && (
            <div className="histo">
              {histogram.data ? (
                <Histogram
                  data={histogram.data}
                  onBrush={(from, to) => setRange({from, to})}
                  onPick={(action) => toggle('action', action, false)}
                />
              ) : histogram.isError ? (
                <div style={{height: 76}} />
              ) : (
                <Skel h={76} />
              )}
            </div>
          )}
          <div className="list-bar">
            <span role="status">{facets.isError ? '' : total === undefined ? 'Counting…' : plural(total, 'event')}</span>
            {rows.length > 0 && total !== undefined && rows.length < total && <span className="faint">{integer(rows.length)} loaded</span>}
            {list.dropped > 0 && <span className="badge alert">{plural(list.dropped, 'event')} left out: too many to show live</span>}
          </div>
          <div className="list-hold">
            {list.pending.length > 0 && (
              <button className="pill" onClick={showPending}>
                {plural(list.pending.length, 'new event')}
              </button>
            )}
            {rows.length > 0 ? (
              <VirtualList
                ref={grid}
                count={rows.length}
                total={total ?? rows.length}
                rowHeight={rowHeight}
                render={renderRow}
                onEnd={() => list.more && !list.error && list.loadMore()}
                onTop={() => list.pending.length > 0 && list.add([], true)}
                onKeyDown={onKeyDown}
                label="Events, newest first"
                head={
                  !narrow && (
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
                onFocus={() => selected === null && rows[0] && setSelected(rows[0].id)}
                activeID={index >= 0 ? 'event-' + selected : undefined}
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
            ) : list.error !== null && badFilter === '' ? (
              <div style={{padding: 14}}>
                <ErrorBox error={list.error} retry={list.loadMore} />
              </div>
            ) : badFilter !== '' ? (
              <Empty title="The filter cannot be read" icon="filter">
                <p>The message stands below the field.</p>
                <Button variant="default" onClick={() => setQ('')}>
                  Clear the filter
                </Button>
              </Empty>
            ) : list.loaded ? (
              <NoEvents
                q={q}
                live={live}
                clear={() => setQ('')}
                widen={'last' in range && range.last === '7d' ? undefined : () => setRange({last: '7d'})}
              />
            ) : (
              <div style={{padding: '10px 14px'}} role="status" aria-label="Loading">
                {Array.from({length: 14}, (_, i) => (
                  <Skel key={i} h={18} style={{margin: '7px 0 14px'}} />
                ))}
              </div>
            )}
          </div>
        </div>
        {open !== null && (
          <section className="pane" aria-label="Event">
            <EventDetail
              id={open}
              onClose={close}
              onPrevious={index > 0 ? () => move(-1) : undefined}
              onNext={index >= 0 && index < rows.length - 1 ? () => move(1) : undefined}
              fullPage={'/events/' + open}
            />
          </section>
        )}
      </div>
      <Drawer
        opened={facetDrawer}
        onClose={() => setFacetDrawer(false)}
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

function NoEvents({q, live, clear, widen}: {q: string; live: boolean; clear: () => void; widen: (() => void) | undefined}) {
  const gateways = useQuery({queryKey: ['gateways'], queryFn: ({signal}) => api.listGateways(signal), enabled: q === ''})
  const ever = useQuery({
    queryKey: ['any-event'],
    queryFn: async ({signal}) =>
      (await api.listEvents({from: '2000-01-01T00:00:00Z', to: iso(Date.now() + 1000), limit: 1}, signal)).events.length > 0,
    enabled: q === '',
  })
  if (q === '' && ever.data === false && gateways.data) return <NothingYet gateways={gateways.data} />
  return (
    <Empty title={live ? 'Waiting for events' : 'No events'} icon="search">
      <p>{q === '' ? 'Nothing happened in this time range.' : 'No event in this time range fits the filter.'}</p>
      <div className="row">
        {q !== '' && (
          <Button variant="default" onClick={clear}>
            Clear the filter
          </Button>
        )}
        {widen && (
          <Button variant="default" onClick={widen}>
            Look at the last 7 days
          </Button>
        )}
      </div>
    </Empty>
  )
}

interface RowProps {
  e: EventSummary
  top: number
  index: number
  selected: boolean
  today: string
  onOpen: (id: string) => void
}

const target = (e: EventSummary) => percentDecode(e.path + (e.query === '' ? '' : '?' + e.query), true).text

function open(ev: React.MouseEvent, id: string, onOpen: (id: string) => void) {
  // Rows are links: a new tab is one click away, a plain click stays here.
  if (ev.metaKey || ev.ctrlKey || ev.shiftKey || ev.button !== 0) {
    window.open('/events/' + id, '_blank')
    return
  }
  onOpen(id)
}

const Row = memo(function Row({e, top, index, selected, today, onOpen}: RowProps) {
  const t = Date.parse(e.time)
  const day = stamp(t).slice(0, 10)
  return (
    <div
      className={cx('erow', selected && 'sel')}
      style={{top}}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={selected}
      id={'event-' + e.id}
      onClick={(ev) => open(ev, e.id, onOpen)}
      onAuxClick={(ev) => ev.button === 1 && open(ev, e.id, onOpen)}
    >
      <span className="dim nowrap" role="gridcell" title={stamp(t, true)}>
        {clock(t)}
        {day !== today && <span className="line2">{shortStamp(t).split(', ')[0]}</span>}
      </span>
      <span role="gridcell">
        <ActionBadge action={e.action} />
      </span>
      <span className="c-url" role="gridcell">
        <span className="mono line1">
          <b>{e.method}</b> <span className="faint host">{e.host}</span>
          <Payload text={target(e)} />
        </span>
        <span className="line2" title={e.message}>
          {e.attacks.length > 0 && <span className="dim">{e.attacks.map(attackTitle).join(', ')}</span>}
          {e.rule_ids.length > 0
            ? ` · ${e.rule_ids[0]} ${e.message}${e.rule_ids.length > 1 ? ` +${e.rule_ids.length - 1}` : ''}`
            : e.attacks.length === 0
              ? 'no rule matched'
              : ''}
        </span>
      </span>
      <span className="mono clip c-client" role="gridcell" title={e.user_agent}>
        {e.client}
      </span>
      <span className="num" role="gridcell">
        {e.score || <span className="faint">–</span>}
      </span>
      <span className="num dim" role="gridcell">
        {e.status || '–'}
      </span>
    </div>
  )
})

const CardRow = memo(function CardRow({e, top, index, selected, today, onOpen}: RowProps) {
  const t = Date.parse(e.time)
  const day = stamp(t).slice(0, 10)
  return (
    <div
      className={cx('ecard', selected && 'sel')}
      style={{top}}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={selected}
      id={'event-' + e.id}
      onClick={(ev) => open(ev, e.id, onOpen)}
      onAuxClick={(ev) => ev.button === 1 && open(ev, e.id, onOpen)}
    >
      <div className="row" role="gridcell">
        <ActionBadge action={e.action} />
        <span className="clip grow">{e.attacks.map(attackShort).join(', ') || 'No attack'}</span>
        <span className="dim nowrap">{day === today ? clock(t) : shortStamp(t)}</span>
      </div>
      <div className="mono req" role="gridcell">
        <b>{e.method}</b> <Payload text={target(e)} />
      </div>
      <div className="row faint" role="gridcell" style={{fontSize: 12}}>
        <span className="mono clip grow">{e.client}</span>
        <span>{e.status || ''}</span>
      </div>
    </div>
  )
})

const actionColors = {block: 'var(--red-solid)', alert: 'var(--amber-solid)', pass: 'var(--grey-solid)'}

function Histogram({
  data,
  onBrush,
  onPick,
}: {
  data: {times: string[]; block: number[]; alert: number[]; pass: number[]}
  onBrush: (from: number, to: number) => void
  onPick: (action: string) => void
}) {
  const times = useMemo(() => data.times.map((t) => Date.parse(t)), [data])
  const series = useMemo(
    () => [
      {name: 'Pass', key: 'pass', color: actionColors.pass, values: data.pass},
      {name: 'Alert', key: 'alert', color: actionColors.alert, values: data.alert},
      {name: 'Block', key: 'block', color: actionColors.block, values: data.block},
    ],
    [data],
  )
  return (
    <TimeChart
      small
      height={76}
      times={times}
      series={series}
      onBrush={onBrush}
      onPick={onPick}
      label="Events over time by action; drag to zoom"
    />
  )
}

function QueryBar({
  q,
  onChange,
  error,
  input,
  facetsShown,
  onFacets,
  onLeave,
}: {
  q: string
  onChange: (q: string) => void
  error: string
  input: React.RefObject<HTMLInputElement | null>
  facetsShown: boolean
  onFacets: () => void
  onLeave: () => void
}) {
  const [text, setText] = useState(q)
  useEffect(() => setText(q), [q])
  return (
    <form
      className="query"
      role="search"
      onSubmit={(e) => {
        e.preventDefault()
        onChange(text)
      }}
    >
      <Tooltip label={facetsShown ? 'Hide the filters' : 'Show the filters'}>
        <Button variant="default" h={32} px={9} aria-label="Filters" aria-expanded={facetsShown} onClick={onFacets}>
          <Icon name="filter" />
        </Button>
      </Tooltip>
      <div className="grow">
        <div className="query-box">
          <Icon name="search" />
          <input
            ref={input}
            className="query-input"
            value={text}
            aria-label="Filter"
            aria-invalid={error !== ''}
            aria-describedby={error === '' ? undefined : 'filter-error'}
            placeholder='attack:sqli -client:10.0.0.5 "union select"'
            spellCheck={false}
            autoCapitalize="none"
            autoComplete="off"
            onChange={(e) => setText(e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key !== 'Escape') return
              e.stopPropagation()
              setText(q)
              e.currentTarget.blur()
              onLeave()
            }}
          />
          <span className="query-tools">
            {text !== '' && (
              <IconButton
                icon="close"
                label="Clear"
                size={26}
                onClick={() => {
                  setText('')
                  onChange('')
                }}
              />
            )}
            <FilterHelp />
          </span>
        </div>
        {error !== '' && (
          <div className="field-error" id="filter-error" role="alert">
            {error}
          </div>
        )}
      </div>
    </form>
  )
}

function FilterHelp() {
  const lines: [string, string][] = [
    ['attack:sqli', 'exactly this value'],
    ['path:/api/*', 'begins with'],
    ['user_agent:*sqlmap*', 'contains'],
    ['score:>=10', 'numbers: > >= < <='],
    ['-client:10.0.0.5', 'not this; also NOT client:10.0.0.5'],
    ['status:403 OR status:502', 'one of them; a b OR c is (a b) OR c'],
    ['(rule:1 OR rule:2) -mode:active', 'parentheses keep together'],
    ['"union select"', 'anywhere, quotes keep blanks together'],
    ['site:"my shop"', 'a value with blanks'],
    [String.raw`path:/a\*b`, 'the star itself; "OR" and "(" in quotes are text'],
  ]
  return (
    <Popover
      position="bottom-end"
      shadow="md"
      width={500}
      styles={{dropdown: {maxWidth: 'calc(100vw - 24px)'}}}
      transitionProps={{duration: 80}}
    >
      <Popover.Target>
        <button type="button" className="nav-button" style={{width: 28, height: 26, padding: 5}} aria-label="How to write a filter">
          <Icon name="help" />
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="stack">
          <b>All terms must hold, or one of those around OR</b>
          <div className="help">
            {lines.map(([code, what]) => (
              <div key={code} style={{display: 'contents'}}>
                <code>{code}</code>
                <span className="dim">{what}</span>
              </div>
            ))}
          </div>
          <p className="dim">
            Fields:{' '}
            <span className="mono">
              action attack severity rule site server_group service gateway client method host path query user_agent status mode score
              duration_us id
            </span>
          </p>
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}

function Chips({q, onChange}: {q: string; onChange: (q: string) => void}) {
  const terms = parseFilter(q)
  if (terms.length === 0) return null
  return (
    <div className="chips" aria-label="Active filters" role="group">
      {terms.map((t) => (
        <span className={cx('chip', t.not && 'not')} key={t.start}>
          <Tooltip label={t.not ? 'Include instead' : 'Exclude instead'}>
            <button className="clip" onClick={() => onChange(invertTerm(q, t))}>
              {t.not ? 'not ' : ''}
              {t.group ? t.text.replace(/^(NOT\s*|-)(?=\()/, '') : t.field === '' ? `“${t.value}”` : `${t.field}: ${t.value}`}
            </button>
          </Tooltip>
          <button className="x" aria-label={'Remove ' + t.text} onClick={() => onChange(removeTerm(q, t))}>
            <Icon name="close" />
          </button>
        </span>
      ))}
      {terms.length > 1 && (
        <button className="link" onClick={() => onChange('')}>
          Clear all
        </button>
      )}
    </div>
  )
}

const facetTitles: Record<string, string> = {user_agent: 'User agent', server_group: 'Server group', attack: 'Attack type', rule: 'Rule'}

const Facets = memo(function Facets({
  data,
  q,
  onToggle,
}: {
  data: FacetsData | undefined
  q: string
  onToggle: (field: string, value: string, not: boolean) => void
}) {
  const [all, setAll] = useState<Set<string>>(new Set())
  if (!data) {
    return (
      <div style={{padding: 16}} className="stack">
        {Array.from({length: 14}, (_, i) => (
          <Skel key={i} h={16} />
        ))}
      </div>
    )
  }
  if (data.total === 0 && q === '')
    return (
      <p className="faint" style={{padding: '10px 16px'}}>
        What events have in common stands here, to filter by it.
      </p>
    )
  return data.fields
    .filter((f) => f.values.length > 0)
    .map((f) => {
      const shown = all.has(f.field) ? f.values : f.values.slice(0, 5)
      return (
        <section className="facet" key={f.field} aria-label={facetTitles[f.field] ?? f.field}>
          <h2>{facetTitles[f.field] ?? f.field[0]!.toUpperCase() + f.field.slice(1)}</h2>
          <ul>
            {shown.map((v) => {
              const state = stateOf(q, f.field, v.value)
              const title = v.label ?? v.value
              return (
                <li key={v.value} className={state}>
                  <button
                    className="pick"
                    aria-pressed={state === 'include'}
                    title={v.label ? `${v.value} · ${v.label}` : v.value}
                    onClick={(e) => onToggle(f.field, v.value, e.altKey)}
                  >
                    <span className="clip">
                      {f.field === 'rule' && v.label ? `${v.value} ${v.label}` : title === '' ? '(empty)' : title}
                    </span>
                    <span className="n">{compact(v.count)}</span>
                  </button>
                  <button
                    className="minus"
                    aria-label={`Exclude ${title}`}
                    aria-pressed={state === 'exclude'}
                    title="Exclude"
                    onClick={() => onToggle(f.field, v.value, true)}
                  >
                    <Icon name="minus" />
                  </button>
                </li>
              )
            })}
          </ul>
          {f.values.length > 5 && (
            <button
              className="link"
              style={{padding: '3px 8px', fontSize: 12}}
              onClick={() =>
                setAll((s) => {
                  const n = new Set(s)
                  if (!n.delete(f.field)) n.add(f.field)
                  return n
                })
              }
            >
              {all.has(f.field) ? 'Fewer' : `${f.values.length - 5} more`}
            </button>
          )}
        </section>
      )
    })
})
