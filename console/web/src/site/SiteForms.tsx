// The drawers that create, change and delete the four kinds of objects below a site.
import {Button, Checkbox, NumberInput, Radio, Select, Textarea, TextInput} from '@mantine/core'
import {useEffect, useRef, useState, type ReactNode} from 'react'
import {api, hasStatus} from '../api/client'
import type {Mode, Port, Route, ServerGroup, Service, Site} from '../api/gen'
import {keys} from '../api/keys'
import {EditDrawer} from '../widgets/EditDrawer'
import {useSaveDelete} from '../widgets/useSaveDelete'
import {Form} from '../widgets/Form'
import {FormButtons} from '../widgets/FormButtons'
import {isHostPort, isUpstream, lines} from '../lib/problems'
import {Icon} from '../widgets/icons'
import {IconButton} from '../widgets/IconButton'
import {ErrorBox} from '../widgets/states'
import {toast} from '../widgets/toast'

export type Editing =
  | {kind: 'site'; object: Partial<Site>}
  | {kind: 'group'; object: Partial<ServerGroup> & {site_id: string}}
  | {kind: 'service'; object: Partial<Service> & {server_group_id: string}}
  | {kind: 'route'; object: Partial<Route> & {service_id: string}}

const kindTitle = {site: 'site', group: 'server group', service: 'service', route: 'route'}
/** What a change of an object can change: the services of a group, the routes of a service, and what is counted by them. */
const affected = [keys.sites, keys.serverGroups, keys.services, keys.routes, keys.overview, keys.gateways]

export function SiteDrawer({editing, onClose}: {editing: Editing | null; onClose: () => void}) {
  return (
    <EditDrawer edited={editing} onClose={onClose} title={(e) => (e.object.id ? 'Edit ' : 'New ') + kindTitle[e.kind]}>
      {(e) => <ObjectForm key={e.kind + (e.object.id ?? 'new') + (e.object.revision ?? 0)} editing={e} onClose={onClose} />}
    </EditDrawer>
  )
}

function ObjectForm({editing, onClose}: {editing: Editing; onClose: () => void}) {
  const props = {onClose}
  switch (editing.kind) {
    case 'site':
      return <SiteForm object={editing.object} {...props} />
    case 'group':
      return <GroupForm object={editing.object} {...props} />
    case 'service':
      return <ServiceForm object={editing.object} {...props} />
    case 'route':
      return <RouteForm object={editing.object} {...props} />
  }
}

interface SaveProps {
  kind: Editing['kind']
  name: string
  isNew: boolean
  save: () => Promise<unknown>
  remove?: () => Promise<void>
  /** Tells what else a deletion takes away. */
  consequence: string
  fields: string[]
  valid: boolean
  onClose: () => void
  children: (errors: Record<string, string>) => ReactNode
}

/** What the forms have in common: saving, deleting, and the server's problems beside the fields that they are about. */
function Saver({kind, name, isNew, save, remove, consequence, fields, valid, onClose, children}: SaveProps) {
  const done = (what: string) => {
    toast(`${name} ${what}`)
    onClose()
  }
  const form = useSaveDelete({
    save,
    onSaved: () => done(isNew ? 'created' : 'saved'),
    remove: remove ?? (() => Promise.resolve()),
    onRemoved: () => done('deleted'),
    changes: affected,
    fields,
  })
  const {error} = form
  const element = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (error) element.current?.querySelector('[role=alert], .mantine-InputWrapper-error, .field-error')?.scrollIntoView({block: 'center'})
  }, [error])
  // The lists are read again after each attempt, so that closing the form is enough.
  const conflict = hasStatus(form.saveError, 409) && !isNew
  return (
    <Form ref={element} gap={14} onSubmit={() => valid && form.save()}>
      {conflict ? (
        <div className="notice warn" role="alert">
          <div className="grow">
            <b>Someone else changed this in the meantime.</b> Reload to see the current state; what you typed here is lost then.
          </div>
          <Button variant="default" onClick={onClose}>
            Reload
          </Button>
        </div>
      ) : (
        form.otherError && <ErrorBox error={form.otherError} />
      )}
      {children(form.problems)}
      <FormButtons
        submit={isNew ? `Create ${kindTitle[kind]}` : 'Save'}
        busy={form.saving}
        disabled={!valid}
        onCancel={onClose}
        deletion={remove && {name, consequence, busy: form.removing, run: form.remove}}
      />
    </Form>
  )
}

