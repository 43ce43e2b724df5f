// @vitest-environment happy-dom
import {screen, waitFor, within} from '@testing-library/react'
import {useState} from 'react'
import {beforeEach, expect, it} from 'vitest'
import {event, match} from '../testing/samples'
import {answer, callsOf, Refusal} from '../testing/server'
import {show} from '../testing/show'
import {ExceptionDrawer, type Draft} from './ExceptionForm'

beforeEach(() => {
  answer({
    'GET /services': [{id: 'svc1', name: 'web'}],
    'POST /exceptions/preview': {looked: 9, touched: 3, passed: 2, samples: []},
  })
})

// The drawer as a screen holds it: it stays in the page and is given what to edit.
function Screen({draft}: {draft: Draft}) {
  const [edited, setEdited] = useState<Draft | null>(null)
  return (
    <>
      <button onClick={() => setEdited(draft)}>open</button>
      <ExceptionDrawer draft={edited} onClose={() => setEdited(null)} />
    </>
  )
}

async function open(draft: Draft) {
  const shown = show(<Screen draft={draft} />)
  expect(screen.queryByRole('dialog')).toBeNull()
  await shown.user.click(screen.getByText('open'))
  return {...shown, drawer: await screen.findByRole('dialog')}
}
const closed = () => waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())

const stored: Draft = {
  exception: {
    id: 'x1',
    revision: 4,
    service_id: 'svc1',
    rule_id: 942100,
    target: 'ARGS:q',
    owner: 'ada',
    comment: 'search',
    enabled: true,
  },
}
const fromMatch: Draft = {exception: {service_id: 'svc1'}, from: {event: event(1), match: match()}}

it('proposes scopes for a match, the narrowest first, and creates what was chosen', async () => {
  answer({'POST /exceptions': ({body}: {body: object}) => ({...body, id: 'x1', revision: 1})})
  const {user, drawer} = await open(fromMatch)
  const offers = within(drawer).getAllByRole('radio') as HTMLInputElement[]
  expect(offers[0]!.checked).toBe(true)
  expect(within(drawer).getByLabelText('This rule, the parameter q on /search/1, GET')).toBe(offers[0])
  expect((await within(drawer).findByText(/^Would have touched/)).textContent).toContain('3 events of the last 7 days, 2 would have passed')

  // Without a comment nothing is sent.
  await user.click(within(drawer).getByRole('button', {name: 'Create exception'}))
  expect(within(drawer).getByText('Say why, for those who find the exception later')).toBeTruthy()
  expect(callsOf('POST /exceptions')).toHaveLength(0)

  await user.click(within(drawer).getByRole('textbox', {name: /^Comment/}))
  await user.paste('our analysts search for SQL')
  await user.click(within(drawer).getByRole('button', {name: 'Create exception'}))
  await closed()
  expect(callsOf('POST /exceptions')[0]!.body).toMatchObject({
    service_id: 'svc1',
    rule_id: 942100,
    target: 'ARGS:q',
    path_prefix: '/search/1',
    methods: ['GET'],
    owner: 'ada',
    comment: 'our analysts search for SQL',
    enabled: true,
  })
  expect(screen.getByText('Exception in force')).toBeTruthy()
})

it('shows the problems of the server beside their fields and stays open', async () => {
  answer({'PUT /exceptions/x1': new Refusal(422, {message: 'the exception is not valid', problems: ['target: unknown variable "ARGZ"']})})
  const {user, drawer} = await open(stored)
  await user.click(within(drawer).getByRole('button', {name: 'Save'}))
  const field = within(drawer).getByRole('textbox', {name: 'Variable'})
  await waitFor(() => expect(field.getAttribute('aria-invalid')).toBe('true'))
  expect(within(drawer).getByText('unknown variable "ARGZ"')).toBeTruthy()
  expect(within(drawer).queryByRole('alert')).toBeNull()
})

it('asks before it deletes', async () => {
  answer({'DELETE /exceptions/x1': {}})
  const {user, drawer} = await open(stored)
  await user.click(within(drawer).getByRole('button', {name: 'Delete'}))
  expect(drawer.textContent).toContain('Delete this exception?')
  await user.click(within(drawer).getByRole('button', {name: 'Keep it'}))
  expect(callsOf('DELETE /exceptions/x1')).toHaveLength(0)
  await user.click(within(drawer).getByRole('button', {name: 'Delete'}))
  await user.click(within(drawer).getByRole('button', {name: 'Delete'}))
  await closed()
  expect(callsOf('DELETE /exceptions/x1')).toHaveLength(1)
})

it('shows the error of the latest attempt only', async () => {
  answer({
    'PUT /exceptions/x1': new Refusal(503, {message: 'cannot save now'}),
    'DELETE /exceptions/x1': new Refusal(503, {message: 'cannot delete now'}),
  })
  const {user, drawer} = await open(stored)
  await user.click(within(drawer).getByRole('button', {name: 'Save'}))
  await within(drawer).findByText('cannot save now')
  await user.click(within(drawer).getByRole('button', {name: 'Delete'}))
  await user.click(within(drawer).getByRole('button', {name: 'Delete'}))
  await within(drawer).findByText('cannot delete now')
  expect(within(drawer).queryByText('cannot save now')).toBeNull()
})

it('begins anew each time that it is opened for something else, and can be closed without saving', async () => {
  const {user, drawer} = await open(stored)
  await user.click(within(drawer).getByRole('textbox', {name: /^Comment/}))
  await user.paste(' for analysts')
  await user.keyboard('{Escape}')
  await closed()
  expect(callsOf('PUT /exceptions/x1')).toHaveLength(0)
})
