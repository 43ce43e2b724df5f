// The drawer that creates, changes and deletes an exception: from a match of an event
// it proposes scopes, the narrowest first, and shows what each would have let pass.
import {Checkbox, Radio, Select, Textarea, TextInput} from '@mantine/core'
import {useDebouncedValue} from '@mantine/hooks'
import {useState} from 'react'
import {Link} from 'react-router'
import {api, problemsOf} from '../api/client'
import type {Event, Exception, Match, PreviewSample} from '../api/gen'
import {keys} from '../api/keys'
import {useExceptionPreview, useServices} from '../api/queries'
import {expiryWords, inDays, isPlainPath, proposals, type Scope} from './scope'
import {plural} from '../lib/format'
import {lines, problemsByField} from '../lib/problems'
import {shortStamp, stamp} from '../lib/time'
import {EditDrawer} from '../widgets/EditDrawer'
import {useSaveDelete} from '../widgets/useSaveDelete'
import {FormButtons} from '../widgets/FormButtons'
import {eventLink} from '../lib/links'
import {ActionBadge} from '../widgets/badges'
import {ErrorBox, Skel} from '../widgets/states'
import {toast} from '../widgets/toast'
import {useSession} from '../session/session'

export interface Draft {
  exception: Partial<Exception>
  /** The match that the exception is made from. */
  from?: {event: Event; match: Match}
}

export function ExceptionDrawer({draft, onClose}: {draft: Draft | null; onClose: () => void}) {
  const title = (d: Draft) => (d.exception.id ? 'Edit exception' : d.from ? 'Allow like this' : 'New exception')
  return (
    <EditDrawer edited={draft} onClose={onClose} title={title}>
      {(d) => <Form key={formKey(d)} draft={d} onClose={onClose} />}
    </EditDrawer>
  )
}

/** A form keeps what it began with; another exception, revision or match begins another one. */
const formKey = ({exception: x, from}: Draft) =>
  JSON.stringify([x.id, x.revision, from?.event.id, from?.match.rule_id, from?.match.variable])

/** The fields of a scope as they are typed. */
interface Typed {
  rules: string
  target: string
  path: string
  methods: string
  sources: string
}

const typed = (s: Scope): Typed => ({
  rules: s.tag ? s.tag : s.rule_id ? String(s.rule_id) + (s.rule_id_last ? `-${s.rule_id_last}` : '') : '',
  target: s.target ?? '',
  path: s.path_prefix ?? '',
  methods: (s.methods ?? []).join(', '),
  sources: (s.sources ?? []).join('\n'),
})

/** What was typed as a scope; the server checks it. */
function scopeOf(t: Typed): Scope {
  const range = /^(\d+)(?:\s*-\s*(\d+))?$/.exec(t.rules.trim())
  return {
    ...(range ? {rule_id: Number(range[1]), ...(range[2] ? {rule_id_last: Number(range[2])} : {})} : {tag: t.rules.trim()}),
    target: t.target.trim(),
    path_prefix: t.path.trim(),
    methods: t.methods
      .toUpperCase()
      .split(/[\s,]+/)
      .filter(Boolean),
    sources: lines(t.sources),
  }
}

/** The fields of the form as the server names them. */
const scopeFields = ['rule_id', 'rule_id_last', 'tag', 'target', 'path_prefix', 'methods', 'sources', 'service_id', 'owner', 'comment']

const ends = [
  {value: '1', label: 'In 1 day'},
  {value: '7', label: 'In 7 days'},
  {value: '30', label: 'In 30 days'},
  {value: '90', label: 'In 90 days'},
  {value: '365', label: 'In a year'},
  {value: 'never', label: 'Never'},
]

