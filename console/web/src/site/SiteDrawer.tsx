import type {Route, ServerGroup, Service, Site} from '../api/gen'
import {EditDrawer} from '../widgets/EditDrawer'
import {GroupForm} from './GroupForm'
import {kindTitle} from './ObjectForm'
import {RouteForm} from './RouteForm'
import {ServiceForm} from './ServiceForm'
import {SiteForm} from './SiteForm'

/** An object that is edited; without an id it is new. */
export type Editing =
  | {kind: 'site'; object: Partial<Site>}
  | {kind: 'group'; object: Partial<ServerGroup> & {site_id: string}}
  | {kind: 'service'; object: Partial<Service> & {server_group_id: string}}
  | {kind: 'route'; object: Partial<Route> & {service_id: string}}

/** Creates, changes and deletes a site and what is below it. */
export function SiteDrawer({editing, onClose}: {editing: Editing | null; onClose: () => void}) {
  return (
    <EditDrawer edited={editing} onClose={onClose} title={(e) => (e.object.id ? 'Edit ' : 'New ') + kindTitle[e.kind]}>
      {(e) => <FormOf key={e.kind + (e.object.id ?? 'new') + (e.object.revision ?? 0)} editing={e} onClose={onClose} />}
    </EditDrawer>
  )
}

function FormOf({editing, onClose}: {editing: Editing; onClose: () => void}) {
  switch (editing.kind) {
    case 'site':
      return <SiteForm object={editing.object} onClose={onClose} />
    case 'group':
      return <GroupForm object={editing.object} onClose={onClose} />
    case 'service':
      return <ServiceForm object={editing.object} onClose={onClose} />
    case 'route':
      return <RouteForm object={editing.object} onClose={onClose} />
  }
}
