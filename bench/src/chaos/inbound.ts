import type { Emulator, Phone } from '@inbox-hub/emulator'

import type { Random } from './random.ts'
import { peerNumber } from './numbers.ts'

/** A linked account, and what its session is called. */
export interface Linked {
  session: string
  number: string
}

/** A message that a phone sent to a linked account, and that therefore has to be in its session exactly once. */
export interface Written {
  /** Counts up over all that phones send. */
  place: number
  session: string
  id: string
  /** Digits of the person, or the group's JID. */
  chat: string
  text: string
  /** Whether its session was away when it was sent. */
  whileAway: boolean
}

/** Who can write: every person to every session, and in groups their members. */
export interface People {
  peers: readonly Phone[]
  groups: readonly Group[]
}

export interface Group {
  jid: string
  peers: readonly Phone[]
  sessions: readonly Linked[]
}

/**
 * Makes people and groups. Some have a second device, half are addressed by number: what a real account meets. The first
 * group has all sessions in it, the others one each, so that what a session writes there comes from one session only.
 */
export function makePeople(
  emulator: Emulator,
  linked: readonly Linked[],
  { peers: peerCount, groups: groupCount }: { peers: number; groups: number },
  random: Random,
): People {
  const peers = Array.from({ length: peerCount }, (_, index) => emulator.phone(peerNumber(index)))
  for (const [index, peer] of peers.entries()) {
    if (index % 5 === 0) peer.addDevice()
    peer.addressing = random.chance(0.5) ? 'pn' : 'lid'
  }
  const groups = Array.from({ length: groupCount }, (_, index): Group => {
    const members = peers.filter((_, at) => at % groupCount === index || random.chance(0.2))
    const sessions = index === 0 ? linked : linked.filter((_, at) => at === index % linked.length)
    const { jid } = emulator.group(
      `Chaos ${index}`,
      [...members, ...sessions].map(({ number }) => number),
      index % 2 === 0 ? 'lid' : 'pn',
    )
    return { jid, peers: members, sessions }
  })
  return { peers, groups }
}

/** Has people write, and remembers what. */
export class Inbound {
  readonly written: Written[] = []
  readonly #linked: readonly Linked[]
  readonly #people: People
  readonly #random: Random
  readonly #total: number
  /** Messages sent; one in a group of several sessions is written to each. */
  #sent = 0

  constructor(linked: readonly Linked[], people: People, random: Random, total: number) {
    this.#linked = linked
    this.#people = people
    this.#random = random
    this.#total = total
  }

  get left(): number {
    return Math.max(0, this.#total - this.written.length)
  }

  /** Sends up to `count` messages now. `away`: no session is online. */
  write(count: number, away: boolean): void {
    const until = Math.min(this.written.length + count, this.#total)
    while (this.written.length < until) this.#one(away)
  }

  #one(whileAway: boolean): void {
    const random = this.#random
    const { peers, groups } = this.#people
    const text = `in ${this.#sent} ${'ñ🙂 x'.repeat(random.int(0, 12))}`
    this.#sent += 1
    if (groups.length > 0 && random.chance(0.3)) {
      const group = random.pick(groups)
      const peer = random.pick(group.peers)
      const { id } = peer.sends(group.jid, text, { device: random.pick(peer.devices) })
      for (const { session } of group.sessions) this.#note({ session, id, chat: group.jid, text, whileAway })
      return
    }
    // New people turn up all the time: first messages are what kills hurt most (pre-keys).
    const known = Math.ceil(peers.length * Math.min(1, 0.2 + this.written.length / this.#total))
    const peer = random.pick(peers.slice(0, known))
    const to = random.pick(this.#linked)
    if (random.chance(0.01)) peer.addressing = peer.addressing === 'lid' ? 'pn' : 'lid'
    const { id } = peer.sends(to.number, text, { device: random.pick(peer.devices) })
    this.#note({ session: to.session, id, chat: peer.number.slice(1), text, whileAway })
  }

  #note(one: Omit<Written, 'place'>): void {
    this.written.push({ ...one, place: this.written.length })
  }
}
