import {Tooltip} from '@mantine/core'
import {useMemo, useState} from 'react'
import {Link, useNavigate} from 'react-router'
import type {Gateway, Overview as Data} from '../api/gen'
import {useOverview, useOverviewErrors, useOverviewOutcome} from '../api/queries'
import {attackColor} from '../lib/attacks'
import {attention} from './attention'
import {formatTerm} from '../lib/filter'
import {ago} from '../lib/time'
import {bytes, compact, integer, plural, share} from '../lib/format'
import {Icon} from '../widgets/icons'
import {eventsLink} from '../lib/links'
import {IconButton} from '../widgets/IconButton'
import {PageHead} from '../widgets/PageHead'
import {Bar, Spark} from '../widgets/Spark'
import {ModeBadge} from '../widgets/badges'
import {ErrorBox, Skel} from '../widgets/states'
import {useNow} from '../widgets/useNow'
import {NothingYet} from '../site/NothingYet'
import {TimeChart} from '../widgets/TimeChart'
import {TimePicker} from '../widgets/TimePicker'
import {useRange} from '../widgets/useRange'

export default function Overview() {
  const [range, setRange, params] = useRange()
  const navigate = useNavigate()
  const relative = 'last' in range
  const [auto, setAuto] = useState(true)
  const every = auto && relative ? 10_000 : undefined
  const query = useOverview(range, {every})
  const outcome = useOverviewOutcome(range, {every})
  const hasErrors = (query.data?.errors ?? 0) > 0
  const failures = useOverviewErrors(range, {every, enabled: hasErrors})
  const o = query.data
  const link = (q: string) => eventsLink(q, params)

  return (
    <>
      <PageHead title="Overview">
        <IconButton
          icon={auto && relative ? 'pause' : 'play'}
          label={!relative ? 'A fixed range does not refresh' : auto ? 'Stop refreshing every 10 s' : 'Refresh every 10 s'}
          disabled={!relative}
          onClick={() => setAuto(!auto)}
        />
        <IconButton icon="refresh" label="Refresh now" onClick={() => void query.refetch()} />
        <TimePicker value={range} onChange={setRange} />
      </PageHead>
      <div className="page stack" aria-busy={query.isFetching}>
        {query.isError && <ErrorBox error={query.error} retry={() => void query.refetch()} />}
        <Tiles
          o={o}
          link={link}
          blocked={outcome.data?.block ?? []}
          alerted={outcome.data?.alert ?? []}
          failed={hasErrors ? (failures.data ?? []) : []}
        />
        {o ? (
          <Loaded
            o={o}
            link={link}
            onBrush={(from, to) => setRange({from, to})}
            onPick={(attack) => void navigate(link(formatTerm('attack', attack, false)))}
          />
        ) : (
          // One placeholder for all that follows: the heights of its parts are not known yet.
          !query.isError && <Skel h={560} />
        )}
      </div>
    </>
  )
}

interface LoadedProps {
  o: Data
  link: (q: string) => string
  onBrush: (from: number, to: number) => void
  onPick: (attack: string) => void
}

function Loaded({o, link, onBrush, onPick}: LoadedProps) {
  return (
    <>
      <Inbox o={o} link={link} />
      {o.events_stored === 0 ? (
        <section className="card">
          <NothingYet gateways={o.gateways} />
        </section>
      ) : (
        <>
          <Attacks o={o} link={link} onBrush={onBrush} onPick={onPick} />
          <div className="grid g3">
            <Top
              title="Top sources"
              rows={o.top_sources.map((c) => ({
                key: c.value,
                label: <span className="mono">{c.value}</span>,
                n: c.count,
                blocked: c.blocked,
                to: link(formatTerm('client', c.value, false)),
              }))}
            />
            <Top
              title="Top targets"
              rows={o.top_targets.map((c) => ({
                key: c.value,
                label: <span className="mono">{c.value}</span>,
                n: c.count,
                blocked: c.blocked,
                to: link(targetFilter(c.value)),
              }))}
            />
            <Top
              title="Top rules"
              rows={o.top_rules.map((c) => ({
                key: String(c.rule_id),
                label: (
                  <>
                    <span className="mono dim">{c.rule_id}</span> {c.message}
                  </>
                ),
                n: c.count,
                to: link('rule:' + c.rule_id),
              }))}
            />
          </div>
        </>
      )}
      <SitesCard o={o} link={link} />
      <GatewaysCard gateways={o.gateways} />
      <p className="faint">
        {integer(o.events_stored)} events in the lake, {bytes(o.lake_bytes)}.
      </p>
    </>
  )
}

