// Which folder may import which. A folder imports only folders to its left; lib and
// widgets know no noun, and only api knows the server and its cache.
import {readdirSync, readFileSync} from 'node:fs'
import {dirname, join, normalize} from 'node:path'
import {expect, it} from 'vitest'

const order = [
  'lib',
  'api',
  'widgets',
  'session',
  'gateway',
  'rule',
  'site',
  'exception',
  'event',
  'overview',
  'lake',
  'user',
  'audit',
  '',
  'shell',
]

const files = readdirSync('src', {recursive: true, encoding: 'utf8'}).filter((f) => /\.tsx?$/.test(f) && !/\.test\.tsx?$/.test(f))
const product = files.filter((f) => !f.startsWith('testing'))
const text = Object.fromEntries(files.map((f) => [f, readFileSync('src/' + f, 'utf8')]))
// Types and data without imports of their own: any folder may use them.
const generated = (f: string) => /^api\/(event\.)?gen\.ts$/.test(f)

const folder = (f: string) => (dirname(f) === '.' ? '' : dirname(f))

/** Files of ours that a file imports; with types or without those that vanish in the build. */
function importsOf(f: string): string[] {
  return [...text[f]!.matchAll(/(?:from|import\(?)\s*'(\.[^']*)'/g)].flatMap((m) => {
    const base = normalize(join(dirname(f), m[1]!))
    const found = files.find((x) => x === base || x === base + '.ts' || x === base + '.tsx')
    return found ? [found] : []
  })
}

it('knows every folder', () => {
  expect([...new Set(product.map(folder))].filter((d) => !order.includes(d))).toEqual([])
})

it('has no import circles', () => {
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (f: string, path: string[]) => {
    if (path.includes(f)) circles.push([...path.slice(path.indexOf(f)), f].join(' → '))
    else if (!done.has(f)) {
      for (const to of importsOf(f)) visit(to, [...path, f])
      done.add(f)
    }
  }
  for (const f of product) visit(f, [])
  expect(circles).toEqual([])
})

it('imports from left to right only', () => {
  const wrong = product.flatMap((f) =>
    importsOf(f)
      // The types of the API may be named anywhere; main.tsx, App.tsx and screens.ts join the folders.
      .filter((to) => !generated(to) && folder(f) !== '' && order.indexOf(folder(to)) > order.indexOf(folder(f)))
      // The menu is made from the table of screens.
      .filter((to) => to !== 'screens.ts' || folder(f) !== 'shell')
      .map((to) => `${f} imports ${to}`),
  )
  expect(wrong).toEqual([])
})

it('lib is made of pure functions', () => {
  const impure = /from '(react|react-router|@mantine|@tanstack)|\b(document|localStorage|sessionStorage|fetch)\b[.(]/
  expect(product.filter((f) => folder(f) === 'lib' && impure.test(text[f]!))).toEqual([])
})

it('only api reads through the query cache', () => {
  const reads = /\buse(Query|InfiniteQuery|SuspenseQuery|Queries)\b/
  expect(product.filter((f) => folder(f) !== 'api' && reads.test(text[f]!))).toEqual([])
})

it('tests are the only ones that know the testing folder', () => {
  expect(product.filter((f) => importsOf(f).some((to) => to.startsWith('testing')))).toEqual([])
})

it('lines end at 140 columns', () => {
  const long = files
    .filter((f) => !generated(f))
    .flatMap((f) => text[f]!.split('\n').flatMap((l, i) => (l.length > 140 ? [`${f}:${i + 1}`] : [])))
  expect(long).toEqual([])
})
