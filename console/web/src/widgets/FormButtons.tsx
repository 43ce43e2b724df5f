import {Button} from '@mantine/core'
import {useState} from 'react'
import {Icon} from './icons'

/** What can be deleted with a form. */
export interface Deletion {
  /** What is deleted, as the question names it. */
  name: string
  /** What else a deletion takes away. */
  consequence: string
  busy: boolean
  run: () => void
}

interface Props {
  /** The name of the button that submits the form. */
  submit: string
  busy: boolean
  disabled: boolean
  onCancel: () => void
  /** Without it nothing can be deleted. */
  deletion?: Deletion
}

/** The last line of a form: submit, cancel, and a deletion that asks before it is done. */
export function FormButtons({submit, busy, disabled, onCancel, deletion}: Props) {
  const [asking, setAsking] = useState(false)
  if (asking && deletion) {
    return (
      <div className="notice bad">
        <div className="grow">
          <b>Delete {deletion.name}?</b> {deletion.consequence}
          <div className="row" style={{marginTop: 10}}>
            <Button color="red" loading={deletion.busy} onClick={deletion.run}>
              Delete
            </Button>
            <Button variant="default" onClick={() => setAsking(false)}>
              Keep it
            </Button>
          </div>
        </div>
      </div>
    )
  }
  return (
    <div className="row" style={{marginTop: 4}}>
      <Button type="submit" loading={busy} disabled={disabled}>
        {submit}
      </Button>
      <Button variant="default" onClick={onCancel}>
        Cancel
      </Button>
      <span className="grow" />
      {deletion && (
        <Button variant="subtle" color="red" c="var(--red)" leftSection={<Icon name="trash" />} onClick={() => setAsking(true)}>
          Delete
        </Button>
      )}
    </div>
  )
}
