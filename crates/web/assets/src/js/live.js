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

  // A part that is told of a change while its last reading is still on the way is read once more: the
  // element that was told is replaced by that reading, and what waited with it would be lost.
  const overtaken = new Set()
  document.addEventListener('htmx:trigger', ({ target }) => {
    const isLive = target.id && target.getAttribute('hx-trigger')?.includes('resync')
    if (isLive && target.classList.contains('htmx-request')) overtaken.add(target.id)
  })
  document.addEventListener('htmx:afterRequest', ({ detail }) => {
    const id = detail.elt?.id
    if (!overtaken.delete(id)) return
    setTimeout(() => {
      const part = document.getElementById(id)
      if (part) htmx.trigger(part, 'resync')
    }, 50)
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
