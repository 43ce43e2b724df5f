// @vitest-environment happy-dom
import {screen, waitFor, within} from '@testing-library/react'
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import {App} from './App'
import {answer, callsOf, Refusal} from './testing/server'
import {sessionOf, show} from './testing/show'

vi.mock('./gateway/Gateways', () => ({
  default: () => {
    throw new Error('gateways[0].listeners is undefined')
  },
}))

beforeEach(() => {
  answer({'GET /session': sessionOf('viewer'), 'GET /exceptions': [], 'GET /services': []})
  vi.spyOn(console, 'error').mockImplementation(() => {}) // what React reports of the broken screen
})
afterEach(() => void vi.restoreAllMocks())

const menu = () => screen.getByRole('navigation', {name: 'Screens'})
const items = () =>
  within(menu())
    .getAllByRole('link')
    .map((a) => a.textContent)

describe('the console', () => {
  it('asks for a login in place, and then shows the screen of the address', async () => {
    answer({'GET /session': new Refusal(401), 'POST /login': sessionOf('viewer')})
    const {user, address} = show(<App />, {at: '/exceptions'})
    await user.click(await screen.findByLabelText(/^User name/))
    await user.paste('ada')
    await user.click(screen.getByLabelText(/^Password/))
    await user.paste('correct horse battery')
    await user.click(screen.getByRole('button', {name: 'Log in'}))
    expect(await screen.findByText('No exception yet')).toBeTruthy()
    expect(callsOf('POST /login')[0]!.body).toEqual({username: 'ada', password: 'correct horse battery'})
    expect(address()).toBe('/exceptions')
  })

  it('shows the menu of the role', async () => {
    show(<App />, {at: '/exceptions'})
    await screen.findByText('No exception yet')
    expect(items()).toEqual(['Overview', 'Events', 'Sites', 'Exceptions', 'Gateways', 'Tokens'])
  })

  it('says which role a screen is for', async () => {
    show(<App />, {at: '/audit'})
    expect(await screen.findByText('This page is for the role admin')).toBeTruthy()
    expect(callsOf('GET /audit')).toHaveLength(0)
  })

  it('says that there is no such screen', async () => {
    show(<App />, {at: '/nowhere'})
    expect(await screen.findByText('There is nothing at this address')).toBeTruthy()
  })

  it('keeps the menu when a screen cannot be drawn, and leads out of it', async () => {
    const {user} = show(<App />, {at: '/gateways'})
    expect((await screen.findByRole('alert')).textContent).toContain('gateways[0].listeners is undefined')
    await user.click(within(menu()).getByRole('link', {name: 'Exceptions'}))
    expect(await screen.findByText('No exception yet')).toBeTruthy()
    expect(screen.queryByRole('alert')).toBeNull()
  })
})

describe('the command palette', () => {
  it('finds screens and their shortcuts, and goes there', async () => {
    answer({'GET /sites': [], 'GET /server-groups': []})
    const {user, address} = show(<App />, {at: '/exceptions'})
    await screen.findByText('No exception yet')
    await user.keyboard('{Control>}k{/Control}')
    const field = await screen.findByRole('combobox')
    await user.type(field, 'exc')
    expect(screen.getAllByRole('option').map((o) => o.textContent)).toEqual(['ExceptionsScreen', 'Search events for “exc”Events'])
    await user.clear(field)
    await user.type(field, 'overv')
    answer({'GET /overview': new Refusal(503), 'GET /events/histogram': new Refusal(503)})
    await user.keyboard('{Enter}')
    await waitFor(() => expect(address()).toBe('/'))
  })
})
