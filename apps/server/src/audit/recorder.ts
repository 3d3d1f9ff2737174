import type { KeyObject } from 'node:crypto'

import { loginActions } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Audited } from '../platform/http/index.ts'
import type { Log } from '../platform/log.ts'
import { append, type AuditEntry } from './chain.ts'

/** Takes down what requests did. Nobody waits for it: what comes in within a few milliseconds is one transaction. */
export interface Recorder extends AsyncDisposable {
  record(request: Audited): void
  /** Resolves when all that was recorded before is stored, or when the store refuses it. */
  flushed(): Promise<void>
}

export interface RecorderDeps {
  database: Database
  key: KeyObject
  clock: Clock
  log: Log
  /** The organizations of each of these people, by their ids. */
  organizationsOf: (tx: Tx, userIds: readonly number[]) => Promise<ReadonlyMap<number, readonly number[]>>
}

const gatherMs = 5
/** While the store takes nothing. Changes are refused then too, so this is reached by strangers' failures alone. */
const waitingLimit = 10_000
/** Failures of callers who are nobody, per minute: they must not be able to fill the disk. */
const strangersPerMinute = 100

export function createRecorder({ database, key, clock, log, organizationsOf }: RecorderDeps): Recorder {
  let waiting: AuditEntry[] = []
  let running: Promise<void> | undefined
  let timer: Disposable | undefined
  let failures = 0
  let strangers = { since: -Infinity, count: 0 }

  function isTooMuch({ ownerId, userId, status }: Audited): boolean {
    // With 401 nobody has proved to be the user.
    if (ownerId !== 0 || (userId !== undefined && status !== 401)) return false
    const now = clock.monotonic()
    if (now - strangers.since >= 60_000) {
      if (strangers.count > strangersPerMinute)
        log.warn(
          { count: strangers.count - strangersPerMinute },
          'failures of strangers not in the audit log',
        )
      strangers = { since: now, count: 0 }
    }
    strangers.count += 1
    return strangers.count > strangersPerMinute
  }

  function wake(ms: number): void {
    if (running === undefined && timer === undefined && waiting.length > 0) timer = clock.after(ms, flushNow)
  }

  function flushNow(): void {
    timer?.[Symbol.dispose]()
    timer = undefined
    if (running !== undefined || waiting.length === 0) return
    running = flush().finally(() => {
      running = undefined
      wake(failures === 0 ? gatherMs : Math.min(30_000, 500 * 2 ** failures))
    })
  }

  async function flush(): Promise<void> {
    const entries = waiting
    waiting = []
    try {
      await database.write(async (tx) => append(tx, key, await withCopies(tx, entries)))
      failures = 0
    } catch (error) {
      const all = [...entries, ...waiting]
      waiting = all.slice(0, waitingLimit)
      failures += 1
      log.error({ error, count: waiting.length }, 'audit log not written yet')
      if (all.length > waiting.length)
        log.error({ count: all.length - waiting.length }, 'entries of the audit log are lost')
    }
  }

  /** With an entry of each failed login for every organization of the account: whoever answers for it there looks at these. */
  async function withCopies(tx: Tx, entries: readonly AuditEntry[]): Promise<AuditEntry[]> {
    const tried = new Set(entries.filter(isFailedLogin).flatMap(({ user_id: id }) => id ?? []))
    if (tried.size === 0) return [...entries]
    // Only here, when the answer has been given: looking it up before would tell by its time that there is such an account.
    const organizations = await organizationsOf(tx, [...tried])
    return entries.flatMap((entry) => {
      const of = isFailedLogin(entry) ? organizations.get(entry.user_id ?? 0) : undefined
      return [entry, ...(of ?? []).map((ownerId) => ({ ...entry, owner_id: ownerId }))]
    })
  }

  return {
    record(request) {
      if (isTooMuch(request)) return
      waiting.push({
        at: clock.now(),
        owner_id: request.ownerId,
        user_id: request.userId ?? null,
        key_id: request.keyId ?? null,
        session_id: request.sessionNumber ?? null,
        session: storable(request.session),
        action: request.action,
        status: request.status,
        code: request.code ?? null,
        ip: request.ip,
        request_id: request.requestId,
      })
      wake(gatherMs)
    },
    async flushed() {
      await running
      flushNow()
      await running
    },
    async [Symbol.asyncDispose]() {
      await this.flushed()
    },
  }
}

const logins: ReadonlySet<string> = new Set(loginActions)

function isFailedLogin({ action, status }: AuditEntry): boolean {
  return logins.has(action) && status === 401
}

/** As the store gives it back, which the hash must be of: no half characters, no NUL. */
function storable(text: string | undefined): string | null {
  return text === undefined ? null : text.slice(0, 100).toWellFormed().replaceAll('\0', '\uFFFD')
}
