// Everything works without this script except live updates, copying and the small comforts here.
import htmx from 'htmx.org'
import 'htmx-ext-sse'

import { startCopying } from './copy.js'
import { startDialogs } from './dialog.js'
import { startForms } from './form.js'
import { startLiveMark } from './live.js'
import { startPalette } from './palette.js'
import { startStreams } from './stream.js'
import { startThemes } from './theme.js'
import { startTimes } from './time.js'
import { startToasts } from './toast.js'

window.htmx = htmx

// Runs now and after each swap, on the new part of the page only.
const enhance = [startTimes, startToasts]

document.addEventListener('DOMContentLoaded', () => {
  enhance.forEach((start) => start(document.body))
})
document.addEventListener('htmx:load', (event) => {
  enhance.forEach((start) => start(event.detail.elt))
})

startCopying()
startDialogs()
startForms()
startLiveMark()
startPalette()
startStreams()
startThemes()
