// Starts `skypanel demo` for one test file: the panel, simulated clouds and PayPal, and example data.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { createDatabase } from './database.mjs'

const BUILT = fileURLToPath(new URL('../../target/debug/skypanel', import.meta.url))
/** The example data has a month of history, so the first start takes a while on a busy machine. */
const START_MS = 90_000
const STOP_MS = 15_000
const JSON_BODY = { 'content-type': 'application/json' }

// Who ends the tests ends the panel.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

/** The people of the example data. */
export const PEOPLE = {
  operator: { email: 'operator@example.com', password: 'demo-operator' },
  ann: { email: 'ann@acme.example', password: 'demo-customer' },
  ben: { email: 'ben@harbor.example', password: 'demo-customer' },
  max: { email: 'max@acme.example', password: 'demo-member' },
}

export async function startPanel() {
  const database = await createDatabase()
  const folder = await mkdtemp(path.join(os.tmpdir(), 'skypanel-browser-'))
  const port = await freePorts(4)
  const environment = { ...process.env, DATABASE_OWNER_URL: database.ownerUrl, DATABASE_URL: database.loginUrl }
  const program = process.env.SKYPANEL_BIN ?? BUILT
  const logFile = path.join(folder, 'log')
  let child
  const start = async (settings = {}) => {
    const logTo = openSync(logFile, 'a')
    child = spawn(program, ['demo', '--port', port, '--data', folder, '--speed', '30'], {
      env: { ...environment, ...settings },
      // A file takes the log also when the tests are gone.
      stdio: ['ignore', 'pipe', logTo],
    })
    closeSync(logTo)
    return ready(child)
  }
  const end = () => child.kill('SIGTERM')
  process.once('exit', end)

  const ended = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    end()
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await exited
    clearTimeout(late)
  }
  const stop = async () => {
    process.off('exit', end)
    await ended()
    await database.drop()
    const log = await readFile(logFile, 'utf8')
    const errors = log.split('\n').filter((line) => line.includes('"level":"ERROR"'))
    await rm(folder, { recursive: true, force: true })
    if (child.signalCode === 'SIGKILL') errors.push('it did not end when asked to')
    if (errors.length > 0) throw new Error(`the panel had errors:\n${errors.join('\n')}`)
  }

  let url
  try {
    url = await start()
  } catch (error) {
    const log = await readFile(logFile, 'utf8')
    await stop().catch(() => {})
    throw new Error(`${error.message}\n${log}`)
  }
  const simulator = (number) => `http://127.0.0.1:${port + number}`
  const faults = `${simulator(1)}/_sim/faults`
  return {
    url,
    paypal: simulator(3),
    stop,
    /** Ends it and starts it with other settings, on the same data. */
    restart: async (settings) => {
      await ended()
      await start(settings)
    },
    /** What the simulated clouds hold. */
    clouds: async () => (await fetch(`${simulator(1)}/_sim/state`)).json(),
    /** Lets something go wrong at a simulated vendor. */
    fault: (fault) => fetch(faults, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(fault) }),
    /** Ends everything that goes wrong. */
    clearFaults: () => fetch(faults, { method: 'DELETE' }),
    /** Lets the register of VAT numbers not know a number. */
    forgetVatNumber: (number) => fetch(`${simulator(1)}/_sim/vies/unknown/${number}`, { method: 'PUT' }),
    /** Runs another command of the program on the same database: exit code and output. */
    run: (...words) => runProgram(program, words, environment),
  }
}

/** The address in the line `ready http://…`. */
async function ready(child) {
  const ended = new AbortController()
  child.once('exit', (code, signal) => ended.abort(new Error(`the panel ended with ${signal ?? code}`)))
  child.once('error', (error) => ended.abort(error))
  const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(START_MS)])
  const lines = createInterface({ input: child.stdout })
  try {
    for (;;) {
      const [line] = await once(lines, 'line', { signal })
      if (line.startsWith('ready ')) return line.slice('ready '.length).trim()
    }
  } catch (error) {
    throw signal.reason instanceof Error ? signal.reason : error
  } finally {
    lines.removeAllListeners('line')
    child.stdout.resume()
  }
}

async function runProgram(program, words, env) {
  const child = spawn(program, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const [code] = await once(child, 'close')
  return { code, output }
}

/** The first of so many neighbouring ports that are free; below the range that outgoing connections use. */
async function freePorts(count) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 15_000 + Math.floor(Math.random() * 15_000)
    const ports = Array.from({ length: count }, (_, number) => first + number)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first
  }
  throw new Error(`there are no ${count} free ports in a row`)
}

async function isFree(port) {
  const server = net.createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    if (server.listening) await promisify(server.close.bind(server))()
  }
}
