import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'

import type { Clock } from '../../platform/clock.ts'

/** What one run of a program may take. */
export interface RunLimits {
  /** Milliseconds on the clock. */
  readonly timeoutMs: number
  /** Bytes it may write to its standard output. */
  readonly maxOutput: number
}

export interface RunContext {
  /** Its working directory. */
  readonly cwd: string
  readonly signal: AbortSignal
  readonly clock: Pick<Clock, 'after'>
}

/** A program ended badly, or was ended. `why` is safe to show; what it said is in the message, for the log. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed'
  readonly why: 'refused' | 'timeout' | 'output'
  constructor(why: RunFailed['why'], message: string) {
    super(message)
    this.why = why
  }
}

/** Address space of a run, KiB: an encoder of a large picture takes some 500 MiB, the libraries are mapped beside it. */
const maxAddressKiB = 3 * 1024 * 1024
/** A file that a run writes, in blocks of 512 bytes: the largest that MEDIA_MAX_MB can be set to, and no more. */
const maxFileBlocks = 5120 * 2048
const keptComplaint = 2000

/**
 * Runs a program to its end and gives what it writes to its standard output, chunk by chunk, to `onOutput`. The arguments reach it as they
 * are, through no shell's eyes; its environment is empty but for the locale, and it gets no input. It runs with a lower priority than we do, and
 * dies with `signal`. Throws `RunFailed`, and the reason of `signal`.
 */
export async function run(
  program: string,
  args: readonly string[],
  { timeoutMs, maxOutput }: RunLimits,
  { cwd, signal, clock, onOutput }: RunContext & { onOutput?: (chunk: Buffer) => void },
): Promise<void> {
  signal.throwIfAborted()
  const [command, commandArgs] = confined(program, args)
  const child = spawn(command, commandArgs, {
    cwd,
    env: { LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  })
  let ended: RunFailed['why'] | undefined
  const end = (why?: RunFailed['why']): void => {
    ended ??= why
    child.kill('SIGKILL')
  }
  using _timer = clock.after(timeoutMs, () => end('timeout'))
  lowerPriority(child.pid)
  const onAbort = (): void => end()
  signal.addEventListener('abort', onAbort, { once: true })
  let written = 0
  let complaint = ''
  child.stdout.on('data', (chunk: Buffer) => {
    written += chunk.length
    if (written > maxOutput) end('output')
    else onOutput?.(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('latin1')).slice(-keptComplaint)
  })
  try {
    const [code] = await once(child, 'close')
    signal.throwIfAborted()
    if (ended !== undefined || code !== 0) throw new RunFailed(ended ?? 'refused', complaint.trim())
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Bounds of the operating system on the process itself, set by the shell that becomes it. The arguments are its parameters, never its text. */
function confined(program: string, args: readonly string[]): [string, string[]] {
  if (process.platform === 'win32') return [program, [...args]]
  // Not every system knows each of these limits; one that it does not know does not keep the program from running.
  const script = `ulimit -v ${maxAddressKiB} 2>/dev/null; ulimit -f ${maxFileBlocks} 2>/dev/null; ulimit -c 0 2>/dev/null; exec "$@"`
  return ['/bin/sh', ['-c', script, 'sh', program, ...args]]
}

/** So that answers and messages do not wait for a conversion. */
function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return // could not be started, which its `error` tells
  try {
    setPriority(pid, 10)
  } catch {
    // It has ended already.
  }
}
