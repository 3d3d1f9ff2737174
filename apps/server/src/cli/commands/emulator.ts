import { runEmulatorCommand } from '@inbox-hub/emulator'

import type { Terminal } from '../terminal.ts'

export interface EmulatorOptions {
  port?: number
  controlPort?: number
  interactive?: boolean
  number: string
}

/** A WhatsApp of one's own until Ctrl-C (or `quit`, at the phone). */
export async function emulator(options: EmulatorOptions, { signal, out, input }: Terminal): Promise<void> {
  const { port, controlPort, interactive = false, number } = options
  await runEmulatorCommand({
    ...(port === undefined ? {} : { port }),
    ...(controlPort === undefined ? {} : { controlPort }),
    interactive,
    number,
    signal,
    out,
    input,
  })
}
