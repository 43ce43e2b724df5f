import {Button, Modal, Select, TextInput} from '@mantine/core'
import {useMutation, useQueryClient} from '@tanstack/react-query'
import {useState} from 'react'
import {api} from '../api/client'
import type {Role, TokenCreated} from '../api/gen'
import {keys} from '../api/keys'
import {can} from '../lib/roles'
import {useSession} from '../session/session'
import {copyText} from '../widgets/browser'
import {Form} from '../widgets/Form'
import {IconButton} from '../widgets/IconButton'
import {ErrorBox} from '../widgets/states'
import {roles} from './roles'

const lifetimes = [
  {value: '30', label: '30 days'},
  {value: '90', label: '90 days'},
  {value: '365', label: 'One year'},
  {value: '', label: 'No end'},
]

/** Creates a token and shows its secret once. */
export function TokenDialog({opened, onClose}: {opened: boolean; onClose: () => void}) {
  return (
    <Modal opened={opened} onClose={onClose} title="New API token" closeOnClickOutside={false} closeButtonProps={{'aria-label': 'Close'}}>
      <TokenForm onClose={onClose} />
    </Modal>
  )
}

function TokenForm({onClose}: {onClose: () => void}) {
  const mine = useSession().user.role
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [days, setDays] = useState('90')
  const [created, setCreated] = useState<TokenCreated | null>(null)
  const create = useMutation({
    mutationFn: () =>
      api.createToken({name, role, expires: days === '' ? undefined : new Date(Date.now() + Number(days) * 86400e3).toISOString()}),
    onSuccess: setCreated,
    onSettled: () => queries.invalidateQueries({queryKey: keys.tokens}),
  })
  if (created) {
    return (
      <div className="stack">
        <p>
          Copy the token <b>{created.token.name}</b> now. It is not shown again.
        </p>
        <div className="payload row">
          <span className="grow wrap">{created.secret}</span>
          <IconButton icon="copy" label="Copy the token" onClick={() => void copyText(created.secret, 'Token')} />
        </div>
        <Button onClick={onClose}>Done</Button>
      </div>
    )
  }
  return (
    <Form onSubmit={() => create.mutate()}>
      {create.isError && <ErrorBox error={create.error} />}
      <TextInput label="Name" description="What will use it" data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <Select
        label="Role"
        allowDeselect={false}
        data={roles.filter((r) => can(mine, r.value))}
        value={role}
        onChange={(v) => setRole((v ?? 'viewer') as Role)}
      />
      <Select label="Valid for" allowDeselect={false} data={lifetimes} value={days} onChange={(v) => setDays(v ?? '')} />
      <div className="row">
        <Button type="submit" disabled={name.trim() === ''} loading={create.isPending}>
          Create token
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </Form>
  )
}
