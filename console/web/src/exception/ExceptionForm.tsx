// The drawer that creates, changes and deletes an exception: from a match of an event
// it proposes scopes, the narrowest first, and shows what each would have let pass.
import {Checkbox, Radio, Select, Textarea, TextInput} from '@mantine/core'
import {useState} from 'react'
import {api} from '../api/client'
import type {Event, Exception, Match} from '../api/gen'
import {keys} from '../api/keys'
import {useServices} from '../api/queries'
import {stamp} from '../lib/time'
import {useSession} from '../session/session'
import {EditDrawer} from '../widgets/EditDrawer'
import {Form} from '../widgets/Form'
import {FormButtons} from '../widgets/FormButtons'
import {ErrorBox} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useSaveDelete} from '../widgets/useSaveDelete'
import {Preview} from './Preview'
import {expiryWords, inDays, isPlainPath, proposals, scopeOf, typedScope} from './scope'
import {ScopeFields} from './ScopeFields'

export interface Draft {
  exception: Partial<Exception>
  /** The match that the exception is made from. */
  from?: {event: Event; match: Match}
}

export function ExceptionDrawer({draft, onClose}: {draft: Draft | null; onClose: () => void}) {
  const title = (d: Draft) => (d.exception.id ? 'Edit exception' : d.from ? 'Allow like this' : 'New exception')
  return (
    <EditDrawer edited={draft} onClose={onClose} title={title}>
      {(d) => <ExceptionForm key={formKey(d)} draft={d} onClose={onClose} />}
    </EditDrawer>
  )
}

/** A form keeps its initial values; another exception, revision or match makes React build a new one. */
const formKey = ({exception: x, from}: Draft) =>
  JSON.stringify([x.id, x.revision, from?.event.id, from?.match.rule_id, from?.match.variable])

/** The fields of the form as the server names them. */
const fieldNames = ['rule_id', 'rule_id_last', 'tag', 'target', 'path_prefix', 'methods', 'sources', 'service_id', 'owner', 'comment']

const ends = [
  {value: '1', label: 'In 1 day'},
  {value: '7', label: 'In 7 days'},
  {value: '30', label: 'In 30 days'},
  {value: '90', label: 'In 90 days'},
  {value: '365', label: 'In a year'},
  {value: 'never', label: 'Never'},
]

