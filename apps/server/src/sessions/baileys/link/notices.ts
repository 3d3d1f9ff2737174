import type { BinaryNode } from '../baileys.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { isLid, tryParseJid, userOf } from '@inbox-hub/whatsapp'

import type { Acquaintance, Passing } from '../acquaintances.ts'
import { addressIn } from '../journal/envelope.ts'
import { mappingOf } from '../signal/lid-map.ts'
import { callSignalIn } from './calls.ts'
import type { Connection } from './connection.ts'
import { noticesIn, pairsIn } from './group-notices.ts'
import {
  changedNewslettersIn,
  newsletterCountsIn,
  newsletterMessageIn,
  type NewsletterNews,
} from './newsletters.ts'
import { groupNumberChangesIn, type NumberChange, numberChangesIn } from './number-changes.ts'
import type { LinkParts } from './parts.ts'
import { personNoticesIn } from './people.ts'
import { Usernames } from './usernames.ts'
import type { Wire } from './wire.ts'

/** What WhatsApp's stanzas tell: stored, with the addresses it tells, before WhatsApp is told that we know. Presence alone is told and forgotten. */
export class Notices {
  readonly #connection: Connection
  readonly #parts: LinkParts
  readonly #usernames = new Usernames()

  constructor(connection: Connection, parts: LinkParts) {
    this.#connection = connection
    this.#parts = parts
  }

  /** `followAppState` reads a `server_sync`, and answers what baileys is to see of it. */
  attach(wire: Wire, followAppState: (node: BinaryNode) => Promise<BinaryNode>): void {
    const { clock } = this.#connection
    wire.inTurn(
      'CB:message',
      (node) => {
        const newsletter = newsletterMessageIn(node, clock.now())
        if (newsletter !== undefined) return this.keepNewsletter(newsletter)
        this.#parts.inbox.remember(node)
        const named = this.#keepUsernames(node)
        if (hasCiphertext(node) || node.attrs['category'] === 'peer') return named
        return (async () => {
          await named
          await this.#parts.inbox.keepAbsent(node)
        })()
      },
      (error) => this.#connection.onBadFrame(error),
    )
    wire.gate('CB:receipt', (node) => {
      const row = this.#parts.inbox.receiptRow(node)
      return row && this.#parts.store.commit([], [row])
    })
    wire.gate('CB:call', (node) => this.#keepCall(node))
    wire.gate('CB:notification', (node) => {
      if (node.attrs['type'] === 'w:gp2') return this.#keepGroupNotices(node)
      if (node.attrs['type'] === 'contacts') return this.#keepNumberChanges(numberChangesIn(node))
      if (node.attrs['type'] === 'newsletter') {
        const counts = newsletterCountsIn(node, clock.now())
        return counts && this.keepNewsletter(counts)
      }
      if (node.attrs['type'] === 'mex') return this.#keepChangedNewsletters(changedNewslettersIn(node))
      return node.attrs['type'] === 'server_sync' ? followAppState(node) : this.#keepPersonNotices(node)
    })
    wire.on('CB:presence', (node: BinaryNode) => this.#onPresence(node))
    wire.on('CB:chatstate', (node: BinaryNode) => this.#onPresence(node))
  }

  keepNewsletter({ jid, news }: { jid: Jid; news: NewsletterNews }): Promise<void> {
    const { sessionId } = this.#connection.lease
    return this.#parts.keepFacts([{ type: 'newsletter', sessionId, jid, news }])
  }

  #keepChangedNewsletters(jids: readonly Jid[]): Promise<void> | undefined {
    const { sessionId } = this.#connection.lease
    if (jids.length === 0) return undefined
    return this.#parts.keepFacts(
      jids.map((jid) => ({ type: 'newsletter', sessionId, jid, news: { is: 'changed' } })),
    )
  }

  #keepGroupNotices(node: BinaryNode): Promise<void> | undefined {
    const { sessionId } = this.#connection.lease
    const notices = noticesIn(node, this.#connection.clock.now()).flatMap(
      ({ jid, notice }): Acquaintance[] => [
        ...pairsIn(notice).map(({ lid, pn }) => ({ type: 'lid_mapping' as const, sessionId, lid, pn })),
        { type: 'group', sessionId, jid, notice },
      ],
    )
    const facts = [...notices, ...this.#usernames.newsIn(node, sessionId)]
    const changes = groupNumberChangesIn(node)
    if (changes.length === 0) return facts.length === 0 ? undefined : this.#parts.keepFacts(facts)
    return (async () => {
      // Before what is told of the new number: it is somebody we know.
      await this.#keepNumberChanges(changes)
      if (facts.length > 0) await this.#parts.keepFacts(facts)
    })()
  }

  #keepUsernames(node: BinaryNode): Promise<void> | undefined {
    const news = this.#usernames.newsIn(node, this.#connection.lease.sessionId)
    return news.length === 0 ? undefined : this.#parts.keepFacts(news)
  }

