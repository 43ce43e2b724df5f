import {Checkbox, NumberInput, Textarea, TextInput} from '@mantine/core'
import {useState} from 'react'
import {api} from '../api/client'
import type {Route} from '../api/gen'
import {isUpstream, lines} from '../lib/problems'
import {ObjectForm} from './ObjectForm'

export function RouteForm({object, onClose}: {object: Partial<Route> & {service_id: string}; onClose: () => void}) {
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
    <ObjectForm
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
    </ObjectForm>
  )
}
