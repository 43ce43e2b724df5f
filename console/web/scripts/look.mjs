// Looks at every screen of a running console in a real browser, in both colour
// schemes and at two widths: takes a picture, runs axe, and fails on what axe finds,
// on a broken content security policy, on an error in the browser's console and on
// a page that is wider than the window.
//
//   RINGWALL=https://127.0.0.1:8083 RINGWALL_USER=admin RINGWALL_PASSWORD=… npm run look
//
// LOOK_OUT is the folder for the pictures (default: none are taken), CHROMIUM the
// browser (default: /usr/bin/chromium).
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {chromium} from 'playwright-core'

const base = process.env.RINGWALL ?? 'https://127.0.0.1:8083'
const out = process.env.LOOK_OUT
const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const problems = []

const screens = [
  ['overview', '/?range=24h'],
  ['events', '/events?range=24h'],
  ['event-beside', '/events?range=24h', openFirst],
  ['event', '/events?range=24h', openAlone],
  ['filter', '/events?range=24h&q=attack%3Asqli%20-client%3A10.0.0.5'],
  [
    'filter-help',
    '/events?range=24h&q=(attack%3Asqli%20OR%20attack%3Axss)%20-client%3A10.0.0.5',
    (page) => page.getByLabel('How to write a filter').click({timeout: 3000}),
  ],
  ['filter-wrong', '/events?range=24h&q=colour%3Ared'],
  ['sites', '/sites'],
  ['site-form', '/sites', (page) => page.locator('button[aria-label^="Edit service"]').first().click({timeout: 3000})],
  ['rule-actions', '/sites', ruleActions],
  ['mode', '/sites', (page) => page.locator('.modes [aria-checked="false"]').first().click({timeout: 3000})],
  ['exceptions', '/exceptions'],
  ['exception-form', '/exceptions', (page) => page.locator('button[aria-label^="Edit exception"]').first().click({timeout: 3000})],
  ['allow', '/events?range=24h&q=attack%3Asqli', allow],
  ['rule-words', '/events?range=24h&q=attack%3Asqli', ruleWords],
  ['rule-action', '/events?range=24h&q=attack%3Asqli', ruleAction],
  ['gateways', '/gateways'],
  ['lake', '/lake', (page) => page.locator('form button[type=submit]').click({timeout: 3000})],
  ['users', '/users'],
  ['audit', '/audit', (page) => page.locator('button.entry-line').first().click({timeout: 3000})],
  ['palette', '/', (page) => page.keyboard.press('Control+k')],
  ['help', '/', (page) => page.keyboard.press('?')],
  ['not-found', '/nowhere'],
]

async function openFirst(page) {
  await page.locator('[role=grid] [role=row]').first().waitFor({timeout: 5000})
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.locator('.detail').waitFor({timeout: 5000})
}

async function openAlone(page) {
  await openFirst(page)
  const id = new URL(page.url()).searchParams.get('id') ?? (await page.locator('.detail-head .mono').first().textContent())
  await page.goto(base + '/events/' + id)
  await page.locator('.detail').waitFor({timeout: 5000})
}

async function allow(page) {
  await openAlone(page)
  await page.getByRole('button', {name: 'Allow like this…'}).first().click({timeout: 5000})
  await page.getByText(/Would have touched/).waitFor({timeout: 10000})
}

async function ruleWords(page) {
  await openAlone(page)
  await page.locator('details.rule-words summary').first().click({timeout: 5000})
  await page.locator('.rule-more').first().scrollIntoViewIfNeeded()
}

async function ruleAction(page) {
  await openAlone(page)
  await page.getByRole('button', {name: 'Rule action…'}).first().click({timeout: 5000})
  await page.getByRole('radio').nth(2).click({timeout: 5000})
}

// With a rule of its own, one that is not saved yet and one that is mistyped.
async function ruleActions(page) {
  await page
    .getByRole('button', {name: /^Rule actions of/})
    .first()
    .click({timeout: 3000})
  const field = page.getByLabel('Add a rule')
  for (const rule of ['920350', '942100', '941100x']) {
    await field.fill(rule)
    await page.keyboard.press('Enter')
  }
  await page.getByText('not saved yet').waitFor({timeout: 3000})
}

async function examine(page, name) {
  const wide = await page.evaluate(() =>
    Math.max(
      document.documentElement.scrollWidth - innerWidth,
      ...[...document.querySelectorAll('main')].map((m) => m.scrollWidth - m.clientWidth),
    ),
  )
  if (wide > 0) problems.push(`${name}: ${wide} px wider than the window`)
  // evaluate goes past the content security policy, which a script element must not.
  await page.evaluate(axe)
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}),
  )
  for (const v of found.violations) {
    problems.push(
      `${name}: ${v.impact} ${v.id}: ${v.help} (${v.nodes.length}×)\n    ${v.nodes
        .slice(0, 3)
        .map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ''))
        .join('\n    ')}`,
    )
  }
  if (out) await page.screenshot({path: join(out, name + '.png')})
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})
let looked = 0
for (const colorScheme of ['light', 'dark']) {
  for (const [width, height] of [
    [1280, 800],
    [390, 844],
  ]) {
    const context = await browser.newContext({viewport: {width, height}, colorScheme, ignoreHTTPSErrors: true, reducedMotion: 'reduce'})
    const page = await context.newPage()
    let at = 'login'
    page.on('console', (m) => {
      // A refused filter and an absent session are answers, not faults.
      if (m.type() === 'error' && !/status of 40[01]/.test(m.text())) problems.push(`${at}: browser console: ${m.text()}`)
    })
    page.on('pageerror', (e) => problems.push(`${at}: ${e.message}`))
    const name = (screen) => `${screen}-${colorScheme}-${width}`
    await page.goto(base + '/')
    await page.locator('input[name=username]').waitFor()
    await examine(page, name('login'))
    await page.fill('input[name=username]', process.env.RINGWALL_USER ?? 'admin')
    await page.fill('input[name=password]', process.env.RINGWALL_PASSWORD ?? '')
    await page.keyboard.press('Enter')
    await page.locator('#main').waitFor()
    for (const [screen, path, act] of screens) {
      at = name(screen)
      await page.goto(base + path)
      await page.waitForLoadState('networkidle', {timeout: 3000}).catch(() => {})
      if (act) await act(page).catch((e) => console.log(`${at}: skipped (${e.message.split('\n')[0]})`))
      await page.waitForTimeout(500)
      await examine(page, at)
      looked++
    }
    await context.close()
  }
}
await browser.close()
for (const p of problems) console.error(p)
console.log(`look: ${looked} screens, ${problems.length} problems`)
process.exit(problems.length > 0 ? 1 : 0)