const nameProblem = (touched: boolean, name: string) => (touched && name.trim() === '' ? 'is needed' : undefined)

function SiteForm({object, onClose}: {object: Partial<Site>; onClose: () => void}) {
  const [name, setName] = useState(object.name ?? '')
  const [touched, setTouched] = useState(false)
  const id = object.id
  return (
    <Saver
      kind="site"
      name={name}
      isNew={!id}
      valid={name.trim() !== ''}
      fields={['name']}
      onClose={onClose}
      save={() => (id ? api.updateSite(id, {...object, name}) : api.createSite({name}))}
      remove={id ? () => api.deleteSite(id) : undefined}
      consequence="This works only when it has no server groups."
    >
      {(errors) => (
        <TextInput
          label="Name"
          description="A data centre, a cloud account or a customer"
          data-autofocus
          value={name}
          onBlur={() => setTouched(true)}
          onChange={(e) => setName(e.currentTarget.value)}
          error={errors.name ?? nameProblem(touched, name)}
        />
      )}
    </Saver>
  )
}

function GroupForm({object, onClose}: {object: Partial<ServerGroup> & {site_id: string}; onClose: () => void}) {
  const [name, setName] = useState(object.name ?? '')
  const [touched, setTouched] = useState(false)
  const [mode, setMode] = useState<Mode>(object.mode ?? 'simulation')
  const [pass, setPass] = useState(object.pass_when_disabled ?? false)
  const id = object.id
  const body = {...object, name, mode, pass_when_disabled: pass}
  return (
    <Saver
      kind="group"
      name={name}
      isNew={!id}
      valid={name.trim() !== ''}
      fields={['name', 'mode', 'pass_when_disabled']}
      onClose={onClose}
      save={() => (id ? api.updateServerGroup(id, body) : api.createServerGroup(body))}
      remove={id ? () => api.deleteServerGroup(id) : undefined}
      consequence="This works only when it has no services."
    >
      {(errors) => (
        <>
          <TextInput
            label="Name"
            description="Servers that play the same part and share an operation mode"
            data-autofocus
            value={name}
            onBlur={() => setTouched(true)}
            onChange={(e) => setName(e.currentTarget.value)}
            error={errors.name ?? nameProblem(touched, name)}
          />
          {!id && (
            <Radio.Group label="Operation mode" value={mode} onChange={(v) => setMode(v as Mode)} error={errors.mode}>
              <div className="stack" style={{gap: 10, marginTop: 8}}>
                <Radio value="simulation" label="Simulation" description="Reports what it would block and blocks nothing. Start here." />
                <Radio value="active" label="Active" description="Blocks and reports." />
                <Radio value="disabled" label="Disabled" description="Inspects nothing." />
              </div>
            </Radio.Group>
          )}
          <Checkbox
            label="Pass traffic when disabled"
            description="In the mode disabled, let traffic through uninspected instead of answering 503"
            checked={pass}
            onChange={(e) => setPass(e.currentTarget.checked)}
          />
        </>
      )}
    </Saver>
  )
}

