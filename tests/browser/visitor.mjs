// A person at a browser of their own. Whatever the browser complains about fails the test.
import assert from 'node:assert/strict'

import { chromium } from 'playwright-core'

/** Long enough for a busy machine; nothing waits longer than it must. */
const WAIT_MS = 20_000
/** Less than the 20 seconds after which pages look for themselves: what comes that late did not come live. */
const LIVE_MS = 15_000

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

export class Visitor {
  #complaints = []
  #expected = new Set()

  /** `options` are those of a browser context; `theme` is light or dark. */
  static async arrive(browser, panel, { theme = 'light', width = 1280, height = 900, ...options } = {}) {
    const context = await browser.newContext({
      baseURL: panel.url,
      viewport: { width, height },
      colorScheme: theme,
      locale: 'en-GB',
      timezoneId: 'UTC',
      reducedMotion: 'reduce',
      ...options,
    })
    const visitor = new Visitor(context, await context.newPage())
    visitor.#listen(panel)
    return visitor
  }

  constructor(context, page) {
    this.context = context
    this.page = page
    context.setDefaultTimeout(WAIT_MS)
  }

  /** Another tab of the same person, in the background: browsers draw it less often. */
  async tab(path) {
    const page = await this.context.newPage()
    await page.goto(path)
    await this.page.bringToFront()
    return page
  }

  #listen(panel) {
    const { context } = this
    const complain = (page, text) => this.#complaints.push(`${page?.url() ?? '?'}: ${text}`)
    context.on('weberror', (error) => complain(error.page(), `uncaught ${error.error()}`))
    context.on('console', (message) => {
      // Answers that are errors are judged below, where their status is known.
      if (message.type() !== 'error' || /^Failed to load resource: the server responded/.test(message.text())) return
      complain(message.page(), `console: ${message.text()}`)
    })
    context.on('response', (response) => {
      const status = response.status()
      if (status < 400 || this.#expected.has(status) || !response.url().startsWith(panel.url)) return
      complain(response.frame()?.page(), `${status} for ${response.request().method()} ${response.url()}`)
    })
    context.on('requestfailed', (request) => {
      // Going to another page ends what the last one was still loading, its event stream for one.
      const reason = request.failure()?.errorText
      if (reason !== 'net::ERR_ABORTED') complain(null, `${reason} for ${request.method()} ${request.url()}`)
    })
  }

  /** Does something that must be answered with this error status. */
  async expecting(status, act) {
    this.#expected.add(status)
    const answer = this.page.waitForResponse((response) => response.status() === status)
    await Promise.all([answer, act()])
    this.#expected.delete(status)
  }

  async signIn({ email, password }) {
    await this.page.goto('/sign-in')
    await this.page.getByLabel('E-mail').fill(email)
    await this.page.getByLabel('Password').fill(password)
    await this.page.getByTestId('sign-in').click()
  }

  async signOut() {
    await this.page.getByRole('button', { name: /^Account/ }).click()
    await this.page.getByTestId('sign-out').click()
    await this.page.waitForURL('**/sign-in')
  }

  /** Closes the browser of this person and tells what it complained about. */
  async leave() {
    await this.context.close()
    assert.deepEqual(this.#complaints, [], 'the browser complained')
  }
}

/**
 * Writes down every text that an element shows from now on. The record lives in the page's own memory, so a
 * reload or a navigation loses it: what it holds was shown live.
 */
export async function record(page, selector) {
  await page.evaluate((selector) => {
    const seen = []
    const look = () => {
      const text = document.querySelector(selector)?.textContent.trim() ?? ''
      if (seen.at(-1) !== text) seen.push(text)
    }
    look()
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true })
    window.recorded = { ...window.recorded, [selector]: seen }
  }, selector)
  const read = () => page.evaluate((selector) => window.recorded?.[selector] ?? null, selector)
  return {
    read,
    /** Waits until the texts were shown one after the other, others in between or not. */
    async shows(...texts) {
      const isShown = ({ selector, texts }) => {
        const seen = window.recorded?.[selector]
        if (!seen) throw new Error('the page was loaded again')
        let from = 0
        return texts.every((text) => (from = seen.indexOf(text, from) + 1) > 0)
      }
      await page.waitForFunction(isShown, { selector, texts }, { timeout: LIVE_MS }).catch(async (error) => {
        const seen = JSON.stringify(await read())
        throw new Error(`waited for ${texts.join(' → ')}, saw ${seen}: ${error.message}`)
      })
    },
  }
}
