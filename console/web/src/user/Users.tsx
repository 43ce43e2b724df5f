import {Button, Modal, PasswordInput, Select, Switch, TextInput} from '@mantine/core'
import {useMutation, useQuery, useQueryClient} from '@tanstack/react-query'
import {useState} from 'react'
import {api, ApiError, messageOf} from '../api/client'
import type {Role, Token, TokenCreated, User} from '../api/gen'
import {problemsByField} from '../lib/problems'
import {ago, stamp} from '../lib/time'
import {Icon} from '../widgets/icons'
import {passwordProblem} from '../session/PasswordDialog'
import {IconButton} from '../widgets/IconButton'
import {PageHead} from '../widgets/PageHead'
import {copyText} from '../widgets/browser'
import {Empty, ErrorBox, SkelRows} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useNow} from '../widgets/useNow'
import {useCan, useSession} from '../session/session'

const roles: {value: Role; label: string}[] = [
  {value: 'viewer', label: 'viewer: reads'},
  {value: 'operator', label: 'operator: also changes sites and queries the lake'},
  {value: 'admin', label: 'admin: also manages users and reads the audit trail'},
]
const rank: Record<Role, number> = {viewer: 0, operator: 1, admin: 2}

export default function Users() {
  const admin = useCan('admin')
  const users = useQuery({queryKey: ['users'], queryFn: ({signal}) => api.listUsers(signal), enabled: admin})
  return (
    <>
      <PageHead title={admin ? 'Users & tokens' : 'Tokens'} />
      <div className="page stack" style={{gap: 20}}>
        {admin && <UserList />}
        {/* Not before the users, whose number would push it down. */}
        {!(admin && users.isPending) && <TokenList all={admin} />}
      </div>
    </>
  )
}

