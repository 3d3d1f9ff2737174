import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import type { Action, Fault, FaultScope } from './faults.ts'
import type { Addresses, Companion, Group } from './line.ts'
import type { MediaHost } from './media/index.ts'
import { type Phone, phoneFactory, type PhoneOptions } from './phone/index.ts'
import { AccountControl } from './server/account-control.ts'
import { path } from './server/listener.ts'
import { GroupControl } from './server/group-control.ts'
import { NewsletterControl } from './server/newsletter-control.ts'
import { Server } from './server/server.ts'
import type { Dial, Truth, TruthOptions } from './truth.ts'

export interface EmulatorOptions {
  /** Port on 127.0.0.1; default 0, a free one. */
  port?: number
  /** Port of the media host on 127.0.0.1; default 0, a free one. */
  mediaPort?: number
  clock?: Clock
  truth?: TruthOptions
  /** Linked clients per account; WhatsApp allows 4. */
  maxCompanions?: number
  /** Given to clients at login, to be sent ahead of their next handshake (`edge_routing`). */
  routingInfo?: Uint8Array
  /** How phones behave unless told otherwise. */
  phones?: PhoneOptions
}

/** A connection, to make something go wrong on. */
export interface ConnectionControl {
  readonly dial: Readonly<Dial>
  act(action: Action): void
}

/**
 * A WhatsApp of our own on loopback: server, accounts, phones. Clients need only its address and the key
 * to trust.
 *
 * @example
 * await using emulator = await startEmulator()
 * const me = emulator.phone('+12025550100')
 * const companion = await me.scan(qrTheClientShows)
 * await emulator.phone('+12025550123').sends('+12025550100', 'Are you open today?')
 */
export class Emulator implements AsyncDisposable {
  readonly #server: Server
  readonly #phones: ReadonlyMap<string, Phone>

  constructor(server: Server, phones: ReadonlyMap<string, Phone>) {
    this.#server = server
    this.#phones = phones
  }

  /** What clients connect to: `ws://127.0.0.1:<port>/ws/chat`. */
  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}${path}`
  }

  /** The public key clients must trust instead of WhatsApp's, 32 bytes in hex. */
  get rootKey(): string {
    return this.#server.root.publicKey.toString('hex')
  }

  /** What a hub needs in its environment to take this for WhatsApp. */
  get environment(): Readonly<
    Record<'WHATSAPP_URL' | 'WHATSAPP_ROOT_KEY' | 'WHATSAPP_MEDIA_HOST' | 'WHATSAPP_MEDIA_CA', string>
  > {
    return {
      WHATSAPP_URL: this.url,
      WHATSAPP_ROOT_KEY: this.rootKey,
      WHATSAPP_MEDIA_HOST: this.media.host,
      WHATSAPP_MEDIA_CA: this.media.authority.replaceAll(/-----[^-]+-----|\s/g, ''),
    }
  }

  /** The media host: its address (`host`), whom to trust there (`authority`), and what goes wrong with files. */
  get media(): MediaHost {
    return this.#server.media
  }

  /** What really happened, for tests to ask. */
  get truth(): Truth {
    return this.#server.truth
  }

  /** The phone of a number; made, with its account, when first mentioned. @throws {RangeError} It is no number. */
  phone(number: string): Phone {
    const account = this.#server.accounts.of(number)
    void account.phone
    const phone = this.#phones.get(account.number)
    if (phone === undefined) throw new Error(`No phone was made for ${account.number}.`)
    return phone
  }

  /** What the server does to an account: refusals, lost messages, unlinking. @throws {RangeError} It is no number. */
  account(number: string): AccountControl {
    return new AccountControl(this.#server, this.#server.accounts.of(number))
  }

  /** Makes a group; the first member creates it. Members are told. */
  group(subject: string, members: readonly string[], addressing: Group['addressing'] = 'lid'): Group {
    const [creator, ...others] = members.map((number) => this.#server.accounts.of(number))
    if (creator === undefined) throw new RangeError('A group needs somebody to create it.')
    return this.#server.groupActions.create(subject, creator, others, addressing)
  }

  /** Makes a community; the first member creates it. Answers its group for announcements, in which all of them are. */
  community(subject: string, members: readonly string[]): Group {
    const [creator, ...others] = members.map((number) => this.#server.accounts.of(number))
    if (creator === undefined) throw new RangeError('A community needs somebody to create it.')
    return this.#server.groupActions.createCommunity(subject, creator, others).announcements
  }

  /** A group that somebody made. @throws {RangeError} There is none. */
  groupAt(jid: string): GroupControl {
    const found = this.#server.groups.find(jid)
    if (found === undefined) throw new RangeError(`There is no group ${jid}.`)
    return new GroupControl(this.#server, found)
  }

  /** Makes a newsletter, as its owner's phone would. */
  newsletter(name: string, owner: string): NewsletterControl {
    const made = this.#server.newsletters.create(this.#server.accounts.of(owner), name)
    return new NewsletterControl(this.#server, made)
  }

  /** A newsletter that somebody made. @throws {RangeError} There is none. */
  newsletterAt(jid: string): NewsletterControl {
    const found = this.#server.newsletters.find(jid)
    if (found === undefined) throw new RangeError(`There is no newsletter ${jid}.`)
    return new NewsletterControl(this.#server, found)
  }

  /** The two addresses of a number. */
  addresses(number: string): Addresses {
    const { pn, lid, number: normalised } = this.#server.accounts.of(number)
    return { number: normalised, pn, lid }
  }

  /**
   * Lets the next dials go wrong: the next one, or the next `times`. Several faults happen to the same dial.
   * Plans are used up in the order they were made; disposing one takes back what is left of it.
   *
   * @example emulator.nextConnection({ at: 'upgrade', do: 'http', status: 503 })
   */
  nextConnection(faults: Fault | readonly Fault[], scope: FaultScope = {}): Disposable {
    return this.#server.addFaults(isList(faults) ? faults : [faults], scope)
  }

  /**
   * Answers clients of these versions (`2.3000.1043857760`) with `<failure reason=405>`, until disposed.
   */
  refuseVersions(isRefused: (version: string) => boolean): Disposable {
    return this.#server.refuseVersions(isRefused)
  }

  /** Connections that are open at present, oldest first; those of clients that show a QR code included. */
  connections(): ConnectionControl[] {
    return [...this.#server.connections].filter(({ ended }) => !ended)
  }

  /** Linked clients that are connected. */
  online(): Companion[] {
    return this.#server.accounts.online()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }
}

/** Starts an emulator on loopback. Dispose it to end it, with all its connections. */
export async function startEmulator({
  clock = systemClock,
  phones: phoneOptions,
  ...options
}: EmulatorOptions = {}): Promise<Emulator> {
  const phones = new Map<string, Phone>()
  const makePhone = phoneFactory(phoneOptions)
  const server = await Server.start({ clock, ...options }, (line) => {
    const phone = makePhone(line)
    phones.set(line.number, phone)
    return phone
  })
  return new Emulator(server, phones)
}

function isList(faults: Fault | readonly Fault[]): faults is readonly Fault[] {
  return Array.isArray(faults)
}
