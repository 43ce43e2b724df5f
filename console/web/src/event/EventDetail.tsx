import {Button} from '@mantine/core'
import {useState, type ReactNode} from 'react'
import {useNavigate} from 'react-router'
import {hasStatus} from '../api/client'
import type {Event, Step} from '../api/gen'
import {useEvent} from '../api/queries'
import {ExceptionDrawer, type Draft} from '../exception/ExceptionForm'
import {duration} from '../lib/format'
import {stamp} from '../lib/time'
import {RuleActionsDrawer, type ActionsDraft} from '../rule/RuleActions'
import {useCan} from '../session/session'
import {copyText} from '../widgets/browser'
import {IconButton} from '../widgets/IconButton'
import {Empty, ErrorBox, Skel} from '../widgets/states'
import {Circumstances} from './Circumstances'
import {curlCommand} from './curl'
import {MatchedRule} from './MatchedRule'
import {RequestCard} from './RequestCard'
import {Similar} from './Similar'
import {Verdict} from './Verdict'

interface Props {
  id: string
  onClose?: () => void
  onPrevious?: () => void
  onNext?: () => void
  /** Address of the page that shows this event alone. */
  fullPage?: string
}

/** Everything about one event, beside the list or on a page of its own. */
export function EventDetail(props: Props) {
  const query = useEvent(props.id)
  const retry = () => void query.refetch()
  return (
    <>
      <Head {...props} e={query.data} />
      {query.isError ? <Failed error={query.error} retry={retry} /> : query.data ? <Detail e={query.data} /> : <Loading />}
    </>
  )
}

function Head({id, onClose, onPrevious, onNext, fullPage, e}: Props & {e: Event | undefined}) {
  const navigate = useNavigate()
  return (
    <div className="detail-head">
      {onClose && (
        <>
          <IconButton icon="close" label="Close (Esc)" onClick={onClose} />
          <IconButton icon="up" label="Previous (k)" disabled={!onPrevious} onClick={onPrevious} />
          <IconButton icon="down" label="Next (j)" disabled={!onNext} onClick={onNext} />
        </>
      )}
      <span className="mono faint clip grow" style={{padding: '0 6px'}}>
        {id}
      </span>
      {e && (
        <>
          <IconButton icon="copy" label="Copy the id" onClick={() => void copyText(e.id, 'Id')} />
          <IconButton icon="terminal" label="Copy as curl" onClick={() => void copyText(curlCommand(e), 'curl command')} />
          <Button variant="subtle" color="gray" px={8} onClick={() => void copyText(JSON.stringify(e, null, 2), 'JSON')}>
            JSON
          </Button>
        </>
      )}
      {fullPage && <IconButton icon="expand" label="Open as a page" onClick={() => void navigate(fullPage)} />}
    </div>
  )
}

function Failed({error, retry}: {error: unknown; retry: () => void}) {
  if (hasStatus(error, 404))
    return (
      <Empty title="There is no event with this id" icon="search">
        <p>It may be too old to be kept, or it has not reached the lake yet.</p>
        <Button variant="default" onClick={retry}>
          Look again
        </Button>
      </Empty>
    )
  return (
    <div className="detail">
      <ErrorBox error={error} retry={retry} />
    </div>
  )
}

function Loading() {
  return (
    <div className="detail" role="status" aria-label="Loading">
      <Skel h={124} />
      <Skel h={280} />
      <Skel h={200} />
    </div>
  )
}

function Detail({e}: {e: Event}) {
  const [draft, setDraft] = useState<Draft | null>(null)
  const [actions, setActions] = useState<ActionsDraft | null>(null)
  const timeline = e.timeline ?? []
  return (
    <div className="detail">
      <Verdict e={e} />
      <RequestCard e={e} matches={e.verdict.matches ?? []} />
      <MatchedRules e={e} onAllow={setDraft} onAction={setActions} />
      {timeline.length > 0 && <Timeline steps={timeline} start={e.time} />}
      <Circumstances e={e} />
      <Similar e={e} />
      <ExceptionDrawer draft={draft} onClose={() => setDraft(null)} />
      <RuleActionsDrawer draft={actions} onClose={() => setActions(null)} />
    </div>
  )
}

interface MatchedRulesProps {
  e: Event
  onAllow: (draft: Draft) => void
  onAction: (draft: ActionsDraft) => void
}

function MatchedRules({e, onAllow, onAction}: MatchedRulesProps) {
  const may = useCan('operator')
  const matches = e.verdict.matches ?? []
  return (
    <Card title="Rules that matched" aside={<span className="badge">{matches.length}</span>}>
      {matches.length === 0 && <p className="card-body dim">No rule matched.</p>}
      {matches.map((m, i) => (
        <MatchedRule
          key={i}
          m={m}
          first={matches.findIndex((o) => o.rule_id === m.rule_id) === i}
          onAllow={may ? () => onAllow({exception: {service_id: e.service_id}, from: {event: e, match: m}}) : undefined}
          onAction={may && e.service_id ? () => onAction({service: {id: e.service_id, name: e.service}, match: m}) : undefined}
        />
      ))}
    </Card>
  )
}

function Timeline({steps, start}: {steps: Step[]; start: string}) {
  return (
    <Card title="Timeline" aside={<span className="faint">{stamp(Date.parse(start), true)}</span>}>
      <ol className="steps card-body">
        {steps.map((s, i) => (
          <li key={i}>
            <span className="at">{s.at_ns === 0 ? '0' : '+' + duration(s.at_ns)}</span>
            <span className="knot" />
            <span className="wrap">{s.text}</span>
          </li>
        ))}
      </ol>
    </Card>
  )
}

function Card({title, aside, children}: {title: string; aside: ReactNode; children: ReactNode}) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  )
}
