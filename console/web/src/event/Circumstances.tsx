import type {ReactNode} from 'react'
import type {Event} from '../api/gen'
import {bytes, duration} from '../lib/format'

/** Where the request came from, where it went, and how long it took. */
export function Circumstances({e}: {e: Event}) {
  const rows: [string, ReactNode][] = [
    ['Client', <span className="mono">{e.client + (e.peer && e.peer !== e.client ? ` through ${e.peer}` : '')}</span>],
    ['Site', `${e.site} › ${e.server_group} › ${e.service}`],
    ['Gateway', `${e.gateway}, policy ${e.policy_version}`],
    ['Connection', `${e.request.scheme}, ${e.request.protocol}${e.request.tls ? ', ' + e.request.tls : ''}`],
    [
      'Response',
      `${e.response.status || 'none'}${e.response.content_type ? ', ' + e.response.content_type : ''}, ${bytes(e.response.body_bytes)}`,
    ],
    ['Upstream', e.response.upstream ? <span className="mono">{e.response.upstream}</span> : 'not asked'],
    ['Time', times(e)],
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

function times(e: Event): string {
  const {duration_ns, upstream_duration_ns} = e.response
  const waiting = upstream_duration_ns > 0 ? `, ${duration(upstream_duration_ns)} waiting for the server` : ''
  return `${duration(duration_ns)} in all, ${duration(e.verdict.inspection_ns)} inspection${waiting}`
}
