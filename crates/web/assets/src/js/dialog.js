/** Links with `data-dialog` open that dialog; without script they lead to a page with the form. */
export function startDialogs() {
  document.addEventListener('click', (event) => {
    const opener = event.target.closest('[data-dialog]')
    if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      const dialog = document.getElementById(opener.dataset.dialog)
      if (dialog instanceof HTMLDialogElement) {
        event.preventDefault()
        // What is confirmed by typing begins locked.
        for (const button of dialog.querySelectorAll('[data-needs-name]')) button.disabled = true
        dialog.showModal()
      }
    }
    const closer = event.target.closest('[data-close]')
    if (closer) {
      const dialog = closer.closest('dialog')
      if (dialog) {
        event.preventDefault()
        dialog.close()
      }
    }
    if (event.target instanceof HTMLDialogElement) event.target.close()
  })

  // "Type the name": the button wakes up when the text is right. The server checks again.
  document.addEventListener('input', (event) => {
    const field = event.target.closest('[data-expect]')
    const button = field?.form?.querySelector('[data-needs-name]')
    if (button) button.disabled = field.value.trim() !== field.dataset.expect
  })
}
