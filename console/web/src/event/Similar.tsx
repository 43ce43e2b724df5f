import {Link} from 'react-router'
import type {Event, EventSummary} from '../api/gen'
import {frameAround, useEventsNear} from '../api/queries'
import {formatTerm} from '../lib/filter'
import {plural} from '../lib/format'
import {eventLink, eventsLink} from '../lib/links'
import {clock} from '../lib/time'
import {ActionBadge} from '../widgets/badges'
import {Payload} from '../widgets/Payload'
import {Skel} from '../widgets/states'
import {requestText} from './decode'

/** Other events of the client around this one, and links to more. */
export function Similar({e}: {e: Event}) {
  const near = useEventsNear(e)
  const params = new URLSearchParams({...frameAround(e)})
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
    <Link to={eventLink(e.id)} className="row" style={{padding: '4px 0'}}>
      <span className="dim" style={{width: 58}}>
        {clock(Date.parse(e.time))}
      </span>
      <ActionBadge action={e.action} />
      <span className="mono clip grow">
        {e.method} <Payload text={requestText(e)} />
      </span>
    </Link>
  )
}
