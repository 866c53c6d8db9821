// Every page in every state worth looking at, by who looks, and how one gets there (`to`: an address or a way).
// `pays` marks pages that name the means of payment, `status` is the answer to an address that is refused, and
// `brief` says that a page soon becomes another one.

/** Opens the VPS of that name, then does something there. */
const vps = (name, act) => async (visitor) => {
  await visitor.page.goto('/vps?show=all')
  await visitor.page.getByRole('link', { name, exact: true }).first().click()
  await visitor.page.getByTestId('vps').waitFor()
  await act?.(visitor)
}

/** Opens a page, fills in the form there, and sends it as the browser would not: to see what the server says. */
const refused = (path, status, form, fields) => async (visitor) => {
  const { page } = visitor
  await page.goto(path)
  for (const [name, value] of Object.entries(fields)) await page.locator(`#${name}`).fill(value)
  const send = () => page.getByTestId(form).evaluate((form) => form.submit())
  await Promise.all([page.waitForEvent('load'), visitor.expecting(status, send)])
}

/** Begins a top-up and goes the way to where it stands still. */
const topUp = (amount, follow) => async (visitor, panel) => {
  const { page } = visitor
  await page.goto('/wallet')
  await page.getByLabel(/^Amount in/).fill(amount)
  await follow({ page, panel, begin: () => page.getByTestId('add-money').click() })
}
const checkout = async ({ page, panel, begin }) => {
  await begin()
  await page.waitForURL(`${panel.paypal}/checkoutnow?*`)
}
const decided = (button, state) => async (way) => {
  await checkout(way)
  await way.page.getByRole('button', { name: button }).click()
  await way.page.locator(`[data-testid="top-up"] [data-state="${state}"]`).waitFor()
}

/** Opens the first row of a table. */
const first = (path, testid) => async ({ page }) => {
  await page.goto(path)
  await page.getByTestId(testid).locator('tbody a').first().click()
  await page.locator('.crumb').waitFor()
}

export const STRANGER = [
  { name: 'sign-in', to: '/sign-in' },
  {
    name: 'sign-in-error',
    to: refused('/sign-in', 401, 'sign-in-form', { email: 'who@nowhere.example', password: 'wrong' }),
  },
  { name: 'sign-up', to: '/sign-up' },
  {
    name: 'sign-up-error',
    to: refused('/sign-up', 422, 'sign-up-form', { name: 'A', organization: 'B', email: 'nowhere', password: 'short' }),
  },
  { name: 'confirm-email', to: '/confirm-email?token=ec_nobodys' },
  { name: 'error-404-stranger', to: '/nowhere', status: 404 },
]

/** Of an organization that has just been made. */
export const NEWCOMER = [
  { name: 'new-dashboard', to: '/' },
  { name: 'new-vps-list', to: '/vps' },
  { name: 'new-create', to: '/vps/new' },
  { name: 'new-ssh-keys', to: '/ssh-keys' },
  { name: 'ssh-key-error', to: refused('/ssh-keys', 422, 'add-key-form', { public_key: 'not a key' }) },
  { name: 'new-wallet', to: '/wallet', pays: true },
  { name: 'new-billing', to: '/billing' },
  { name: 'new-activity', to: '/activity' },
  { name: 'new-security', to: '/settings/security' },
  { name: 'new-credits', to: '/wallet/credits' },
  { name: 'code-error', to: refused('/wallet', 422, 'redeem-form', { code: 'NEVERMADE' }), pays: true },
  { name: 'new-auto-top-up', to: '/wallet/auto-top-up', pays: true },
  {
    name: 'auto-top-up-error',
    to: refused('/wallet/auto-top-up', 422, 'auto-form', { threshold: 'soon' }),
    pays: true,
  },
  { name: 'wallet-error', to: refused('/wallet', 422, 'top-up-form', { amount: '1' }), pays: true },
  {
    name: 'top-up-preparing',
    pays: true,
    to: topUp('10', async ({ page, panel, begin }) => {
      await panel.fault({ operation: 'paypal.create_order', kind: 'slow', delay_ms: 8_000, count: 1 })
      await begin()
      await page.getByTestId('top-up').waitFor()
    }),
    brief: true,
  },
  {
    name: 'top-up-waiting',
    pays: true,
    to: topUp('11', async (way) => {
      await checkout(way)
      await way.page.goto(`${way.panel.url}/wallet`)
      await way.page.getByTestId('top-ups').getByRole('link', { name: '$11.00' }).click()
      await way.page.getByTestId('approve').waitFor()
    }),
  },
  { name: 'top-up-cancelled', pays: true, to: topUp('12', decided('Cancel', 'awaiting_approval')) },
  { name: 'top-up-pending', pays: true, to: topUp('13', decided('stays pending', 'pending')) },
  { name: 'top-up-failed', pays: true, to: topUp('14', decided('declined', 'failed')) },
  { name: 'top-up-paid', pays: true, to: topUp('15', decided(/^Approve$/, 'completed')) },
]

