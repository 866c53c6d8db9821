import htmx from 'htmx.org'

/** Shows whether the page is live, and reads everything anew after a gap. */
export function startLiveMark() {
  let interrupted = false

  const show = (state, text) => {
    const mark = document.getElementById('live')
    if (!mark) return
    mark.hidden = false
    mark.dataset.state = state
    mark.querySelector('span').textContent = text
  }
  document.addEventListener('htmx:sseOpen', () => {
    show('live', 'Live')
    if (interrupted) document.querySelectorAll('[hx-trigger*="resync"]').forEach((e) => htmx.trigger(e, 'resync'))
    interrupted = false
  })
  document.addEventListener('htmx:sseError', () => {
    interrupted = true
    show('reconnecting', 'Reconnecting')
  })

  // What the reader has unfolded stays so when its part of the page is read anew.
  let unfolded = []
  document.addEventListener('htmx:beforeSwap', (event) => {
    unfolded = [...event.detail.target.querySelectorAll('details[open][id]')].map((details) => details.id)
  })
  document.addEventListener('htmx:afterSwap', () => {
    for (const id of unfolded) document.getElementById(id)?.setAttribute('open', '')
  })
}
