import {Button, TextInput} from '@mantine/core'
import {useEffect, useRef, useState, type ReactNode} from 'react'
import {hasStatus} from '../api/client'
import {keys} from '../api/keys'
import {Form} from '../widgets/Form'
import {FormButtons} from '../widgets/FormButtons'
import {ErrorBox} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useSaveDelete} from '../widgets/useSaveDelete'

/** The kinds of objects as the user calls them. */
export const kindTitle = {site: 'site', group: 'server group', service: 'service', route: 'route'}

/** What a change of an object can change: the services of a group, the routes of a service, and what is counted by them. */
const affected = [keys.sites, keys.serverGroups, keys.services, keys.routes, keys.overview, keys.gateways]

interface Props {
  kind: keyof typeof kindTitle
  name: string
  isNew: boolean
  save: () => Promise<unknown>
  remove?: () => Promise<void>
  /** Tells what else a deletion takes away. */
  consequence: string
  fields: string[]
  valid: boolean
  onClose: () => void
  children: (errors: Record<string, string>) => ReactNode
}

/** What the forms have in common: saving, deleting, and the server's problems beside the fields that they are about. */
export function ObjectForm({kind, name, isNew, save, remove, consequence, fields, valid, onClose, children}: Props) {
  const done = (what: string) => {
    toast(`${name} ${what}`)
    onClose()
  }
  const form = useSaveDelete({
    save,
    onSaved: () => done(isNew ? 'created' : 'saved'),
    remove: remove ?? (() => Promise.resolve()),
    onRemoved: () => done('deleted'),
    changes: affected,
    fields,
  })
  const {error} = form
  const element = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (error) element.current?.querySelector('[role=alert], .mantine-InputWrapper-error, .field-error')?.scrollIntoView({block: 'center'})
  }, [error])
  // The lists are read again after each attempt, so that closing the form is enough.
  const conflict = hasStatus(form.saveError, 409) && !isNew
  return (
    <Form ref={element} gap={14} onSubmit={() => valid && form.save()}>
      {conflict ? (
        <div className="notice warn" role="alert">
          <div className="grow">
            <b>Someone else changed this in the meantime.</b> Reload to see the current state; what you typed here is lost then.
          </div>
          <Button variant="default" onClick={onClose}>
            Reload
          </Button>
        </div>
      ) : (
        form.otherError && <ErrorBox error={form.otherError} />
      )}
      {children(form.problems)}
      <FormButtons
        submit={isNew ? `Create ${kindTitle[kind]}` : 'Save'}
        busy={form.saving}
        disabled={!valid}
        onCancel={onClose}
        deletion={remove && {name, consequence, busy: form.removing, run: form.remove}}
      />
    </Form>
  )
}

interface NameFieldProps {
  description?: string
  value: string
  onChange: (value: string) => void
  error: string | undefined
}

/** The name of an object; an empty one is reported once the user has left the field. */
export function NameField({description, value, onChange, error}: NameFieldProps) {
  const [left, setLeft] = useState(false)
  return (
    <TextInput
      label="Name"
      description={description}
      data-autofocus
      value={value}
      onBlur={() => setLeft(true)}
      onChange={(e) => onChange(e.currentTarget.value)}
      error={error ?? (left && value.trim() === '' ? 'is needed' : undefined)}
    />
  )
}
