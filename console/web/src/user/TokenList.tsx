import {Button, Modal} from '@mantine/core'
import {useMutation, useQueryClient} from '@tanstack/react-query'
import {useState} from 'react'
import {api} from '../api/client'
import type {Token} from '../api/gen'
import {keys} from '../api/keys'
import {useTokens} from '../api/queries'
import {ago, stamp} from '../lib/time'
import {IconButton} from '../widgets/IconButton'
import {Icon} from '../widgets/icons'
import {Empty, ErrorBox, SkelRows} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useNow} from '../widgets/useNow'
import {TokenDialog} from './TokenForm'

/** The user's own API tokens; all of them for an administrator. */
export function TokenList({all}: {all: boolean}) {
  const now = useNow(30_000)
  const queries = useQueryClient()
  const tokens = useTokens()
  const [creating, setCreating] = useState(false)
  const [revoking, setRevoking] = useState<Token | null>(null)
  const revoke = useMutation({
    mutationFn: (t: Token) => api.deleteToken(t.id),
    onSuccess: (_, t) => {
      toast(`Token ${t.name} revoked`)
      setRevoking(null)
    },
    onSettled: () => queries.invalidateQueries({queryKey: keys.tokens}),
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
