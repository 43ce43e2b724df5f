// The drawer that says what a service makes of single rules: of one rule, from a match
// of an event, or of all that it changes, from the service.
import {Button, Radio, Select, TextInput} from '@mantine/core'
import {useMutation, useQueryClient} from '@tanstack/react-query'
import {useRef, useState} from 'react'
import {api, hasStatus, problemsOf} from '../api/client'
import type {Match, RuleAction, RuleActions} from '../api/gen'
import {actionTitle, choiceOf, choices, problemsByRule, ruleOf, withChoice, type Choice} from './actions'
import {Icon} from '../widgets/icons'
import {Form} from '../widgets/Form'
import {IconButton} from '../widgets/IconButton'
import {ErrorBox, Skel, SkelRows} from '../widgets/states'
import {toast} from '../widgets/toast'
import {RuleWords} from './RuleWords'
import {keys} from '../api/keys'
import {useRule, useRuleActions} from '../api/queries'
import {EditDrawer} from '../widgets/EditDrawer'
import {useCan} from '../session/session'

export interface ActionsDraft {
  service: {id: string; name: string}
  /** The match that the action is chosen from; without one all actions of the service are listed. */
  match?: Pick<Match, 'rule_id' | 'message'>
}

export function RuleActionsDrawer({draft, onClose}: {draft: ActionsDraft | null; onClose: () => void}) {
  return (
    <EditDrawer edited={draft} onClose={onClose} title={(d) => (d.match ? 'What this rule does' : 'Rule actions')}>
      {(d) => <Loaded key={d.service.id + ' ' + (d.match?.rule_id ?? '')} draft={d} onClose={onClose} />}
    </EditDrawer>
  )
}

function Loaded({draft, onClose}: {draft: ActionsDraft; onClose: () => void}) {
  const actions = useRuleActions(draft.service.id)
  const [all, setAll] = useState(draft.match === undefined)
  if (actions.isError) return <ErrorBox error={actions.error} retry={() => void actions.refetch()} />
  if (!actions.data) return draft.match ? <Skel h={240} /> : <SkelRows rows={4} />
  // A form keeps its initial values; another revision makes React build it anew.
  const key = String(actions.data.revision)
  return all ? (
    <List key={key} draft={draft} stored={actions.data} onClose={onClose} />
  ) : (
    <One key={key} draft={draft} stored={actions.data} onClose={onClose} onAll={() => setAll(true)} />
  )
}

/** Stores the actions; a conflicting change by someone else is reported and read. */
function useSave(draft: ActionsDraft, stored: RuleActions, done: () => void) {
  const queries = useQueryClient()
  const key = keys.ruleActions(draft.service.id)
  return useMutation({
    mutationFn: (actions: RuleAction[]) => api.setRuleActions(draft.service.id, {revision: stored.revision, actions}),
    onSuccess: (saved) => {
      done()
      queries.setQueryData(key, saved)
    },
    onError: (e) => {
      if (hasStatus(e, 409)) {
        toast('Someone else changed the rule actions; check them again and save', 'bad')
        void queries.invalidateQueries({queryKey: key})
      }
    },
  })
}

/** One rule, as it matched in an event. */
function One({draft, stored, onClose, onAll}: {draft: ActionsDraft; stored: RuleActions; onClose: () => void; onAll: () => void}) {
  const {rule_id, message} = draft.match!
  const before = choiceOf(stored.actions, rule_id)
  const [choice, setChoice] = useState<Choice>(before)
  const save = useSave(draft, stored, () => {
    toast(choice === '' ? `Rule ${rule_id} does what it is written to` : `Rule ${rule_id}: ${actionTitle(choice).toLowerCase()}, in force`)
    onClose()
  })
  const others = stored.actions.filter((a) => a.rule_id !== rule_id).length
  return (
    <Form
      gap={14}
      onSubmit={() => {
        if (choice !== before) save.mutate(withChoice(stored.actions, rule_id, choice))
      }}
    >
      <div>
        <p className="wrap">
          <b className="mono">{rule_id}</b> {message}
        </p>
        <RuleWords id={rule_id} />
      </div>
      <Radio.Group
        label={`In the service ${draft.service.name}`}
        description="For every request; an exception is narrower"
        value={choice}
        onChange={(v) => setChoice(v as Choice)}
      >
        <div className="stack" style={{gap: 9, marginTop: 8}}>
          {choices.map((c) => (
            <Radio
              key={c.value}
              value={c.value}
              label={c.title + (c.value === before ? ' (now)' : '')}
              description={c.description}
              autoFocus={c.value === before}
            />
          ))}
        </div>
      </Radio.Group>
      {save.error && <ErrorBox error={save.error} />}
      <div className="row" style={{marginTop: 4, flexWrap: 'wrap'}}>
        <Button type="submit" loading={save.isPending} disabled={choice === before}>
          Save
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <span className="grow" />
        <Button variant="subtle" onClick={onAll}>
          {others === 0 ? 'All of the service' : `${others} more of the service`}
        </Button>
      </div>
    </Form>
  )
}

