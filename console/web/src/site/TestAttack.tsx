import {Button} from '@mantine/core'
import {useMutation, useQuery, useQueryClient} from '@tanstack/react-query'
import {useNavigate} from 'react-router'
import {api, messageOf} from '../api/client'
import type {Gateway} from '../api/gen'
import {Icon} from '../widgets/icons'
import {Empty, Skel} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useCan} from '../session/session'

/** Sends a test attack and opens its event as soon as the lake knows it. */
export function TestAttackButton({serviceID, variant = 'filled'}: {serviceID: string; variant?: 'filled' | 'subtle'}) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const send = useMutation({
    mutationFn: async () => {
      const {id} = await api.sendTestAttack(serviceID)
      // An event is promised to be visible within two seconds; wait a little longer.
      for (let i = 0; i < 20; i++) {
        await new Promise((r) => setTimeout(r, 300))
        try {
          return (await api.getEvent(id)).id
        } catch {
          // Not there yet.
        }
      }
      return null
    },
    onSuccess: (id) => {
      void queries.invalidateQueries({queryKey: ['overview']})
      if (id) void navigate('/events/' + id)
      else toast('The attack was sent, but its event has not arrived yet. Look at the events in a moment.', 'bad')
    },
    onError: (e) => toast('The test attack was not sent: ' + messageOf(e), 'bad'),
  })
  return (
    <Button
      variant={variant}
      px={variant === 'subtle' ? 8 : undefined}
      leftSection={<Icon name="bolt" />}
      loading={send.isPending}
      onClick={() => send.mutate()}
    >
      Send a test attack
    </Button>
  )
}

/** A listener's address as a URL that a browser on this machine or network can open. */
export function listenerURL(address: string, tls: boolean): string {
  const host = location.hostname.includes(':') ? `[${location.hostname.replace(/[[\]]/g, '')}]` : location.hostname
  return `${tls ? 'https' : 'http'}://` + address.replace(/^(0\.0\.0\.0|\[::\]|::|)(?=:\d+$)/, host)
}

/** What a console without events says: where to send traffic, and how to see the first event at once. */
export function NothingYet({gateways}: {gateways: Gateway[]}) {
  const operator = useCan('operator')
  const services = useQuery({queryKey: ['services'], queryFn: ({signal}) => api.listServices({}, signal)})
  const listeners = gateways.flatMap((g) => g.listeners).filter((l) => !l.error)
  return (
    <Empty title="No attacks seen yet" icon="shield">
      <p>Ringwall reports every request that matches a rule. Send your application’s traffic through the gateway:</p>
      {listeners.length === 0 && <p>No gateway is listening yet. Add a site with a service first.</p>}
      {listeners.map((l) => (
        <a key={l.address} className="link mono" href={listenerURL(l.address, l.tls)} target="_blank" rel="noreferrer">
          {listenerURL(l.address, l.tls)}
        </a>
      ))}
      {operator && services.isPending && <Skel h={57} w={160} />}
      {operator && services.data?.[0]?.id && (
        <>
          <TestAttackButton serviceID={services.data[0].id} />
          <p className="faint">One harmless request with a script tag, through {services.data[0].name}.</p>
        </>
      )}
    </Empty>
  )
}
