import { getCallSites } from 'node:util'

const printers = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const

/**
 * Stops libsignal from writing to the console: it prints whole Signal session records, private keys included
 * (`session_record.js`, "Closing session:"), and peers' errors by the thousand. Everybody else's console is untouched:
 * the caller is told by its file, which costs nothing while nobody prints.
 */
export function silenceLibsignal(target: Console = console): void {
  for (const name of printers) {
    const print = target[name].bind(target)
    target[name] = (...values: unknown[]) => {
      const caller = getCallSites(2)[1]?.scriptName ?? ''
      if (/[\\/]node_modules[\\/]libsignal[\\/]/.test(caller)) return
      print(...values)
    }
  }
}
