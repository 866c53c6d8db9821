// What must hold on every page, whatever it shows.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// Customers are not to know what is behind their VPSs; how they pay is named where they pay.
export const VENDORS = /linode|akamai|droplet|digital\s?ocean/i
const PAYMENT = /paypal/i

/** What is wrong with the headings and words of a page. `reader` is customer or operator. */
export async function wordsOf(page, { reader, pays }) {
  const wrong = []
  const headings = await page.locator('h1:visible').allTextContents()
  if (headings.length !== 1) wrong.push(`${headings.length} main headings: ${headings.join(', ')}`)
  const errors = await page.locator('[data-testid^="error-"]').allInnerTexts()
  wrong.push(...errors.filter((text) => !/^\p{Lu}.*\.$/su.test(text.trim())).map((text) => `no sentence: ${text}`))
  if (reader === 'operator') return wrong
  // Attributes and hidden parts are read by people, too, some of them by ear.
  const source = await page.content()
  for (const words of pays ? [VENDORS] : [VENDORS, PAYMENT]) {
    const found = words.exec(source)
    if (found) wrong.push(`says “${source.slice(Math.max(0, found.index - 40), found.index + 40)}”`)
  }
  return wrong
}

/** What sticks out at the side, or can only be read by scrolling there on a phone, at the present width. */
export function overflowOf(page) {
  return page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement
    const name = (element) => `${element.localName}.${[...element.classList].join('.')}`
    const tables = clientWidth < 640 ? [...document.querySelectorAll('.table-wrap')] : []
    const wide = tables.filter((wrap) => wrap.scrollWidth > wrap.clientWidth).map((wrap) => wrap.firstElementChild)
    const found = wide.map((table) => `a table that must be scrolled at ${clientWidth}: ${table.dataset.testid}`)
    if (scrollWidth <= clientWidth) return found
    const isOut = (element) => element.getBoundingClientRect().right > clientWidth + 0.5
    const outermost = [...document.body.querySelectorAll('*')].filter((e) => isOut(e) && !isOut(e.parentElement))
    return [...found, `${scrollWidth - clientWidth} px too wide at ${clientWidth}: ${outermost.slice(0, 3).map(name)}`]
  })
}

/** Colours differ by theme, what is hidden differs by width: so not every rule is asked every time. */
export const RULES = {
  all: {},
  colours: { runOnly: ['color-contrast'] },
  structure: { rules: { 'color-contrast': { enabled: false } } },
}

/** Serious barriers for people who see, hear or move differently; unlabelled controls are among them. */
export async function barriersOf(page, rules) {
  // The page's own policy forbids foreign scripts; this one does not come from a page.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  const violations = await page.evaluate(async (rules) => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'], ...rules })
    const facts = (node) => [node.target.join(' '), node.failureSummary]
    return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(facts) }))
  }, rules)
  const isSerious = ({ impact }) => ['serious', 'critical'].includes(impact)
  return violations.filter(isSerious).map(({ id, nodes }) => {
    const [[target, summary]] = nodes
    return `${id}, ${nodes.length} times, first at ${target}: ${summary.replace(/\s+/g, ' ')}`
  })
}
