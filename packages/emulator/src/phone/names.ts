import { deviceJid, isGroup, namesAuthors, parseUser } from '../jid.ts'
import type { Addresses, Line } from '../line.ts'
import type { Addressing, Recipient } from './phone-options.ts'

/** How a phone names people, their devices and chats. Throws RangeError for whoever has no account. */
export class Names {
  readonly #line: Line

  constructor(line: Line) {
    this.#line = line
  }

  /** How what the phone remembers names the chat with somebody, or a group. */
  chatWith(chat: Recipient): string {
    return typeof chat === 'string' && namesAuthors(chat) ? chat : this.accountOf(chat).pn
  }

  accountOf(recipient: Recipient): Addresses {
    const address = typeof recipient === 'string' ? recipient : recipient.number
    const account = this.#line.account(address)
    if (account === undefined) throw new RangeError(`${address} is no address of an account`)
    return account
  }

  /** How the chat is addressed on the wire. An explicit JID stays as it is. */
  chatJid(to: Recipient, addressing: Addressing): string {
    if (typeof to === 'string' && namesAuthors(to)) return to
    const account = this.accountOf(to)
    return addressing === 'lid' ? account.lid : account.pn
  }

  /** Whom a call to somebody or to a group rings at. */
  called(to: Recipient, addressing: Addressing): string[] {
    if (typeof to !== 'string' || !isGroup(to)) return [this.chatJid(to, addressing)]
    const group = this.#line.group(to)
    if (group === undefined) throw new RangeError(`There is no group ${to}`)
    const others = group.participants.filter(({ pn }) => pn !== this.#line.pn)
    return others.map(({ pn, lid }) => (group.addressing === 'lid' ? lid : pn))
  }

  barePn(jid: string): string {
    return this.#line.account(jid)?.pn ?? jid
  }

  devicePn(jid: string): string {
    const account = this.#line.account(jid)
    if (account === undefined) return jid
    return deviceJid(userOf(account.pn), parseUser(jid)?.device ?? 0, 's.whatsapp.net')
  }
}

function userOf(jid: string): string {
  return jid.slice(0, jid.indexOf('@'))
}
