import htmx from 'htmx.org'

import { toast } from './toast.js'

/** Small comforts of forms and tables. */
export function startForms() {
  // A form is sent once: its button is locked until the next page or answer.
  document.addEventListener('submit', (event) => {
    const form = event.target
    if (form.dataset.sending) return event.preventDefault()
    if (form.method === 'get') return
    form.dataset.sending = '1'
    event.submitter?.setAttribute('aria-busy', 'true')
  })
  const unlock = (form) => {
    if (!(form instanceof HTMLFormElement)) return
    delete form.dataset.sending
    form.querySelectorAll('[aria-busy]').forEach((button) => button.removeAttribute('aria-busy'))
  }
  document.addEventListener('htmx:afterRequest', (event) => unlock(event.detail.elt))
  window.addEventListener('pageshow', () => document.querySelectorAll('form').forEach(unlock))

  // What is typed is shown elsewhere, too.
  document.addEventListener('input', ({ target }) => {
    for (const copy of document.querySelectorAll(`[data-shows="${target.id}"]`)) copy.textContent = target.value
  })

  // Amount suggestions fill the amount field.
  document.addEventListener('click', (event) => {
    const pick = event.target.closest('[data-fill]')
    const field = pick && document.getElementById(pick.dataset.fill)
    if (!field) return
    field.value = pick.dataset.value
    field.focus()
  })

  // A table row opens what its link opens, unless something in it was clicked or text selected.
  document.addEventListener('click', (event) => {
    const row = event.target.closest('tr[data-href]')
    if (!row || event.target.closest('a, button, input, select, label, form')) return
    if (getSelection()?.toString()) return
    if (event.ctrlKey || event.metaKey) window.open(row.dataset.href, '_blank', 'noopener')
    else location.assign(row.dataset.href)
  })

  // Bring the first error into view and into focus.
  document.addEventListener('DOMContentLoaded', () => {
    const field = document.querySelector('[aria-invalid="true"]')
    field?.scrollIntoView({ block: 'center' })
    field?.focus({ preventScroll: true })
  })

  // When the payer can go on, go on.
  const follow = () => {
    const link = document.querySelector('a[data-follow]')
    if (!link || link.dataset.followed) return
    link.dataset.followed = '1'
    location.assign(link.href)
  }
  document.addEventListener('DOMContentLoaded', follow)
  document.addEventListener('htmx:load', follow)

  document.addEventListener('htmx:responseError', (event) => {
    if (event.detail.xhr.status === 401) return location.reload()
    toast('That did not work. Reload the page and try again.', 'bad')
  })
  document.addEventListener('htmx:sendError', () => toast('No connection. Nothing was changed.', 'bad'))

  // Errors at fields and conflicts come back as pages: show them like any other answer.
  htmx.config.responseHandling = [
    { code: '204', swap: false },
    { code: '[23]..', swap: true },
    { code: '402|409|422', swap: true },
    { code: '...', swap: false, error: true },
  ]
}
