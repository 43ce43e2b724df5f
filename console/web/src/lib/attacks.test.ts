import {expect, it} from 'vitest'
import type {Match} from '../api/gen'
import {attacksOf} from './attacks'

it('attacksOf files an event as the server does', () => {
  const m = (score: number, ...tags: string[]) => ({score, tags}) as Match
  expect(attacksOf([m(5, 'attack-xss', 'OWASP_CRS'), m(5, 'attack-sqli'), m(5, 'attack-xss'), m(0, 'attack-reputation-scanner')])).toEqual([
    'xss',
    'sqli',
    'scanner',
  ])
  expect(attacksOf([m(5, 'attack-xss'), m(5, 'attack-injection-php')])).toEqual(['php', 'xss'])
  expect(attacksOf([m(5, 'attack-unheard-of')])).toEqual(['other'])
  expect(attacksOf([])).toEqual([])
})
