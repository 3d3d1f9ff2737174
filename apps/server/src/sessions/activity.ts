import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { SessionRecord, SessionStore } from './session-store.ts'

const saveEveryMs = 60_000

/** When something last happened to each session: kept in its record at once, stored now and then. */
export class Activity implements Disposable {
  readonly #store: Pick<SessionStore, 'saveActivity'>
  readonly #clock: Clock
  readonly #log: Log
  readonly #active = new Set<SessionRecord>()
  #timer: Disposable | undefined

  constructor({ store, clock, log }: { store: Pick<SessionStore, 'saveActivity'>; clock: Clock; log: Log }) {
    this.#store = store
    this.#clock = clock
    this.#log = log
  }

  touch(record: SessionRecord): void {
    record.lastActivityAt = this.#clock.now()
    this.#active.add(record)
    this.#timer ??= this.#clock.after(saveEveryMs, () => this.#save())
  }

  forget(record: SessionRecord): void {
    this.#active.delete(record)
  }

  #save(): void {
    this.#timer = undefined
    const activities = [...this.#active].map(({ id, lastActivityAt: at }) => ({ id, at }))
    this.#active.clear()
    this.#store
      .saveActivity(activities)
      .catch((error: unknown) => this.#log.warn({ error }, 'the last activity of sessions is not stored'))
  }

  /** Stores what is not stored yet. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    if (this.#active.size > 0) this.#save()
  }
}
