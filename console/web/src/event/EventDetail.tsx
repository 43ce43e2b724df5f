import {Button, SegmentedControl} from '@mantine/core'
import {keepPreviousData, useQuery} from '@tanstack/react-query'
import {useMemo, useState, type ReactNode} from 'react'
import {Link, useNavigate} from 'react-router'
import {api, ApiError} from '../api/client'
import type {Event, EventSummary, Match} from '../api/gen'
import {attackTitle, attacksOf} from '../lib/attacks'
import {hexDump, spanOfMatch, type Span} from '../lib/bytes'
import {curlCommand} from './curl'
import {decodeBody, headerOf, locate, parseCookies, parseQuery, percentDecode, rawSpan, type Parameter, type Place} from './decode'
import {formatTerm} from '../lib/filter'
import {bytes, duration, plural} from '../lib/format'
import {clock, stamp} from '../lib/time'
import {ExceptionDrawer, type Draft} from '../exception/ExceptionForm'
import {RuleActionsDrawer, type ActionsDraft} from '../rule/RuleActions'
import {RuleWords} from '../rule/RuleWords'
import {cx} from '../lib/cx'
import {eventsLink} from '../lib/links'
import {IconButton} from '../widgets/IconButton'
import {Payload} from '../widgets/Payload'
import {ActionBadge, ModeBadge, SeverityBadge} from '../widgets/badges'
import {copyText} from '../widgets/browser'
import {Empty, ErrorBox, Skel} from '../widgets/states'
import {useCan} from '../session/session'

interface Props {
  id: string
  onClose?: () => void
  onPrevious?: () => void
  onNext?: () => void
  /** Address of the page that shows this event alone. */
  fullPage?: string
}

/** Everything about one event, beside the list or on a page of its own. */
export function EventDetail({id, onClose, onPrevious, onNext, fullPage}: Props) {
  const navigate = useNavigate()
  const query = useQuery({
    queryKey: ['event', id],
    queryFn: ({signal}) => api.getEvent(id, signal),
    staleTime: Infinity, // events never change
    placeholderData: keepPreviousData,
  })
  const e = query.data
  return (
    <>
      <div className="detail-head">
        {onClose && <IconButton icon="close" label="Close (Esc)" onClick={onClose} />}
        {onClose && <IconButton icon="up" label="Previous (k)" disabled={!onPrevious} onClick={onPrevious} />}
        {onClose && <IconButton icon="down" label="Next (j)" disabled={!onNext} onClick={onNext} />}
        <span className="mono faint clip grow" style={{padding: '0 6px'}}>
          {id}
        </span>
        {e && <IconButton icon="copy" label="Copy the id" onClick={() => void copyText(e.id, 'Id')} />}
        {e && <IconButton icon="terminal" label="Copy as curl" onClick={() => void copyText(curlCommand(e), 'curl command')} />}
        {e && (
          <Button variant="subtle" color="gray" px={8} onClick={() => void copyText(JSON.stringify(e, null, 2), 'JSON')}>
            JSON
          </Button>
        )}
        {fullPage && <IconButton icon="expand" label="Open as a page" onClick={() => void navigate(fullPage)} />}
      </div>
      {query.isError ? (
        query.error instanceof ApiError && query.error.status === 404 ? (
          <Empty title="There is no event with this id" icon="search">
            <p>It may be too old to be kept, or it has not reached the lake yet.</p>
            <Button variant="default" onClick={() => void query.refetch()}>
              Look again
            </Button>
          </Empty>
        ) : (
          <div className="detail">
            <ErrorBox error={query.error} retry={() => void query.refetch()} />
          </div>
        )
      ) : !e ? (
        <div className="detail" role="status" aria-label="Loading">
          <Skel h={124} />
          <Skel h={280} />
          <Skel h={200} />
        </div>
      ) : (
        <Detail e={e} />
      )}
    </>
  )
}

