import type {Event} from '../api/gen'
import {attacksOf, attackTitle} from '../lib/attacks'
import {cx} from '../lib/cx'
import {stamp} from '../lib/time'
import {ActionBadge, ModeBadge} from '../widgets/badges'

/** The reason of the verdict as a sentence. */
function why(e: Event): string {
  const v = e.verdict
  const byResponse = v.outbound_threshold > 0 && v.outbound_score >= v.outbound_threshold && !(v.score >= v.threshold)
  const reached = byResponse
    ? `the response score ${v.outbound_score} reached the threshold ${v.outbound_threshold}`
    : `the score ${v.score} reached the threshold ${v.threshold}`
  if (e.action === 'block') return v.blocked && (byResponse || v.score >= v.threshold) ? `Blocked: ${reached}.` : 'Blocked.'
  if (e.action === 'pass') return 'No rule matched.'
  if (v.blocked) return `It passed because this server group was in ${e.mode}. In the mode active it would have been blocked: ${reached}.`
  return `It passed: the score ${v.score} stayed below the threshold ${v.threshold}.`
}

/** What was decided about a request, and why. */
export function Verdict({e}: {e: Event}) {
  const v = e.verdict
  const attacks = attacksOf(v.matches ?? []).map(attackTitle)
  const title =
    attacks.length > 0
      ? attacks.slice(0, 2).join(', ') + (attacks.length > 2 ? ` and ${attacks.length - 2} more` : '')
      : (v.matches ?? []).length > 0
        ? 'Rule match'
        : 'Ordinary request'
  return (
    <section className={cx('card verdict', e.action)}>
      <div className="row" style={{flexWrap: 'wrap', marginBottom: 6}}>
        <ActionBadge action={e.action} />
        <ModeBadge mode={e.mode} />
        <span className="faint">{stamp(Date.parse(e.time), true)}</span>
      </div>
      <h2>{title}</h2>
      <p className="dim wrap" style={{marginTop: 3}}>
        {why(e)}
      </p>
      {e.reason && !e.reason.includes('score') && (
        <p className="faint wrap" style={{fontSize: 12, marginTop: 2}}>
          The gateway says: {e.reason}
        </p>
      )}
      <ScoreBar label="Score" score={v.score} threshold={v.threshold} action={e.action} />
      {v.outbound_score > 0 && <ScoreBar label="Response" score={v.outbound_score} threshold={v.outbound_threshold} action={e.action} />}
      {v.truncated && (
        <div className="notice warn" style={{marginTop: 10}}>
          The body was longer than the engine looks at; what came after was not inspected.
        </div>
      )}
      {v.error && (
        <div className="notice bad" style={{marginTop: 10}}>
          The engine failed: {v.error}
        </div>
      )}
    </section>
  )
}

function ScoreBar({label, score, threshold, action}: {label: string; score: number; threshold: number; action: string}) {
  const max = Math.max(score, threshold * 2, 1)
  const over = threshold > 0 && score >= threshold
  return (
    <div className="score">
      <span className="dim">{label}</span>
      <svg viewBox="0 0 200 8" preserveAspectRatio="none" role="img" aria-label={`${label} ${score}, threshold ${threshold}`}>
        <rect width="200" height="8" fill="var(--grey-soft)" />
        <rect
          width={(200 * score) / max}
          height="8"
          fill={over ? (action === 'block' ? 'var(--red-solid)' : 'var(--amber-solid)') : 'var(--grey-solid)'}
        />
        {threshold > 0 && (
          <line
            x1={(200 * threshold) / max}
            x2={(200 * threshold) / max}
            y1="0"
            y2="8"
            stroke="var(--text)"
            strokeWidth="2"
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      <span className="nowrap">
        <b>{score}</b> <span className="dim">· blocks at {threshold}</span>
      </span>
    </div>
  )
}
