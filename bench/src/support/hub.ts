import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Agent } from 'undici'

import { type Usage, usageOf } from './child.ts'

/** The hub as its users run it: its own process, on a data directory of its own, everything durable. */
export interface Hub extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** The API key it accepts. */
  readonly key: string
  /** From starting the process to the first answer of /health, ms. */
  readonly startedInMs: number
  usage(): Usage
  /** Calls the API; rejects with the answer's text when it is no success. */
  call<Data>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<Data>
}

/** The built server: what is published, without the cost of stripping types at each start. */
const program =
  process.env['HUB'] ?? fileURLToPath(new URL('../../../apps/server/dist/cli/main.js', import.meta.url))

const key = 'bench-key-bench-key'

export async function startHub(env: NodeJS.ProcessEnv): Promise<Hub> {
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-bench-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const began = performance.now()
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=16', '--disable-warning=ExperimentalWarning', program, 'serve'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        PORT: String(port),
        INBOX_HUB_DATA_DIR: dataDir,
        INBOX_HUB_API_KEY: key,
        OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
        RATE_LIMITS: 'off',
        LOG_LEVEL: 'error',
        ...env,
      },
    },
  )
  const ended = once(child, 'exit')
  const agent = new Agent({ connections: 256, pipelining: 1 })
  await healthy(url, child)
  const startedInMs = performance.now() - began
  const pid = child.pid ?? 0

  return {
    url,
    pid,
    key,
    startedInMs,
    usage: () => usageOf(pid),
    async call<Data>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) {
      const answer = await agent.request({
        origin: url,
        method,
        path,
        headers: { 'x-api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.body.text()
      if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
      return (JSON.parse(text) as { data: Data }).data // the contract's envelope
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(force)
      await agent.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  server.close()
  await once(server, 'close')
  return port
}

async function healthy(url: string, child: { exitCode: number | null }): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error('the hub ended while it started: run "npm run build" first?')
    try {
      const answer = await fetch(`${url}/health`)
      if (answer.ok) return
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
