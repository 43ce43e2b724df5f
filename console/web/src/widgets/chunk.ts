// Loading a part of the console when it is needed first. A file of the build has a hash
// in its name, so after an upgrade of the manager a page that is still open asks for
// files that are gone; reloading the page gets the new names.
import {lazy, type ComponentType} from 'react'

/** What loadChunk needs of the browser. */
export interface Page {
  /** Null where the browser keeps nothing; then nothing is ever reloaded. */
  storage: () => Storage | null
  /** Whether the manager answers: without it a reload would lose the page and gain nothing. */
  reachable: () => Promise<boolean>
  reload: () => void
}

const browser: Page = {
  storage: () => {
    try {
      return sessionStorage
    } catch {
      return null // forbidden by the settings of the browser
    }
  },
  reachable: () =>
    fetch('/', {method: 'HEAD', cache: 'no-store'}).then(
      (r) => r.ok,
      () => false,
    ),
  reload: () => location.reload(),
}

/**
 * Loads a chunk. If it cannot be loaded the page is reloaded, once: a mark in the session
 * storage stays until this chunk was loaded, and while it is there the error is thrown
 * instead. Each chunk has a mark of its own; with one for all, a screen that loads would
 * clear the mark of a chart that never does, and the page would reload for ever.
 */
export async function loadChunk<T>(name: string, load: () => Promise<T>, page: Page = browser): Promise<T> {
  const mark = 'ringwall-reloaded-for-' + name
  const storage = page.storage()
  try {
    const loaded = await load()
    storage?.removeItem(mark)
    return loaded
  } catch (e) {
    if (!storage || storage.getItem(mark) !== null || !(await page.reachable())) throw e
    try {
      storage.setItem(mark, String(Date.now()))
    } catch {
      throw e // the storage is full: without a mark the page could reload for ever
    }
    page.reload()
    return new Promise(() => {}) // until the page is gone
  }
}

/** A component that is loaded when it is shown first; name tells chunks apart. */
export const lazyChunk = <P>(name: string, load: () => Promise<{default: ComponentType<P>}>, page?: Page) =>
  lazy(() => loadChunk(name, load, page))
