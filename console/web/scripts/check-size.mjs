// Fails when the first load grows beyond its budget: the page, and every script and
// style that the login and the first screen need, compressed with gzip.
import {readdirSync, readFileSync} from 'node:fs'
import {gzipSync} from 'node:zlib'

const budget = 350 * 1024
const app = new URL('../../dist/app/', import.meta.url)

let page
try {
  page = readFileSync(new URL('index.html', app), 'utf8')
} catch {
  console.error('there is no build to weigh: run "npm run build" first')
  process.exit(1)
}
const size = (name) => gzipSync(readFileSync(new URL(name, app)), {level: 9}).length
const assets = readdirSync(new URL('assets/', app)).filter((n) => /\.(js|css)$/.test(n))

// Static imports of what the page names, and of the overview, which is shown first.
const first = new Set()
const add = (name) => {
  if (first.has(name)) return
  first.add(name)
  if (!name.endsWith('.js')) return
  const text = readFileSync(new URL('assets/' + name, app), 'utf8')
  for (const m of text.matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+)["'`]/g)) add(m[1])
}
for (const m of page.matchAll(/\/assets\/([\w.-]+)/g)) add(m[1])
for (const name of assets) if (/^Overview-/.test(name)) add(name)

let total = gzipSync(page).length + size('theme.js')
for (const name of first) total += size('assets/' + name)
const charts = assets.filter((n) => /^TimeChartDrawn-/.test(n))
const kB = (n) => (n / 1024).toFixed(1) + ' kB'
console.log(
  `size: first load ${kB(total)} of ${kB(budget)} gzip in ${first.size} files; charts, loaded later, ` +
    charts.map((n) => kB(size('assets/' + n))).join(' + '),
)
if (charts.length === 0 || charts.some((n) => first.has(n))) {
  console.error('size: the charts must be a file of their own that the first load does not name')
  process.exit(1)
}
if (total > budget) {
  console.error(`size: ${kB(total - budget)} too much`)
  process.exit(1)
}
