import type {Gateway} from '../api/gen'
import {useGateways} from '../api/queries'
import {ago, stamp} from '../lib/time'
import {bytes, integer, plural, share} from '../lib/format'
import {Icon} from '../widgets/icons'
import {IconButton} from '../widgets/IconButton'
import {PageHead} from '../widgets/PageHead'
import {TextLink} from '../widgets/TextLink'
import {Empty, ErrorBox, Skel} from '../widgets/states'
import {useNow} from '../widgets/useNow'

export default function Gateways() {
  const query = useGateways({every: 5000})
  return (
    <>
      <PageHead title="Gateways">
        <IconButton icon="refresh" label="Refresh now" onClick={() => void query.refetch()} />
      </PageHead>
      <div className="page stack">
        {query.isError && <ErrorBox error={query.error} retry={() => void query.refetch()} />}
        {query.isPending && <Skel h={320} />}
        {query.data?.length === 0 && (
          <Empty title="No gateway has reported yet" icon="gateways">
            <p>A gateway reports a few seconds after it has started.</p>
            <TextLink to="/sites">Look at the sites</TextLink>
          </Empty>
        )}
        {query.data?.map((g) => (
          <GatewayCard key={g.id} g={g} />
        ))}
      </div>
    </>
  )
}

function GatewayCard({g}: {g: Gateway}) {
  const now = useNow()
  const facts: [string, React.ReactNode, string?][] = [
    ['Requests', integer(g.requests), `${share(g.blocked, g.requests)} blocked`],
    ['In flight', integer(g.in_flight)],
    ['Memory', bytes(g.memory_bytes), plural(g.goroutines, 'goroutine')],
    ['Spool', bytes(g.spool_bytes), plural(g.spool_events, 'event') + ' not in the lake'],
    [
      'Events dropped',
      g.events_dropped > 0 ? (
        <span className="badge bad" style={{fontSize: 16, height: 26}}>
          {integer(g.events_dropped)}
        </span>
      ) : (
        '0'
      ),
    ],
    ['Policy', g.policy_version, g.policy.state === 'pending' ? `version ${g.policy.version} is being put in force` : undefined],
  ]
  return (
    <article className="card">
      <div className="card-head">
        <h2>{g.name}</h2>
        <span className="badge">{g.version}</span>
        <span className="faint" title={stamp(Date.parse(g.started))}>
          started {ago(Date.parse(g.started), now)}
        </span>
      </div>
      <div className="facts">
        {facts.map(([k, v, note]) => (
          <div key={k}>
            <div className="faint">{k}</div>
            <div className="fact">{v}</div>
            <div className="faint" style={{fontSize: 12}}>
              {note}
            </div>
          </div>
        ))}
      </div>
      {g.policy.state === 'refused' && (
        <div className="notice bad card-body" role="alert">
          <Icon name="warn" />
          <div className="grow wrap">
            <b>{refusal(g)}</b> {g.policy.error}
          </div>
        </div>
      )}
      <div className="card-head">
        <h3>Listeners</h3>
      </div>
      {g.listeners.length === 0 ? (
        <p className="dim card-body">Nothing listens: there is no service with a port.</p>
      ) : (
        <table className="table cards">
          <thead>
            <tr>
              <th>Address</th>
              <th>Service</th>
              <th>Protocol</th>
              <th>State</th>
              <th className="num">Connections</th>
            </tr>
          </thead>
          <tbody>
            {g.listeners.map((l) => (
              <tr key={l.service + l.address}>
                <td className="title mono">{l.address}</td>
                <td data-label="Service">{l.service}</td>
                <td data-label="Protocol">{l.tls ? 'TLS' : 'plain'}</td>
                <td data-label="State">
                  <State good={!l.error} text={l.error ?? 'listening'} />
                </td>
                <td data-label="Connections" className="num">
                  {integer(l.connections)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div className="card-head">
        <h3>Upstreams</h3>
      </div>
      {g.upstreams.length === 0 ? (
        <p className="dim card-body">No route names a server yet.</p>
      ) : (
        <table className="table cards">
          <thead>
            <tr>
              <th>Server</th>
              <th>Service</th>
              <th>State</th>
              <th className="num">Requests</th>
              <th className="num">Failures</th>
            </tr>
          </thead>
          <tbody>
            {g.upstreams.map((u) => (
              <tr key={u.service + u.url}>
                <td className="title mono">{u.url}</td>
                <td data-label="Service">{u.service}</td>
                <td data-label="State">
                  <State good={u.healthy} text={u.healthy ? 'up' : u.last_error || 'down'} />
                </td>
                <td data-label="Requests" className="num">
                  {integer(u.requests)}
                </td>
                <td data-label="Failures" className="num">
                  {integer(u.failures)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </article>
  )
}

const refusal = (g: Gateway) =>
  `Version ${g.policy.version} of the policy was refused, ` +
  (g.policy_version > 0 ? `version ${g.policy_version} stays in force.` : 'and there is none before it.')

function State({good, text}: {good: boolean; text: string}) {
  return (
    <span className="row top" style={{gap: 7}}>
      <span className={'dot ' + (good ? 'good' : 'bad')} style={{marginTop: 5}} />
      <span className="wrap" style={good ? undefined : {color: 'var(--red)'}}>
        {text}
      </span>
    </span>
  )
}