/** All rules that the service changes. */
function List({draft, stored, onClose}: {draft: ActionsDraft; stored: RuleActions; onClose: () => void}) {
  const may = useCan('operator')
  const [list, setList] = useState(stored.actions)
  const [typed, setTyped] = useState('')
  const [choice, setChoice] = useState<Choice>('alert')
  const [problem, setProblem] = useState('')
  const input = useRef<HTMLInputElement>(null)
  const save = useSave(draft, stored, () => {
    toast('Rule actions in force')
    onClose()
  })
  const found = problemsByRule(problemsOf(save.error), list)
  const changed = JSON.stringify(list) !== JSON.stringify(stored.actions)
  /** Puts what is typed into the list and returns that; nothing if it is no rule. */
  const add = (): RuleAction[] | undefined => {
    if (typed.trim() === '') return list
    const r = ruleOf(typed, list)
    input.current?.focus()
    if ('problem' in r) {
      setProblem(r.problem)
      return undefined
    }
    const next = withChoice(list, r.rule, choice)
    setList(next)
    setTyped('')
    setProblem('')
    return next
  }
  return (
    <Form
      gap={14}
      onSubmit={() => {
        const next = add() // what is typed is meant, too
        if (next && JSON.stringify(next) !== JSON.stringify(stored.actions)) save.mutate(next)
      }}
    >
      <p className="dim">
        What the service <b style={{color: 'var(--text)'}}>{draft.service.name}</b> makes of single rules, for every request. To spare only
        some requests, make an exception instead.
      </p>
      {list.length === 0 ? (
        <div className="notice">Every rule does what it is written to.</div>
      ) : (
        <ul className="actions" aria-label="Rules with another action">
          {list.map((a) => (
            <Entry
              key={a.rule_id}
              a={a}
              may={may}
              problem={found.rules[a.rule_id]}
              onChange={(c) => setList(withChoice(list, a.rule_id, c))}
            />
          ))}
        </ul>
      )}
      {may && (
        <div className="actions-add">
          <TextInput
            ref={input}
            label="Add a rule"
            placeholder="942100"
            inputMode="numeric"
            value={typed}
            error={problem || undefined}
            onChange={(e) => {
              setTyped(e.currentTarget.value)
              setProblem('')
            }}
            onKeyDown={(e) => {
              if (e.key !== 'Enter' || typed.trim() === '') return
              e.preventDefault() // it adds; it saves when the field is empty
              add()
            }}
            classNames={{input: 'mono'}}
            autoFocus // the list comes after the drawer has chosen what to focus
          />
          <ActionSelect label="What it does" value={choice} onChange={setChoice} />
          <Button variant="default" leftSection={<Icon name="plus" />} onClick={add} disabled={typed.trim() === ''}>
            Add
          </Button>
        </div>
      )}
      {save.error && (found.rest.length > 0 || Object.keys(found.rules).length === 0) && <ErrorBox error={save.error} />}
      <div className="row" style={{marginTop: 4}}>
        {may && (
          <Button type="submit" loading={save.isPending} disabled={!changed && typed.trim() === ''}>
            Save
          </Button>
        )}
        <Button variant="default" onClick={onClose}>
          {may ? 'Cancel' : 'Close'}
        </Button>
        <span className="grow" />
        {changed && <span className="faint">not saved yet</span>}
      </div>
    </Form>
  )
}

function Entry({a, may, problem, onChange}: {a: RuleAction; may: boolean; problem?: string; onChange: (c: Choice) => void}) {
  const rule = useRule(a.rule_id)
  const missing = hasStatus(rule.error, 404)
  return (
    <li>
      <div className="what">
        <b className="mono">{a.rule_id}</b>{' '}
        <span role={missing && problem ? 'alert' : undefined} className={missing ? 'bad-text' : 'dim'}>
          {rule.data ? rule.data.message || rule.data.looks_for : missing ? 'no rule in force has this id' : ''}
        </span>
        {problem && !missing && <span className="bad-text"> {problem}</span>}
      </div>
      {may ? (
        <ActionSelect hidden label={`What rule ${a.rule_id} does`} value={a.action} onChange={onChange} />
      ) : (
        <span className="badge">{actionTitle(a.action)}</span>
      )}
      {may && <IconButton icon="trash" label={`Rule ${a.rule_id} as written again`} onClick={() => onChange('')} />}
    </li>
  )
}

function ActionSelect({label, hidden, value, onChange}: {label: string; hidden?: boolean; value: Choice; onChange: (c: Choice) => void}) {
  return (
    <Select
      {...(hidden ? {'aria-label': label} : {label})}
      allowDeselect={false}
      data={choices.filter((c) => c.value !== '').map((c) => ({value: c.value, label: c.title}))}
      value={value}
      onChange={(v) => v && onChange(v as Choice)}
    />
  )
}
