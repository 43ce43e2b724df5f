import type {Action, Mode} from '../api/gen'
import {cx} from '../lib/cx'

/** Block, alert or pass, as a word: colour alone is not accessible. */
export function ActionBadge({action}: {action: Action}) {
  return <span className={'badge ' + action}>{{block: 'Block', alert: 'Alert', pass: 'Pass'}[action]}</span>
}

export const modeTitle: Record<Mode, string> = {active: 'Active', simulation: 'Simulation', disabled: 'Disabled'}

export function ModeBadge({mode}: {mode: Mode}) {
  return <span className={'badge ' + mode}>{modeTitle[mode]}</span>
}

const severityClass: Record<string, string> = {critical: 'block', error: 'block', warning: 'alert'}

export function SeverityBadge({severity}: {severity: string}) {
  return severity === '' ? null : <span className={cx('badge', severityClass[severity])}>{severity}</span>
}