/** "shop.example.com/search" as a filter on host and path. */
function targetFilter(target: string): string {
  const slash = target.indexOf('/')
  if (slash < 0) return formatTerm('host', target, false)
  return formatTerm('host', target.slice(0, slash), false) + ' ' + formatTerm('path', target.slice(slash), false)
}

function Tiles({
  o,
  link,
  blocked,
  alerted,
  failed,
}: {
  o: Data | undefined
  link: (q: string) => string
  blocked: number[]
  alerted: number[]
  failed: number[]
}) {
  if (!o) {
    return (
      <div className="grid g4" role="status" aria-label="Loading">
        {[0, 1, 2, 3].map((i) => (
          <div className="card tile" key={i}>
            <Skel h={14} w={80} />
            <Skel h={26} w={110} style={{marginTop: 8}} />
          </div>
        ))}
      </div>
    )
  }
  return (
    <div className="grid g4">
      <div className="card tile">
        <span className="label">Requests</span>
        <span className="value">{compact(o.requests)}</span>
        <Spark className="spark" values={o.traffic} color="var(--accent)" />
      </div>
      <Link className="card tile" to={link('action:block')}>
        <span className="label">
          <span className="dot bad" /> Blocked
        </span>
        <span className="value">{compact(o.blocked)}</span>
        <span className="note">{share(o.blocked, o.requests)} of requests</span>
        <Spark className="spark" values={blocked} color="var(--red-solid)" />
      </Link>
      <Link className="card tile" to={link('action:alert')}>
        <span className="label">
          <span className="dot warn" /> Alerted
        </span>
        <span className="value">{compact(o.alerted)}</span>
        <span className="note">matched a rule and passed</span>
        <Spark className="spark" values={alerted} color="var(--amber-solid)" />
      </Link>
      <Link className="card tile" to={link('status:>=502')}>
        <span className="label">
          <span className="dot" /> Server errors
        </span>
        <span className="value">{compact(o.errors)}</span>
        <span className="note">responses 502 and 504</span>
        <Spark className="spark" values={failed} color="var(--grey-solid)" />
      </Link>
    </div>
  )
}

