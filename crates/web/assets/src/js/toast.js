const VISIBLE_MS = 6000

/** Toasts that came with the page leave after a while. */
export function startToasts(root) {
  const all = root.matches?.('.toast-item') ? [root] : root.querySelectorAll('.toast-item')
  for (const item of all) expire(item)
}

/** Shows a short message. Screen readers hear it: the region is `aria-live`. */
export function toast(text, tone = 'good') {
  const region = document.getElementById('toasts')
  if (!region) return
  const item = document.createElement('div')
  item.className = 'toast-item'
  item.dataset.tone = tone
  item.append(Object.assign(document.createElement('span'), { textContent: text }))
  region.append(item)
  expire(item)
}

function expire(item) {
  if (item.dataset.expires) return
  item.dataset.expires = '1'
  setTimeout(() => item.remove(), VISIBLE_MS)
}

document.addEventListener('click', (event) => {
  event.target.closest('[data-dismiss]')?.closest('.toast-item')?.remove()
})
