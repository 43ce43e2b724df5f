import {Button} from '@mantine/core'
import {Link} from 'react-router'
import type {Match} from '../api/gen'
import {spanOfMatch} from '../lib/bytes'
import {eventsLink} from '../lib/links'
import {RuleWords} from '../rule/RuleWords'
import {SeverityBadge} from '../widgets/badges'
import {Payload} from '../widgets/Payload'

interface Props {
  m: Match
  /** The first match of its rule, which also says what the rule looks for. */
  first: boolean
  onAllow?: () => void
  onAction?: () => void
}

/** A match: the rule, the variable, and what of its value matched. */
export function MatchedRule({m, onAllow, onAction, first}: Props) {
  const span = spanOfMatch(m.value, m.offset, m.matched)
  return (
    <div className="rule">
      <div className="rule-top">
        <Link className="link mono" to={eventsLink('rule:' + m.rule_id)} title="Events of this rule">
          {m.rule_id}
        </Link>
        <span className="msg wrap">{m.message}</span>
        <SeverityBadge severity={m.severity} />
        <span className="badge">+{m.score}</span>
      </div>
      {first && <RuleWords id={m.rule_id} />}
      <div className="sub" style={{marginTop: 0}}>
        <span className="mono wrap">{m.variable}</span>
        <span className="faint nowrap">phase {m.phase}</span>
        <span className="row" style={{marginLeft: 'auto', gap: 6}}>
          {onAction && first && (
            <Button variant="default" size="compact-xs" onClick={onAction}>
              Rule action…
            </Button>
          )}
          {onAllow && (
            <Button variant="default" size="compact-xs" onClick={onAllow}>
              Allow like this…
            </Button>
          )}
        </span>
      </div>
      <p className="payload">
        <Payload text={m.value} spans={span ? [span] : []} />
        {m.value === '' && <span className="faint">empty</span>}
      </p>
      {!span && m.matched !== '' && (
        <p className="faint" style={{marginTop: 5}}>
          matched{' '}
          <span className="mono">
            <Payload text={m.matched} />
          </span>
        </p>
      )}
      {m.data && (
        <p className="faint wrap rule-data">
          The rule reports{' '}
          <span className="mono">
            <Payload text={m.data} />
          </span>
        </p>
      )}
      {(m.tags ?? []).length > 0 && (
        <div className="tags">
          {m.tags!.map((t) => (
            <span className="tag" key={t}>
              {t}
            </span>
          ))}
        </div>
      )}
    </div>
  )
}
