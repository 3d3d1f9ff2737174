import { Readable, Writable } from 'node:stream'

import type { Terminal } from '../terminal.ts'

export interface FakeTerminal extends Terminal {
  /** What the command has written so far. */
  readonly text: string
  readonly errors: string
  /** Ctrl-C. */
  interrupt(): void
}

/** A pipe instead of a terminal, with an environment of its own. */
export function fakeTerminal(env: Record<string, string>, { isInteractive = false } = {}): FakeTerminal {
  const interrupted = new AbortController()
  const written = { text: '', errors: '' }
  const into = (name: keyof typeof written): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written[name] += chunk.toString()
        done()
      },
    })
  return {
    out: into('text'),
    err: into('errors'),
    input: Readable.from([]),
    isInteractive,
    signal: interrupted.signal,
    env,
    get text() {
      return written.text
    },
    get errors() {
      return written.errors
    },
    interrupt: () => interrupted.abort(),
  }
}
