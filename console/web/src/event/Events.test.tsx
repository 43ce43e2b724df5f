// @vitest-environment happy-dom
import {act, fireEvent, screen, waitFor, within} from '@testing-library/react'
import {beforeEach, describe, expect, it, vi} from 'vitest'
import {event, facets, histogram, summaries, summary} from '../testing/samples'
import {answer, callsOf, FakeEventSource, never, Refusal} from '../testing/server'
import {show} from '../testing/show'
import Events from './Events'

// A canvas is not drawn here; what the chart is told is tested by its own users.
vi.mock('../widgets/TimeChartDrawn', () => ({default: () => null}))

beforeEach(() => {
  answer({
    'GET /events': {events: summaries(3)},
    'GET /events/facets': facets(3),
    'GET /events/histogram': histogram(),
    'GET /gateways': [],
    'GET /services': [],
    'GET /rules/942100': new Refusal(404),
    ...Object.fromEntries([1, 2, 3].map((n) => ['GET /events/' + summary(n).id, event(n)])),
  })
})

const at = '/events?from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z'
const grid = () => screen.findByRole('grid', {name: 'Events, newest first'})
const paths = async () =>
  within(await grid())
    .getAllByRole('row')
    .map((r) => /\/search\/\d+/.exec(r.textContent)![0])
const selected = () => screen.queryByRole('row', {selected: true})?.textContent.match(/\/search\/\d+/)?.[0]
const detail = () => screen.queryByRole('region', {name: 'Event'})

describe('the list', () => {
  it('says that it loads', async () => {
    answer({'GET /events': never, 'GET /events/facets': never})
    show(<Events />, {at})
    expect(await screen.findAllByRole('status', {name: 'Loading'})).not.toHaveLength(0)
    expect(screen.getByText('Counting…')).toBeTruthy()
    expect(screen.queryByRole('grid')).toBeNull()
  })

  it('shows events, newest first, with what they are', async () => {
    show(<Events />, {at})
    expect(await paths()).toEqual(['/search/3', '/search/2', '/search/1'])
    const first = screen.getAllByRole('row')[0]!
    for (const text of ['Block', 'GET', 'SQL injection', '942100', '10.0.0.3', '403']) expect(first.textContent).toContain(text)
    expect(await screen.findByText('3 events')).toBeTruthy()
  })

  it('shows cards where the window is narrow', async () => {
    show(<Events />, {at, width: 390})
    const [first] = within(await grid()).getAllByRole('row')
    expect(first!.className).toContain('ecard')
    expect(callsOf('GET /events/histogram')).toHaveLength(0)
  })

  it('tells where to send traffic if there never was an event', async () => {
    answer({'GET /events': {events: []}, 'GET /events/facets': facets(0)})
    show(<Events />, {at})
    expect(await screen.findByText('No attacks seen yet')).toBeTruthy()
  })

  it('offers to clear a filter that nothing fits', async () => {
    answer({'GET /events': ({query}: {query: {q?: string}}) => ({events: query.q ? [] : summaries(1)}), 'GET /events/facets': facets(0)})
    const {user, address} = show(<Events />, {at: at + '&q=attack:xss'})
    expect(await screen.findByText('No event in this time range fits the filter.')).toBeTruthy()
    await user.click(screen.getByRole('button', {name: 'Clear the filter'}))
    expect(await paths()).toEqual(['/search/1'])
    expect(address()).not.toContain('q=')
  })

  it('shows a failure and tries again', async () => {
    answer({'GET /events': new Refusal(503, {message: 'the lake is starting'})})
    const {user} = show(<Events />, {at})
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('the lake is starting')
    answer({'GET /events': {events: summaries(2)}})
    await user.click(within(alert).getByRole('button', {name: 'Try again'}))
    expect(await paths()).toEqual(['/search/2', '/search/1'])
  })

  it('shows beside the field why a filter cannot be read', async () => {
    answer({'GET /events': new Refusal(400, {message: 'unknown field "colour"'})})
    show(<Events />, {at: at + '&q=colour:red'})
    expect((await screen.findByRole('alert')).textContent).toBe('unknown field "colour"')
    expect(screen.getByRole('textbox', {name: 'Filter'}).getAttribute('aria-invalid')).toBe('true')
    expect(screen.getByText('The filter cannot be read')).toBeTruthy()
  })

  it('reads the next page when the end comes near, without showing an event twice', async () => {
    const pages = ({query}: {query: {cursor?: string}}) =>
      query.cursor === 'next' ? {events: [summary(2), summary(1)]} : {events: [summary(3), summary(2)], next: 'next'}
    answer({'GET /events': pages})
    show(<Events />, {at})
    await waitFor(async () => expect(await paths()).toEqual(['/search/3', '/search/2', '/search/1']))
  })
})

