import type { proto } from '../baileys.ts'
import { type Addresses, type Line } from '../line.ts'
import { Log } from '../log.ts'
import type { KnownContact } from './bootstrap.ts'
import type { PhoneMessage } from './phone-message.ts'

/** A message a phone sent, and how far it came. */
export interface SentMessage {
  readonly id: string
  /** Bare PN or group. */
  readonly chat: string
  /** Devices that confirmed it, as the receipts named them. */
  readonly deliveredTo: Set<string>
  /** Readers, as the receipts named them. */
  readonly readBy: Set<string>
  /** Who listened or looked, as the receipts named them. */
  readonly playedBy: Set<string>
}

/** What a phone remembers: messages, contacts, and what became of what it sent. */
export class Memory {
  /** Oldest first, one entry for each of the phone's devices. */
  readonly messages: Log<PhoneMessage>
  readonly contacts = new Map<string, KnownContact>()
  /** What its history says of chats beside the messages. */
  readonly chats = new Map<string, proto.IConversation>()
  readonly #keep: number
  readonly #sent = new Map<string, SentMessage>()
  /** Messages a device has already, by who wrote them where. */
  readonly #seen = new Set<string>()
  /** Messages that a read receipt was sent for. */
  readonly #read = new WeakSet<PhoneMessage>()

  constructor(line: Line, keep: number) {
    this.#keep = keep
    this.messages = new Log(keep, () => line.truth.touched())
  }

  /** @returns false if the device had the message before: it was sent again for another's sake */
  add(message: PhoneMessage): boolean {
    const author = message.from.replace(/:\d+@/, '@')
    const key = `${message.device} ${message.chat} ${author} ${message.id}`
    if (this.#seen.has(key)) return false
    this.#seen.add(key)
    for (const oldest of this.#seen) {
      if (this.#seen.size <= this.#keep) break
      this.#seen.delete(oldest)
    }
    this.messages.add(message)
    return true
  }

  /** The phone's own messages, without those of its other devices. */
  own(test: (message: PhoneMessage) => boolean = () => true): PhoneMessage[] {
    return this.messages.filter((message) => message.device === 0 && test(message))
  }

  sending(id: string, chat: string): SentMessage {
    const sent: SentMessage = { id, chat, deliveredTo: new Set(), readBy: new Set(), playedBy: new Set() }
    this.#sent.set(id, sent)
    for (const oldest of this.#sent.keys()) {
      if (this.#sent.size <= this.#keep) break
      this.#sent.delete(oldest)
    }
    return sent
  }

  /** Notes a receipt for a message of ours. */
  confirmed(id: string, who: string, type: string | undefined): void {
    const sent = this.#sent.get(id)
    if (type === undefined) sent?.deliveredTo.add(who)
    else if (type === 'read' || type === 'played') sent?.readBy.add(who)
    if (type === 'played') sent?.playedBy.add(who)
  }

  /** Those of `messages` that somebody else wrote and that were not read before, now read. */
  readNow(messages: readonly PhoneMessage[]): PhoneMessage[] {
    const unread = messages.filter((message) => !message.fromMe && !this.#read.has(message))
    for (const message of unread) this.#read.add(message)
    return unread
  }

  meets({ number, pn, lid }: Addresses, pushName: string | undefined): void {
    const known = this.contacts.get(pn)
    if (known !== undefined && (pushName === undefined || known.pushName === pushName)) return
    this.contacts.set(pn, { number, pn, lid, pushName: pushName ?? known?.pushName })
  }
}
