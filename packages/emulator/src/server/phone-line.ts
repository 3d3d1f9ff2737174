import type { BinaryNode } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import type { Addresses, Companion, Group, KeyBundle, Line, Pairing, ProfileLine } from '../line.ts'
import { parseUser } from '../jid.ts'
import type { MediaHost } from '../media/index.ts'
import { child } from '../stanza.ts'
import type { Truth } from '../truth.ts'
import type { Account, Accounts } from './account.ts'
import type { AppState } from './app-state.ts'
import type { Groups } from './groups.ts'
import { tellIfPreKeysLow } from './queries/keys.ts'
import type { Registration } from './registration.ts'
import type { Profiles } from './profiles.ts'
import type { Router } from './router.ts'

export interface LineServices {
  accounts: Accounts
  groups: Groups
  router: Router
  appState: AppState
  media: MediaHost
  profiles: Profiles
  clock: Clock
  truth: Truth
  /** @throws {PairingError} No client shows this ref. */
  registration(ref: string): Registration
  unlink(device: number): void
}

/** A simulated phone's way into the server. */
export class PhoneLine implements Line {
  readonly number: string
  readonly pn: string
  readonly lid: string
  readonly clock: Clock
  readonly truth: Truth
  readonly media: MediaHost
  readonly profile: ProfileLine
  readonly #account: Account
  readonly #services: LineServices

  constructor(account: Account, services: LineServices) {
    this.#account = account
    this.#services = services
    this.number = account.number
    this.pn = account.pn
    this.lid = account.lid
    this.clock = services.clock
    this.truth = services.truth
    this.profile = this.#profile()
    this.media = services.media
  }

  #profile(): ProfileLine {
    const { accounts, groups, profiles } = this.#services
    const account = this.#account
    return {
      picture: (jpeg) => void profiles.setPicture(account, jpeg),
      groupPicture(jid, jpeg) {
        const group = groups.find(jid)
        if (group === undefined) throw new RangeError(`There is no group ${jid}`)
        profiles.setGroupPicture(group, account, jpeg)
      },
      about: (text) => profiles.setAbout(account, text),
      privacy: (category, value) => profiles.setPrivacy(account, category, value),
      block(address, isBlocked) {
        const other = accounts.find(address)
        if (other === undefined) throw new RangeError(`${address} is no address of an account`)
        profiles.setBlocked(account, other.lid, isBlocked)
      },
      business: (business) => profiles.setBusiness(account, business),
    }
  }

  send(device: number, stanza: BinaryNode): void {
    const { router } = this.#services
    const sender = { account: this.#account, device, pushName: this.#account.phone.pushName }
    switch (stanza.tag) {
      case 'message':
        router.message(sender, stanza)
        return
      case 'receipt':
        return router.receipt(sender, stanza)
      case 'presence':
        return router.presence(sender, stanza)
      case 'chatstate':
        return router.chatState(sender, stanza)
      case 'call':
        return router.call(sender, stanza)
      case 'ack':
        return // Nothing is kept for a simulated device.
      default:
        throw new RangeError(
          `A phone cannot send <${stanza.tag}>${child(stanza, 'error') ? ' with an error' : ''}.`,
        )
    }
  }

  addDevice(): number {
    const device = this.#account.takeDeviceNumber()
    // The phone lists it from its next turn on; who knows the old list asks again then.
    queueMicrotask(() => this.#services.router.devicesChanged(this.#account, 'add', device))
    return device
  }

  notify(device: number, attrs: BinaryNode['attrs'], content: BinaryNode[]): void {
    const { router } = this.#services
    router.notifyDevice({ account: this.#account, device }, { from: this.pn, ...attrs }, content)
  }

  pairing(ref: string): Pairing {
    return this.#services.registration(ref).pairing(this.#account)
  }

  unlink(device: number): void {
    this.#services.unlink(device)
  }

  companions(): readonly Companion[] {
    return [...this.#account.linked.values()]
  }

  account(address: string): Addresses | undefined {
    return this.#services.accounts.find(address)
  }

  devices(address: string): readonly string[] {
    const account = this.#services.accounts.find(address)
    if (account === undefined) return []
    const form = address.endsWith('@lid') ? 'lid' : 's.whatsapp.net'
    return account.devices.map((device) => account.address(device, form))
  }

  bundle(deviceJid: string): KeyBundle | undefined {
    const jid = parseUser(deviceJid)
    const account = jid === undefined ? undefined : this.#services.accounts.at(jid)
    if (jid === undefined || account === undefined) return undefined
    const bundle = account.takeBundle(jid.device)
    const linked = account.linked.get(jid.device)
    if (linked !== undefined) tellIfPreKeysLow(linked, this.#services.router)
    return bundle
  }

  group(jid: string): Group | undefined {
    return this.#services.groups.find(jid)
  }

  appendAppState(collection: string, patch: Uint8Array): number {
    return this.#services.appState.append(this.#account, collection, patch, 0)
  }

  appStateVersion(collection: string): number {
    return this.#services.appState.version(this.#account, collection)
  }
}
