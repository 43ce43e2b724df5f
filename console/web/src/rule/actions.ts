// What the rule actions of a service are, in words, and how to change them.
import type {RuleAction} from '../api/gen'

/** What a service makes of a rule; '' leaves it as it is written. */
export type Choice = RuleAction['action'] | ''

export const choices: {value: Choice; title: string; description: string}[] = [
  {value: '', title: 'As written', description: 'A match adds to the score; from the threshold on the request is blocked'},
  {value: 'block', title: 'Block at once', description: 'Refuse what the rule matches, whatever the score'},
  {value: 'alert', title: 'Only report', description: 'Matches stay visible as events and no longer count for the score'},
  {value: 'count', title: 'Keep quiet', description: 'Matches are neither reported nor counted; the rule is as good as off'},
]

export const actionTitle = (a: Choice) => choices.find((c) => c.value === a)!.title

/** The badge of an action: red blocks, amber alerts. */
export const actionClass = (a: Choice) => (a === 'block' ? 'block' : a === 'alert' ? 'alert' : '')

export const choiceOf = (list: RuleAction[], rule: number): Choice => list.find((a) => a.rule_id === rule)?.action ?? ''

/** The list with another choice for one rule, in order of the rules. */
export function withChoice(list: RuleAction[], rule: number, choice: Choice): RuleAction[] {
  const rest = list.filter((a) => a.rule_id !== rule)
  if (choice !== '') rest.push({rule_id: rule, action: choice})
  return rest.sort((a, b) => a.rule_id - b.rule_id)
}

/** The rule that was typed, or what is wrong with it. */
export function ruleOf(text: string, list: RuleAction[]): {rule: number} | {problem: string} {
  const t = text.trim()
  if (!/^[1-9]\d{0,8}$/.test(t)) return {problem: 'Type the id of a rule, such as 942100'}
  if (list.some((a) => a.rule_id === Number(t))) return {problem: `Rule ${t} is in the list already`}
  return {rule: Number(t)}
}

/** Problems of the server by rule: "actions[1]: …" is about the second one, "action for rule 7: …" about rule 7. */
export function problemsByRule(problems: string[], list: RuleAction[]): {rules: Record<number, string>; rest: string[]} {
  const rules: Record<number, string> = {}
  const rest: string[] = []
  for (const p of problems) {
    const at = /actions\[(\d+)\]: (.*)$/.exec(p)
    const named = /action for rule (\d+): (.*)$/.exec(p)
    const rule = at ? list[Number(at[1])]?.rule_id : named ? Number(named[1]) : undefined
    const words = (at ?? named)?.[2] ?? p
    if (rule === undefined || !list.some((a) => a.rule_id === rule)) rest.push(p)
    else rules[rule] = words
  }
  return {rules, rest}
}
