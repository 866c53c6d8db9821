/** Light, dark or as the system: kept in a cookie, so that the server paints the right one at once. */
export function startThemes() {
  document.addEventListener('submit', (event) => {
    const theme = event.target.matches?.('[data-theme-form]') && event.submitter?.value
    if (!theme) return
    event.preventDefault()
    delete event.target.dataset.sending
    event.submitter.removeAttribute('aria-busy')
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`
    if (theme === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    for (const button of document.querySelectorAll('[data-theme-form] button')) {
      button.setAttribute('aria-pressed', String(button.value === theme))
    }
  })
}
