import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import { newNodeId } from './node-identity.ts'
import { freeLease, holdLease, renewLeases, takeLease } from './leases.ts'

export { liveOwners } from './leases.ts'
export { takeNodeIdentity } from './node-identity.ts'

/** The right to act for a session. Grows stale when another node takes over: `fence` then throws. */
export interface Lease {
  readonly sessionId: number
  readonly epoch: number
  /** Aborted when the lease is lost or given back. */
  readonly lost: AbortSignal
}

/** Another node owns the session now: nothing of the transaction is stored. */
export class Fenced extends Error {
  override readonly name = 'Fenced'
}

/** Which process owns which session. One node today; the rows and fences are those of many (docs/decisions). */
export interface Cluster extends AsyncDisposable {
  readonly nodeId: string
  /** Takes a free or expired lease; undefined while another node holds it. */
  claim(sessionId: number): Promise<Lease | undefined>
  /** Gives the lease back, keeping its epoch. */
  release(lease: Lease): Promise<void>
  /** Throws `Fenced` unless `lease` is current; holds it so until `tx` ends. Part of every ratchet, credentials, journal and outbound write. */
  fence(tx: Tx, lease: Lease): Promise<void>
}

const renewEveryMs = 5_000
/** After a renewal that failed. */
const retryRenewalMs = 1_000
/**
 * Silent this long after the start of the last renewal that succeeded, by the monotonic clock: 5 s before anyone else may take over
 * (leases.ts), whatever the network, the wall clock or the scheduler did to us.
 */
const trustMs = 10_000

interface Held {
  readonly lease: Lease
  readonly end: AbortController
  /** Monotonic ms until which the lease is surely ours. */
  trustedUntil: number
}

export function createCluster({
  database,
  clock,
  log,
  nodeId = newNodeId(),
}: {
  database: Database
  clock: Clock
  log: Log
  /** Who we are to other nodes; without it, somebody new. */
  nodeId?: string
}): Cluster {
  const held = new Map<number, Held>()
  let renewal: Disposable | undefined
  let deadline: Disposable | undefined
  let closed = false

  function lose(entry: Held, reason: string): void {
    if (held.get(entry.lease.sessionId) === entry) held.delete(entry.lease.sessionId)
    entry.end.abort(new Fenced(reason))
  }

  /** The one timer that ends leases whose renewal did not come in time. */
  function watchDeadline(): void {
    deadline?.[Symbol.dispose]()
    deadline = undefined
    if (held.size === 0) return
    const earliest = Math.min(...[...held.values()].map(({ trustedUntil }) => trustedUntil))
    deadline = clock.after(Math.max(0, earliest - clock.monotonic()), () => {
      const now = clock.monotonic()
      const expired = [...held.values()].filter(({ trustedUntil }) => trustedUntil <= now)
      for (const entry of expired) lose(entry, 'The lease could not be renewed in time.')
      if (expired.length > 0) log.error({ count: expired.length, nodeId }, 'leases lost: not renewed in time')
      watchDeadline()
    })
  }

  function renewAfter(ms: number): void {
    renewal?.[Symbol.dispose]()
    renewal = clock.after(ms, () => void renew())
  }

  async function renew(): Promise<void> {
    const startedAt = clock.monotonic()
    const entries = [...held.values()]
    if (entries.length === 0) {
      renewal = undefined
      return
    }
    try {
      const ours = await database.write((tx) =>
        renewLeases(
          tx,
          nodeId,
          entries.map(({ lease }) => lease.sessionId),
          clock.now(),
        ),
      )
      for (const entry of entries) {
        const { sessionId, epoch } = entry.lease
        if (held.get(sessionId) !== entry) continue
        if (ours.get(sessionId) === epoch) entry.trustedUntil = startedAt + trustMs
        else {
          lose(entry, 'Another node took the session over.')
          log.warn({ sessionId, epoch, nodeId }, 'lease taken over by another node')
        }
      }
      watchDeadline()
      if (!closed) renewAfter(Math.max(0, startedAt + renewEveryMs - clock.monotonic()))
    } catch (error) {
      log.warn({ error, nodeId }, 'leases not renewed')
      if (!closed) renewAfter(retryRenewalMs)
    }
  }

  return {
    nodeId,

    async claim(sessionId) {
      if (closed) return undefined
      const startedAt = clock.monotonic()
      const epoch = await database.write((tx) =>
        // The lock on a SQLite data directory is ours: any other owner in the rows is a process that died.
        takeLease(tx, {
          sessionId,
          owner: nodeId,
          now: clock.now(),
          mayEvict: database.dialect === 'sqlite',
        }),
      )
      if (epoch === undefined) return undefined
      const before = held.get(sessionId)
      if (before !== undefined) lose(before, 'This node claimed the session again.')
      const end = new AbortController()
      const lease: Lease = { sessionId, epoch, lost: end.signal }
      held.set(sessionId, { lease, end, trustedUntil: startedAt + trustMs })
      watchDeadline()
      if (renewal === undefined) renewAfter(renewEveryMs)
      return lease
    },

    async release(lease) {
      const entry = held.get(lease.sessionId)
      if (entry?.lease === lease) lose(entry, 'The lease was given back.')
      await database.write((tx) =>
        freeLease.run(tx, { owner: nodeId, sessionId: lease.sessionId, epoch: lease.epoch }),
      )
    },

    async fence(tx, lease) {
      const entry = held.get(lease.sessionId)
      if (entry?.lease !== lease || entry.trustedUntil <= clock.monotonic()) {
        throw new Fenced('The lease is no longer ours.')
      }
      if (await holdLease(tx, { sessionId: lease.sessionId, owner: nodeId, epoch: lease.epoch })) return
      lose(entry, 'Another node took the session over.')
      log.warn({ sessionId: lease.sessionId, epoch: lease.epoch, nodeId }, 'write refused: lease taken over')
      throw new Fenced('Another node took the session over.')
    },

    async [Symbol.asyncDispose]() {
      closed = true
      renewal?.[Symbol.dispose]()
      deadline?.[Symbol.dispose]()
      const leases = [...held.values()].map((entry) => {
        lose(entry, 'The node is stopping.')
        return { owner: nodeId, sessionId: entry.lease.sessionId, epoch: entry.lease.epoch }
      })
      if (leases.length === 0) return
      try {
        await database.write((tx) => freeLease.runMany(tx, leases))
      } catch (error) {
        // They run out by themselves.
        log.warn({ error, nodeId }, 'leases not given back')
      }
    },
  }
}
