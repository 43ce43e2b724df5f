import {Button, Modal} from '@mantine/core'
import {useMutation, useQueryClient} from '@tanstack/react-query'
import {useRef, useState} from 'react'
import {api} from '../api/client'
import type {Mode, ServerGroup} from '../api/gen'
import {keys} from '../api/keys'
import {cx} from '../lib/cx'
import {ModeBadge, modeTitle} from '../widgets/badges'
import {ErrorBox} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useCan} from '../session/session'

const modes: Mode[] = ['active', 'simulation', 'disabled']

/** What a switch means for the traffic. */
export function consequences(g: ServerGroup, to: Mode): string[] {
  switch (to) {
    case 'active':
      return [
        'Requests that reach the threshold are answered with a block page and do not reach your servers.',
        'Everything that matches is reported, as before.',
      ]
    case 'simulation':
      return [
        'Nothing is blocked any more: attacks reach your servers.',
        'Every request is still inspected, and what would have been blocked is reported.',
      ]
    case 'disabled':
      return g.pass_when_disabled
        ? ['Traffic passes to your servers without any inspection.', 'Attacks are neither blocked nor reported.']
        : [
            'Your application goes offline: every request is answered with 503.',
            'To let traffic pass uninspected instead, edit the server group first and turn on “Pass traffic when disabled”.',
          ]
  }
}

/** The operation mode of a server group; switching asks first. */
export function ModeSwitch({group}: {group: ServerGroup}) {
  const may = useCan('operator')
  const queries = useQueryClient()
  const [to, setTo] = useState<Mode | null>(null)
  const [shown, setShown] = useState<Mode>('active') // stays while the dialog fades out
  const buttons = useRef<HTMLDivElement>(null)
  const change = useMutation({
    mutationFn: (mode: Mode) => api.setMode(group.id!, {mode}),
    onSuccess: (g) => {
      queries.setQueryData<ServerGroup[]>(keys.serverGroups, (list) => list?.map((x) => (x.id === g.id ? g : x)))
      void queries.invalidateQueries({queryKey: keys.overview})
      void queries.invalidateQueries({queryKey: keys.serverGroups})
      toast(`${g.name} is now ${g.mode === 'simulation' ? 'in simulation' : g.mode}`)
      setTo(null)
    },
  })
  if (!may) return <ModeBadge mode={group.mode} />
  const ask = (mode: Mode) => {
    if (mode === group.mode) return
    change.reset()
    setShown(mode)
    setTo(mode)
  }
  return (
    <>
      <div
        className="modes"
        role="radiogroup"
        aria-label={`Mode of ${group.name}`}
        ref={buttons}
        onKeyDown={(e) => {
          const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key]
          if (by === undefined) return
          e.preventDefault()
          const all = [...buttons.current!.querySelectorAll('button')]
          all[(all.indexOf(document.activeElement as HTMLButtonElement) + by + all.length) % all.length]?.focus()
        }}
      >
        {modes.map((m) => (
          <button
            key={m}
            type="button"
            role="radio"
            aria-checked={group.mode === m}
            tabIndex={group.mode === m ? 0 : -1}
            className={m}
            onClick={() => ask(m)}
          >
            {modeTitle[m]}
          </button>
        ))}
      </div>
      <Modal
        opened={to !== null}
        onClose={() => setTo(null)}
        title={`Switch ${group.name} to ${shown}?`}
        closeButtonProps={{'aria-label': 'Close'}}
      >
        <div className="stack">
          <div className="row">
            <ModeBadge mode={group.mode} /> <span className="dim">becomes</span> <ModeBadge mode={shown} />
          </div>
          <ul
            className={cx('notice', shown === 'disabled' ? 'bad' : shown === 'simulation' ? 'warn' : 'good')}
            style={{margin: 0, paddingLeft: 28, display: 'block'}}
          >
            {consequences(group, shown).map((c) => (
              <li key={c}>{c}</li>
            ))}
          </ul>
          <p className="dim">It takes effect on every gateway at once; open connections stay open.</p>
          {change.isError && <ErrorBox error={change.error} />}
          <div className="row" style={{justifyContent: 'flex-end'}}>
            <Button variant="default" onClick={() => setTo(null)}>
              Cancel
            </Button>
            <Button
              data-autofocus
              color={shown === 'disabled' ? 'red' : undefined}
              loading={change.isPending}
              onClick={() => change.mutate(shown)}
            >
              {shown === 'active'
                ? 'Start blocking'
                : shown === 'simulation'
                  ? 'Stop blocking'
                  : group.pass_when_disabled
                    ? 'Stop inspecting'
                    : 'Take offline'}
            </Button>
          </div>
        </div>
      </Modal>
    </>
  )
}
