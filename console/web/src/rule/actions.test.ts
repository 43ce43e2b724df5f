import {expect, it} from 'vitest'
import type {RuleAction} from '../api/gen'
import {actionTitle, choiceOf, choices, problemsByRule, ruleOf, withChoice} from './actions'

const list: RuleAction[] = [
  {rule_id: 942100, action: 'alert'},
  {rule_id: 920350, action: 'count'},
]

it('a choice replaces the one before, and "as written" takes it away', () => {
  expect(withChoice(list, 942100, 'block')).toEqual([
    {rule_id: 920350, action: 'count'},
    {rule_id: 942100, action: 'block'},
  ])
  expect(withChoice(list, 920350, '')).toEqual([{rule_id: 942100, action: 'alert'}])
  expect(withChoice([], 1, '')).toEqual([])
  expect(list).toHaveLength(2)
  expect([choiceOf(list, 942100), choiceOf(list, 1)]).toEqual(['alert', ''])
})

it('every action has words', () => {
  expect(choices.map((c) => actionTitle(c.value))).toEqual(['As written', 'Block at once', 'Only report', 'Keep quiet'])
  expect(choices.every((c) => c.description !== '')).toBe(true)
})

it('what is typed is a rule that is not there yet', () => {
  expect(ruleOf(' 942110 ', list)).toEqual({rule: 942110})
  for (const text of ['', '0', '-1', '1.5', 'attack-sqli', '942100-942199', '99999999999'])
    expect(ruleOf(text, list)).toHaveProperty('problem')
  expect(ruleOf('942100', list)).toEqual({problem: 'Rule 942100 is in the list already'})
})

it('problems find their rule', () => {
  expect(
    problemsByRule(
      [
        'actions[1]: action "x": must be block, alert or count',
        'service "web": tune rules: action for rule 942100: there is no such rule',
        'actions[9]: y',
        'something else',
      ],
      list,
    ),
  ).toEqual({
    rules: {920350: 'action "x": must be block, alert or count', 942100: 'there is no such rule'},
    rest: ['actions[9]: y', 'something else'],
  })
})
