import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** CPU time (user and system, all threads) and resident memory of a process, from /proc: the benches run on Linux. */
export interface Usage {
  cpuMs: number
  rssMb: number
}

/** Kernel ticks per second, as /proc counts CPU time. 100 on every Linux that Node supports. */
const ticksPerSecond = 100

export function usageOf(pid: number): Usage {
  // Fields after the command name, which may hold spaces and is in parentheses: proc_pid_stat(5).
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  const cpuTicks = Number(fields[11]) + Number(fields[12])
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  return { cpuMs: (cpuTicks * 1000) / ticksPerSecond, rssMb: rssKb / 1024 }
}

/** A process of the benchmark, so that its CPU and memory are its own. Ended when disposed. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  usage(): Usage
  /** Asks the child, which answers through `answerParent`. */
  ask<Answer>(method: string, params?: object): Promise<Answer>
  /** Ends it at once, as a power cut would. */
  kill(): Promise<void>
  readonly exited: Promise<void>
}

interface Reply {
  id: number
  result?: unknown
  error?: string
}

/** Runs a TypeScript module of this folder in its own process, with the flags the hub runs with. */
export function startChild(
  module: URL,
  options: { args?: readonly string[]; env?: NodeJS.ProcessEnv; nodeArgs?: readonly string[] } = {},
): Child {
  const child = spawn(
    process.execPath,
    [
      '--conditions=source',
      '--max-semi-space-size=16',
      '--disable-warning=ExperimentalWarning',
      ...(options.nodeArgs ?? []),
      fileURLToPath(module),
      ...(options.args ?? []),
    ],
    // Stock Baileys prints Signal sessions, private keys included: no table of ours shows them.
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, ...options.env } },
  )
  return overIpc(child)
}

function overIpc(child: ChildProcess): Child {
  const waiting = new Map<
    number,
    { method: string; resolve: (value: unknown) => void; reject: (error: Error) => void }
  >()
  const exited = once(child, 'exit').then(() => {
    for (const { method, reject } of waiting.values())
      reject(new Error(`the bench process ${child.pid} ended while it was asked to ${method}`))
    waiting.clear()
  })
  child.on('message', (reply: Reply) => {
    const asked = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (reply.error === undefined) asked?.resolve(reply.result)
    else asked?.reject(new Error(reply.error))
  })
  const pid = child.pid
  if (pid === undefined) throw new Error('the bench process did not start')
  let asked = 0
  return {
    pid,
    exited,
    usage: () => usageOf(pid),
    ask: <Answer>(method: string, params: object = {}) =>
      new Promise<Answer>((resolve, reject) => {
        asked += 1
        waiting.set(asked, { method, resolve: (value) => resolve(value as Answer), reject }) // both ends are our own modules
        child.send({ id: asked, method, params })
      }),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), 5000)
      await exited
      clearTimeout(force)
    },
  }
}

/** The child's side: answers what the parent asks. */
export function answerParent(methods: Record<string, (params: never) => unknown>): void {
  process.on('message', ({ id, method, params }: { id: number; method: string; params: never }) => {
    const answer = methods[method]
    Promise.resolve()
      .then(() => {
        if (answer === undefined) throw new Error(`no bench method ${method}`)
        return answer(params)
      })
      .then(
        (result) => process.send?.({ id, result }),
        (error: unknown) =>
          process.send?.({
            id,
            error: error instanceof Error ? (error.stack ?? error.message) : String(error),
          }),
      )
  })
}

/** Resolves when the parent wants this process to end; after that nothing of ours keeps it alive. */
export async function parentIsDone(): Promise<void> {
  await once(process, 'SIGTERM')
  process.disconnect()
}
