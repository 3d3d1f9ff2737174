import { HubError } from '@inbox-hub/contract'

import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { feedEvent } from '../feed-wire.ts'
import type { Events, StoredEvent } from '../index.ts'

/** What a listener wants to hear. */
export interface Wanted {
  ownerId: number
  /** One session's number; all of the owner's when left out. */
  sessionId: number | undefined
  types: readonly string[] | undefined
}

/** One event, encoded: `json` is a feed event (feed-wire.ts). */
export interface Telling {
  readonly seq: number
  readonly type: string
  readonly json: string
}

/** What is told beside events. */
export type Notice =
  | { type: 'stream.open'; next: number }
  /** Events after `after` and up to `keptAfter` are no longer kept. */
  | { type: 'stream.gap'; after: number; keptAfter: number }
  /** Too much waits for the listener: it is to come back for what comes after `after`. */
  | { type: 'stream.behind'; after: number }

/** Where a listener's events go, in its protocol. `Packet`: some events encoded, shared by all who want the same. */
export interface Listener<Packet> {
  readonly encode: Encoder<Packet>
  /** Hands on; answers how many bytes wait for the reader now. */
  send(packet: Packet): number
  /** Resolves when less waits for the reader; at once when nothing does. */
  room(): Promise<void>
  /** Nothing more will be sent. */
  end(notice?: Notice): void
}

/** How a protocol writes events. */
export interface Encoder<Packet> {
  /** Listeners are grouped by it: two encoders of one name write the same. */
  readonly protocol: 'sse' | 'websocket'
  events(tellings: readonly Telling[]): Packet
  notice(notice: Notice): Packet
  /** What keeps an idle line open. */
  readonly pulse: Packet
}

/** The listeners of this process. */
export interface Streams extends AsyncDisposable {
  /**
   * Tells the listener what comes after `after`, from the store and then as it happens, in order and each once; from now on when that is
   * left out. Disposing ends it; so does whoever is listening being let in no longer, within `pulseEveryMs`.
   * @throws {HubError} TOO_MANY_STREAMS
   */
  open<Packet>(
    wanted: Wanted,
    after: number | undefined,
    listener: Listener<Packet>,
    isStanding?: () => Promise<boolean>,
  ): Disposable
  /** Whether one more may be opened. @throws {HubError} TOO_MANY_STREAMS */
  admit(ownerId: number): void
}

export interface StreamsDeps {
  events: Pick<Events, 'subscribe' | 'after' | 'latest' | 'keptAfter'>
  /** The numbers of the sessions an owner may read now. */
  sessionsOf: (ownerId: number) => readonly number[]
  /** Whose session it is, and what it is called. */
  sessionOf: (id: number) => { ownerId: number; sessionId: string } | undefined
  clock: Clock
  log: Log
}

/** More waiting for one reader is not kept in memory. */
const maxWaitingBytes = 1024 * 1024
/** What is read from the store at once for one that catches up. */
const pageSize = 500
/** Under load events are told together: a listener's system call costs more than its bytes. */
const togetherMs = 10
const pulseEveryMs = 15_000
const maxPerOwner = 500

/** Those who want the same in the same protocol: what is told is encoded once for all of them. */
interface Group {
  readonly wanted: Wanted
  readonly encode: Encoder<unknown>
  readonly members: Set<Member>
}

interface Member {
  readonly listener: Listener<unknown>
  readonly group: Group
  /** The last `seq` it was told. */
  told: number
  /** What happens while it reads the store; undefined once it follows live. */
  meanwhile: StoredEvent[] | undefined
  gone: boolean
  /** Whether it would be let in now. */
  readonly isStanding: (() => Promise<boolean>) | undefined
}