  /** The LID stays when a number changes: what stands under it is shown under the new one from then on. */
  #keepNumberChanges(changes: readonly NumberChange[]): Promise<void> | undefined {
    const { sock } = this.#connection
    if (changes.length === 0 || sock === undefined) return undefined
    return (async () => {
      for (const change of changes) await this.#keepNumberChange(change)
    })()
  }

  async #keepNumberChange({ from, to, lid }: NumberChange): Promise<void> {
    const lidUser = lid === undefined ? from && (await this.#mapped(userOf(from))) : userOf(lid)
    if (lidUser === undefined) return from && this.#uniteNumbers(from, to)
    const isNext = from !== undefined && (await this.#mapped(`${lidUser}_reverse`)) === userOf(from)
    // Each group tells it, some late: what is no news then may have been followed by another number. By numbers alone nobody can say.
    const isNews = lid !== undefined && (await this.#mapped(userOf(to))) !== lidUser
    if (isNext || isNews) await this.#renumber(lidUser, to)
  }

  /** Of the old number WhatsApp would answer that it is nobody's; of the new one it tells whose both are. */
  async #uniteNumbers(from: Jid, to: Jid): Promise<void> {
    const lid = tryParseJid((await this.#connection.sock?.signalRepository.lidMapping.getLIDForPN(to)) ?? '')
    if (lid === undefined) return
    await this.#renumber(userOf(lid), from)
    await this.#renumber(userOf(lid), to)
  }

  async #renumber(lidUser: string, pn: Jid): Promise<void> {
    const { changes, facts } = mappingOf(this.#connection.lease.sessionId, lidUser, userOf(pn))
    await this.#parts.store.commit([...changes], [], facts)
  }

  async #mapped(name: string): Promise<string | undefined> {
    const user = await this.#parts.store.readOne('lid-mapping', name)
    return user === undefined ? undefined : Buffer.from(user).toString('utf8')
  }

  #keepPersonNotices(node: BinaryNode): Promise<void> | undefined {
    const { sessionId } = this.#connection.lease
    const notices = personNoticesIn(node, this.#connection.clock.now())
    if (notices.length === 0) return undefined
    return this.#parts.keepFacts(notices.map((notice) => ({ type: 'person', sessionId, notice })))
  }

  #keepCall(node: BinaryNode): Promise<void> | undefined {
    const { sessionId } = this.#connection.lease
    const signal = callSignalIn(node, this.#connection.clock.now())
    if (signal === undefined) return undefined
    const { jid, alt } = signal.creator
    const known: Acquaintance[] =
      alt === undefined || isLid(jid) === isLid(alt)
        ? []
        : [{ type: 'lid_mapping', sessionId, lid: isLid(jid) ? jid : alt, pn: isLid(jid) ? alt : jid }]
    return this.#parts.keepFacts([...known, { type: 'call', sessionId, signal }])
  }

  /** From the stanzas: baileys' event says `available` when typing stops. */
  #onPresence(node: BinaryNode): void {
    const state = presenceIn(node)
    const chat = addressIn(node.attrs, 'from')
    const from = addressIn(node.attrs, 'participant') ?? chat
    if (state === undefined || chat === undefined || from === undefined) return
    const seconds = Number(node.attrs['last'])
    const lastSeen = Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : undefined
    this.#parts.tellPassing({
      type: 'presence',
      sessionId: this.#connection.lease.sessionId,
      chat,
      from,
      state,
      lastSeen,
    })
  }
}

function hasCiphertext({ content }: BinaryNode): boolean {
  return (
    Array.isArray(content) &&
    content.some(
      (child) => (child.tag === 'enc' || child.tag === 'plaintext') && child.content instanceof Uint8Array,
    )
  )
}

function presenceIn({ tag, attrs, content }: BinaryNode): Passing['state'] | undefined {
  if (tag === 'presence') return attrs['type'] === 'unavailable' ? 'unavailable' : 'available'
  const [child] = Array.isArray(content) ? content : []
  if (child?.tag === 'composing') return child.attrs['media'] === 'audio' ? 'recording' : 'composing'
  return child?.tag === 'paused' ? 'paused' : undefined
}
