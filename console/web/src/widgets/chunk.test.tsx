// @vitest-environment happy-dom
import {act, cleanup, screen} from '@testing-library/react'
import {Suspense, useState, type ComponentType} from 'react'
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest'
import {show} from '../testing/show'
import {lazyChunk, loadChunk, type Page} from './chunk'
import {ErrorBoundary} from './ErrorBoundary'

const gone = new TypeError('Failed to fetch dynamically imported module: /assets/Audit-abc.js')
const missing = () => Promise.reject(gone)

// What React reports about the errors that these tests cause.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => {
  sessionStorage.clear()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const page = (more: Partial<Page> = {}) => ({
  storage: () => sessionStorage,
  reachable: () => Promise.resolve(true),
  reload: vi.fn(),
  ...more,
})
const settled = <T,>(p: Promise<T>) => Promise.race([p.then(() => 'loaded'), new Promise((r) => setTimeout(r, 20, 'waits'))])

describe('a chunk that is gone', () => {
  it('reloads the page once and then throws', async () => {
    const p = page()
    expect(await settled(loadChunk('a', missing, p))).toBe('waits')
    expect(p.reload).toHaveBeenCalledTimes(1)
    await expect(loadChunk('a', missing, p)).rejects.toBe(gone)
    expect(p.reload).toHaveBeenCalledTimes(1)
  })

  it('may reload again after it was loaded', async () => {
    const p = page()
    await settled(loadChunk('a', missing, p))
    expect(await loadChunk('a', () => Promise.resolve(7), p)).toBe(7)
    expect(sessionStorage).toHaveLength(0)
    await settled(loadChunk('a', missing, p))
    expect(p.reload).toHaveBeenCalledTimes(2)
  })

  it('does not reload for ever because another chunk can be loaded', async () => {
    const p = page()
    for (let i = 0; i < 3; i++) {
      await loadChunk('screen', () => Promise.resolve(0), p)
      await settled(loadChunk('chart', missing, p).catch(() => {}))
    }
    expect(p.reload).toHaveBeenCalledTimes(1)
  })

  it.each<[string, Partial<Page>]>([
    ['the manager does not answer', {reachable: () => Promise.resolve(false)}],
    ['the browser keeps nothing', {storage: () => null}],
    [
      'the storage is full',
      {
        storage: () =>
          ({
            getItem: () => null,
            setItem: () => {
              throw new DOMException('full', 'QuotaExceededError')
            },
          }) as unknown as Storage,
      },
    ],
  ])('throws at once where %s', async (_, more) => {
    const p = page(more)
    await expect(loadChunk('a', missing, p)).rejects.toBe(gone)
    expect(p.reload).not.toHaveBeenCalled()
  })

  it('asks the manager before it reloads', async () => {
    const fetch = vi.fn(() => Promise.resolve(new Response(null, {status: 502})))
    vi.stubGlobal('fetch', fetch)
    await expect(loadChunk('a', missing)).rejects.toBe(gone)
    expect(fetch).toHaveBeenCalledWith('/', {method: 'HEAD', cache: 'no-store'})
  })
})

describe('the boundary', () => {
  const Broken: ComponentType = () => {
    throw new Error('no such column')
  }
  const outlet = (what: React.ReactNode, path = '/audit') => (
    <ErrorBoundary resetOn={path}>
      <Suspense fallback="loading">{what}</Suspense>
    </ErrorBoundary>
  )

  it('shows a screen that cannot be loaded, after one reload', async () => {
    const p = page()
    const first = lazyChunk('audit', missing as () => Promise<never>, p)
    const First = first as ComponentType
    show(outlet(<First />))
    await act(() => new Promise((r) => setTimeout(r, 20)))
    expect(p.reload).toHaveBeenCalledTimes(1)
    expect(screen.queryByRole('alert')).toBeNull()
    cleanup() // the page is loaded anew
    const Second = lazyChunk('audit', missing as () => Promise<never>, p) as ComponentType
    show(outlet(<Second />))
    expect((await screen.findByRole('alert')).textContent).toContain(gone.message)
    expect(p.reload).toHaveBeenCalledTimes(1)
  })

  it('shows the cause, copies it and reloads', async () => {
    const reload = vi.spyOn(location, 'reload').mockImplementation(() => {})
    const {user} = show(outlet(<Broken />))
    const cause = screen.getByRole('region', {name: 'Cause'}).textContent
    expect(screen.getByRole('heading', {level: 1}).textContent).toBe('This screen cannot be shown')
    expect(cause).toContain('no such column')
    expect(cause).toContain('Broken') // the component
    await user.click(screen.getByRole('button', {name: 'Copy the cause'}))
    expect(await navigator.clipboard.readText()).toBe(cause)
    expect(screen.getByText('Cause copied')).toBeTruthy()
    await user.click(screen.getByRole('button', {name: 'Reload'}))
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('shows something else where the rest of the screen is still of use', () => {
    show(
      <ErrorBoundary resetOn="" fallback={<p>no chart</p>}>
        <Broken />
      </ErrorBoundary>,
    )
    expect(screen.getByText('no chart')).toBeTruthy()
    expect(screen.queryByRole('alert')).toBeNull()
  })

  it('goes when another screen is chosen', async () => {
    function Screens() {
      const [path, setPath] = useState('/broken')
      return (
        <>
          <button onClick={() => setPath('/other')}>other</button>
          {outlet(path === '/broken' ? <Broken /> : <p>fine</p>, path)}
        </>
      )
    }
    const {user} = show(<Screens />)
    expect(screen.getByRole('alert')).toBeTruthy()
    await user.click(screen.getByText('other'))
    expect(screen.getByText('fine')).toBeTruthy()
    expect(screen.queryByRole('alert')).toBeNull()
  })
})
