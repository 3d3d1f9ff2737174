import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Outbox, Settlement } from './outbox.ts'

/** How long an attempt that ended may stay unwritten, ms: what a crash can deliver twice, against one commit for many rows. */
const gatherMs = 50
/** Written at once when so many have gathered. */
const gatherAtMost = 256
/** Between tries while the store cannot commit, ms. */
const storeRetryMs = 1000

/** Writes down how attempts ended, many at a time, in their order. */
export interface Settler extends AsyncDisposable {
  add(settlement: Settlement): void
}

export interface SettlerDeps {
  outbox: Outbox
  clock: Clock
  log: Log
  /** Called when settlements are committed. */
  onWritten: (settlements: readonly Settlement[]) => void
}

export function createSettler({ outbox, clock, log, onWritten }: SettlerDeps): Settler {
  let gathered: Settlement[] = []
  let timer: Disposable | undefined
  let writing: Promise<void> | undefined
  let closing = false

  function schedule(ms: number): void {
    timer ??= clock.after(ms, flush)
  }

  function flush(): void {
    timer?.[Symbol.dispose]()
    timer = undefined
    if (writing !== undefined || gathered.length === 0) return
    const batch = gathered
    gathered = []
    writing = outbox
      .settle(batch, clock.now())
      .then(() => onWritten(batch))
      .catch((error: unknown) => {
        // They were delivered all the same: written later, or delivered again after a restart under the same id.
        gathered = [...batch, ...gathered]
        log.warn({ error, count: batch.length }, 'webhook deliveries could not be written down')
        if (!closing) schedule(storeRetryMs)
      })
      .finally(() => {
        writing = undefined
        if (gathered.length > 0) schedule(gatherMs)
      })
  }

  return {
    add(settlement) {
      gathered.push(settlement)
      if (gathered.length >= gatherAtMost) flush()
      else schedule(gatherMs)
    },
    async [Symbol.asyncDispose]() {
      closing = true
      await writing
      flush()
      await writing
      timer?.[Symbol.dispose]()
    },
  }
}
