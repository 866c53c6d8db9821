// A stranger becomes a customer: from sign-up over the first money and two servers to the last cent.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { PEOPLE, startPanel } from './panel.mjs'
import { stepsOf } from './steps.mjs'
import { record, startBrowser, Visitor } from './visitor.mjs'

const STELLA = { name: 'Stella Stranger', email: 'stella@newcomer.example', password: 'correct horse battery' }
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC7ixVmAb1tmLwSxhu/wWFT2Ut1LOqMcMyRc5sXRSVSN stella@desk'

// Behind the plans are two clouds: the first one alone delivers `Cloud 16`, the second alone `Micro 512`.
const ORDERS = [
  { cloud: 'linode', name: 'big', region: 'London', plan: 'Cloud 16' },
  { cloud: 'digitalocean', name: 'small', region: 'New York', plan: 'Micro 512' },
]

const STATUS = '#status'
const AVAILABLE = '[data-testid="available"]'
const BALANCE = '[data-testid="balance"] strong'

let panel, browser
before(async () => {
  browser = await startBrowser()
  panel = await startPanel()
})
after(async () => {
  await browser?.close()
  await panel?.stop()
})

test('a stranger signs up, pays, runs two servers and leaves nothing behind', { timeout: 120_000 }, async (t) => {
  const stella = await Visitor.arrive(browser, panel)
  const { page } = stella
  const step = stepsOf(t, () => stella.context.pages())
  const before = await servers()
  // A second tab with the wallet, which is never touched: all it shows, it shows by itself.
  let wallet, money
  const addresses = {}

  await step('signs up', async () => {
    await page.goto('/')
    await page.getByRole('link', { name: 'Create an account' }).click()
    await page.getByLabel('Your name').fill(STELLA.name)
    await page.getByLabel('Organization').fill('Newcomer Ltd')
    await page.getByLabel('E-mail').fill(STELLA.email)
    await page.getByLabel('Password').fill(STELLA.password)
    await page.getByTestId('sign-up').click()
    await page.getByRole('heading', { name: 'Your first VPS' }).waitFor()
  })

  await step('adds an SSH key', async () => {
    await page.getByRole('navigation', { name: 'Main', exact: true }).getByRole('link', { name: 'SSH keys' }).click()
    await page.getByLabel('Public key').fill(KEY)
    await page.getByTestId('add-key').click()
    await page.getByTestId('key-table').getByText('stella@desk').waitFor()
  })

  await step('tops up by PayPal and sees the money arrive', async () => {
    wallet = await stella.tab('/wallet')
    money = await record(wallet, AVAILABLE)
    const balance = await record(wallet, BALANCE)

    // PayPal is busy until the page was seen, so that the page is there before the answer is.
    await panel.fault({ operation: 'paypal.create_order', kind: 'rate_limited', retry_after: 1 })
    await page.goto('/wallet')
    await page.getByLabel('Amount in USD').fill('50')
    await page.getByTestId('add-money').click()
    await page.getByText('Preparing', { exact: true }).waitFor()
    await panel.clearFaults()
    // The link comes by itself, and the page follows it.
    await page.waitForURL(`${panel.paypal}/checkoutnow?*`)

    await panel.fault({ operation: 'paypal.capture', kind: 'rate_limited', retry_after: 1 })
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.waitForURL('**/wallet/top-ups/*')
    const state = await record(page, '[data-testid="top-up"] [data-testid="status"]')
    const advice = await record(page, '[data-testid="goes-on"]')
    assert.notEqual((await state.read())[0], 'Paid', 'the page was there before the money')
    assert.match((await advice.read())[0], /You can leave this page/)
    await panel.clearFaults()
    await state.shows('Paid')
    await advice.shows('')
    await money.shows('$0.00', '$50.00')
    await balance.shows('$0.00', '$50.00')
  })

  for (const order of ORDERS) {
    await step(`creates the VPS ${order.name}, and it becomes running`, async () => {
      await page.goto('/vps/new')
      await page.getByTestId('regions').getByLabel(order.region).check()
      const plan = page.getByText(order.plan, { exact: true })
      await page.getByTestId('plans').getByRole('row').filter({ has: plan }).click()
      await page.getByTestId('summary').getByText(order.plan, { exact: true }).waitFor()
      await page.getByRole('textbox', { name: 'Name' }).fill(order.name)
      await page.getByTestId('summary').getByText(order.name, { exact: true }).waitFor()
      // A hand is slower than the page: what it presses must still be there when it lets go.
      await page.getByTestId('submit-create').click({ delay: 500 })
      await page.waitForURL(/\/vps\/[0-9a-f-]{36}$/)
      addresses[order.name] = page.url()
      const status = await record(page, STATUS)
      await status.shows('Provisioning', 'Running')
      assert.match(await page.getByTestId('ipv4').locator('code').textContent(), /^\d+\.\d+\.\d+\.\d+$/)
    })
  }

  await step('has one server at each cloud, and sees what they cost', async () => {
    const now = await servers()
    for (const { cloud } of ORDERS) assert.equal(now[cloud].length, before[cloud].length + 1, cloud)
    const seen = (await money.read()).map((text) => Number(text.replace(/[$,]/g, '')))
    assert.ok(seen.at(-1) < 50, `the money went down live: ${seen}`)
    assert.equal(await wallet.locator(BALANCE).textContent(), await wallet.locator(AVAILABLE).textContent())
  })

  await step('reboots one', async () => {
    await page.goto(addresses.big)
    const status = await record(page, STATUS)
    await page.getByTestId('reboot').click()
    await status.shows('Running', 'Rebooting', 'Running')
  })

  await step('stops and starts the other', async () => {
    await page.goto(addresses.small)
    const status = await record(page, STATUS)
    await page.getByTestId('stop').click()
    await status.shows('Running', 'Stopping', 'Stopped')
    await page.getByTestId('start').click()
    await status.shows('Stopped', 'Starting', 'Running')
  })

  for (const { name } of ORDERS) {
    await step(`deletes ${name} after typing its name`, async () => {
      await page.goto(addresses[name])
      await page.getByTestId('delete').click()
      const dialog = page.getByRole('dialog')
      const confirm = dialog.getByTestId('confirm-delete')
      await dialog.getByLabel(`Type ${name} to confirm`).fill(`${name}x`)
      assert.ok(await confirm.isDisabled(), 'a wrong name deletes nothing')
      await dialog.getByLabel(`Type ${name} to confirm`).fill(name)
      await Promise.all([page.waitForEvent('load'), confirm.click()])
      const status = await record(page, STATUS)
      await status.shows('Deleted')
    })
  }

  await step('leaves no server behind', async () => assert.deepEqual(await servers(), before))

  await step('finds every step in the activity, under her name', async () => {
    await page.goto('/activity')
    const rows = await page.getByTestId('activity-table').locator('tbody tr').allInnerTexts()
    const hers = rows.filter((row) => row.includes(STELLA.name)).join('\n')
    const steps = ['Created the organization', 'Added an SSH key', 'Began a payment $50.00', 'Payment arrived $50.00']
    for (const { name } of ORDERS) {
      steps.push(`Ordered ${name}`, `Created ${name}`, `Asked to delete ${name}`, `Deleted ${name}`)
    }
    steps.push('Asked to reboot big', 'Rebooted big', 'Asked to stop small', 'Stopped small', 'Asked to start small')
    steps.push('Started small')
    const missing = steps.filter((step) => !hers.includes(step))
    assert.deepEqual(missing, [], `not under her name in\n${rows.join('\n')}`)
  })

  await step('the books are in order', async () => {
    const { code, output } = await panel.run('ledger', 'verify')
    assert.equal(code, 0, output)
  })

  await stella.leave()
})

