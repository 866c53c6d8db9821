// A test in steps that build on each other: after one that failed, the others say so and are not tried.

/** Gives `step(name, act)` for a test. On failure, `pages()` are written to the report. */
export function stepsOf(t, pages) {
  let failed = null
  return (name, act) =>
    t.test(name, { skip: failed ? `“${failed}” failed` : false }, async (t) => {
      try {
        await act(t)
      } catch (error) {
        failed = name
        for (const page of pages()) t.diagnostic(await describe(page))
        throw error
      }
    })
}

async function describe(page) {
  const text = await page.locator('body').innerText({ timeout: 1_000 }).catch((error) => `(${error.message})`)
  return `${page.url()} showed: ${text.replace(/\s*\n\s*/g, ' | ')}`
}
