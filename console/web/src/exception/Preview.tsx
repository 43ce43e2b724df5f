import {useDebouncedValue} from '@mantine/hooks'
import {Link} from 'react-router'
import type {Exception, PreviewSample} from '../api/gen'
import {useExceptionPreview} from '../api/queries'
import {integer, plural} from '../lib/format'
import {eventLink} from '../lib/links'
import {shortStamp} from '../lib/time'
import {ActionBadge} from '../widgets/badges'
import {ErrorBox, Skel} from '../widgets/states'
import type {Scope} from './scope'

/** What the exception would have done to the events of the last 7 days. */
export function Preview({scope, service, enabled, active}: {scope: Scope; service: string; enabled: boolean; active: boolean}) {
  const [asked] = useDebouncedValue(JSON.stringify({...scope, service_id: service, comment: '', enabled: true} satisfies Exception), 300)
  const preview = useExceptionPreview(JSON.parse(asked) as Exception, enabled)
  if (!enabled) return null
  if (preview.isError) return <ErrorBox error={preview.error} title="No preview:" />
  if (!preview.data) return <Skel h={62} />
  const p = preview.data
  return (
    <section className="card" aria-live="polite" style={{opacity: preview.isPlaceholderData ? 0.6 : 1}}>
      <div className="card-body" style={{paddingTop: 11}}>
        {p.touched === 0 ? (
          <p>Would have touched no event of the last 7 days.</p>
        ) : (
          <p>
            Would have touched <b>{plural(p.touched, 'event')}</b> of the last 7 days, <b>{integer(p.passed)}</b> would have passed.
          </p>
        )}
        {p.touched > p.passed && p.passed === 0 && (
          <p className="dim">Other rules still reach the threshold, or these events were not blocked anyway.</p>
        )}
        {p.truncated && <p className="dim">There are more: only the newest {integer(p.looked)} events were looked at.</p>}
        {active && <p className="dim">It is in force: what it takes away is no longer reported, so only events from before count.</p>}
        {p.samples.length > 0 && (
          <details style={{marginTop: 6}}>
            <summary className="dim" style={{cursor: 'pointer'}}>
              Look at {p.samples.length < p.touched ? `${p.samples.length} of them` : 'them'}
            </summary>
            {p.samples.map((s) => (
              <Sample key={s.event.id} s={s} />
            ))}
          </details>
        )}
      </div>
    </section>
  )
}

function Sample({s}: {s: PreviewSample}) {
  return (
    <Link to={eventLink(s.event.id)} target="_blank" className="row" style={{padding: '4px 0'}}>
      <span className="dim nowrap">{shortStamp(Date.parse(s.event.time))}</span>
      <ActionBadge action={s.event.action} />
      <span className="mono clip grow" title={`${s.event.score} would have been ${s.score}`}>
        {s.event.method} {s.event.path}
        {s.event.query && '?' + s.event.query}
      </span>
      {s.passed && <span className="badge alert">passes</span>}
    </Link>
  )
}
