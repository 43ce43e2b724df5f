import {Button} from '@mantine/core'
import {useMemo} from 'react'
import type {Event, Match} from '../api/gen'
import type {Span} from '../lib/bytes'
import {copyText} from '../widgets/browser'
import {Payload} from '../widgets/Payload'
import {BodyView} from './BodyView'
import {curlCommand} from './curl'
import {headerOf, locate, parseCookies, parseQuery, percentDecode, rawSpan, type Parameter} from './decode'
import {Params} from './Params'

/** The request as it was sent and decoded, with the bytes that matched marked. */
export function RequestCard({e, matches}: {e: Event; matches: Match[]}) {
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
            <Params rows={parameters} matches={matches} part="arg" />
          </>
        )}
        {cookies.length > 0 && (
          <>
            <div className="sub">Cookies</div>
            <Params rows={cookies} matches={matches} part="cookie" />
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
              part="header"
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