function ExceptionForm({draft, onClose}: {draft: Draft; onClose: () => void}) {
  const {exception: old, from} = draft
  const me = useSession().user
  const [now] = useState(Date.now)
  const offers = from ? proposals(from.event, from.match) : []
  const [choice, setChoice] = useState(offers[0]?.key ?? 'own')
  const [fields, setFields] = useState(() => typedScope(offers[0]?.scope ?? old))
  const [service, setService] = useState(old.service_id ?? '')
  const [end, setEnd] = useState(old.id ? 'keep' : '30')
  const [owner, setOwner] = useState(old.owner ?? me.name)
  const [comment, setComment] = useState(old.comment ?? '')
  const [enabled, setEnabled] = useState(old.enabled ?? true)
  const [touched, setTouched] = useState(false)
  const services = useServices({enabled: !old.service_id})
  const scope = choice === 'own' ? scopeOf(fields) : (offers.find((o) => o.key === choice)?.scope ?? {})
  const complete = service !== '' && (Boolean(scope.tag) || Boolean(scope.rule_id))
  const expires = end === 'keep' ? old.expires : end === 'never' ? undefined : inDays(Number(end), now)
  const body: Exception = {
    id: old.id,
    revision: old.revision,
    service_id: service,
    ...scope,
    ...(expires ? {expires} : {}),
    owner: owner.trim(),
    comment: comment.trim(),
    enabled,
  }

  const done = (text: string) => {
    toast(text)
    onClose()
  }
  const form = useSaveDelete({
    save: () => (old.id ? api.updateException(old.id, body) : api.createException(body)),
    onSaved: () => done(old.id ? 'Exception saved' : 'Exception in force'),
    remove: () => api.deleteException(old.id!),
    onRemoved: () => done('Exception deleted'),
    changes: [keys.exceptions],
    fields: fieldNames,
  })
  const choose = (key: string) => {
    if (key === 'own') setFields(typedScope(scope)) // start from what was chosen
    setChoice(key)
  }
  const commentProblem = comment.trim() === '' ? 'Say why, for those who find the exception later' : undefined

  // The error stands beside the buttons: the form is longer than the window.
  return (
    <Form
      gap={14}
      onSubmit={() => {
        setTouched(true)
        if (complete && !commentProblem) form.save()
      }}
    >
      {from && (
        <div>
          <p className="wrap">
            <b className="mono">{from.match.rule_id}</b> {from.match.message}
          </p>
          <p className="dim wrap" style={{marginTop: 2}}>
            at <span className="mono">{from.match.variable}</span> of {from.event.request.method}{' '}
            <span className="mono">{from.event.request.path}</span>
          </p>
        </div>
      )}
      {!old.service_id && (
        <Select
          label="Service"
          placeholder="Choose one"
          data={(services.data ?? []).map((s) => ({value: s.id!, label: s.name}))}
          value={service || null}
          onChange={(v) => setService(v ?? '')}
          error={form.problems.service_id}
          allowDeselect={false}
          data-autofocus
        />
      )}
      {offers.length > 0 && (
        <Radio.Group label="What to allow" description="The narrowest first: take the first one that fits" value={choice} onChange={choose}>
          <div className="stack" style={{gap: 9, marginTop: 8}}>
            {offers.map((o) => (
              <Radio key={o.key} value={o.key} label={<span className="wrap">{o.title}</span>} description={o.description} />
            ))}
            <Radio value="own" label="Something else" description="Write the scope yourself, starting from what is chosen now" />
          </div>
        </Radio.Group>
      )}
      {from && !isPlainPath(from.event.request.path) && (
        <div className="notice">
          This path has escapes or dot segments, which may mean another path to the application; no exception can be bound to it.
        </div>
      )}
      {choice === 'own' && <ScopeFields typed={fields} onChange={setFields} problems={form.problems} />}
      <Preview scope={scope} service={service} enabled={complete} active={Boolean(old.id && old.enabled)} />
      <Select
        label="Ends"
        description={expires ? stamp(Date.parse(expires)).slice(0, 16) : 'It stays until it is deleted'}
        allowDeselect={false}
        data={
          old.id
            ? [
                {value: 'keep', label: old.expires ? `As it is: ${expiryWords(old.expires, now)}` : 'As it is: never'},
                ...ends.filter((e) => old.expires || e.value !== 'never'),
              ]
            : ends
        }
        value={end}
        onChange={(v) => setEnd(v ?? '30')}
      />
      <Textarea
        label="Comment"
        withAsterisk
        description="Why this is no attack"
        placeholder="The search takes SQL from our analysts"
        autosize
        minRows={2}
        value={comment}
        onBlur={() => setTouched(true)}
        onChange={(e) => setComment(e.currentTarget.value)}
        error={form.problems.comment ?? (touched ? commentProblem : undefined)}
      />
      <TextInput
        label="Owner"
        description="Whom to ask"
        value={owner}
        onChange={(e) => setOwner(e.currentTarget.value)}
        error={form.problems.owner}
      />
      {old.id && (
        <Checkbox
          label="In use"
          description="Without it the exception is kept but does nothing"
          checked={enabled}
          onChange={(e) => setEnabled(e.currentTarget.checked)}
        />
      )}
      {form.otherError && <ErrorBox error={form.otherError} />}
      <FormButtons
        submit={old.id ? 'Save' : 'Create exception'}
        busy={form.saving}
        disabled={!complete}
        onCancel={onClose}
        deletion={
          old.id
            ? {
                name: 'this exception',
                consequence: 'The rules look at everything again at once.',
                busy: form.removing,
                run: form.remove,
              }
            : undefined
        }
      />
    </Form>
  )
}
