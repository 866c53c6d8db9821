/** Times in the reader's zone, with UTC on hover; relative ones are kept up to date. What is meant in UTC stays. */
export function startTimes(root) {
  for (const element of root.querySelectorAll('time[datetime]')) show(element)
}

setInterval(() => {
  for (const element of document.querySelectorAll('time[data-form="ago"]')) show(element)
}, 20_000)

function show(element) {
  const at = new Date(element.dateTime)
  if (element.dataset.form === 'utc' || Number.isNaN(at.getTime())) return
  element.textContent = element.dataset.form === 'ago' ? ago(at) : local(at, element.dataset.form)
}

function local(at, form) {
  const thisYear = at.getFullYear() === new Date().getFullYear()
  const day = { day: 'numeric', month: 'short', ...(thisYear ? {} : { year: 'numeric' }) }
  const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
  const options = form === 'day' ? day : { ...day, ...time }
  return new Intl.DateTimeFormat('en-GB', options).format(at)
}

function ago(at) {
  const seconds = Math.round((Date.now() - at.getTime()) / 1000)
  if (Math.abs(seconds) < 45) return 'just now'
  const steps = [
    [60, 'min'],
    [3600, 'h'],
    [86_400, 'd'],
  ]
  const [unit, name] = steps.findLast(([length]) => Math.abs(seconds) >= length * 0.9) ?? steps[0]
  const count = Math.max(1, Math.round(Math.abs(seconds) / unit))
  if (name === 'd' && count > 6) return local(at, 'day')
  return seconds < 0 ? `in ${count} ${name}` : `${count} ${name} ago`
}