function Detail({e}: {e: Event}) {
  const matches = e.verdict.matches ?? []
  const may = useCan('operator')
  const [draft, setDraft] = useState<Draft | null>(null)
  const [actions, setActions] = useState<ActionsDraft | null>(null)
  return (
    <div className="detail">
      <Verdict e={e} />
      <RequestCard e={e} matches={matches} />
      <section className="card">
        <div className="card-head">
          <h2>Rules that matched</h2>
          <span className="badge">{matches.length}</span>
        </div>
        {matches.length === 0 && <p className="card-body dim">No rule matched.</p>}
        {matches.map((m, i) => (
          <Rule
            key={i}
            m={m}
            onAllow={may ? () => setDraft({exception: {service_id: e.service_id}, from: {event: e, match: m}}) : undefined}
            onAction={may && e.service_id ? () => setActions({service: {id: e.service_id, name: e.service}, match: m}) : undefined}
            first={matches.findIndex((o) => o.rule_id === m.rule_id) === i}
          />
        ))}
      </section>
      {(e.timeline ?? []).length > 0 && (
        <section className="card">
          <div className="card-head">
            <h2>Timeline</h2>
            <span className="faint">{stamp(Date.parse(e.time), true)}</span>
          </div>
          <ol className="steps card-body">
            {e.timeline!.map((s, i) => (
              <li key={i}>
                <span className="at">{s.at_ns === 0 ? '0' : '+' + duration(s.at_ns)}</span>
                <span className="knot" />
                <span className="wrap">{s.text}</span>
              </li>
            ))}
          </ol>
        </section>
      )}
      <Circumstances e={e} />
      <Similar e={e} />
      <ExceptionDrawer draft={draft} onClose={() => setDraft(null)} />
      <RuleActionsDrawer draft={actions} onClose={() => setActions(null)} />
    </div>
  )
}

function why(e: Event): string {
  const v = e.verdict
  const answer = v.outbound_threshold > 0 && v.outbound_score >= v.outbound_threshold && !(v.score >= v.threshold)
  const reached = answer
    ? `the answer’s score ${v.outbound_score} reached the threshold ${v.outbound_threshold}`
    : `the score ${v.score} reached the threshold ${v.threshold}`
  if (e.action === 'block') return v.blocked && (answer || v.score >= v.threshold) ? `Blocked: ${reached}.` : 'Blocked.'
  if (e.action === 'pass') return 'No rule matched.'
  if (v.blocked) return `It passed because this server group was in ${e.mode}. In the mode active it would have been blocked: ${reached}.`
  return `It passed: the score ${v.score} stayed below the threshold ${v.threshold}.`
}

function Verdict({e}: {e: Event}) {
  const v = e.verdict
  const attacks = attacksOf(v.matches ?? []).map(attackTitle)
  const title =
    attacks.length > 0
      ? attacks.slice(0, 2).join(', ') + (attacks.length > 2 ? ` and ${attacks.length - 2} more` : '')
      : (v.matches ?? []).length > 0
        ? 'Rule match'
        : 'Ordinary request'
  return (
    <section className={cx('card verdict', e.action)}>
      <div className="row" style={{flexWrap: 'wrap', marginBottom: 6}}>
        <ActionBadge action={e.action} />
        <ModeBadge mode={e.mode} />
        <span className="faint">{stamp(Date.parse(e.time), true)}</span>
      </div>
      <h2>{title}</h2>
      <p className="dim wrap" style={{marginTop: 3}}>
        {why(e)}
      </p>
      {e.reason && !e.reason.includes('score') && (
        <p className="faint wrap" style={{fontSize: 12, marginTop: 2}}>
          The gateway says: {e.reason}
        </p>
      )}
      <ScoreBar label="Score" score={v.score} threshold={v.threshold} action={e.action} />
      {v.outbound_score > 0 && <ScoreBar label="Answer" score={v.outbound_score} threshold={v.outbound_threshold} action={e.action} />}
      {v.truncated && (
        <div className="notice warn" style={{marginTop: 10}}>
          The body was longer than the engine looks at; what came after was not inspected.
        </div>
      )}
      {v.error && (
        <div className="notice bad" style={{marginTop: 10}}>
          The engine failed: {v.error}
        </div>
      )}
    </section>
  )
}