function UserList() {
  const me = useSession().user
  const now = useNow(30_000)
  const queries = useQueryClient()
  const users = useQuery({queryKey: ['users'], queryFn: ({signal}) => api.listUsers(signal)})
  const [editing, setEditing] = useState<User | 'new' | null>(null)
  const change = useMutation({
    mutationFn: ({id, disabled}: {id: string; disabled: boolean}) => api.updateUser(id, {disabled}),
    onSuccess: (u) => toast(`${u.name} may ${u.disabled ? 'no longer' : 'again'} log in`),
    onError: (e) => toast(messageOf(e), 'bad'),
    onSettled: () => queries.invalidateQueries({queryKey: ['users']}),
  })
  return (
    <section className="card">
      <div className="card-head">
        <h2>Users</h2>
        <Button leftSection={<Icon name="plus" />} onClick={() => setEditing('new')}>
          New user
        </Button>
      </div>
      {users.isError ? (
        <div className="card-body">
          <ErrorBox error={users.error} retry={() => void users.refetch()} />
        </div>
      ) : users.isPending ? (
        <div className="card-body">
          <SkelRows rows={4} />
        </div>
      ) : (
        <table className="table cards">
          <thead>
            <tr>
              <th>Name</th>
              <th>Role</th>
              <th>Last login</th>
              <th>Created</th>
              <th>May log in</th>
              <th>
                <span className="sr-only">Edit</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {users.data.map((u) => (
              <tr key={u.id}>
                <td className="title">
                  {u.name} {u.id === me.id && <span className="badge">you</span>}
                </td>
                <td data-label="Role">
                  <span className="badge outline">{u.role}</span>
                </td>
                <td data-label="Last login" className="dim" title={u.last_login && stamp(Date.parse(u.last_login))}>
                  {u.last_login ? ago(Date.parse(u.last_login), now) : 'never'}
                </td>
                <td data-label="Created" className="dim">
                  {stamp(Date.parse(u.created)).slice(0, 10)}
                </td>
                <td data-label="May log in">
                  <Switch
                    size="xs"
                    aria-label={`${u.name} may log in`}
                    checked={!u.disabled}
                    disabled={u.id === me.id}
                    onChange={(e) => change.mutate({id: u.id, disabled: !e.currentTarget.checked})}
                  />
                </td>
                <td className="tools num">
                  <IconButton icon="edit" label={`Edit ${u.name}`} onClick={() => setEditing(u)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <UserDialog editing={editing} onClose={() => setEditing(null)} />
    </section>
  )
}

function UserDialog({editing, onClose}: {editing: User | 'new' | null; onClose: () => void}) {
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
  const queries = useQueryClient()
  const [name, setName] = useState(user?.name ?? '')
  const [role, setRole] = useState<Role>(user?.role ?? 'viewer')
  const [password, setPassword] = useState('')
  const [asking, setAsking] = useState(false)
  const save = useMutation({
    mutationFn: () =>
      user
        ? api.updateUser(user.id, {role: role === user.role ? undefined : role, password: password || undefined})
        : api.createUser({name, role, password}),
    onSuccess: (u) => {
      toast(user ? `${u.name} saved` : `${u.name} created`)
      onClose()
    },
    onSettled: () => queries.invalidateQueries({queryKey: ['users']}),
  })
  const remove = useMutation({
    mutationFn: () => api.deleteUser(user!.id),
    onSuccess: () => {
      toast(`${user!.name} deleted`)
      onClose()
    },
    onSettled: () => queries.invalidateQueries({queryKey: ['users']}),
  })
  const error = save.error ?? remove.error
  const found =
    error instanceof ApiError
      ? problemsByField(error.problems, ['name', 'password', 'role'])
      : {fields: {} as Record<string, string>, rest: []}
  const badName = name !== '' && !/^[A-Za-z0-9._@-]{1,64}$/.test(name) ? 'letters, digits and . _ - @, at most 64' : null
  return (
    <form
      className="stack"
      onSubmit={(e) => {
        e.preventDefault()
        save.mutate()
      }}
    >
      {error && Object.keys(found.fields).length === 0 && <ErrorBox error={error} />}
      {!user && (
        <TextInput
          label="Name"
          autoComplete="off"
          data-autofocus
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          error={found.fields.name ?? badName}
        />
      )}
      <Select
        label="Role"
        allowDeselect={false}
        data={roles}
        value={role}
        disabled={user?.id === me.id}
        description={user?.id === me.id ? 'Nobody can change their own role' : undefined}
        onChange={(v) => setRole((v ?? 'viewer') as Role)}
        error={found.fields.role}
      />
      {user?.id !== me.id && (
        <PasswordInput
          label={user ? 'New password' : 'Password'}
          description={user ? 'Leave it empty to keep the current one' : 'At least 12 characters'}
          autoComplete="new-password"
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          error={found.fields.password ?? passwordProblem(password)}
          visibilityToggleButtonProps={{'aria-label': 'Show the password'}}
        />
      )}
      {asking ? (
        <div className="notice bad">
          <div>
            <b>Delete {user!.name}?</b> Sessions and tokens of this user end at once.
            <div className="row" style={{marginTop: 10}}>
              <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
                Delete
              </Button>
              <Button variant="default" onClick={() => setAsking(false)}>
                Keep
              </Button>
            </div>
          </div>
        </div>
      ) : (
        <div className="row">
          <Button
            type="submit"
            loading={save.isPending}
            disabled={
              passwordProblem(password) !== null ||
              (!user && (name === '' || badName !== null || password === '')) ||
              (user !== null && role === user.role && password === '')
            }
          >
            {user ? 'Save' : 'Create user'}
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <span className="grow" />
          {user && user.id !== me.id && (
            <Button variant="subtle" color="red" c="var(--red)" leftSection={<Icon name="trash" />} onClick={() => setAsking(true)}>
              Delete
            </Button>
          )}
        </div>
      )}
    </form>
  )
}

function TokenList({all}: {all: boolean}) {
  const now = useNow(30_000)
  const queries = useQueryClient()
  const tokens = useQuery({queryKey: ['tokens'], queryFn: ({signal}) => api.listTokens(signal)})
  const [creating, setCreating] = useState(false)
  const [revoking, setRevoking] = useState<Token | null>(null)
  const revoke = useMutation({
    mutationFn: (t: Token) => api.deleteToken(t.id),
    onSuccess: (_, t) => {
      toast(`Token ${t.name} revoked`)
      setRevoking(null)
    },
    onSettled: () => queries.invalidateQueries({queryKey: ['tokens']}),
  })
  return (
    <section className="card">
      <div className="card-head">
        <h2>API tokens</h2>
        <Button leftSection={<Icon name="plus" />} onClick={() => setCreating(true)}>
          New token
        </Button>
      </div>
      {tokens.isError ? (
        <div className="card-body">
          <ErrorBox error={tokens.error} retry={() => void tokens.refetch()} />
        </div>
      ) : tokens.isPending ? (
        <div className="card-body">
          <SkelRows rows={3} />
        </div>
      ) : tokens.data.length === 0 ? (
        <Empty title="No tokens" icon="key">
          <p>
            A token lets a program use the API in your name: <code className="inline-code">Authorization: Bearer rwt_…</code>
          </p>
        </Empty>
      ) : (
        <table className="table cards">
          <thead>
            <tr>
              <th>Name</th>
              <th>Role</th>
              {all && <th>Owner</th>}
              <th>Last used</th>
              <th>Expires</th>
              <th>
                <span className="sr-only">Revoke</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {tokens.data.map((t) => (
              <tr key={t.id}>
                <td className="title">{t.name}</td>
                <td data-label="Role">
                  <span className="badge outline">{t.role}</span>
                </td>
                {all && (
                  <td data-label="Owner" className="dim">
                    {t.user}
                  </td>
                )}
                <td data-label="Last used" className="dim">
                  {t.last_used ? ago(Date.parse(t.last_used), now) : 'never'}
                </td>
                <td data-label="Expires" className="dim">
                  {t.expires ? (
                    Date.parse(t.expires) < now ? (
                      <span className="badge bad">expired</span>
                    ) : (
                      stamp(Date.parse(t.expires)).slice(0, 10)
                    )
                  ) : (
                    'never'
                  )}
                </td>
                <td className="tools num">
                  <IconButton icon="trash" label={`Revoke ${t.name}`} onClick={() => setRevoking(t)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <TokenDialog opened={creating} onClose={() => setCreating(false)} />
      <Modal
        opened={revoking !== null}
        onClose={() => setRevoking(null)}
        title={`Revoke ${revoking?.name ?? ''}?`}
        closeButtonProps={{'aria-label': 'Close'}}
      >
        <div className="stack">
          <p>Programs that use this token are refused from now on. It cannot be brought back.</p>
          {revoke.isError && <ErrorBox error={revoke.error} />}
          <div className="row" style={{justifyContent: 'flex-end'}}>
            <Button variant="default" onClick={() => setRevoking(null)}>
              Keep
            </Button>
            <Button color="red" loading={revoke.isPending} data-autofocus onClick={() => revoking && revoke.mutate(revoking)}>
              Revoke
            </Button>
          </div>
        </div>
      </Modal>
    </section>
  )
}

const lifetimes = [
  {value: '30', label: '30 days'},
  {value: '90', label: '90 days'},
  {value: '365', label: 'One year'},
  {value: '', label: 'No end'},
]

function TokenDialog({opened, onClose}: {opened: boolean; onClose: () => void}) {
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
    onSettled: () => queries.invalidateQueries({queryKey: ['tokens']}),
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
    <form
      className="stack"
      onSubmit={(e) => {
        e.preventDefault()
        create.mutate()
      }}
    >
      {create.isError && <ErrorBox error={create.error} />}
      <TextInput label="Name" description="What will use it" data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <Select
        label="Role"
        allowDeselect={false}
        data={roles.filter((r) => rank[r.value] <= rank[mine])}
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
    </form>
  )
}
