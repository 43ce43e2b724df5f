import {Checkbox, Radio} from '@mantine/core'
import {useState} from 'react'
import {api} from '../api/client'
import type {Mode, ServerGroup} from '../api/gen'
import {NameField, ObjectForm} from './ObjectForm'

export function GroupForm({object, onClose}: {object: Partial<ServerGroup> & {site_id: string}; onClose: () => void}) {
  const [name, setName] = useState(object.name ?? '')
  const [mode, setMode] = useState<Mode>(object.mode ?? 'simulation')
  const [pass, setPass] = useState(object.pass_when_disabled ?? false)
  const id = object.id
  const body = {...object, name, mode, pass_when_disabled: pass}
  return (
    <ObjectForm
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
          <NameField
            description="Servers that play the same part and share an operation mode"
            value={name}
            onChange={setName}
            error={errors.name}
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
    </ObjectForm>
  )
}