function ServiceForm({object, onClose}: {object: Partial<Service> & {server_group_id: string}; onClose: () => void}) {
  const [name, setName] = useState(object.name ?? '')
  const [touched, setTouched] = useState(false)
  const [ports, setPorts] = useState<Port[]>(object.ports?.length ? object.ports : [{address: '0.0.0.0:8080'}])
  const [proxies, setProxies] = useState((object.trusted_proxies ?? []).join('\n'))
  const [access, setAccess] = useState(object.access_events ?? false)
  const [paranoia, setParanoia] = useState(String(object.paranoia || 1))
  const [inbound, setInbound] = useState<number | string>(object.inbound_threshold || 5)
  const [outbound, setOutbound] = useState<number | string>(object.outbound_threshold || 4)
  const [bodyMiB, setBodyMiB] = useState<number | string>(object.max_body_bytes ? object.max_body_bytes / (1 << 20) : 100)
  const [closed, setClosed] = useState(object.fail_closed ?? false)
  const id = object.id
  const setPort = (i: number, p: Partial<Port>) => setPorts(ports.map((old, k) => (k === i ? {...old, ...p} : old)))
  const portProblem = (p: Port) =>
    p.address !== '' && !isHostPort(p.address)
      ? 'host:port, for example 0.0.0.0:8080'
      : ports.filter((x) => x.address === p.address && !x.address.endsWith(':0')).length > 1
        ? 'is listed twice'
        : undefined
  const certProblem = (p: Port) => (!p.cert_file !== !p.key_file ? 'Certificate and key: both or neither' : undefined)
  const body: Service = {
    ...object,
    name,
    ports: ports.map((p) => ({
      address: p.address.trim(),
      ...(p.cert_file ? {cert_file: p.cert_file} : {}),
      ...(p.key_file ? {key_file: p.key_file} : {}),
    })),
    trusted_proxies: lines(proxies),
    access_events: access,
    paranoia: Number(paranoia),
    inbound_threshold: Number(inbound) || 0,
    outbound_threshold: Number(outbound) || 0,
    max_body_bytes: Math.round((Number(bodyMiB) || 0) * (1 << 20)),
    fail_closed: closed,
  }
  const valid = name.trim() !== '' && ports.length > 0 && ports.every((p) => p.address !== '' && !portProblem(p) && !certProblem(p))
  return (
    <Saver
      kind="service"
      name={name}
      isNew={!id}
      valid={valid}
      fields={[
        'name',
        'ports',
        'trusted_proxies',
        'access_events',
        'paranoia',
        'inbound_threshold',
        'outbound_threshold',
        'max_body_bytes',
        'fail_closed',
      ]}
      onClose={onClose}
      save={() => (id ? api.updateService(id, body) : api.createService(body))}
      remove={id ? () => api.deleteService(id) : undefined}
      consequence="Its routes are deleted too, and its ports close at once."
    >
      {(errors) => (
        <>
          <TextInput
            label="Name"
            data-autofocus
            value={name}
            onBlur={() => setTouched(true)}
            onChange={(e) => setName(e.currentTarget.value)}
            error={errors.name ?? nameProblem(touched, name)}
          />
          <fieldset style={{border: 0, padding: 0, margin: 0}} className="stack">
            <legend style={{fontWeight: 500, marginBottom: 4}}>Ports</legend>
            {ports.map((p, i) => (
              <div key={i} className="card" style={{padding: 10, display: 'grid', gap: 8}}>
                <div className="row top">
                  <TextInput
                    className="grow"
                    size="xs"
                    label="Address"
                    placeholder="0.0.0.0:8080"
                    value={p.address}
                    onChange={(e) => setPort(i, {address: e.currentTarget.value})}
                    error={portProblem(p)}
                  />
                  {ports.length > 1 && (
                    <IconButton
                      icon="trash"
                      label={`Remove port ${i + 1}`}
                      mt={22}
                      onClick={() => setPorts(ports.filter((_, k) => k !== i))}
                    />
                  )}
                </div>
                <div className="row top">
                  <TextInput
                    className="grow"
                    size="xs"
                    label="Certificate"
                    placeholder="none: plain HTTP"
                    value={p.cert_file ?? ''}
                    onChange={(e) => setPort(i, {cert_file: e.currentTarget.value})}
                    error={certProblem(p)}
                  />
                  <TextInput
                    className="grow"
                    size="xs"
                    label="Key"
                    placeholder="PEM file on the gateway"
                    value={p.key_file ?? ''}
                    onChange={(e) => setPort(i, {key_file: e.currentTarget.value})}
                  />
                </div>
              </div>
            ))}
            {errors.ports && <div className="field-error">{errors.ports}</div>}
            <div>
              <Button variant="default" leftSection={<Icon name="plus" />} onClick={() => setPorts([...ports, {address: ''}])}>
                Add a port
              </Button>
            </div>
          </fieldset>
          <Textarea
            label="Trusted proxies"
            description="Networks whose X-Forwarded-For is believed, one a line"
            placeholder="10.0.0.0/8"
            autosize
            minRows={2}
            value={proxies}
            onChange={(e) => setProxies(e.currentTarget.value)}
            error={errors.trusted_proxies}
            classNames={{input: 'mono'}}
          />
          <Select
            label="Paranoia level"
            description="A higher level finds more attacks and has more false positives"
            allowDeselect={false}
            value={paranoia}
            onChange={(v) => setParanoia(v ?? '1')}
            error={errors.paranoia}
            data={[
              {value: '1', label: '1, for most applications'},
              {value: '2', label: '2, with some tuning'},
              {value: '3', label: '3, with much tuning'},
              {value: '4', label: '4, for the highest demands'},
            ]}
          />
          <div className="grid g2">
            <NumberInput label="Block requests at score" min={1} value={inbound} onChange={setInbound} error={errors.inbound_threshold} />
            <NumberInput
              label="Block responses at score"
              min={1}
              value={outbound}
              onChange={setOutbound}
              error={errors.outbound_threshold}
            />
          </div>
          <NumberInput
            label="Largest request body"
            suffix=" MiB"
            min={0.001}
            value={bodyMiB}
            onChange={setBodyMiB}
            error={errors.max_body_bytes}
          />
          <Checkbox
            label="Record every request"
            description="An event for each request, not only for those that match a rule"
            checked={access}
            onChange={(e) => setAccess(e.currentTarget.checked)}
          />
          <Checkbox
            label="Block when the engine fails"
            description="Otherwise such a request passes and the failure is reported"
            checked={closed}
            onChange={(e) => setClosed(e.currentTarget.checked)}
          />
        </>
      )}
    </Saver>
  )
}

