import { createHash } from 'node:crypto'
import type { BinaryNode } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import type { Addresses, Companion, KeyBundle, SimulatedPhone } from '../line.ts'
import { deviceJid, parseUser, type UserJid } from '../jid.ts'
import type { Truth } from '../truth.ts'
import type { Connection } from './connection.ts'
import { Deliveries } from './deliveries.ts'
import { emptyProfile } from './profile.ts'
import { AccountFaults } from './account-faults.ts'

/** What a client says of itself when it registers, and later when it uploads keys. */
export interface ClientKeys {
  /** The Noise key every later login must use. */
  noiseKey: Buffer
  registrationId: number
  identityKey: Buffer
  signedPreKey: KeyBundle['signedPreKey']
}

/** Of how many of its messages a device's ids are kept. */
const rememberedIds = 50_000

/** A client linked to an account: one device that connects over a socket. */
export class LinkedDevice implements Companion {
  readonly account: Account
  readonly device: number
  readonly pn: string
  readonly lid: string
  readonly platform: string
  readonly wantsFullHistory: boolean
  readonly deliveries: Deliveries
  keys: ClientKeys
  /** One-time keys not handed out yet, oldest first. */
  preKeys: NonNullable<KeyBundle['preKey']>[] = []
  /** Whether the client was told that few are left. */
  toldPreKeysLow = false
  /** Logged in at present. */
  connection: Connection | undefined
  /** Whether it ever went active: its phone sends keys and history the first time. */
  met = false
  pushName: string | undefined
  readonly #attempts = new Map<string, number>()

  constructor(
    account: Account,
    device: number,
    keys: ClientKeys,
    client: Pick<Companion, 'platform' | 'wantsFullHistory'>,
    clock: Clock,
    truth: Truth,
  ) {
    this.account = account
    this.device = device
    this.keys = keys
    this.platform = client.platform
    this.wantsFullHistory = client.wantsFullHistory
    this.pn = deviceJid(account.user, device, 's.whatsapp.net')
    this.lid = deviceJid(account.lidUser, device, 'lid')
    this.deliveries = new Deliveries(this.pn, clock, truth)
  }

  get online(): boolean {
    return this.connection !== undefined
  }

  /** How often it has sent this id, this time included. Remembers the last ids only. */
  countAttempt(id: string): number {
    const attempt = (this.#attempts.get(id) ?? 0) + 1
    this.#attempts.set(id, attempt)
    if (this.#attempts.size > rememberedIds) {
      for (const oldest of this.#attempts.keys()) {
        this.#attempts.delete(oldest)
        break
      }
    }
    return attempt
  }

  /** Its keys for whoever wants to write to it, with a one-time key while there are any. */
  takeBundle(): KeyBundle {
    const { registrationId, identityKey, signedPreKey } = this.keys
    const preKey = this.preKeys.shift()
    return { registrationId, identityKey, signedPreKey, ...(preKey !== undefined && { preKey }) }
  }

  /** Sends what is of interest only now (presence, typing), if it is connected. */
  sendNow(stanza: BinaryNode): void {
    this.connection?.send(stanza)
  }
}

/** A device that wants to see an account's presence, under the form of its address it asked with. */
export interface PresenceWatcher {
  account: Account
  device: number
  form: UserJid['server']
}

/** A number, as the server knows it: two addresses, a phone, linked devices, and what is stored for them. */
export class Account implements Addresses {
  readonly number: string
  readonly user: string
  readonly lidUser: string
  readonly pn: string
  readonly lid: string
  /** False for a number that is not on WhatsApp. */
  registered = true
  /** What its phone runs: `android`, `iphone`, or WhatsApp Business on them, `smba`, `smbi`. Told to those it links. */
  platform: 'android' | 'iphone' | 'smba' | 'smbi' = 'android'
  readonly linked = new Map<number, LinkedDevice>()
  readonly groups = new Set<string>()
  readonly blocked = new Set<string>()
  readonly privacy = new Map<string, string>(defaultPrivacy)
  readonly appState = new Map<string, Uint8Array[]>()
  readonly profile = emptyProfile()
  readonly faults = new AccountFaults()
  /** Accounts with linked clients that asked for its devices: told when those change. */
  readonly watchers = new Set<Account>()
  /** Accounts that looked at what it shows of itself: told when that changes. */
  readonly viewers = new Set<Account>()
  /** Devices that asked to see its presence, `user device`. */
  readonly presenceWatchers = new Map<string, PresenceWatcher>()
  /** Told to clients that ask whether they may start new chats (`xwa2_fetch_account_reachout_timelock`). */
  reachoutTimelock: Readonly<Record<string, unknown>> = { is_active: false }
  /** What it last said of its presence. */
  presence: BinaryNode['attrs'] | undefined
  readonly #makePhone: (account: Account) => SimulatedPhone
  #phone: SimulatedPhone | undefined
  #nextDevice = 1

