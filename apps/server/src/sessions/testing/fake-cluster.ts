import type { Cluster, Lease } from '../../cluster/index.ts'
import { Fenced } from '../../cluster/index.ts'

/** Leases without a store or a clock: held until given back, or until the test takes them away. */
export interface FakeCluster extends Cluster {
  readonly held: ReadonlyMap<number, Lease>
  /** Another node takes the session over, and keeps it until `yields`. */
  takeOver(sessionId: number): void
  yields(sessionId: number): void
}

export function createFakeCluster(): FakeCluster {
  const held = new Map<number, Lease>()
  const ends = new Map<number, AbortController>()
  const elsewhere = new Set<number>()
  const epochs = new Map<number, number>()

  function end(sessionId: number): void {
    held.delete(sessionId)
    ends.get(sessionId)?.abort(new Fenced('The lease is over.'))
    ends.delete(sessionId)
  }

  return {
    nodeId: 'node-under-test',
    held,
    claim(sessionId) {
      if (elsewhere.has(sessionId)) return Promise.resolve(undefined)
      end(sessionId)
      const epoch = (epochs.get(sessionId) ?? 0) + 1
      epochs.set(sessionId, epoch)
      const over = new AbortController()
      const lease: Lease = { sessionId, epoch, lost: over.signal }
      held.set(sessionId, lease)
      ends.set(sessionId, over)
      return Promise.resolve(lease)
    },
    release(lease) {
      if (held.get(lease.sessionId) === lease) end(lease.sessionId)
      return Promise.resolve()
    },
    fence(_tx, lease) {
      return held.get(lease.sessionId) === lease
        ? Promise.resolve()
        : Promise.reject(new Fenced('The lease is not held.'))
    },
    takeOver(sessionId) {
      elsewhere.add(sessionId)
      end(sessionId)
    },
    yields: (sessionId) => void elsewhere.delete(sessionId),
    async [Symbol.asyncDispose]() {
      for (const sessionId of held.keys()) end(sessionId)
    },
  }
}