/** Of an organization with a month of history. */
export const CUSTOMER = [
  { name: 'dashboard', to: '/' },
  { name: 'vps-list', to: '/vps' },
  { name: 'vps-list-nothing', to: '/vps?q=nosuchname' },
  { name: 'vps-running', to: vps('web-1') },
  { name: 'vps-stopped', to: vps('staging') },
  {
    name: 'vps-delete-dialog',
    to: vps('web-1', async ({ page }) => {
      await page.getByTestId('delete').click()
      await page.getByRole('dialog').waitFor()
    }),
  },
  {
    name: 'vps-delete-error',
    to: vps('web-1', async (visitor) => {
      await refused(`${visitor.page.url()}/delete`, 422, 'delete-form', { confirm: 'web-2' })(visitor)
    }),
  },
  { name: 'create', to: '/vps/new' },
  { name: 'create-error', to: refused('/vps/new', 422, 'create-form', { name: '-no-host-name-' }) },
  { name: 'ssh-keys', to: '/ssh-keys' },
  { name: 'wallet', to: '/wallet', pays: true },
  { name: 'auto-top-up', to: '/wallet/auto-top-up', pays: true },
  { name: 'billing', to: '/billing' },
  { name: 'billing-details', to: '/billing/details' },
  {
    name: 'billing-details-error',
    to: refused('/billing/details', 422, 'details-form', { name: 'Acme', address: 'Street 1', vat_number: '?' }),
  },
  { name: 'receipt', to: first('/billing', 'receipts') },
  { name: 'statement', to: first('/billing', 'statements') },
  { name: 'statement-preview', to: '/billing/preview' },
  {
    name: 'transaction',
    to: async ({ page }) => {
      await page.goto('/wallet')
      await page.getByTestId('ledger').locator('summary').first().click()
      await page.getByTestId('explain').first().click()
      await page.getByTestId('lines').waitFor()
    },
    pays: true,
  },
  { name: 'ledger-file', to: '/wallet/ledger' },
  {
    name: 'vps-charges',
    to: vps('web-1', async ({ page }) => {
      await page.getByTestId('charges').click()
      await page.getByTestId('hours').waitFor()
    }),
  },
  { name: 'activity', to: '/activity' },
  { name: 'activity-nothing', to: '/activity?action=api_key' },
  { name: 'security', to: '/settings/security' },
  {
    name: 'security-new-key',
    to: async ({ page }) => {
      await page.goto('/settings/security')
      await page.getByLabel("New key's name").fill('deploy script')
      await page.getByTestId('create-key').click()
      await page.getByTestId('new-key').waitFor()
    },
  },
  {
    name: 'account-menu',
    to: async ({ page }) => {
      await page.goto('/')
      await page.getByRole('button', { name: /^Account/ }).click()
      await page.getByTestId('sign-out').waitFor()
    },
  },
  {
    name: 'palette',
    to: async ({ page }) => {
      await page.goto('/')
      await page.keyboard.press('Control+k')
      await page.getByRole('dialog').getByRole('link', { name: 'Create VPS' }).waitFor()
    },
  },
  {
    name: 'more-menu',
    to: async ({ page }) => {
      await page.goto('/')
      await page.evaluate(() => document.getElementById('more').showPopover())
    },
  },
  { name: 'error-404', to: '/vps/00000000-0000-0000-0000-000000000000', status: 404 },
  { name: 'vps-provisioning', to: ordered('slow-one', 'stuck', 'Provisioning') },
  { name: 'vps-failed', to: ordered('no-room', 'sold_out', 'Failed') },
]

/** Saves the billing details with this VAT number, and waits until the page, which is not live, says that of it. */
const vatNumber = (number, says, prepare) => async ({ page }, panel) => {
  await prepare(panel)
  await page.goto('/billing/details')
  await page.getByLabel('VAT number').fill(number)
  await page.getByTestId('save-details').click()
  const status = page.getByTestId('vat-status')
  while (!(await status.innerText()).includes(says)) await page.reload()
}
const unanswered = (panel) => panel.fault({ operation: 'vies.check', kind: 'error' })

/** Of an organization whose VAT number the register is asked about. */
export const VAT = [
  { name: 'billing-vat-unchecked', to: vatNumber('DE111111111', 'has not answered yet', unanswered) },
  {
    name: 'billing-vat-valid',
    to: vatNumber('DE222222222', 'confirmed the VAT number', (panel) => panel.clearFaults()),
  },
  {
    name: 'billing-vat-invalid',
    to: vatNumber('DE333333333', 'does not know', (panel) => panel.forgetVatNumber('DE333333333')),
  },
  { name: 'billing-details-vat-invalid', to: '/billing/details' },
]