test('a change that comes while a page reads the one before is not lost', { timeout: 60_000 }, async () => {
  const ann = await Visitor.arrive(browser, panel)
  const { page } = ann
  await ann.signIn(PEOPLE.ann)
  await page.getByRole('link', { name: 'web-1', exact: true }).click()
  await page.getByTestId('vps').waitFor()

  // The first answer, which says “Rebooting”, stays on its way until the VPS runs again.
  let arrive
  let held = new Promise((resolve) => (arrive = resolve))
  await page.route(page.url(), async (route) => {
    if (!held || !route.request().headers()['hx-request']) return route.continue()
    const until = held
    held = null
    const response = await route.fetch()
    await until
    return route.fulfill({ response })
  })
  const status = await record(page, STATUS)

  const tab = await ann.tab(page.url())
  await tab.getByTestId('reboot').click()
  await tab.locator(STATUS).getByText('Rebooting', { exact: true }).waitFor()
  while ((await tab.locator(STATUS).textContent()).trim() !== 'Running') await tab.reload()
  arrive()
  await status.shows('Running', 'Rebooting', 'Running')
  await ann.leave()
})

/** The servers at each simulated cloud, by what the cloud calls them. */
async function servers() {
  const clouds = await panel.clouds()
  const of = (cloud) => clouds[cloud].servers.filter((server) => !server.deleted_at).map((server) => server.id).sort()
  return { linode: of('linode'), digitalocean: of('digitalocean') }
}