describe('the filter', () => {
  it('is asked for when a value of a facet is chosen, and taken back', async () => {
    const {user, address} = show(<Events />, {at})
    const facet = await screen.findByRole('region', {name: 'Action'})
    await user.click(within(facet).getByRole('button', {name: /^block/}))
    await waitFor(() => expect(callsOf('GET /events').at(-1)!.query.q).toBe('action:block'))
    expect(address()).toContain('q=action%3Ablock')
    await user.click(await screen.findByRole('button', {name: 'Remove action:block'}))
    await waitFor(() => expect(address()).not.toContain('q='))
  })

  it('is asked for when it is typed', async () => {
    const {user, address} = show(<Events />, {at})
    await grid()
    await user.keyboard('/')
    await user.paste('client:10.0.0.1')
    await user.keyboard('{Enter}')
    expect(address()).toContain('q=client%3A10.0.0.1')
  })
})

describe('the keyboard', () => {
  it('selects with j and k, opens with Enter, closes with Escape', async () => {
    const {user} = show(<Events />, {at})
    await grid()
    await user.keyboard('j')
    expect(selected()).toBe('/search/3')
    await user.keyboard('jj')
    expect(selected()).toBe('/search/1')
    await user.keyboard('j') // there is none below
    expect(selected()).toBe('/search/1')
    await user.keyboard('k')
    expect(selected()).toBe('/search/2')
    expect(detail()).toBeNull()
    await user.keyboard('{Enter}')
    expect(within(detail()!).getByText(summary(2).id)).toBeTruthy()
    // The detail follows the selection.
    await user.keyboard('k')
    expect(within(detail()!).getByText(summary(3).id)).toBeTruthy()
    await user.keyboard('{Escape}')
    expect(detail()).toBeNull()
    expect(selected()).toBe('/search/3')
  })

  it('moves with arrows, Home and End while the list has the focus', async () => {
    const {user} = show(<Events />, {at})
    const list = await grid()
    await user.keyboard('{ArrowDown}')
    expect(selected()).toBeUndefined() // elsewhere arrows scroll
    act(() => list.focus())
    expect(selected()).toBe('/search/3') // so that the next key has a place to begin
    await user.keyboard('{ArrowDown}')
    expect(selected()).toBe('/search/2')
    await user.keyboard('{End}')
    expect(selected()).toBe('/search/1')
    await user.keyboard('{Home}')
    expect(selected()).toBe('/search/3')
    expect(list.getAttribute('aria-activedescendant')).toBe('event-' + summary(3).id)
  })

  it('does not move the list while the user types', async () => {
    const {user} = show(<Events />, {at})
    await grid()
    await user.keyboard('/jk')
    expect(selected()).toBeUndefined()
    expect((screen.getByRole('textbox', {name: 'Filter'}) as HTMLInputElement).value).toBe('jk')
  })
})

