import {Button, TextInput} from '@mantine/core'
import type {Port} from '../api/gen'
import {isHostPort} from '../lib/problems'
import {IconButton} from '../widgets/IconButton'
import {Icon} from '../widgets/icons'

function portProblem(p: Port, all: Port[]): string | undefined {
  if (p.address !== '' && !isHostPort(p.address)) return 'host:port, for example 0.0.0.0:8080'
  // Port 0 lets the system choose, so it can be listed more than once.
  const same = all.filter((x) => x.address === p.address && !x.address.endsWith(':0'))
  return same.length > 1 ? 'is listed twice' : undefined
}

const certProblem = (p: Port) => (!p.cert_file !== !p.key_file ? 'Certificate and key: both or neither' : undefined)

/** Whether a port of a service can be saved; the server still checks it. */
export const portIsValid = (p: Port, all: Port[]) => p.address !== '' && !portProblem(p, all) && !certProblem(p)

interface Props {
  ports: Port[]
  onChange: (ports: Port[]) => void
  error: string | undefined
}

/** The ports of a service, at least one. */
export function PortFields({ports, onChange, error}: Props) {
  const setPort = (i: number, p: Partial<Port>) => onChange(ports.map((old, k) => (k === i ? {...old, ...p} : old)))
  return (
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
              error={portProblem(p, ports)}
            />
            {ports.length > 1 && (
              <IconButton icon="trash" label={`Remove port ${i + 1}`} mt={22} onClick={() => onChange(ports.filter((_, k) => k !== i))} />
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
      {error && <div className="field-error">{error}</div>}
      <div>
        <Button variant="default" leftSection={<Icon name="plus" />} onClick={() => onChange([...ports, {address: ''}])}>
          Add a port
        </Button>
      </div>
    </fieldset>
  )
}