/** An order of a plan of one cloud alone, where something goes wrong. */
function ordered(name, fault, status) {
  return async ({ page }, panel) => {
    await panel.fault({ operation: 'linode.create', kind: fault, count: 1 })
    await page.goto('/vps/new?region=gb-london&plan=cloud-16')
    await page.getByRole('textbox', { name: 'Name' }).fill(name)
    await page.getByTestId('submit-create').click()
    await page.getByTestId('vps').waitFor()
    await page.locator('#status').getByText(status, { exact: true }).waitFor()
  }
}

export const MEMBER = [
  { name: 'member-dashboard', to: '/' },
  { name: 'member-vps', to: vps('web-1') },
  { name: 'member-wallet', to: '/wallet', pays: true },
  { name: 'member-ssh-keys', to: '/ssh-keys' },
  { name: 'error-403', to: '/vps/new', status: 403 },
]

/** An organization's page with a form that was refused. */
function organization(name, form, fields) {
  return async (visitor) => {
    await first(`/operator/organizations?q=${name}`, 'organizations')(visitor)
    await refused(visitor.page.url(), 422, form, fields)(visitor)
  }
}

/** The finance page, with bars of revenue: a picture of an empty chart shows nothing. */
const finance = (by) => async ({ page }) => {
  await page.goto(`/operator/finance?by=${by}`)
  await page.locator('.bars .bar-revenue:not([height="0"])').first().waitFor({ state: 'attached' })
}

/** The margin page, with rows. */
const margin = (by) => async ({ page }) => {
  await page.goto(`/operator/finance/margin?of=${by}`)
  await page.getByTestId('margin').locator('tbody tr').first().waitFor()
}

export const OPERATOR = [
  { name: 'operator-overview', to: '/operator' },
  { name: 'operator-organizations', to: '/operator/organizations' },
  { name: 'operator-organizations-nothing', to: '/operator/organizations?q=nosuchname' },
  { name: 'operator-organization', to: first('/operator/organizations?q=acme', 'organizations') },
  { name: 'operator-taxes', to: '/operator/taxes' },
  { name: 'operator-terms-error', to: organization('acme', 'terms-form', { retention_hours: 'a week' }) },
  {
    name: 'operator-organization-wallet',
    to: async (visitor) => {
      await first('/operator/organizations?q=acme', 'organizations')(visitor)
      await visitor.page.getByTestId('wallet').click()
      await visitor.page.getByTestId('goodwill-form').waitFor()
    },
    pays: true,
  },
  { name: 'operator-offers', to: '/operator/campaigns' },
  {
    name: 'operator-offers-error',
    to: refused('/operator/campaigns', 422, 'promotion-form', {
      promotion_name: 'Fair',
      promotion_code: 'AB',
      promotion_amount: '10',
    }),
  },
  { name: 'operator-adjustments', to: '/operator/adjustments' },
  {
    name: 'operator-transaction',
    to: async (visitor) => {
      const { page } = visitor
      await first('/operator/organizations?q=acme', 'organizations')(visitor)
      await page.getByTestId('wallet').click()
      const charged = page.getByTestId('ledger').locator('li', { hasText: 'Hours charged' }).first()
      await charged.locator('summary').click()
      await charged.getByTestId('explain').click()
      await page.getByTestId('hours').waitFor()
    },
  },
  { name: 'operator-finance', to: finance('day') },
  { name: 'operator-finance-months', to: finance('month') },
  { name: 'operator-margin', to: margin('plan') },
  { name: 'operator-margin-organizations', to: margin('organization') },
  { name: 'operator-margin-accounts', to: margin('account') },
  { name: 'operator-margin-vps', to: margin('vps') },
  { name: 'operator-vps', to: '/operator/vps' },
  { name: 'operator-unpaid', to: '/operator/unpaid' },
  { name: 'operator-plans', to: '/operator/plans' },
  { name: 'operator-plan', to: first('/operator/plans', 'plan-table') },
  {
    name: 'operator-plan-error',
    to: async (visitor) => {
      await first('/operator/plans', 'plan-table')(visitor)
      await refused(visitor.page.url(), 422, 'publish-form', { markup_percent: 'much' })(visitor)
    },
  },
  {
    name: 'operator-plan-preview',
    to: async (visitor) => {
      await first('/operator/plans', 'plan-table')(visitor)
      await visitor.page.getByTestId('preview').click()
      await visitor.page.getByTestId('new-prices').waitFor()
    },
  },
  {
    name: 'operator-price-moves',
    to: async (visitor) => {
      await first('/operator/plans', 'plan-table')(visitor)
      await visitor.page.getByTestId('moves').click()
      await visitor.page.getByTestId('what-if').click()
      await visitor.page.getByTestId('effect').waitFor()
    },
  },
  { name: 'operator-new-plan', to: '/operator/plans/new' },
  { name: 'operator-providers', to: '/operator/providers' },
  { name: 'operator-provider', to: first('/operator/providers', 'providers') },
  { name: 'operator-new-provider', to: '/operator/providers/new' },
  { name: 'operator-mails', to: '/operator/mails' },
  { name: 'operator-mails-nothing', to: '/operator/mails?state=skipped' },
  { name: 'operator-activity', to: '/operator/activity' },
]
