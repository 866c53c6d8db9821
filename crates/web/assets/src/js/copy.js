import { toast } from './toast.js'

/** Copies the text named by `data-copy` and says so. */
export function startCopying() {
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy]')
    if (!button) return
    const what = button.dataset.copyName ?? 'Text'
    try {
      await navigator.clipboard.writeText(button.dataset.copy)
      toast(`${what} copied`)
    } catch {
      selectNeighbour(button)
      toast('Press Ctrl+C to copy', 'bad')
    }
  })
}

/** Without clipboard permission: select the text, so that the keyboard can copy it. */
function selectNeighbour(button) {
  const text = button.parentElement?.querySelector('code')
  if (text) getSelection()?.selectAllChildren(text)
}
