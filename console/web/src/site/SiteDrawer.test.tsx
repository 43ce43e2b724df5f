// @vitest-environment happy-dom
import {fireEvent, screen, waitFor, within} from '@testing-library/react'
import {useState} from 'react'
import {expect, it} from 'vitest'
import type {Service} from '../api/gen'
import {answer, callsOf, Refusal} from '../testing/server'
import {show} from '../testing/show'
import {SiteDrawer, type Editing} from './SiteDrawer'

function Screen({of}: {of: Editing}) {
  const [editing, setEditing] = useState<Editing | null>(null)
  return (
    <>
      <button onClick={() => setEditing(of)}>open</button>
      <SiteDrawer editing={editing} onClose={() => setEditing(null)} />
    </>
  )
}

async function open(of: Editing) {
  const shown = show(<Screen of={of} />)
  await shown.user.click(screen.getByText('open'))
  const drawer = await screen.findByRole('dialog')
  return {...shown, drawer, button: (name: string) => within(drawer).getByRole('button', {name}) as HTMLButtonElement}
}
const type = (field: HTMLElement, value: string) => fireEvent.change(field, {target: {value}})
const closed = () => waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())

const service: Service = {
  id: 'svc1',
  revision: 2,
  server_group_id: 'g1',
  name: 'web',
  ports: [{address: '0.0.0.0:8080'}],
}

it('creates a site once it has a name', async () => {
  answer({'POST /sites': {id: 's1', name: 'Home'}})
  const {user, drawer, button} = await open({kind: 'site', object: {}})
  expect(button('Create site').disabled).toBe(true)
  const field = within(drawer).getByRole('textbox', {name: 'Name'})
  await user.click(field)
  await user.tab()
  expect(within(drawer).getByText('is needed')).toBeTruthy()
  await user.type(field, 'Home')
  await user.click(button('Create site'))
  await closed()
  expect(callsOf('POST /sites')[0]!.body).toEqual({name: 'Home'})
  expect(screen.getByText('Home created')).toBeTruthy()
})

it('lets no port be saved that cannot be right', async () => {
  const {user, drawer, button} = await open({kind: 'service', object: service})
  const address = within(drawer).getByRole('textbox', {name: 'Address'})
  expect(button('Save').disabled).toBe(false)
  type(address, '8080')
  expect(within(drawer).getByText('host:port, for example 0.0.0.0:8080')).toBeTruthy()
  expect(button('Save').disabled).toBe(true)
  type(address, ':8080')
  await user.click(button('Add a port'))
  type(within(drawer).getAllByRole('textbox', {name: 'Address'})[1]!, ':8080')
  expect(within(drawer).getAllByText('is listed twice')).toHaveLength(2)
  await user.click(button('Remove port 2'))
  type(within(drawer).getByRole('textbox', {name: 'Certificate'}), '/etc/cert.pem')
  expect(within(drawer).getByText('Certificate and key: both or neither')).toBeTruthy()
  expect(button('Save').disabled).toBe(true)
})

it('shows the problems of the server beside their fields, and others above', async () => {
  answer({
    'PUT /services/svc1': new Refusal(422, {message: 'not valid', problems: ['ports[0]: address is in use', 'the policy has no rules']}),
  })
  const {user, drawer, button} = await open({kind: 'service', object: service})
  await user.click(button('Save'))
  expect((await within(drawer).findByRole('alert')).textContent).toBe('not validthe policy has no rules')
  expect(within(drawer).getByText('line 1: address is in use')).toBeTruthy()
})

it('tells that someone else changed the object, unless it was a deletion that failed', async () => {
  answer({
    'PUT /sites/s1': new Refusal(409, {message: 'revision 3 is newer'}),
    'DELETE /sites/s1': new Refusal(409, {message: 'it still has server groups'}),
  })
  const {user, drawer, button} = await open({kind: 'site', object: {id: 's1', revision: 2, name: 'Home'}})
  await user.click(button('Delete'))
  expect(drawer.textContent).toContain('Delete Home? This works only when it has no server groups.')
  await user.click(button('Delete'))
  expect((await within(drawer).findByRole('alert')).textContent).toBe('it still has server groups')
  await user.click(button('Keep it'))
  expect(within(drawer).getByRole('alert').textContent).toBe('it still has server groups')
  await user.click(button('Save'))
  await within(drawer).findByText('Someone else changed this in the meantime.')
  await user.click(button('Reload'))
  await closed()
})
