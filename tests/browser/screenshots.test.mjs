// A picture of every page at two widths, light and dark, and what must hold on each of them.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { barriersOf, overflowOf, RULES, VENDORS, wordsOf } from './inspect.mjs'
import { CUSTOMER, MEMBER, NEWCOMER, OPERATOR, STRANGER, VAT } from './pages.mjs'
import { PEOPLE, startPanel } from './panel.mjs'
import { startBrowser, Visitor } from './visitor.mjs'

const FOLDER = process.env.SCREENSHOTS ?? fileURLToPath(new URL('../../target/screenshots', import.meta.url))
const DESK = { width: 1280, height: 900 }
const PHONE = { width: 390, height: 844 }
const NARROWEST = { width: 360, height: 740 }

let panel
before(async () => {
  await mkdir(FOLDER, { recursive: true })
  panel = await startPanel()
})
after(() => panel?.stop())

const arrive = (browser) => Visitor.arrive(browser, panel)
const signedIn = (person) => async (browser) => {
  const visitor = await arrive(browser)
  await visitor.signIn(person)
  await visitor.page.getByTestId('balance').waitFor()
  return visitor
}
async function signedUp(browser) {
  const visitor = await arrive(browser)
  await visitor.page.goto('/sign-up')
  await visitor.page.getByLabel('Your name').fill('Nia Newcomer')
  await visitor.page.getByLabel('Organization').fill('Fresh Start')
  await visitor.page.getByLabel('E-mail').fill('nia@fresh.example')
  await visitor.page.getByLabel('Password').fill('correct horse battery')
  await visitor.page.getByTestId('sign-up').click()
  await visitor.page.getByTestId('balance').waitFor()
  return visitor
}

const READERS = [
  { title: 'strangers', enter: arrive, pages: STRANGER, reader: 'customer' },
  { title: 'a new customer', enter: signedUp, pages: NEWCOMER, reader: 'customer' },
  { title: 'a customer', enter: signedIn(PEOPLE.ann), pages: CUSTOMER, reader: 'customer' },
  { title: 'a member', enter: signedIn(PEOPLE.max), pages: MEMBER, reader: 'customer' },
  { title: 'the operator', enter: signedIn(PEOPLE.operator), pages: OPERATOR, reader: 'operator' },
]

describe('pages', { concurrency: 2 }, () => {
  for (const reader of READERS) test(`of ${reader.title}`, { timeout: 300_000 }, (t) => read(t, reader))
})

// The other pages are of a seller that takes no tax.
test('pages of a customer whose VAT number is looked up', { timeout: 120_000 }, async (t) => {
  const seller = { COMPANY_ADDRESS: 'Ringgasse 7; 1010 Wien', COMPANY_COUNTRY: 'AT' }
  await panel.restart({ TAX: 'on', VAT_CHECK: 'on', ...seller })
  await read(t, { enter: signedIn(PEOPLE.ann), pages: VAT, reader: 'customer' })
})

async function read(t, { enter, pages, reader }) {
  // One browser takes one picture at a time.
  const browser = await startBrowser()
  t.after(() => browser.close())
  const visitor = await enter(browser)
  for (const page of pages) {
    await t.test(page.name, async () => {
      await open(visitor, page)
      const wrong = [...(await wordsOf(visitor.page, { reader, ...page })), ...(await look(visitor.page, page))]
      assert.equal(wrong.join('\n'), '')
    })
  }
  await visitor.leave()
}

test('the description of the API names no vendor', async () => {
  const answer = await fetch(`${panel.url}/api/openapi.json`)
  assert.equal(answer.status, 200)
  assert.doesNotMatch(await answer.text(), VENDORS)
})

async function open(visitor, { to, status }) {
  await visitor.page.setViewportSize(DESK)
  await visitor.page.emulateMedia({ colorScheme: 'light' })
  if (typeof to === 'function') return to(visitor, panel)
  if (status) return visitor.expecting(status, () => visitor.page.goto(to))
  return visitor.page.goto(to)
}

const LOOKS = [
  { size: DESK, theme: 'light', rules: RULES.all },
  { size: DESK, theme: 'dark', rules: RULES.colours },
  { size: PHONE, theme: 'dark' },
  { size: PHONE, theme: 'light', rules: RULES.structure },
]

/** In a page: what changes changes at once. */
async function stopMotion() {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync('*, ::before, ::after { transition: none !important; animation: none !important }')
  document.adoptedStyleSheets.push(sheet)
  await document.fonts.ready
}

/** Takes the pictures and tells what is wrong in them. */
async function look(page, { name, brief }) {
  const wrong = []
  await page.evaluate(stopMotion)
  for (const { size, theme, rules } of LOOKS) {
    await page.emulateMedia({ colorScheme: theme })
    await page.setViewportSize(size)
    const found = await overflowOf(page)
    if (rules && !brief) found.push(...(await barriersOf(page, rules)))
    wrong.push(...found.map((text) => `${size.width} ${theme}: ${text}`))
    // A window as high as the page: bars that stick to its edges are then where they belong.
    const height = await page.evaluate(() => document.documentElement.scrollHeight)
    await page.setViewportSize({ width: size.width, height: Math.max(height, size.height) })
    await page.screenshot({ path: path.join(FOLDER, `${name}-${size.width}-${theme}.png`) })
  }
  await page.setViewportSize(NARROWEST)
  return [...wrong, ...(await overflowOf(page))]
}
