// @vitest-environment happy-dom
import {readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {menuFor, screens} from './screens'

const titles = (role: 'viewer' | 'operator' | 'admin') => menuFor(role).map((e) => e.title)

describe('the table of screens', () => {
  it('gives each role its menu', () => {
    expect(titles('viewer')).toEqual(['Overview', 'Events', 'Sites', 'Exceptions', 'Gateways', 'Tokens'])
    expect(titles('operator')).toEqual(['Overview', 'Events', 'Sites', 'Exceptions', 'Gateways', 'Lake query', 'Tokens'])
    expect(titles('admin')).toEqual(['Overview', 'Events', 'Sites', 'Exceptions', 'Gateways', 'Lake query', 'Users & tokens', 'Audit'])
  })

  it('has each path once, and a menu entry can be reached without knowing anything', () => {
    const paths = screens.map((s) => s.path)
    expect(new Set(paths).size).toBe(paths.length)
    for (const e of menuFor('admin')) expect(e.to).not.toContain(':')
  })

  it.each(screens.map((s) => [s.path, s]))('loads %s', async (_, s) => {
    expect(typeof (await s.load()).default).toBe('function')
  })

  // look.mjs runs in node without the build, so it has a list of its own.
  it('is looked at from end to end by npm run look', () => {
    const look = readFileSync('scripts/look.mjs', 'utf8')
    const missing = screens.filter((s) => s.icon && !new RegExp(`'${s.path}[?']`).test(look))
    expect(missing.map((s) => s.path)).toEqual([])
  })
})
