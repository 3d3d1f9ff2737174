/** Who did what: an append-only log whose entries are chained by keyed hashes. */
import type { Database, Tx } from '../platform/database/index.ts'
import type { Secrets } from '../platform/secrets/index.ts'
import { append, verify, type Verdict } from './chain.ts'
import { createEntries, type Entries } from './entries.ts'
import { createRecorder, type Recorder, type RecorderDeps } from './recorder.ts'

export { auditRoutes } from './routes.ts'

export interface Audit extends AsyncDisposable {
  readonly recorder: Recorder
  readonly entries: Entries
}

export function createAudit({
  secrets,
  ...deps
}: Omit<RecorderDeps, 'key'> & { secrets: Pick<Secrets, 'derive'> }): Audit {
  const recorder = createRecorder({ ...deps, key: secrets.derive('audit') })
  return {
    recorder,
    entries: createEntries(deps.database),
    [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
  }
}

/** Whose log the operator's own commands are in: that of the organization that is there from the first start. */
const firstOrganization = 1

/** Takes down, in `tx`, what the operator did by a command instead of a request. */
export async function recordCommand(
  tx: Tx,
  secrets: Pick<Secrets, 'derive'>,
  { action, at }: { action: 'restore'; at: number },
): Promise<void> {
  const nobody = {
    user_id: null,
    key_id: null,
    session_id: null,
    session: null,
    code: null,
    ip: '',
    request_id: '',
  }
  await append(tx, secrets.derive('audit'), [
    { ...nobody, at, owner_id: firstOrganization, action, status: 200 },
  ])
}

/** Whether the log is as it was written, and where it is not. Reads all of it. */
export function verifyAudit(database: Database, secrets: Pick<Secrets, 'derive'>): Promise<Verdict> {
  return verify(database, secrets.derive('audit'))
}