describe('the open event', () => {
  it('opens by a click, is in the address, and closes', async () => {
    const {user, address} = show(<Events />, {at})
    await user.click(within(await grid()).getAllByRole('row')[1]!)
    expect(await within(detail()!).findByText(/^Blocked: the score 5/)).toBeTruthy()
    await waitFor(() => expect(address()).toContain('id=' + summary(2).id))
    await user.click(within(detail()!).getByRole('button', {name: 'Close (Esc)'}))
    expect(detail()).toBeNull()
    await waitFor(() => expect(address()).not.toContain('id='))
  })

  it('is opened by the address', async () => {
    show(<Events />, {at: at + '&id=' + summary(1).id})
    expect(within(detail()!).getByText(summary(1).id)).toBeTruthy()
    await grid()
    expect(selected()).toBe('/search/1')
  })

  it('goes to its neighbours as far as there are any', async () => {
    const {user} = show(<Events />, {at: at + '&id=' + summary(2).id})
    await grid()
    const button = (name: string) => within(detail()!).getByRole('button', {name}) as HTMLButtonElement
    await user.click(button('Previous (k)'))
    expect(within(detail()!).getByText(summary(3).id)).toBeTruthy()
    expect(button('Previous (k)').disabled).toBe(true)
    expect(button('Next (j)').disabled).toBe(false)
  })
})

describe('the drawer of facets', () => {
  it('opens where the window has no room for them, and closes', async () => {
    const {user} = show(<Events />, {at, width: 1000})
    await grid()
    expect(screen.queryByRole('complementary', {name: 'Filters'})).toBeNull()
    expect(screen.queryByRole('dialog')).toBeNull()
    await user.click(screen.getByRole('button', {name: 'Filters'}))
    const drawer = await screen.findByRole('dialog', {name: 'Filters'})
    expect(within(drawer).getByRole('region', {name: 'Action'})).toBeTruthy()
    await user.keyboard('{Escape}')
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  })

  it('is a column where there is room, and can be hidden', async () => {
    const {user} = show(<Events />, {at})
    await grid()
    expect(screen.getByRole('complementary', {name: 'Filters'})).toBeTruthy()
    await user.click(screen.getByRole('button', {name: 'Filters'}))
    expect(screen.queryByRole('complementary', {name: 'Filters'})).toBeNull()
    await user.click(screen.getByRole('button', {name: 'Filters'}))
    expect(screen.getByRole('complementary', {name: 'Filters'})).toBeTruthy()
  })
})

describe('the live tail', () => {
  const source = () => FakeEventSource.open[0]!
  const start = async () => {
    const shown = show(<Events />, {at: at + '&live=1&q=action:block'})
    const list = await grid()
    await waitFor(() => expect(screen.getByRole('button', {name: 'Connecting'})).toBeTruthy())
    act(() => source().onopen!())
    return {...shown, list}
  }

  it('puts new events on top, each once', async () => {
    await start()
    expect(source().url).toBe('/api/v1/events/stream?q=action%3Ablock')
    expect(screen.getByRole('button', {name: 'Live'})).toBeTruthy()
    act(() => {
      source().send(summary(4))
      source().send(summary(5))
      source().send(summary(3)) // is in the list
    })
    await waitFor(async () => expect(await paths()).toEqual(['/search/5', '/search/4', '/search/3', '/search/2', '/search/1']))
  })

  it('holds new events back while the user is further down', async () => {
    const {user, list} = await start()
    list.scrollTop = 500
    fireEvent.scroll(list)
    act(() => source().send(summary(4)))
    const pill = await screen.findByRole('button', {name: '1 new event'})
    expect(await paths()).not.toContain('/search/4')
    await user.click(pill)
    expect((await paths())[0]).toBe('/search/4')
    expect(screen.queryByRole('button', {name: '1 new event'})).toBeNull()
    expect(list.scrollTop).toBe(0)
  })

  it('counts what the server left out', async () => {
    await start()
    act(() => source().send({count: 7}, 'dropped'))
    expect(await screen.findByText('7 events left out: too many to show live')).toBeTruthy()
  })

  it('says when the connection is lost, and ends', async () => {
    const {user, address} = await start()
    act(() => source().onerror!())
    expect(screen.getByRole('button', {name: 'Connecting'})).toBeTruthy()
    await user.click(screen.getByRole('button', {name: 'Connecting'}))
    expect(FakeEventSource.open).toHaveLength(0)
    expect(screen.getByRole('button', {name: 'Live tail'})).toBeTruthy()
    expect(address()).not.toContain('live')
  })
})