function ScoreBar({label, score, threshold, action}: {label: string; score: number; threshold: number; action: string}) {
  const max = Math.max(score, threshold * 2, 1)
  const over = threshold > 0 && score >= threshold
  return (
    <div className="score">
      <span className="dim">{label}</span>
      <svg viewBox="0 0 200 8" preserveAspectRatio="none" role="img" aria-label={`${label} ${score}, threshold ${threshold}`}>
        <rect width="200" height="8" fill="var(--grey-soft)" />
        <rect
          width={(200 * score) / max}
          height="8"
          fill={over ? (action === 'block' ? 'var(--red-solid)' : 'var(--amber-solid)') : 'var(--grey-solid)'}
        />
        {threshold > 0 && (
          <line
            x1={(200 * threshold) / max}
            x2={(200 * threshold) / max}
            y1="0"
            y2="8"
            stroke="var(--text)"
            strokeWidth="2"
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      <span className="nowrap">
        <b>{score}</b> <span className="dim">· blocks at {threshold}</span>
      </span>
    </div>
  )
}

function RequestCard({e, matches}: {e: Event; matches: Match[]}) {
  const r = e.request
  const path = useMemo(() => percentDecode(r.path), [r.path])
  const query = useMemo(() => percentDecode(r.query, true), [r.query])
  const parameters = useMemo(() => parseQuery(r.query), [r.query])
  const pathSpans = locate(path.text, matches, 'path')
  const querySpans = querySpansOf(query.text, parameters, matches)
  const encoded = path.text !== r.path || query.text !== r.query
  const cookieHeader = headerOf(e, 'Cookie')
  const cookies = parseCookies(cookieHeader)
  const headers = (r.headers ?? []).filter((h) => h.name.toLowerCase() !== 'cookie' || cookies.length === 0)
  return (
    <section className="card">
      <div className="card-head">
        <h2>Request</h2>
        <Button variant="default" onClick={() => void copyText(curlCommand(e), 'curl command')}>
          Copy as curl
        </Button>
      </div>
      <div className="card-body">
        <div className="sub">{encoded ? 'As sent' : 'Request line'}</div>
        <p className="payload">
          <b>{r.method}</b> <Payload text={r.path} spans={pathSpans.map((s) => rawSpan(path, s))} />
          {r.query !== '' && (
            <>
              ?<Payload text={r.query} spans={querySpans.map((s) => rawSpan(query, s))} />
            </>
          )}{' '}
          <span className="faint">{r.protocol}</span>
        </p>
        {encoded && (
          <>
            <div className="sub">Decoded</div>
            <p className="payload">
              <Payload text={path.text} spans={pathSpans} />
              {r.query !== '' && (
                <>
                  ?<Payload text={query.text} spans={querySpans} />
                </>
              )}
            </p>
          </>
        )}
        {parameters.length > 0 && (
          <>
            <div className="sub">Query parameters</div>
            <Params rows={parameters} matches={matches} place="arg" />
          </>
        )}
        {cookies.length > 0 && (
          <>
            <div className="sub">Cookies</div>
            <Params rows={cookies} matches={matches} place="cookie" />
          </>
        )}
        {headers.length > 0 && (
          <>
            <div className="sub">Headers</div>
            <Params
              rows={[
                {name: 'Host', value: r.host, raw: r.host},
                ...headers.filter((h) => h.name !== 'Host').map((h) => ({name: h.name, value: h.value, raw: h.value})),
              ]}
              matches={matches}
              place="header"
            />
          </>
        )}
        <BodyView e={e} matches={matches} />
      </div>
    </section>
  )
}

/** Matches of single parameters, found again within the whole query. */
function querySpansOf(text: string, parameters: Parameter[], matches: Match[]): Span[] {
  const spans: Span[] = []
  const long = locate(
    text,
    matches.filter((m) => !/^ARGS(_GET)?:/.test(m.variable)),
    'query',
  )
  spans.push(...long)
  // A match in the parameter q is marked in q only, not where the same letters stand by chance.
  let at = 0
  for (const p of parameters) {
    const length = percentDecode(p.raw, true).text.length
    const partLength = p.name.length + (p.raw === '' && !text.startsWith(p.name + '=', at) ? 0 : 1 + length)
    const valueAt = at + p.name.length + 1
    for (const s of locate(
      p.value,
      matches.filter((m) => /^ARGS(_GET)?:/.test(m.variable)),
      'arg',
      p.name,
    ))
      spans.push({start: valueAt + s.start, end: valueAt + s.end})
    at += partLength + 1
  }
  return spans.filter((s) => s.end <= text.length)
}

function Params({rows, matches, place}: {rows: Parameter[]; matches: Match[]; place: Place}) {
  return (
    <table className="params">
      <tbody>
        {rows.map((p, i) => (
          <tr key={i}>
            <th scope="row">
              <Payload
                text={p.name}
                spans={
                  matches.some((m) => /NAMES/.test(m.variable))
                    ? locate(
                        p.name,
                        matches.filter((m) => /NAMES/.test(m.variable)),
                        place,
                      )
                    : []
                }
              />
            </th>
            <td>
              {p.value === '[secret]' ? (
                <span className="faint">masked</span>
              ) : (
                <Payload text={p.value} spans={locate(p.value, matches, place, p.name)} />
              )}
              {p.value === '' && <span className="faint">empty</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function BodyView({e, matches}: {e: Event; matches: Match[]}) {
  const type = headerOf(e, 'Content-Type')
  const body = useMemo(() => decodeBody(e.request.body, type), [e, type])
  const [raw, setRaw] = useState(false)
  if (body.kind === 'none') {
    if (e.request.body_bytes === 0) return null
    return (
      <>
        <div className="sub">Body</div>
        <p className="dim">{bytes(e.request.body_bytes)}, not kept: no rule matched.</p>
      </>
    )
  }
  const two = body.kind === 'json' || body.kind === 'form'
  const kept = e.request.body ? Math.floor((e.request.body.replace(/=+$/, '').length * 3) / 4) : 0
  let content: ReactNode
  if (body.kind === 'binary')
    content = (
      <pre className="payload long" tabIndex={0} role="region" aria-label="Body">
        {hexDump(body.bytes)}
      </pre>
    )
  else if (body.kind === 'form' && !raw) content = <Params rows={body.parameters} matches={matches} place="arg" />
  else {
    const text = body.kind === 'json' && !raw ? body.pretty : body.raw
    content = (
      <pre className="payload long" tabIndex={0} role="region" aria-label="Body">
        <Payload text={text} spans={bodySpans(text, matches)} multiline />
      </pre>
    )
  }
  return (
    <>
      <div className="sub">
        <span>
          Body{' '}
          <span className="faint">
            {type || 'no content type'}, {bytes(e.request.body_bytes)}
          </span>
        </span>
        {two && (
          <SegmentedControl
            size="xs"
            aria-label="How to show the body"
            value={raw ? 'raw' : 'read'}
            onChange={(v) => setRaw(v === 'raw')}
            data={[
              {value: 'read', label: body.kind === 'json' ? 'Formatted' : 'Decoded'},
              {value: 'raw', label: 'Raw'},
            ]}
          />
        )}
      </div>
      {content}
      {e.request.body_bytes > kept && (
        <p className="faint" style={{marginTop: 6}}>
          Only the first {bytes(kept)} were kept.
        </p>
      )}
    </>
  )
}

/** Matched bytes in a body as text: as they are, and as JSON writes them. */
function bodySpans(text: string, matches: Match[]): Span[] {
  const asJSON = matches.map((m) => ({...m, matched: JSON.stringify(m.matched).slice(1, -1)}))
  return [...locate(text, matches, 'body'), ...locate(text, asJSON, 'body')]
}

/** A match; the first one of a rule also says what the rule looks for. */
function Rule({m, onAllow, onAction, first}: {m: Match; onAllow?: () => void; onAction?: () => void; first: boolean}) {
  const span = spanOfMatch(m.value, m.offset, m.matched)
  return (
    <div className="rule">
      <div className="rule-top">
        <Link className="link mono" to={eventsLink('rule:' + m.rule_id)} title="Events of this rule">
          {m.rule_id}
        </Link>
        <span className="msg wrap">{m.message}</span>
        <SeverityBadge severity={m.severity} />
        <span className="badge">+{m.score}</span>
      </div>
      {first && <RuleWords id={m.rule_id} />}
      <div className="sub" style={{marginTop: 0}}>
        <span className="mono wrap">{m.variable}</span>
        <span className="faint nowrap">phase {m.phase}</span>
        <span className="row" style={{marginLeft: 'auto', gap: 6}}>
          {onAction && first && (
            <Button variant="default" size="compact-xs" onClick={onAction}>
              Rule action…
            </Button>
          )}
          {onAllow && (
            <Button variant="default" size="compact-xs" onClick={onAllow}>
              Allow like this…
            </Button>
          )}
        </span>
      </div>
      <p className="payload">
        <Payload text={m.value} spans={span ? [span] : []} />
        {m.value === '' && <span className="faint">empty</span>}
      </p>
      {!span && m.matched !== '' && (
        <p className="faint" style={{marginTop: 5}}>
          matched{' '}
          <span className="mono">
            <Payload text={m.matched} />
          </span>
        </p>
      )}
      {m.data && (
        <p className="faint wrap rule-data">
          The rule reports{' '}
          <span className="mono">
            <Payload text={m.data} />
          </span>
        </p>
      )}
      {(m.tags ?? []).length > 0 && (
        <div className="tags">
          {m.tags!.map((t) => (
            <span className="tag" key={t}>
              {t}
            </span>
          ))}
        </div>
      )}
    </div>
  )
}

function Circumstances({e}: {e: Event}) {
  const rows: [string, ReactNode][] = [
    ['Client', <span className="mono">{e.client + (e.peer && e.peer !== e.client ? ` through ${e.peer}` : '')}</span>],
    ['Site', `${e.site} › ${e.server_group} › ${e.service}`],
    ['Gateway', `${e.gateway}, policy ${e.policy_version}`],
    ['Connection', `${e.request.scheme}, ${e.request.protocol}${e.request.tls ? ', ' + e.request.tls : ''}`],
    [
      'Answer',
      `${e.response.status || 'none'}${e.response.content_type ? ', ' + e.response.content_type : ''}, ${bytes(e.response.body_bytes)}`,
    ],
    ['Upstream', e.response.upstream ? <span className="mono">{e.response.upstream}</span> : 'not asked'],
    [
      'Time',
      `${duration(e.response.duration_ns)} in all, ${duration(e.verdict.inspection_ns)} inspection${e.response.upstream_duration_ns > 0 ? ', ' + duration(e.response.upstream_duration_ns) + ' waiting for the server' : ''}`,
    ],
  ]
  return (
    <section className="card">
      <div className="card-head">
        <h2>Circumstances</h2>
      </div>
      <dl className="kv card-body">
        {rows.map(([k, v]) => (
          <div key={k} style={{display: 'contents'}}>
            <dt>{k}</dt>
            <dd>{v}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function Similar({e}: {e: Event}) {
  const at = Date.parse(e.time)
  // The day around the event, which may be long ago.
  const range = {from: new Date(at - 12 * 3600e3).toISOString(), to: new Date(at + 12 * 3600e3).toISOString()}
  const near = useQuery({
    queryKey: ['similar', e.id],
    queryFn: ({signal}) => api.listEvents({...range, q: formatTerm('client', e.client, false), limit: 6}, signal),
    staleTime: 60_000,
  })
  const params = new URLSearchParams(range)
  const firstRule = e.verdict.matches?.[0]?.rule_id
  const others = (near.data?.events ?? []).filter((x) => x.id !== e.id).slice(0, 5)
  return (
    <section className="card">
      <div className="card-head">
        <h2>Similar events</h2>
        <span className="faint">12 h around it</span>
      </div>
      <div className="card-body">
        <div className="row" style={{flexWrap: 'wrap', marginBottom: others.length > 0 ? 10 : 0, gap: 14}}>
          <Link className="link" to={eventsLink(formatTerm('client', e.client, false), params)}>
            Same client
          </Link>
          {firstRule !== undefined && (
            <Link className="link" to={eventsLink('rule:' + firstRule, params)}>
              Same rule {firstRule}
            </Link>
          )}
          <Link
            className="link"
            to={eventsLink(formatTerm('host', e.request.host, false) + ' ' + formatTerm('path', e.request.path, false), params)}
          >
            Same host and path
          </Link>
        </div>
        {near.isPending ? (
          <Skel h={110} />
        ) : others.length === 0 ? (
          <p className="dim">{near.isError ? 'Could not be read.' : 'This client did nothing else.'}</p>
        ) : (
          <>
            <div className="sub">
              The newest of {plural(others.length, 'other')} from {e.client}
            </div>
            {others.map((x) => (
              <SimilarRow key={x.id} e={x} />
            ))}
          </>
        )}
      </div>
    </section>
  )
}

function SimilarRow({e}: {e: EventSummary}) {
  return (
    <Link to={'/events/' + e.id} className="row" style={{padding: '4px 0'}}>
      <span className="dim" style={{width: 58}}>
        {clock(Date.parse(e.time))}
      </span>
      <ActionBadge action={e.action} />
      <span className="mono clip grow">
        {e.method} <Payload text={percentDecode(e.path + (e.query === '' ? '' : '?' + e.query), true).text} />
      </span>
    </Link>
  )
}
