// @vitest-environment happy-dom
import {screen, waitFor, within} from '@testing-library/react'
import {beforeEach, describe, expect, it} from 'vitest'
import type {Role} from '../api/gen'
import {event, match, summaries, summary} from '../testing/samples'
import {answer, callsOf, never, Refusal} from '../testing/server'
import {show} from '../testing/show'
import {EventDetail} from './EventDetail'

const {id} = summary(2)

beforeEach(() => {
  answer({
    ['GET /events/' + id]: event(2),
    'GET /events': {events: summaries(3).map((e) => ({...e, client: '10.0.0.2'}))},
    'GET /rules/942100': {id: 942100, looks_for: 'SQL that changes a query', family: '', does: '', place: '', source: ''},
    'POST /exceptions/preview': {looked: 0, touched: 0, passed: 0, samples: []},
    'GET /services/svc1/actions': {revision: 1, actions: []},
  })
})

const detail = (props = {}, role: Role = 'operator') => show(<EventDetail id={id} {...props} />, {at: '/events/' + id, role})
const section = async (title: string) => (await screen.findByRole('heading', {name: title})).closest('section')!
const marked = (within: Element) => [...within.querySelectorAll('mark')].map((m) => m.textContent)

describe('the detail', () => {
  it('says that it loads', () => {
    answer({['GET /events/' + id]: never})
    detail()
    expect(screen.getByRole('status', {name: 'Loading'})).toBeTruthy()
    expect(screen.getByText(id)).toBeTruthy()
    expect(screen.queryByRole('button', {name: 'Copy the id'})).toBeNull()
  })

  it('says that there is no such event, and looks again', async () => {
    answer({['GET /events/' + id]: new Refusal(404)})
    const {user} = detail()
    await screen.findByText('There is no event with this id')
    answer({['GET /events/' + id]: event(2)})
    await user.click(screen.getByRole('button', {name: 'Look again'}))
    expect(await screen.findByRole('heading', {name: 'SQL injection'})).toBeTruthy()
  })

  it('shows a failure and tries again', async () => {
    answer({['GET /events/' + id]: new Refusal(500, {message: 'the lake is damaged'})})
    const {user} = detail()
    expect((await screen.findByRole('alert')).textContent).toContain('the lake is damaged')
    answer({['GET /events/' + id]: event(2)})
    await user.click(screen.getByRole('button', {name: 'Try again'}))
    expect(await screen.findByRole('heading', {name: 'SQL injection'})).toBeTruthy()
  })

  it('tells the verdict and marks what matched', async () => {
    detail()
    const verdict = await section('SQL injection')
    expect(verdict.textContent).toContain('Blocked: the score 5 reached the threshold 5.')
    const request = await section('Request')
    // In the line as sent, decoded, and in the parameter.
    expect(marked(request)).toEqual(['union%20select', 'union select', 'union select'])
    const rules = await section('Rules that matched')
    expect(marked(rules)).toEqual(['union select'])
    expect(within(rules).getByText('ARGS:q')).toBeTruthy()
    expect(await within(rules).findByText('SQL that changes a query')).toBeTruthy()
  })

  it('shows an event without matches', async () => {
    const e = event(2, {action: 'pass'})
    answer({['GET /events/' + id]: {...e, verdict: {...e.verdict, blocked: false, score: 0, matches: undefined}}})
    detail()
    expect((await section('Ordinary request')).textContent).toContain('No rule matched.')
    expect((await section('Rules that matched')).textContent).toContain('No rule matched.')
    expect(marked(document.body)).toEqual([])
  })

  it('explains a rule once, however often it matched', async () => {
    const e = event(2)
    answer({['GET /events/' + id]: {...e, verdict: {...e.verdict, matches: [match(), match({variable: 'ARGS:p'})]}}})
    detail()
    await waitFor(() => expect(screen.getAllByText('SQL that changes a query')).toHaveLength(1))
    expect(screen.getAllByRole('button', {name: 'Rule action…'})).toHaveLength(1)
    expect(screen.getAllByRole('button', {name: 'Allow like this…'})).toHaveLength(2)
  })

  it('shows the timeline where there is one', async () => {
    answer({
      ['GET /events/' + id]: event(2, {
        timeline: [
          {at_ns: 0, text: 'request came'},
          {at_ns: 2e6, text: 'blocked'},
        ],
      }),
    })
    detail()
    const steps = within(await section('Timeline')).getAllByRole('listitem')
    expect(steps.map((s) => s.textContent)).toEqual(['0request came', '+2 msblocked'])
  })

  it('links to what the client did before and after', async () => {
    detail()
    const similar = await section('Similar events')
    await within(similar).findByText('The newest of 2 others from 10.0.0.2')
    const links = within(similar).getAllByRole('link')
    expect(links.map((l) => l.getAttribute('href'))).toContain('/events/' + summary(3).id)
    expect(links.map((l) => l.getAttribute('href'))).not.toContain('/events/' + id)
  })

  it('shows nothing that a viewer may not do', async () => {
    detail({}, 'viewer')
    await section('Rules that matched')
    expect(screen.queryByRole('button', {name: 'Allow like this…'})).toBeNull()
    expect(screen.queryByRole('button', {name: 'Rule action…'})).toBeNull()
  })
})

describe('the drawers of the detail', () => {
  it.each([
    ['Allow like this…', 'Allow like this'],
    ['Rule action…', 'What this rule does'],
  ])('%s opens one; Escape, Cancel and the cross close it', async (button, title) => {
    const {user} = detail()
    for (const close of [
      () => user.keyboard('{Escape}'),
      () => user.click(screen.getByRole('button', {name: 'Cancel'})),
      () => user.click(screen.getByRole('button', {name: 'Close'})),
    ]) {
      expect(screen.queryByRole('dialog')).toBeNull()
      await user.click(await screen.findByRole('button', {name: button}))
      const drawer = await screen.findByRole('dialog', {name: title})
      expect(within(drawer).getByText('942100')).toBeTruthy()
      await screen.findByRole('button', {name: 'Cancel'})
      await close()
      await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    }
    expect(callsOf('POST /exceptions')).toHaveLength(0)
  })
})