function RouteForm({object, onClose}: {object: Partial<Route> & {service_id: string}; onClose: () => void}) {
  const [priority, setPriority] = useState<number | string>(object.priority ?? 100)
  const [host, setHost] = useState(object.host ?? '')
  const [prefix, setPrefix] = useState(object.path_prefix ?? '')
  const [upstreams, setUpstreams] = useState((object.upstreams ?? []).join('\n'))
  const [preserve, setPreserve] = useState(object.preserve_host ?? true)
  const [insecure, setInsecure] = useState(object.insecure_skip_verify ?? false)
  const id = object.id
  const urls = lines(upstreams)
  const wrong = urls.find((u) => !isUpstream(u))
  const hostProblem = /[/ @]|\*(?!\.)|.\*/.test(host) ? 'a name such as shop.example.com or *.example.com' : undefined
  const prefixProblem = prefix !== '' && !prefix.startsWith('/') ? 'must start with /' : undefined
  const body: Route = {
    ...object,
    priority: Number(priority) || 0,
    host: host.trim(),
    path_prefix: prefix.trim(),
    upstreams: urls,
    preserve_host: preserve,
    insecure_skip_verify: insecure,
  }
  return (
    <Saver
      kind="route"
      name={`Route ${host || 'any host'}${prefix || '/'}`}
      isNew={!id}
      valid={urls.length > 0 && !wrong && !hostProblem && !prefixProblem}
      fields={['priority', 'host', 'path_prefix', 'upstreams', 'preserve_host', 'insecure_skip_verify']}
      onClose={onClose}
      save={() => (id ? api.updateRoute(id, body) : api.createRoute(body))}
      remove={id ? () => api.deleteRoute(id) : undefined}
      consequence="Requests that matched it go to the next route that matches, or get 404."
    >
      {(errors) => (
        <>
          <Textarea
            label="Upstreams"
            description="Base URLs of the servers, one a line; requests go to the next one that answers"
            placeholder="http://127.0.0.1:3000"
            data-autofocus
            autosize
            minRows={2}
            value={upstreams}
            onChange={(e) => setUpstreams(e.currentTarget.value)}
            error={errors.upstreams ?? (wrong ? `“${wrong}” is not like http://host:port` : undefined)}
            classNames={{input: 'mono'}}
          />
          <TextInput
            label="Host"
            description="Empty for any"
            placeholder="shop.example.com or *.example.com"
            value={host}
            onChange={(e) => setHost(e.currentTarget.value)}
            error={errors.host ?? hostProblem}
            classNames={{input: 'mono'}}
          />
          <TextInput
            label="Path prefix"
            description="Whole segments: /shop matches /shop/cart, not /shopping. Empty for any"
            placeholder="/api"
            value={prefix}
            onChange={(e) => setPrefix(e.currentTarget.value)}
            error={errors.path_prefix ?? prefixProblem}
            classNames={{input: 'mono'}}
          />
          <NumberInput
            label="Priority"
            description="The lowest that matches wins"
            value={priority}
            onChange={setPriority}
            error={errors.priority}
          />
          <Checkbox
            label="Keep the client’s Host header"
            description="Otherwise the upstream’s own host is sent"
            checked={preserve}
            onChange={(e) => setPreserve(e.currentTarget.checked)}
          />
          <Checkbox
            label="Accept any certificate"
            description="For https upstreams with a self-signed certificate"
            checked={insecure}
            onChange={(e) => setInsecure(e.currentTarget.checked)}
          />
        </>
      )}
    </Saver>
  )
}