function Form({draft, onClose}: {draft: Draft; onClose: () => void}) {
  const {exception: old, from} = draft
  const me = useSession().user
  const [now] = useState(Date.now)
  const offers = from ? proposals(from.event, from.match) : []
  const [choice, setChoice] = useState(offers[0]?.key ?? 'own')
  const [fields, setFields] = useState(() => typed(offers[0]?.scope ?? old))
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
  })
  const {error} = form
  const found = problemsByField(problemsOf(error), scopeFields)
  const set = (f: Partial<Typed>) => setFields({...fields, ...f})
  const choose = (key: string) => {
    if (key === 'own') setFields(typed(scope)) // go on from what was chosen
    setChoice(key)
  }
  const words = comment.trim() === '' ? 'Say why, for those who find the exception later' : undefined

  // What went wrong stands beside the buttons: the form is longer than the window.
  return (
    <form
      className="stack"
      style={{gap: 14}}
      onSubmit={(e) => {
        e.preventDefault()
        setTouched(true)
        if (complete && !words) form.save()
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
          error={found.fields.service_id}
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
            <Radio value="own" label="Something else" description="Say it in your own words, beginning with what is chosen now" />
          </div>
        </Radio.Group>
      )}
      {from && !isPlainPath(from.event.request.path) && (
        <div className="notice">
          This path has escapes or dot segments, which may mean another path to the application; no exception can be bound to it.
        </div>
      )}
      {choice === 'own' && (
        <>
          <TextInput
            label="Rules"
            description="An id, a range of ids or a tag"
            placeholder="942100, 942100-942199 or attack-sqli"
            value={fields.rules}
            onChange={(e) => set({rules: e.currentTarget.value})}
            error={found.fields.rule_id ?? found.fields.rule_id_last ?? found.fields.tag}
            classNames={{input: 'mono'}}
          />
          <TextInput
            label="Variable"
            description="What the rules no longer look at; empty takes the whole rules away"
            placeholder="ARGS:q or REQUEST_COOKIES:/^sess/"
            value={fields.target}
            onChange={(e) => set({target: e.currentTarget.value})}
            error={found.fields.target}
            classNames={{input: 'mono'}}
          />
          <TextInput
            label="Path"
            description="This path and what is below it; empty for every path"
            placeholder="/search"
            value={fields.path}
            onChange={(e) => set({path: e.currentTarget.value})}
            error={found.fields.path_prefix}
            classNames={{input: 'mono'}}
          />
          <TextInput
            label="Methods"
            description="Empty for any"
            placeholder="GET, POST"
            value={fields.methods}
            onChange={(e) => set({methods: e.currentTarget.value})}
            error={found.fields.methods}
            classNames={{input: 'mono'}}
          />
          <Textarea
            label="Clients"
            description="Networks, one a line; empty for everybody"
            placeholder="10.0.0.0/8"
            autosize
            minRows={1}
            value={fields.sources}
            onChange={(e) => set({sources: e.currentTarget.value})}
            error={found.fields.sources}
            classNames={{input: 'mono'}}
          />
        </>
      )}
      <PreviewBox scope={scope} service={service} enabled={complete} active={Boolean(old.id && old.enabled)} />
      <Select
        label="Ends"
        description={expires ? stamp(Date.parse(expires)).slice(0, 16) : 'It stays until somebody deletes it'}
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
        error={found.fields.comment ?? (touched ? words : undefined)}
      />
      <TextInput
        label="Owner"
        description="Whom to ask"
        value={owner}
        onChange={(e) => setOwner(e.currentTarget.value)}
        error={found.fields.owner}
      />
      {old.id && (
        <Checkbox
          label="In use"
          description="Without it the exception is kept but does nothing"
          checked={enabled}
          onChange={(e) => setEnabled(e.currentTarget.checked)}
        />
      )}
      {error && (found.rest.length > 0 || Object.keys(found.fields).length === 0) && <ErrorBox error={error} />}
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
    </form>
  )
}

/** What the exception would have done to the events of the last 7 days. */
function PreviewBox({scope, service, enabled, active}: {scope: Scope; service: string; enabled: boolean; active: boolean}) {
  const [asked] = useDebouncedValue(JSON.stringify({...scope, service_id: service, comment: '', enabled: true} satisfies Exception), 300)
  const preview = useExceptionPreview(JSON.parse(asked) as Exception, enabled)
  if (!enabled) return null
  if (preview.isError) return <ErrorBox error={preview.error} title="No preview:" />
  if (!preview.data) return <Skel h={62} />
  const p = preview.data
  return (
    <section className="card" aria-live="polite" style={{opacity: preview.isPlaceholderData ? 0.6 : 1}}>
      <div className="card-body" style={{paddingTop: 11}}>
        {p.touched === 0 ? (
          <p>Would have touched no event of the last 7 days.</p>
        ) : (
          <p>
            Would have touched <b>{plural(p.touched, 'event')}</b> of the last 7 days, <b>{p.passed.toLocaleString('en')}</b> would have
            passed.
          </p>
        )}
        {p.touched > p.passed && p.passed === 0 && (
          <p className="dim">Other rules still reach the threshold, or these events were not blocked anyway.</p>
        )}
        {p.truncated && <p className="dim">There are more: only the newest {p.looked.toLocaleString('en')} events were looked at.</p>}
        {active && <p className="dim">It is in force: what it takes away is no longer reported, so only events from before count.</p>}
        {p.samples.length > 0 && (
          <details style={{marginTop: 6}}>
            <summary className="dim" style={{cursor: 'pointer'}}>
              Look at {p.samples.length < p.touched ? `${p.samples.length} of them` : 'them'}
            </summary>
            {p.samples.map((s) => (
              <Sample key={s.event.id} s={s} />
            ))}
          </details>
        )}
      </div>
    </section>
  )
}

function Sample({s}: {s: PreviewSample}) {
  return (
    <Link to={eventLink(s.event.id)} target="_blank" className="row" style={{padding: '4px 0'}}>
      <span className="dim nowrap">{shortStamp(Date.parse(s.event.time))}</span>
      <ActionBadge action={s.event.action} />
      <span className="mono clip grow" title={`${s.event.score} would have been ${s.score}`}>
        {s.event.method} {s.event.path}
        {s.event.query && '?' + s.event.query}
      </span>
      {s.passed && <span className="badge alert">passes</span>}
    </Link>
  )
}
