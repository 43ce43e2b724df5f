import {Checkbox, NumberInput, Select, Textarea} from '@mantine/core'
import {useState} from 'react'
import {api} from '../api/client'
import type {Port, Service} from '../api/gen'
import {lines} from '../lib/problems'
import {NameField, ObjectForm} from './ObjectForm'
import {PortFields, portIsValid} from './PortFields'

export function ServiceForm({object, onClose}: {object: Partial<Service> & {server_group_id: string}; onClose: () => void}) {
  const [name, setName] = useState(object.name ?? '')
  const [ports, setPorts] = useState<Port[]>(object.ports?.length ? object.ports : [{address: '0.0.0.0:8080'}])
  const [proxies, setProxies] = useState((object.trusted_proxies ?? []).join('\n'))
  const [access, setAccess] = useState(object.access_events ?? false)
  const [paranoia, setParanoia] = useState(String(object.paranoia || 1))
  const [inbound, setInbound] = useState<number | string>(object.inbound_threshold || 5)
  const [outbound, setOutbound] = useState<number | string>(object.outbound_threshold || 4)
  const [bodyMiB, setBodyMiB] = useState<number | string>(object.max_body_bytes ? object.max_body_bytes / (1 << 20) : 100)
  const [closed, setClosed] = useState(object.fail_closed ?? false)
  const id = object.id
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
  const valid = name.trim() !== '' && ports.length > 0 && ports.every((p) => portIsValid(p, ports))
  return (
    <ObjectForm
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
          <NameField value={name} onChange={setName} error={errors.name} />
          <PortFields ports={ports} onChange={setPorts} error={errors.ports} />
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
    </ObjectForm>
  )
}
