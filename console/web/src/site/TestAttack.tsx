import {Button} from '@mantine/core'
import {useMutation, useQueryClient} from '@tanstack/react-query'
import {useNavigate} from 'react-router'
import {api, messageOf} from '../api/client'
import {keys} from '../api/keys'
import {eventLink} from '../lib/links'
import {Icon} from '../widgets/icons'
import {toast} from '../widgets/toast'

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
      void queries.invalidateQueries({queryKey: keys.overview})
      if (id) void navigate(eventLink(id))
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
