import {Modal, PasswordInput, Select, TextInput} from '@mantine/core'
import {useState} from 'react'
import {api} from '../api/client'
import type {Role, User} from '../api/gen'
import {keys} from '../api/keys'
import {passwordProblem} from '../session/PasswordDialog'
import {useSession} from '../session/session'
import {Form} from '../widgets/Form'
import {FormButtons} from '../widgets/FormButtons'
import {ErrorBox} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useSaveDelete} from '../widgets/useSaveDelete'
import {roles} from './roles'

/** Creates, changes and deletes a user. */
export function UserDialog({editing, onClose}: {editing: User | 'new' | null; onClose: () => void}) {
  return (
    <Modal
      opened={editing !== null}
      onClose={onClose}
      title={editing === 'new' || editing === null ? 'New user' : `Edit ${editing.name}`}
      closeButtonProps={{'aria-label': 'Close'}}
    >
      {editing !== null && (
        <UserForm key={editing === 'new' ? 'new' : editing.id} user={editing === 'new' ? null : editing} onClose={onClose} />
      )}
    </Modal>
  )
}

function UserForm({user, onClose}: {user: User | null; onClose: () => void}) {
  const me = useSession().user
  const [name, setName] = useState(user?.name ?? '')
  const [role, setRole] = useState<Role>(user?.role ?? 'viewer')
  const [password, setPassword] = useState('')
  const done = (text: string) => {
    toast(text)
    onClose()
  }
  const form = useSaveDelete({
    save: () =>
      user
        ? api.updateUser(user.id, {role: role === user.role ? undefined : role, password: password || undefined})
        : api.createUser({name, role, password}),
    onSaved: (u) => done(user ? `${u.name} saved` : `${u.name} created`),
    remove: () => api.deleteUser(user!.id),
    onRemoved: () => done(`${user!.name} deleted`),
    changes: [keys.users],
    fields: ['name', 'password', 'role'],
  })
  const badName = name !== '' && !/^[A-Za-z0-9._@-]{1,64}$/.test(name) ? 'letters, digits and . _ - @, at most 64' : null
  const complete = user ? role !== user.role || password !== '' : name !== '' && badName === null && password !== ''
  return (
    <Form onSubmit={form.save}>
      {form.otherError && <ErrorBox error={form.otherError} />}
      {!user && (
        <TextInput
          label="Name"
          autoComplete="off"
          data-autofocus
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          error={form.problems.name ?? badName}
        />
      )}
      <Select
        label="Role"
        allowDeselect={false}
        data={roles}
        value={role}
        disabled={user?.id === me.id}
        description={user?.id === me.id ? 'You cannot change your own role' : undefined}
        onChange={(v) => setRole((v ?? 'viewer') as Role)}
        error={form.problems.role}
      />
      {user?.id !== me.id && (
        <PasswordInput
          label={user ? 'New password' : 'Password'}
          description={user ? 'Leave it empty to keep the current one' : 'At least 12 characters'}
          autoComplete="new-password"
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          error={form.problems.password ?? passwordProblem(password)}
          visibilityToggleButtonProps={{'aria-label': 'Show the password'}}
        />
      )}
      <FormButtons
        submit={user ? 'Save' : 'Create user'}
        busy={form.saving}
        disabled={passwordProblem(password) !== null || !complete}
        onCancel={onClose}
        deletion={
          user && user.id !== me.id
            ? {name: user.name, consequence: 'Sessions and tokens of this user end at once.', busy: form.removing, run: form.remove}
            : undefined
        }
      />
    </Form>
  )
}
