/** Who did what: an append-only log whose entries are chained by keyed hashes. */
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { Secrets } from '../platform/secrets/index.ts'
import { verify, type Verdict } from './chain.ts'
import { createEntries, type Entries } from './entries.ts'
import { createRecorder, type Recorder } from './recorder.ts'

export { auditRoutes } from './routes.ts'

export interface Audit extends AsyncDisposable {
  readonly recorder: Recorder
  readonly entries: Entries
}

export function createAudit({
  database,
  secrets,
  clock,
  log,
}: {
  database: Database
  secrets: Pick<Secrets, 'derive'>
  clock: Clock
  log: Log
}): Audit {
  const recorder = createRecorder({ database, key: secrets.derive('audit'), clock, log })
  return {
    recorder,
    entries: createEntries(database),
    [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
  }
}

/** Whether the log is as it was written, and where it is not. Reads all of it. */
export function verifyAudit(database: Database, secrets: Pick<Secrets, 'derive'>): Promise<Verdict> {
  return verify(database, secrets.derive('audit'))
}
