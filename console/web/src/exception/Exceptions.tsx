import {Button} from '@mantine/core'
import {useState} from 'react'
import {useExceptions, useServices} from '../api/queries'
import type {Exception, Service} from '../api/gen'
import {expiryWords, rulesWords, stateOf, targetWords} from './scope'
import {plural} from '../lib/format'
import {stamp} from '../lib/time'
import {ExceptionDrawer, type Draft} from './ExceptionForm'
import {Icon} from '../widgets/icons'
import {eventsLink} from '../lib/links'
import {IconButton} from '../widgets/IconButton'
import {PageHead} from '../widgets/PageHead'
import {TextLink} from '../widgets/TextLink'
import {Empty, ErrorBox, SkelRows} from '../widgets/states'
import {useNow} from '../widgets/useNow'
import {RuleActionsDrawer, type ActionsDraft} from '../rule/RuleActions'
import {useCan} from '../session/session'

export default function Exceptions() {
  const exceptions = useExceptions()
  const services = useServices()
  const may = useCan('operator')
  const now = useNow(30_000)
  const [draft, setDraft] = useState<Draft | null>(null)
  const [actions, setActions] = useState<ActionsDraft | null>(null)
  const failed = [exceptions, services].find((q) => q.isError)
  const add = may && (
    <Button leftSection={<Icon name="plus" />} onClick={() => setDraft({exception: {}})}>
      New exception
    </Button>
  )
  return (
    <>
      <PageHead title="Exceptions">{add}</PageHead>
      <div className="page stack" style={{gap: 20}}>
        {failed ? (
          <ErrorBox error={failed.error} retry={() => [exceptions, services].forEach((q) => void q.refetch())} />
        ) : !exceptions.data || !services.data ? (
          <SkelRows rows={5} />
        ) : exceptions.data.length === 0 ? (
          <Empty title="No exception yet" icon="exception">
            <p>
              An exception takes one rule, or what it looks at, away from some requests, so that the application is not disturbed and
              everything else stays as strict as it is.
            </p>
            <p>
              Open one of the <TextLink to={eventsLink('-action:pass')}>events</TextLink> that was no attack and choose “Allow like this…”
              beside the rule.
            </p>
          </Empty>
        ) : (
          services.data
            .map((s) => ({service: s, list: exceptions.data.filter((x) => x.service_id === s.id)}))
            .filter(({list}) => list.length > 0)
            .map(({service, list}) => (
              <ServiceCard
                key={service.id}
                service={service}
                list={list}
                now={now}
                may={may}
                onEdit={(x) => setDraft({exception: x})}
                onActions={() => setActions({service: {id: service.id!, name: service.name}})}
              />
            ))
        )}
      </div>
      <ExceptionDrawer draft={draft} onClose={() => setDraft(null)} />
      <RuleActionsDrawer draft={actions} onClose={() => setActions(null)} />
    </>
  )
}

function ServiceCard({
  service,
  list,
  now,
  may,
  onEdit,
  onActions,
}: {
  service: Service
  list: Exception[]
  now: number
  may: boolean
  onEdit: (x: Exception) => void
  onActions: () => void
}) {
  const active = list.filter((x) => stateOf(x, now) === 'active').length
  return (
    <section className="card" aria-label={'Service ' + service.name}>
      <div className="card-head">
        <h2>{service.name}</h2>
        <span className="faint">
          {plural(list.length, 'exception')}, {active === list.length ? 'all in use' : `${active} in use`}
        </span>
        <span className="grow" />
        <Button variant="subtle" px={8} aria-label={`Rule actions of service ${service.name}`} onClick={onActions}>
          Rule actions
        </Button>
      </div>
      <table className="table cards">
        <thead>
          <tr>
            <th>What</th>
            <th>Where</th>
            <th>Ends</th>
            <th>Why</th>
            <th>
              <span className="sr-only">Edit</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((x) => (
            <Row key={x.id} x={x} now={now} onEdit={may ? () => onEdit(x) : undefined} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Row({x, now, onEdit}: {x: Exception; now: number; onEdit?: () => void}) {
  const state = stateOf(x, now)
  const where = [(x.methods ?? []).join(', '), x.path_prefix].filter(Boolean).join(' ')
  return (
    <tr>
      <td className="title">
        <span className="wrap">
          {rulesWords(x)}
          <span className="dim" style={{display: 'block', fontWeight: 400}} title={x.target}>
            {x.target ? targetWords(x.target) : 'the whole rule'}
          </span>
        </span>
      </td>
      <td data-label="Where">
        <span className="wrap">
          {where === '' ? <span className="faint">everywhere</span> : <span className="mono">{where}</span>}
          {(x.sources ?? []).length > 0 && (
            <span className="dim mono" style={{display: 'block'}}>
              from {x.sources!.join(', ')}
            </span>
          )}
        </span>
      </td>
      <td data-label="Ends" className="nowrap" title={x.expires && stamp(Date.parse(x.expires))}>
        {state === 'expired' ? (
          <span className="badge alert">expired {expiryWords(x.expires, now)}</span>
        ) : state === 'off' ? (
          <span className="badge">switched off</span>
        ) : (
          <span className="dim">{expiryWords(x.expires, now)}</span>
        )}
      </td>
      <td data-label="Why">
        <span className="wrap">
          {x.comment}
          <span className="dim" style={{display: 'block'}}>
            {x.owner}
            {x.created && `, ${stamp(Date.parse(x.created)).slice(0, 10)}`}
          </span>
        </span>
      </td>
      <td className="tools num">
        {onEdit && <IconButton icon="edit" label={`Edit exception for ${rulesWords(x).toLowerCase()}`} onClick={onEdit} />}
      </td>
    </tr>
  )
}