export function createStreams({ events, sessionsOf, sessionOf, clock, log }: StreamsDeps): Streams {
  const groups = new Map<string, Group>()
  const members = new Set<Member>()
  const perOwner = new Map<number, number>()
  let waiting: StoredEvent[] = []
  let lastTold = -Infinity
  let timer: Disposable | undefined
  let pulse: Disposable | undefined

  const subscription = events.subscribe((batch) => {
    if (members.size === 0) return
    waiting.push(...batch)
    if (timer !== undefined) return
    const rest = lastTold + togetherMs - clock.monotonic()
    if (rest <= 0) tell()
    else timer = clock.after(rest, tell)
  })

  function tell(): void {
    timer = undefined
    lastTold = clock.monotonic()
    const batch = waiting
    waiting = []
    const encoded = new Map<StoredEvent, Telling>()
    for (const group of groups.values()) {
      const wanted = batch.filter((event) => wants(group.wanted, event))
      if (wanted.length > 0) tellGroup(group, wanted, encoded)
    }
  }

  function tellGroup(group: Group, wanted: readonly StoredEvent[], encoded: Map<StoredEvent, Telling>): void {
    const first = wanted[0]?.seq ?? 0
    let shared: unknown
    for (const member of group.members) {
      if (member.meanwhile !== undefined) member.meanwhile.push(...wanted)
      // It read some of them from the store already.
      else if (member.told >= first) bound(member, tellMember(member, wanted, encoded))
      else {
        shared ??= group.encode.events(wanted.map((event) => tellingOf(event, encoded)))
        member.told = wanted.at(-1)?.seq ?? first
        bound(member, member.listener.send(shared))
      }
    }
  }

  /** Tells one member what is news to it; answers how many bytes wait for its reader. */
  function tellMember(
    member: Member,
    wanted: readonly StoredEvent[],
    encoded: Map<StoredEvent, Telling> = new Map(),
  ): number {
    const fresh = wanted.filter(({ seq }) => seq > member.told)
    const last = fresh.at(-1)
    if (last === undefined) return 0
    member.told = last.seq
    return member.listener.send(member.group.encode.events(fresh.map((event) => tellingOf(event, encoded))))
  }

  function bound(member: Member, waitingBytes: number): void {
    if (waitingBytes > maxWaitingBytes) leave(member, { type: 'stream.behind', after: member.told })
  }

  function tellingOf(event: StoredEvent, encoded: Map<StoredEvent, Telling>): Telling {
    const known = encoded.get(event)
    if (known !== undefined) return known
    const name = sessionOf(event.sessionId)?.sessionId ?? String(event.sessionId)
    const telling = { seq: event.seq, type: event.type, json: JSON.stringify(feedEvent(event, name)) }
    encoded.set(event, telling)
    return telling
  }

  function wants({ ownerId, sessionId, types }: Wanted, event: StoredEvent): boolean {
    if (sessionId !== undefined && event.sessionId !== sessionId) return false
    if (types !== undefined && !types.includes(event.type)) return false
    return sessionOf(event.sessionId)?.ownerId === ownerId
  }

  /** Everything that is stored after the member's place, then as it happens. */
  async function catchUp(member: Member, after: number | undefined): Promise<void> {
    const { listener, group } = member
    member.told = after ?? (await events.latest())
    listener.send(group.encode.notice({ type: 'stream.open', next: member.told }))
    const keptAfter = after === undefined ? 0 : await events.keptAfter()
    if (after !== undefined && after < keptAfter)
      listener.send(group.encode.notice({ type: 'stream.gap', after, keptAfter }))
    const { ownerId, sessionId, types } = group.wanted
    for (;;) {
      if (member.gone) return
      member.meanwhile = []
      const page = await events.after(member.told, {
        sessionIds: sessionId === undefined ? sessionsOf(ownerId) : [sessionId],
        ...(types === undefined ? {} : { types }),
        limit: pageSize,
      })
      if (member.gone) return
      tellMember(member, page)
      if (page.length < pageSize) break
      await listener.room()
    }
    const { meanwhile } = member
    member.meanwhile = undefined
    if (!member.gone) bound(member, tellMember(member, meanwhile))
  }

  function leave(member: Member, notice?: Notice): void {
    if (member.gone) return
    member.gone = true
    members.delete(member)
    const { group } = member
    const { ownerId } = group.wanted
    group.members.delete(member)
    if (group.members.size === 0) groups.delete(keyOf(group.wanted, group.encode))
    const left = (perOwner.get(ownerId) ?? 1) - 1
    if (left === 0) perOwner.delete(ownerId)
    else perOwner.set(ownerId, left)
    if (members.size === 0) {
      pulse?.[Symbol.dispose]()
      pulse = undefined
    }
    member.listener.end(notice)
  }

  function admit(ownerId: number): void {
    if ((perOwner.get(ownerId) ?? 0) >= maxPerOwner) throw new HubError('TOO_MANY_STREAMS')
  }

  function beat(): void {
    for (const member of members) {
      member.listener.send(member.group.encode.pulse)
      if (member.isStanding !== undefined) void checkStanding(member, member.isStanding)
    }
    pulse = clock.after(pulseEveryMs, beat)
  }

  /** A key that was revoked, a login that ended: nothing more is told. The store failing to say so ends nothing. */
  async function checkStanding(member: Member, isStanding: () => Promise<boolean>): Promise<void> {
    const stands = await isStanding().catch(() => true)
    if (!stands) leave(member)
  }

  return {
    open<Packet>(
      wanted: Wanted,
      after: number | undefined,
      listener: Listener<Packet>,
      isStanding?: () => Promise<boolean>,
    ) {
      admit(wanted.ownerId)
      perOwner.set(wanted.ownerId, (perOwner.get(wanted.ownerId) ?? 0) + 1)
      // Packets of a group are made by the encoder that its members share, and go to nobody else.
      const encode = listener.encode as Encoder<unknown>
      const key = keyOf(wanted, encode)
      const group: Group = groups.get(key) ?? { wanted, encode, members: new Set() }
      groups.set(key, group)
      const member: Member = {
        listener,
        group,
        told: 0,
        meanwhile: [],
        gone: false,
        isStanding,
      }
      group.members.add(member)
      members.add(member)
      pulse ??= clock.after(pulseEveryMs, beat)
      catchUp(member, after).catch((error: unknown) => {
        log.warn({ error }, 'an event stream could not be read from the store; its reader comes back')
        leave(member)
      })
      return { [Symbol.dispose]: () => leave(member) }
    },
    admit,
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]()
      timer?.[Symbol.dispose]()
      if (waiting.length > 0) tell()
      for (const member of Array.from(members)) leave(member)
    },
  }
}

const keyOf = ({ ownerId, sessionId, types }: Wanted, { protocol }: Encoder<unknown>): string =>
  JSON.stringify([
    protocol,
    ownerId,
    sessionId ?? null,
    types === undefined ? null : Array.from(new Set(types)).toSorted(),
  ])
