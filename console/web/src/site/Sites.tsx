import {Button, Tooltip} from '@mantine/core'
import {useEffect, useState} from 'react'
import {useLocation} from 'react-router'
import type {Gateway, Route, ServerGroup, Service, Site} from '../api/gen'
import {useGateways, useRoutes, useServerGroups, useServices, useSites} from '../api/queries'
import {plural} from '../lib/format'
import {Icon} from '../widgets/icons'
import {ModeSwitch} from './ModeSwitch'
import {IconButton} from '../widgets/IconButton'
import {PageHead} from '../widgets/PageHead'
import {Empty, ErrorBox, Skel} from '../widgets/states'
import {RuleActionsDrawer, type ActionsDraft} from '../rule/RuleActions'
import {useCan} from '../session/session'
import {SiteDrawer, type Editing} from './SiteDrawer'
import {TestAttackButton} from './TestAttack'
import {listenerURL} from '../gateway/listener'

export default function Sites() {
  const sites = useSites()
  const groups = useServerGroups()
  const services = useServices()
  const routes = useRoutes()
  const gateways = useGateways({every: 5000})
  const may = useCan('operator')
  const [editing, setEditing] = useState<Editing | null>(null)
  const [actions, setActions] = useState<ActionsDraft | null>(null)
  const {hash} = useLocation()
  const all = [sites, groups, services, routes]
  const ready = all.every((q) => q.data !== undefined)
  const failed = all.find((q) => q.isError)

  useEffect(() => {
    if (ready && hash !== '') document.getElementById(hash.slice(1))?.scrollIntoView({block: 'start'})
  }, [ready, hash])

  return (
    <>
      <PageHead title="Sites">
        {may && (
          <Button leftSection={<Icon name="plus" />} onClick={() => setEditing({kind: 'site', object: {}})}>
            New site
          </Button>
        )}
      </PageHead>
      <div className="page">
        {failed ? (
          <ErrorBox error={failed.error} retry={() => all.forEach((q) => void q.refetch())} />
        ) : !ready ? (
          <div className="stack" role="status" aria-label="Loading">
            <Skel h={24} w={180} />
            <Skel h={180} />
          </div>
        ) : sites.data!.length === 0 ? (
          <Empty title="No site yet" icon="sites">
            <p>
              A site holds server groups, each with an operation mode; a server group holds services with their ports, and a service has
              routes to your servers.
            </p>
            {may && (
              <Button leftSection={<Icon name="plus" />} onClick={() => setEditing({kind: 'site', object: {}})}>
                New site
              </Button>
            )}
          </Empty>
        ) : (
          <div className="tree">
            {sites.data!.map((s) => (
              <SiteBlock
                key={s.id}
                site={s}
                groups={groups.data!.filter((g) => g.site_id === s.id)}
                services={services.data!}
                routes={routes.data!}
                gateways={gateways.data ?? []}
                may={may}
                onEdit={setEditing}
                onActions={(s) => setActions({service: {id: s.id!, name: s.name}})}
              />
            ))}
          </div>
        )}
      </div>
      <SiteDrawer editing={editing} onClose={() => setEditing(null)} />
      <RuleActionsDrawer draft={actions} onClose={() => setActions(null)} />
    </>
  )
}

interface Shared {
  services: Service[]
  routes: Route[]
  gateways: Gateway[]
  may: boolean
  onEdit: (e: Editing) => void
  onActions: (s: Service) => void
}

function SiteBlock({site, groups, ...rest}: {site: Site; groups: ServerGroup[]} & Shared) {
  const {may, onEdit} = rest
  return (
    <section id={site.id} className="stack" aria-label={'Site ' + site.name}>
      <div className="row">
        <Icon name="sites" />
        <h2 className="clip">{site.name}</h2>
        <span className="faint nowrap wide-only">{plural(groups.length, 'server group')}</span>
        <span className="grow" />
        {may && <IconButton icon="edit" label={`Edit site ${site.name}`} onClick={() => onEdit({kind: 'site', object: site})} />}
        {may && (
          <Button
            variant="subtle"
            px={8}
            leftSection={<Icon name="plus" />}
            onClick={() => onEdit({kind: 'group', object: {site_id: site.id!}})}
          >
            Server group
          </Button>
        )}
      </div>
      {groups.length === 0 && (
        <p className="card dim" style={{padding: 14}}>
          No server group yet.
        </p>
      )}
      {groups.map((g) => (
        <GroupCard key={g.id} group={g} {...rest} />
      ))}
    </section>
  )
}

