// What different people may see and do: strangers, members, other organizations, the operator.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { PEOPLE, startPanel } from './panel.mjs'
import { stepsOf } from './steps.mjs'
import { startBrowser, Visitor } from './visitor.mjs'

let panel, browser
before(async () => {
  browser = await startBrowser()
  panel = await startPanel()
})
after(async () => {
  await browser?.close()
  await panel?.stop()
})

async function visit(person) {
  const visitor = await Visitor.arrive(browser, panel)
  await visitor.signIn(person)
  await visitor.page.getByTestId('balance').waitFor()
  return visitor
}

/** The address of a VPS in the list of the person who looks. */
async function addressOf(page, name) {
  await page.goto('/vps')
  return page.getByRole('link', { name, exact: true }).getAttribute('href')
}

test('signing out and in, with the wrong password and the right one', async () => {
  const ann = await visit(PEOPLE.ann)
  const { page } = ann
  await ann.signOut()
  await page.goto('/wallet')
  await page.waitForURL('**/sign-in?next=%2Fwallet')

  await page.getByLabel('E-mail').fill(PEOPLE.ann.email)
  await page.getByLabel('Password').fill('not the password')
  await ann.expecting(401, () => page.getByTestId('sign-in').click())
  await page.getByTestId('form-error').waitFor()
  assert.equal(await page.getByLabel('E-mail').inputValue(), PEOPLE.ann.email, 'what was typed is kept')
  assert.equal(await page.getByLabel('Password').inputValue(), '')

  await page.getByLabel('Password').fill(PEOPLE.ann.password)
  await page.getByTestId('sign-in').click()
  await page.waitForURL('**/wallet')
  await ann.leave()
})

test('a member looks, and is told why the rest is for owners', async (t) => {
  const max = await visit(PEOPLE.max)
  const { page } = max
  const step = stepsOf(t, () => [page])
  const assertDisabledWithReason = async (control) => {
    await control.waitFor()
    const { disabled, reason } = await control.evaluate((element) => ({
      disabled: element.matches(':disabled, [aria-disabled="true"]') && !element.href,
      reason: element.title,
    }))
    assert.ok(disabled, 'the control is disabled')
    assert.match(reason, /role/, 'the control says why')
  }
  await step('delete is disabled, power is not', async () => {
    await page.goto(await addressOf(page, 'web-1'))
    await assertDisabledWithReason(page.getByTestId('delete'))
    assert.ok(await page.getByTestId('reboot').isEnabled())
  })
  for (const path of ['/', '/vps']) {
    await step(`create is disabled on ${path}`, async () => {
      await page.goto(path)
      await assertDisabledWithReason(page.getByTestId('create-vps'))
    })
  }
  await step('the form itself is refused', async () => {
    await max.expecting(403, () => page.goto('/vps/new'))
    await page.getByRole('heading', { level: 1 }).waitFor()
  })
  await max.leave()
})

test('a VPS of another organization is not there', async () => {
  const [ann, ben] = await Promise.all([visit(PEOPLE.ann), visit(PEOPLE.ben)])
  const address = await addressOf(ann.page, 'web-1')
  for (const path of [address, `${address}/delete`]) {
    await ben.expecting(404, () => ben.page.goto(path))
    assert.ok(!(await ben.page.content()).includes('web-1'), path)
  }
  await ben.expecting(404, () => ben.page.goto('/operator'))
  await Promise.all([ann.leave(), ben.leave()])
})

test('the operator walks through the installation', { timeout: 90_000 }, async (t) => {
  const [olivia, ann] = await Promise.all([visit(PEOPLE.operator), visit(PEOPLE.ann)])
  const { page } = olivia
  const step = stepsOf(t, () => [page, ann.page])
  const navigation = page.getByRole('navigation', { name: 'Main', exact: true })
  const menu = (name) => navigation.getByRole('link', { name }).click()
  const status = (word) => page.locator('#status').getByText(word, { exact: true }).waitFor()
  const smallPlan = ann.page.getByTestId('plans').getByLabel('Micro 512')

  await step('overview', async () => {
    await menu('Overview')
    await page.getByTestId('totals').getByText('VPSs active').waitFor()
    for (const account of ['Linode EU', 'DigitalOcean US']) await page.getByRole('link', { name: account }).waitFor()
  })

  await step('checks the token of an account', async () => {
    await menu('Provider accounts')
    await page.getByRole('link', { name: 'DigitalOcean US' }).click()
    await page.getByTestId('validate').click()
    await page.getByTestId('toast').getByText('The token is being checked').waitFor()
    await status('Active')
  })

  await step('disables the account, and its plans are not sold', async () => {
    await page.getByTestId('disable').click()
    await status('Disabled')
    await ann.page.goto('/vps/new?region=us-new-york')
    await ann.page.getByTestId('summary').waitFor()
    assert.equal(await smallPlan.and(ann.page.locator(':enabled')).count(), 0)
  })

  await step('enables it again, and they are', async () => {
    await page.getByTestId('enable').click()
    await status('Active')
    await ann.page.goto('/vps/new?region=us-new-york&plan=micro-512')
    assert.ok(await smallPlan.isChecked())
  })

  await step('publishes new prices while a customer holds an old form', async () => {
    const old = await ann.page.getByTestId('price-hour').textContent()
    await menu('Plans and prices')
    await page.getByRole('link', { name: 'Micro 512' }).click()
    await page.getByLabel('Markup in percent').fill('100')
    await page.getByTestId('preview').click()
    await page.getByTestId('new-prices').waitFor()
    await page.getByTestId('publish').click()
    await page.getByTestId('toast').getByText('Prices published').waitFor()

    await ann.page.getByRole('textbox', { name: 'Name' }).fill('after-the-rise')
    await ann.expecting(409, () => ann.page.getByTestId('submit-create').click())
    await ann.page.getByTestId('stale-price').waitFor()
    assert.notEqual(await ann.page.getByTestId('price-hour').textContent(), old)
    assert.equal(await ann.page.getByTestId('price-hour').textContent(), '$0.0119/h')
    assert.equal(await ann.page.getByRole('textbox', { name: 'Name' }).inputValue(), 'after-the-rise')
    await ann.page.getByTestId('submit-create').click()
    await ann.page.waitForURL(/\/vps\/[0-9a-f-]{36}$/)
    await ann.page.getByText('$0.0119/h').waitFor()
  })

  await step('organizations', async () => {
    await menu('Organizations')
    await page.getByRole('link', { name: 'Acme Studio' }).click()
    await page.getByRole('heading', { name: 'Acme Studio', level: 1 }).waitFor()
    await page.getByRole('cell', { name: PEOPLE.max.email }).waitFor()
  })

  await step('all VPSs', async () => {
    await menu('All VPSs')
    const row = page.getByTestId('operator-vps').getByRole('row').filter({ hasText: 'after-the-rise' })
    await row.getByText('Acme Studio').waitFor()
    await row.getByText('DigitalOcean US').waitFor()
  })
  await Promise.all([olivia.leave(), ann.leave()])
})
