import {useState} from 'react'
import {api} from '../api/client'
import type {Site} from '../api/gen'
import {NameField, ObjectForm} from './ObjectForm'

export function SiteForm({object, onClose}: {object: Partial<Site>; onClose: () => void}) {
  const [name, setName] = useState(object.name ?? '')
  const id = object.id
  return (
    <ObjectForm
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
        <NameField description="A data centre, a cloud account or a customer" value={name} onChange={setName} error={errors.name} />
      )}
    </ObjectForm>
  )
}
