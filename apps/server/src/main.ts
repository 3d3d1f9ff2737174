/** `inbox-hub serve`: signals, what the terminal is told, the exit code. */
import { flushCompileCache } from 'node:module'

import { startApp } from './app.ts'
import { ConfigRefused, readConfig } from './config.ts'
import { systemClock } from './platform/clock.ts'
import { giveBackMemory } from './platform/give-back-memory.ts'
import { createLog } from './platform/log.ts'
import { guardProcess } from './platform/process.ts'
import { version } from './system/index.ts'

/** By then sessions are connected, and nobody waits for the start any more, ms. */
const settledAfterMs = 10_000

/** Serves until asked to stop; answers the exit code: 0 when asked, 1 when it could not start or had to give up. */
export async function serve(env: Readonly<Record<string, string | undefined>>): Promise<number> {
  let config
  try {
    config = readConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigRefused)) throw error
    process.stderr.write(`${error.message}\nAll variables: npx inbox-hub serve --help\n`)
    return 1
  }
  const clock = systemClock
  const log = createLog({ level: config.logLevel })
  using guard = guardProcess({ log, clock })
  try {
    await using app = await startApp({
      config,
      clock,
      log,
      stopping: guard.stopping,
      onUnhandledRejection: (claim) => guard.onUnhandledRejection(claim),
    })
    process.stdout.write(welcome(app.url.replace('//127.0.0.1:', '//localhost:'), app.firstKey))
    using _settled = clock.after(settledAfterMs, settle)
    const { exitCode } = await guard.asked
    return exitCode
  } catch (error) {
    log.fatal({ error }, 'the hub cannot go on')
    process.stderr.write(`Inbox Hub stopped: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

/** The start is over. */
function settle(): void {
  // Node writes the compiled code for the next start when a process ends well: one that is killed would start slowly for ever.
  flushCompileCache()
  giveBackMemory()
}

function welcome(url: string, firstKey: string | undefined): string {
  const lines = [`Inbox Hub ${version} serves at ${url}  (API: ${url}/api/docs, stop: Ctrl-C)`]
  if (firstKey !== undefined) {
    lines.push(
      `API key, shown this once: ${firstKey}`,
      'Link a phone:             npx inbox-hub sessions create support && npx inbox-hub sessions link support',
    )
  }
  return `\n${lines.join('\n')}\n\n`
}
