import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A line of the hub's log, as far as the suite reads it. */
export interface LogLine {
  level: string
  msg: string
  [field: string]: unknown
}

/** The hub as its users run it: `inbox-hub serve` in a process of its own, which can be killed and started again on the same data. */
export interface Hub extends AsyncDisposable {
  /** Where it listens; where it last did while it is down. */
  readonly url: string
  readonly pid: number | undefined
  readonly running: boolean
  /** How it ended the last time: an exit code, or the signal. */
  readonly ending: number | NodeJS.Signals | undefined
  /** Starts it; resolves when it serves. Throws what it said if it ends before. */
  start(): Promise<void>
  /** Starts it without waiting; `start` waits for the same process. */
  spawn(): void
  /** SIGKILL: it has no chance to do anything any more. Resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | undefined>
  /** Its log lines since it was made, oldest first, across restarts; the last 20,000. */
  readonly log: readonly LogLine[]
  /** What it printed that is no log line. */
  readonly output: readonly string[]
  onLog(listener: (line: LogLine) => void): void
}

const binary = fileURLToPath(new URL('../../../apps/server/bin/inbox-hub.js', import.meta.url))
const startWithinMs = 60_000
const stopWithinMs = 20_000
const keptLines = 20_000

export function hubWith(env: Readonly<Record<string, string>>): Hub {
  let child: ChildProcess | undefined
  let serving = Promise.withResolvers<void>()
  let exited: Promise<void> = Promise.resolve()
  let url = ''
  let ending: number | NodeJS.Signals | undefined
  let log: LogLine[] = []
  let output: string[] = []
  const listeners = new Set<(line: LogLine) => void>()

  // A suite that is interrupted, or fails, leaves no hub behind.
  const killAtExit = (): void => void child?.kill('SIGKILL')
  process.on('exit', killAtExit)

  function run(): void {
    if (child !== undefined) return
    const { PATH = '', HOME = '', TMPDIR } = process.env
    const started = spawn(process.execPath, [binary, 'serve'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), HOST: '127.0.0.1', PORT: '0', ...env },
    })
    child = started
    ending = undefined
    serving = Promise.withResolvers<void>()
    serving.promise.catch(() => {}) // whoever waits for it gets it too
    const { resolve, reject } = serving
    const since = output.length
    for (const stream of [started.stdout, started.stderr]) {
      createInterface({ input: stream }).on('line', (text) => {
        const line = parsed(text)
        if (line === undefined) {
          if (text !== '') output.push(text)
          return
        }
        log.push(line)
        if (log.length > keptLines * 2) log = log.slice(-keptLines)
        if (line.msg === 'the hub serves' && typeof line['url'] === 'string') {
          url = line['url']
          resolve()
        }
        for (const listener of listeners) listener(line)
      })
    }
    exited = once(started, 'close').then(([code, signal]: unknown[]) => {
      ending = typeof code === 'number' ? code : (signal as NodeJS.Signals) // one of the two is set
      child = undefined
      const said = output.slice(since).join('\n')
      reject(new Error(`The hub ended (${String(ending)}) before it served.\n${said}`))
    })
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (child === undefined) return
    child.kill(signal)
    const force = setTimeout(() => child?.kill('SIGKILL'), stopWithinMs)
    await exited
    clearTimeout(force)
  }

  return {
    get url() {
      return url
    },
    get pid() {
      return child?.pid
    },
    get running() {
      return child !== undefined
    },
    get ending() {
      return ending
    },
    get log() {
      return log
    },
    get output() {
      return output
    },
    onLog: (listener) => void listeners.add(listener),
    spawn: run,
    async start() {
      run()
      const late = setTimeout(
        () => serving.reject(new Error(`The hub did not serve within ${startWithinMs} ms.`)),
        startWithinMs,
      )
      await serving.promise.finally(() => clearTimeout(late))
    },
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGTERM')
      return typeof ending === 'number' ? ending : undefined
    },
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
      process.off('exit', killAtExit)
      output = []
    },
  }
}

function parsed(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const line: unknown = JSON.parse(text)
    return isLine(line) ? line : undefined
  } catch {
    return undefined // cut off by a kill
  }
}

function isLine(value: unknown): value is LogLine {
  return typeof value === 'object' && value !== null && 'level' in value && 'msg' in value
}