function Inbox({o, link}: {o: Data; link: (q: string) => string}) {
  const list = attention(o, link)
  if (list.length === 0) return null
  return (
    <section className="card" aria-labelledby="inbox">
      <div className="card-head">
        <h2 id="inbox">Needs your attention</h2>
        <span className="badge">{list.length}</span>
      </div>
      <ul className="inbox">
        {list.map((a) => (
          <li key={a.text}>
            <span className={'dot ' + a.level} />
            <span className="what">{a.text}</span>
            <Link className="go" to={a.to}>
              {a.action}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Attacks({o, link, onBrush, onPick}: LoadedProps) {
  const times = useMemo(() => o.times.map((t) => Date.parse(t)), [o])
  const series = useMemo(
    () => o.attacks_over_time.map((s) => ({name: s.title, key: s.attack, color: attackColor(s.attack), values: s.counts})),
    [o],
  )
  const total = o.attacks.reduce((n, a) => n + a.count, 0)
  return (
    <section className="card" aria-labelledby="attacks">
      <div className="card-head">
        <h2 id="attacks">Attacks by type</h2>
        <span className="faint">drag over the chart to zoom</span>
      </div>
      <div className="chart-grid">
        {total === 0 ? (
          <div className="empty" style={{height: 240, justifyContent: 'center', padding: 0}}>
            <p>No attacks in this time.</p>
          </div>
        ) : (
          <TimeChart
            height={240}
            times={times}
            series={series}
            label={`Attacks over time by type: ${o.attacks.map((a) => `${a.title} ${a.count}`).join(', ')}`}
            onBrush={onBrush}
            onPick={onPick}
          />
        )}
        <ul className="legend">
          {o.attacks.map((a) => (
            <li key={a.attack}>
              <Link to={link(formatTerm('attack', a.attack, false))}>
                <svg className="swatch" viewBox="0 0 10 10" aria-hidden="true">
                  <rect width="10" height="10" rx="2" fill={attackColor(a.attack)} />
                </svg>
                <span className="clip grow">{a.title}</span>
                <span className="dim">{compact(a.count)}</span>
              </Link>
            </li>
          ))}
        </ul>
      </div>
    </section>
  )
}

interface TopRow {
  key: string
  label: React.ReactNode
  n: number
  blocked?: number
  to: string
}

function Top({title, rows}: {title: string; rows: TopRow[]}) {
  const max = Math.max(1, ...rows.map((r) => r.n))
  return (
    <section className="card">
      <div className="card-head">
        <h2>{title}</h2>
      </div>
      {rows.length === 0 ? (
        <p className="dim card-body">Nothing in this time.</p>
      ) : (
        <ol className="bars">
          {rows.slice(0, 8).map((r) => (
            <li key={r.key}>
              <Tooltip
                label={r.blocked === undefined ? plural(r.n, 'event') : `${plural(r.n, 'event')}, ${integer(r.blocked)} blocked`}
                position="top-end"
              >
                <Link to={r.to}>
                  <span className="clip">{r.label}</span>
                  <span className="n">{compact(r.n)}</span>
                  <span className="fill">
                    <Bar value={r.n} max={max} color="var(--accent)" />
                  </span>
                </Link>
              </Tooltip>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

function SitesCard({o, link}: {o: Data; link: (q: string) => string}) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>Sites</h2>
        <Link className="link" to="/sites">
          Manage
        </Link>
      </div>
      {o.sites.length === 0 ? (
        <p className="dim card-body">No site yet.</p>
      ) : (
        <table className="table cards hover">
          <thead>
            <tr>
              <th>Server group</th>
              <th>Mode</th>
              <th>Services</th>
              <th className="num">Requests</th>
              <th className="num">Blocked</th>
              <th className="num">Alerted</th>
            </tr>
          </thead>
          <tbody>
            {o.sites.map((s) => (
              <tr key={s.server_group_id}>
                <td className="title">
                  <Link className="link" to={'/sites#' + s.server_group_id}>
                    {s.server_group}
                  </Link>{' '}
                  <span className="faint">{s.site}</span>
                </td>
                <td data-label="Mode">
                  <ModeBadge mode={s.mode} />
                </td>
                <td data-label="Services" className="dim">
                  {s.services.join(', ') || '–'}
                </td>
                <td data-label="Requests" className="num">
                  {integer(s.requests)}
                </td>
                <td data-label="Blocked" className="num">
                  <Link className="link" to={link(formatTerm('server_group', s.server_group, false) + ' action:block')}>
                    {integer(s.blocked)}
                  </Link>
                </td>
                <td data-label="Alerted" className="num">
                  <Link className="link" to={link(formatTerm('server_group', s.server_group, false) + ' action:alert')}>
                    {integer(s.alerted)}
                  </Link>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function GatewaysCard({gateways}: {gateways: Gateway[]}) {
  const now = useNow(30_000)
  return (
    <section className="card">
      <div className="card-head">
        <h2>Gateways</h2>
        <Link className="link" to="/gateways">
          Details
        </Link>
      </div>
      {gateways.length === 0 ? (
        <p className="dim card-body">No gateway has reported yet.</p>
      ) : (
        <table className="table cards">
          <thead>
            <tr>
              <th>Gateway</th>
              <th>Version</th>
              <th>Started</th>
              <th className="num">Memory</th>
              <th className="num">In flight</th>
              <th className="num">Spool</th>
              <th className="num">Dropped</th>
              <th>Upstreams</th>
            </tr>
          </thead>
          <tbody>
            {gateways.map((g) => {
              const up = g.upstreams.filter((u) => u.healthy).length
              return (
                <tr key={g.id}>
                  <td className="title">{g.name}</td>
                  <td data-label="Version">{g.version}</td>
                  <td data-label="Started">{ago(Date.parse(g.started), now)}</td>
                  <td data-label="Memory" className="num">
                    {bytes(g.memory_bytes)}
                  </td>
                  <td data-label="In flight" className="num">
                    {integer(g.in_flight)}
                  </td>
                  <td data-label="Spool" className="num">
                    {plural(g.spool_events, 'event')}
                  </td>
                  <td data-label="Dropped" className="num">
                    {g.events_dropped > 0 ? <span className="badge bad">{integer(g.events_dropped)}</span> : '0'}
                  </td>
                  <td data-label="Upstreams">
                    <span className="row" style={{gap: 6}}>
                      <span className={'dot ' + (up === g.upstreams.length ? 'good' : 'bad')} />
                      {up} of {g.upstreams.length} up
                      {up < g.upstreams.length && <Icon name="warn" />}
                    </span>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      )}
    </section>
  )
}
