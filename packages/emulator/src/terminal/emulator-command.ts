import type { Readable, Writable } from 'node:stream'

import { startControl } from '../control/control.ts'
import { startEmulator } from '../emulator.ts'
import { runTerminal } from './terminal.ts'

export interface EmulatorCommandOptions {
  /** Port for clients, on 127.0.0.1; default 0, a free one. */
  port?: number
  /** Port of the control API, on 127.0.0.1; default 0, a free one. */
  controlPort?: number
  /** Whether to offer a phone to type at; then `input` is read. */
  interactive?: boolean
  /** The phone in hand at first. Default +12025550100. */
  number?: string
  /** Ends the emulator. */
  signal: AbortSignal
  out: Writable
  input?: Readable
}

/**
 * Runs an emulator with its control API, and a phone in the terminal if asked, until the signal (or `quit`).
 * Prints first what a gateway needs to use it, as environment variables.
 *
 * @throws {Error} a port is taken
 */
export async function runEmulatorCommand({
  port,
  controlPort,
  interactive = false,
  number = '+12025550100',
  signal,
  out,
  input,
}: EmulatorCommandOptions): Promise<void> {
  await using emulator = await startEmulator(port === undefined ? {} : { port })
  await using control = await startControl(emulator, controlPort === undefined ? {} : { port: controlPort })
  out.write(
    [
      '# A WhatsApp of your own, on this machine. Start the gateway with:',
      ...Object.entries(emulator.environment).map(([name, value]) => `${name}=${value}`),
      `# Control API: ${control.url}`,
      '',
      '',
    ].join('\n'),
  )
  if (interactive && input !== undefined) {
    await runTerminal(emulator, { number, input, out, signal })
    return
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (signal.aborted) return
  // The server's socket alone keeps the process alive.
  await promise
}
