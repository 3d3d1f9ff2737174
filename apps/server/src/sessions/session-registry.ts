import { HubError, type SessionStatus, sessionStatuses, statusOfState } from '@inbox-hub/contract'

import { phoneNumberOf, type SessionActor } from './session-actor.ts'
import type { SessionRecord } from './session-store.ts'

/** Which of two is meant by a reference that may be a number of ours or a name of the client's. */
export type RefOrder = 'number_first' | 'name_first'

/** The sessions of this process, tombstones included, by what they are asked for with. */
export class SessionRegistry {
  readonly #byId = new Map<number, SessionActor>()
  readonly #byName = new Map<string, SessionActor>()
  /** Ids of the sessions that a number was seen on: those that left it since are found out when it is looked up. */
  readonly #byNumber = new Map<string, Set<number>>()

  add(actor: SessionActor): void {
    const { id, ownerId, sessionId } = actor.record
    this.#byId.set(id, actor)
    this.#byName.set(nameKey(ownerId, sessionId), actor)
    this.sharers(actor)
  }

  remove(actor: SessionActor): void {
    this.freeName(actor)
    this.#byId.delete(actor.record.id)
  }

  /** Its name may be another's from now on. */
  freeName(actor: SessionActor): void {
    const name = nameKey(actor.record.ownerId, actor.record.sessionId)
    if (this.#byName.get(name) === actor) this.#byName.delete(name)
  }

  get(id: number): SessionActor | undefined {
    return this.#byId.get(id)
  }

  all(): IterableIterator<SessionActor> {
    return this.#byId.values()
  }

  /** Throws `SESSION_NOT_FOUND`. */
  existing(id: number): SessionActor {
    const actor = this.#byId.get(id)
    if (actor === undefined) throw new HubError('SESSION_NOT_FOUND')
    return actor
  }

  named(ownerId: number, sessionId: string): SessionActor | undefined {
    return this.#byName.get(nameKey(ownerId, sessionId))
  }

  /** Tombstones too; another owner's session is nobody's. */
  look(ownerId: number, ref: string, order: RefOrder): SessionActor | undefined {
    const named = this.named(ownerId, ref)
    const numbered = /^[1-9]\d{0,9}$/.test(ref) ? this.#byId.get(Number(ref)) : undefined
    const own = numbered?.record.ownerId === ownerId ? numbered : undefined
    return order === 'number_first' ? (own ?? named) : (named ?? own)
  }

  /** A living one. Throws `SESSION_NOT_FOUND`. */
  find(ownerId: number, ref: string, order: RefOrder): SessionActor {
    const actor = this.look(ownerId, ref, order)
    if (actor === undefined || actor.record.deletedAt !== undefined) throw new HubError('SESSION_NOT_FOUND')
    return actor
  }

  /** Of one owner, the newest first. */
  living(ownerId: number): SessionRecord[] {
    return [...this.#byId.values()]
      .map(({ record }) => record)
      .filter((record) => record.ownerId === ownerId && record.deletedAt === undefined)
      .sort((a, b) => b.id - a.id)
  }

  /** How many have each status, tombstones left out. */
  counts(): Record<SessionStatus, number> {
    const found = Object.fromEntries(sessionStatuses.map((status) => [status, 0])) as Record<
      SessionStatus,
      number
    >
    for (const { record } of this.#byId.values())
      if (record.deletedAt === undefined) found[statusOfState[record.standing.state.at]] += 1
    return found
  }

  /** All of this one's phone number, itself included. */
  sharers({ record }: SessionActor): SessionActor[] {
    const number = phoneNumberOf(record.me)
    if (number === undefined) return []
    const ids = this.#byNumber.get(number) ?? new Set()
    this.#byNumber.set(number, ids.add(record.id))
    const found: SessionActor[] = []
    for (const id of ids) {
      const actor = this.#byId.get(id)
      if (actor !== undefined && phoneNumberOf(actor.record.me) === number) found.push(actor)
      else ids.delete(id)
    }
    return found
  }
}

/** Unique in the process: what a session is called is unique for its owner. */
export const nameKey = (ownerId: number, sessionId: string): string => `${ownerId} ${sessionId}`
