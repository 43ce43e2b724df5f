import {Button, Modal, PasswordInput} from '@mantine/core'
import {useState} from 'react'
import {api, hasStatus, problemsOf} from '../api/client'
import {toBytes} from '../lib/bytes'
import {Form} from '../widgets/Form'
import {ErrorBox} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useSession} from './session'

const minBytes = 12

export function passwordProblem(p: string): string | null {
  return p !== '' && toBytes(p).length < minBytes ? `at least ${minBytes} characters` : null
}

export function PasswordDialog({opened, onClose}: {opened: boolean; onClose: () => void}) {
  const session = useSession()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const wrong = hasStatus(error, 401) || problemsOf(error).some((p) => p.startsWith('current'))

  const close = () => {
    setCurrent('')
    setNext('')
    setAgain('')
    setError(null)
    onClose()
  }
  const submit = async () => {
    setBusy(true)
    setError(null)
    try {
      await api.changePassword({current, new: next})
      toast('Password changed; your other sessions were ended')
      close()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  const show = {visibilityToggleButtonProps: {'aria-label': 'Show the password'}}
  return (
    <Modal opened={opened} onClose={close} title="Change password" closeButtonProps={{'aria-label': 'Close'}}>
      <Form onSubmit={() => void submit()}>
        <input type="text" name="username" autoComplete="username" value={session.user.name} readOnly hidden />
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          data-autofocus
          value={current}
          onChange={(e) => setCurrent(e.currentTarget.value)}
          error={wrong && 'is not your current password'}
          {...show}
        />
        <PasswordInput
          label="New password"
          description={`At least ${minBytes} characters`}
          autoComplete="new-password"
          value={next}
          onChange={(e) => setNext(e.currentTarget.value)}
          error={passwordProblem(next)}
          {...show}
        />
        <PasswordInput
          label="New password again"
          autoComplete="new-password"
          value={again}
          onChange={(e) => setAgain(e.currentTarget.value)}
          error={again !== '' && again !== next && 'differs from the new password'}
          {...show}
        />
        {error !== null && !wrong && <ErrorBox error={error} />}
        <div className="row" style={{justifyContent: 'flex-end'}}>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={current === '' || next === '' || next !== again || passwordProblem(next) !== null}>
            Change password
          </Button>
        </div>
      </Form>
    </Modal>
  )
}
