/** Ctrl+K, Cmd+K or `/`: go to a page or a VPS by typing a part of its name. */
export function startPalette() {
  document.addEventListener('keydown', (event) => {
    const palette = document.getElementById('palette')
    if (!palette) return
    const typing = event.target.closest('input, textarea, select, [contenteditable]')
    const asked = (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) || (event.key === '/' && !typing)
    if (!asked || document.querySelector('dialog[open]')) return
    event.preventDefault()
    palette.showModal()
  })

  document.addEventListener('input', (event) => {
    if (event.target.id !== 'palette-input') return
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean)
    for (const item of items()) {
      const text = item.textContent.toLowerCase()
      item.parentElement.hidden = !words.every((word) => text.includes(word))
    }
    const none = document.getElementById('palette-none')
    if (none) none.hidden = visible().length > 0
  })

  document.addEventListener('keydown', (event) => {
    if (!event.target.closest('#palette')) return
    const shown = visible()
    if (event.key === 'Enter' && event.target.id === 'palette-input') {
      event.preventDefault()
      shown[0]?.click()
    }
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    event.preventDefault()
    const step = event.key === 'ArrowDown' ? 1 : -1
    const next = shown.indexOf(document.activeElement) + step
    if (next < 0) document.getElementById('palette-input').focus()
    else shown[Math.min(next, shown.length - 1)]?.focus()
  })
}

const items = () => [...document.querySelectorAll('#palette a')]
const visible = () => items().filter((item) => !item.parentElement.hidden)
