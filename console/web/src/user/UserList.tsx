import {Button, Switch} from '@mantine/core'
import {useMutation, useQueryClient} from '@tanstack/react-query'
import {useState} from 'react'
import {api, messageOf} from '../api/client'
import type {User} from '../api/gen'
import {keys} from '../api/keys'
import {useUsers} from '../api/queries'
import {ago, stamp} from '../lib/time'
import {useSession} from '../session/session'
import {IconButton} from '../widgets/IconButton'
import {Icon} from '../widgets/icons'
import {ErrorBox, SkelRows} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useNow} from '../widgets/useNow'
import {UserDialog} from './UserForm'

/** The users; only an administrator sees them. */
export function UserList() {
  const me = useSession().user
  const now = useNow(30_000)
  const queries = useQueryClient()
  const users = useUsers()
  const [editing, setEditing] = useState<User | 'new' | null>(null)
  const change = useMutation({
    mutationFn: ({id, disabled}: {id: string; disabled: boolean}) => api.updateUser(id, {disabled}),
    onSuccess: (u) => toast(`${u.name} may ${u.disabled ? 'no longer' : 'again'} log in`),
    onError: (e) => toast(messageOf(e), 'bad'),
    onSettled: () => queries.invalidateQueries({queryKey: keys.users}),
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