  constructor(user: string, makePhone: (account: Account) => SimulatedPhone) {
    this.user = user
    this.number = `+${user}`
    this.lidUser = lidOf(user)
    this.pn = `${user}@s.whatsapp.net`
    this.lid = `${this.lidUser}@lid`
    this.#makePhone = makePhone
  }

  /** Made when first needed: keys cost something, and most numbers of a large test are only mentioned. */
  get phone(): SimulatedPhone {
    this.#phone ??= this.#makePhone(this)
    return this.#phone
  }

  /** Device numbers are never given out twice. */
  takeDeviceNumber(): number {
    const device = this.#nextDevice
    this.#nextDevice += 1
    return device
  }

  /** Its devices' numbers, phone first. */
  get devices(): number[] {
    if (!this.registered) return []
    return [...this.phone.devices, ...this.linked.keys()]
  }

  address(device: number, server: UserJid['server']): string {
    return deviceJid(server === 'lid' ? this.lidUser : this.user, device, server)
  }

  /** Takes keys of a device; undefined when there is no such device. */
  takeBundle(device: number): KeyBundle | undefined {
    const linked = this.linked.get(device)
    if (linked !== undefined) return linked.takeBundle()
    return this.registered && this.phone.devices.includes(device) ? this.phone.bundle(device) : undefined
  }
}

/** Everybody there is. An account is made when its number is first mentioned. */
export class Accounts {
  readonly #byUser = new Map<string, Account>()
  readonly #makePhone: (account: Account) => SimulatedPhone

  constructor(makePhone: (account: Account) => SimulatedPhone) {
    this.#makePhone = makePhone
  }

  /** The account of a number. @throws {RangeError} It is none. */
  of(number: string): Account {
    const account = this.find(number)
    if (account === undefined) throw new RangeError(`Not the number of an account: ${number}`)
    return account
  }

  /** Linked clients that are connected. */
  online(): LinkedDevice[] {
    return this.all().flatMap(({ linked }) => [...linked.values()].filter(({ online }) => online))
  }

  /** Each account once. */
  all(): Account[] {
    return [...new Set(this.#byUser.values())]
  }

  /** The account of any address, made if need be. A LID nobody has yet leads nowhere. */
  find(address: string): Account | undefined {
    const jid = parseUser(address)
    return jid === undefined ? undefined : this.at(jid)
  }

  at({ user, server }: UserJid): Account | undefined {
    const known = this.#byUser.get(server === 'lid' ? `${user}@lid` : user)
    if (known !== undefined || server === 'lid') return known
    const account = new Account(user, this.#makePhone)
    this.#byUser.set(user, account)
    this.#byUser.set(account.lid, account)
    return account
  }
}

/** Fifteen digits that follow from the number, so that every run has the same. */
function lidOf(user: string): string {
  const hash = createHash('sha256').update(`lid ${user}`).digest()
  return String(100_000_000_000_000 + (hash.readUIntBE(0, 6) % 900_000_000_000_000))
}

const defaultPrivacy: readonly (readonly [string, string])[] = [
  ['readreceipts', 'all'],
  ['profile', 'contacts'],
  ['status', 'contacts'],
  ['online', 'all'],
  ['last', 'contacts'],
  ['groupadd', 'all'],
  ['calladd', 'all'],
  ['messages', 'all'],
]
