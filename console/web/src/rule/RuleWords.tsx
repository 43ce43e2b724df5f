// A rule in the words of GET /rules/{id}: what it looks for and why that matters.
import {hasStatus} from '../api/client'
import type {Rule} from '../api/gen'
import {useRule} from '../api/queries'
import {Skel} from '../widgets/states'

/** What the rule looks for, with its kind of attack; details has what it is made of. */
export function RuleWords({id}: {id: number}) {
  const rule = useRule(id)
  if (rule.isPending) return <Skel h={38} style={{margin: '6px 0'}} />
  if (rule.isError)
    return (
      <p className="faint rule-words">
        {hasStatus(rule.error, 404) ? 'This rule is no longer in force.' : 'What the rule looks for could not be read.'}
      </p>
    )
  return <Words r={rule.data} />
}

function Words({r}: {r: Rule}) {
  return (
    <details className="rule-words">
      <summary>
        <span className="sr-only">What the rule looks for: </span>
        {r.looks_for}
      </summary>
      <div className="rule-more">
        {r.family !== '' && (
          <p>
            <b>{r.family}.</b> {r.about}
          </p>
        )}
        <p>{r.does}</p>
        <p className="faint mono wrap">{r.place}</p>
        <pre className="payload long" tabIndex={0} role="region" aria-label={`Source of rule ${r.id}`}>
          {r.source}
        </pre>
      </div>
    </details>
  )
}
