import htmx from 'htmx.org'

/** A page in the background gives its connection back after this time: browsers allow few per host. */
const HIDDEN_MS = 5_000
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000]

/**
 * An event source that pauses while the page is hidden, comes back by itself, and continues after the
 * last event it passed on, so that nothing is lost in between.
 */
class Stream extends EventTarget {
  readyState = EventSource.CONNECTING
  #url
  #source
  #names = new Set()
  #failures = 0
  #timer

  constructor(url) {
    super()
    this.#url = new URL(url, location.href)
    document.addEventListener('visibilitychange', this.#visibility)
    this.#connect()
  }

  addEventListener(name, listener) {
    super.addEventListener(name, listener)
    if (this.#names.has(name)) return
    this.#names.add(name)
    if (this.#source) this.#relay(this.#source, name)
  }

  close() {
    this.readyState = EventSource.CLOSED
    document.removeEventListener('visibilitychange', this.#visibility)
    this.#disconnect()
  }

  #connect() {
    this.#disconnect()
    const source = new EventSource(this.#url)
    this.#source = source
    source.onopen = () => {
      this.#failures = 0
      this.readyState = EventSource.OPEN
      this.onopen?.()
    }
    source.onerror = (event) => {
      this.readyState = EventSource.CONNECTING
      this.onerror?.(event)
      // Refused or ended for good, as far as the browser is concerned: ask again later.
      if (source.readyState === EventSource.CLOSED) this.#later(RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)])
    }
    for (const name of this.#names) this.#relay(source, name)
  }

  #relay(source, name) {
    source.addEventListener(name, (event) => {
      if (event.lastEventId) this.#url.searchParams.set('after', event.lastEventId)
      this.dispatchEvent(new MessageEvent(name, { data: event.data, lastEventId: event.lastEventId }))
    })
  }

  #later(wait) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#connect(), wait)
  }

  #disconnect() {
    clearTimeout(this.#timer)
    this.#source?.close()
    this.#source = undefined
  }

  #visibility = () => {
    clearTimeout(this.#timer)
    if (document.hidden) this.#timer = setTimeout(() => this.#disconnect(), HIDDEN_MS)
    else if (!this.#source) this.#connect()
  }
}

/** htmx's event-stream extension uses it instead of the bare event source. */
export function startStreams() {
  htmx.createEventSource = (url) => new Stream(url)
}