function GroupCard({group, ...rest}: {group: ServerGroup} & Shared) {
  const {services, may, onEdit} = rest
  const mine = services.filter((s) => s.server_group_id === group.id)
  return (
    <article id={group.id} className="card group">
      <div className="group-head">
        <h3 className="clip" style={{fontSize: 14}}>
          {group.name}
        </h3>
        {group.pass_when_disabled && group.mode === 'disabled' && <span className="badge alert">passes uninspected</span>}
        <span className="grow" />
        <ModeSwitch group={group} />
        {may && (
          <IconButton
            icon="edit"
            label={`Edit server group ${group.name}`}
            onClick={() => onEdit({kind: 'group', object: {...group, site_id: group.site_id}})}
          />
        )}
        {may && (
          <Button
            variant="subtle"
            px={8}
            leftSection={<Icon name="plus" />}
            onClick={() => onEdit({kind: 'service', object: {server_group_id: group.id!}})}
          >
            Service
          </Button>
        )}
      </div>
      {mine.length === 0 && <p className="dim svc">No service yet: nothing listens for this server group.</p>}
      {mine.map((s) => (
        <ServiceBlock key={s.id} service={s} {...rest} />
      ))}
    </article>
  )
}

function ServiceBlock({service, routes, gateways, may, onEdit, onActions}: {service: Service} & Shared) {
  const mine = routes.filter((r) => r.service_id === service.id).sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
  const listeners = gateways.flatMap((g) => g.listeners).filter((l) => l.service === service.name)
  const facts = [
    `paranoia ${service.paranoia || 1}`,
    `blocks at ${service.inbound_threshold || 5}`,
    service.access_events && 'records every request',
    service.fail_closed && 'fails closed',
    service.trusted_proxies?.length && plural(service.trusted_proxies.length, 'trusted proxy', 'trusted proxies'),
  ].filter(Boolean)
  return (
    <div className="svc" id={service.id}>
      <div className="svc-head">
        <b>{service.name}</b>
        {listeners.length > 0
          ? listeners.map((l) =>
              l.error ? (
                <Tooltip key={l.address} label={l.error}>
                  <span className="badge bad" tabIndex={0}>
                    {l.address} not listening
                  </span>
                </Tooltip>
              ) : (
                <a key={l.address} className="link mono" href={listenerURL(l.address, l.tls)} target="_blank" rel="noreferrer">
                  {listenerURL(l.address, l.tls)}
                </a>
              ),
            )
          : service.ports.map((p) => (
              <span key={p.address} className="badge outline mono">
                {p.address}
              </span>
            ))}
        <span className="faint">{facts.join(' · ')}</span>
        <span className="grow" />
        {may && service.id && listeners.some((l) => !l.error) && <TestAttackButton variant="subtle" serviceID={service.id} />}
        {service.id && (
          <Button variant="subtle" px={8} aria-label={`Rule actions of service ${service.name}`} onClick={() => onActions(service)}>
            Rule actions
          </Button>
        )}
        {may && (
          <IconButton icon="edit" label={`Edit service ${service.name}`} onClick={() => onEdit({kind: 'service', object: service})} />
        )}
        {may && (
          <Button
            variant="subtle"
            px={8}
            leftSection={<Icon name="plus" />}
            onClick={() => onEdit({kind: 'route', object: {service_id: service.id!}})}
          >
            Route
          </Button>
        )}
      </div>
      {mine.length === 0 ? (
        <p className="dim">No route yet: every request gets 404.</p>
      ) : (
        <div className="routes">
          {mine.map((r) => (
            <div className="route" key={r.id}>
              <span className="faint prio" title="Priority">
                {r.priority ?? 0}
              </span>
              <span className="mono wrap">
                {r.host || <span className="faint">any host</span>}
                {r.path_prefix || <span className="faint">, any path</span>}
              </span>
              <span className="ups">
                {r.upstreams.map((u) => (
                  <UpstreamLine key={u} url={u} service={service.name} gateways={gateways} />
                ))}
              </span>
              <span className="tools">
                {may && (
                  <IconButton
                    icon="edit"
                    label={`Edit route ${r.host || 'any host'}${r.path_prefix || '/'}`}
                    onClick={() => onEdit({kind: 'route', object: r})}
                  />
                )}
              </span>
            </div>
          ))}
        </div>
      )}
    </div>
  )
}

function UpstreamLine({url, service, gateways}: {url: string; service: string; gateways: Gateway[]}) {
  const seen = gateways.flatMap((g) => g.upstreams).filter((u) => u.service === service && u.url === url)
  const down = seen.find((u) => !u.healthy)
  const state = seen.length === 0 ? '' : down ? 'bad' : 'good'
  return (
    <div className="row top" style={{gap: 7}}>
      <span className={'dot ' + state} style={{marginTop: 5}} />
      <span className="wrap">
        <span className="mono">{url}</span> <span className="faint">{state === '' ? 'not used yet' : down ? 'down' : 'up'}</span>
        {down?.last_error && <span style={{color: 'var(--red)', display: 'block', fontSize: 12}}>{down.last_error}</span>}
      </span>
    </div>
  )
}
