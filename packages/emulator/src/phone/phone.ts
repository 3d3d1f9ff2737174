import type { BinaryNode, proto } from '../baileys.ts'
import { isGroup } from '../jid.ts'
import {
  type CodePairing,
  type Companion,
  type KeyBundle,
  type PhoneFactory,
  type ProfileLine,
  type SimulatedPhone,
} from '../line.ts'
import { KeyPair } from '../signal/index.ts'
import { node } from '../stanza.ts'
import { ownDeviceIdentity } from './adv.ts'
import type { Collection } from './app-state.ts'
import { historyNotification } from './bootstrap.ts'
import { ChattingPhone } from './chatting-phone.ts'
import { textOf, toMessage } from './content.ts'
import { newId } from './message-id.ts'
import { PhoneDevice } from './phone-device.ts'
import type { Addressing, PastMessage, PhoneOptions, Recipient } from './phone-options.ts'
import { Simulated } from './simulated.ts'

/** Phones for one emulator: pass it to the server, which makes a phone for each number when first needed. */
export function phoneFactory(options: PhoneOptions = {}): PhoneFactory<Phone> {
  const simulated = new Simulated()
  return (line) => new Phone(line, simulated, options)
}

/**
 * A person's WhatsApp: the phone and any other device of theirs that is not under test. It does what a
 * person does (scans, writes, reads, unlinks) and by itself what the app does (receipts, retries, keys and
 * history for a linked device).
 *
 * Acting is synchronous: when a method returns, its stanzas have left. What comes back is awaited with
 * {@link receives}, {@link delivered} and the like.
 */
export class Phone extends ChattingPhone implements SimulatedPhone {
  /** Stanzas that came while the phone was offline; undefined while it is online. */
  #held: { device: number; stanza: BinaryNode }[] | undefined

  get lid(): string {
    return this.line.lid
  }

  /** What it shows of itself: picture, about, privacy, whom it blocks, its shop. */
  get profile(): ProfileLine {
    return this.line.profile
  }

  get online(): boolean {
    return this.#held === undefined
  }

  get devices(): readonly number[] {
    return [...this.simulatedDevices.keys()]
  }

  /** Clients linked to this account. */
  companions(): readonly Companion[] {
    return this.line.companions()
  }

  // Linking

  /**
   * Scans a linking QR code; resolves once the device has signed in turn.
   *
   * @throws {QrError} the text is no linking QR code
   * @throws {PairingError} the code is not shown any more, there are four devices already, …
   */
  async scan(qrText: string): Promise<Companion> {
    this.#nameItself()
    return this.linking.scan(qrText)
  }

  /**
   * Types the code a device shows, `ABCD-1234`. Waits a little for the device's request to arrive.
   *
   * @throws {WrongCodeError}
   * @throws {PairingError} no device asked for a code, or it went away
   */
  async enterCode(code: string): Promise<Companion> {
    this.#nameItself()
    return this.linking.enterCode(code)
  }

  /** Unlinks one device, or all that are linked. */
  unlink(device?: number): void {
    for (const companion of this.companions()) {
      if (device === undefined || companion.device === device) this.line.unlink(companion.device)
    }
  }

  /** Adds another device that is simulated too, like a contact's own WhatsApp Web. Returns its number. */
  addDevice(): number {
    const number = this.line.addDevice()
    const identity = KeyPair.generate()
    const signed = this.linking.sign({ device: number, identityKey: identity.publicKey })
    const keys = { identity, deviceIdentity: ownDeviceIdentity(signed, identity) }
    this.simulatedDevices.set(number, new PhoneDevice(this.line, number, this.simulated, keys))
    return number
  }

  /** Loses its Signal sessions: what comes next cannot be read until it was asked for again. */
  losesSessions(): void {
    for (const device of this.simulatedDevices.values()) device.losesSessions()
  }

  /** Is set up anew on another telephone: new keys, and whatever was linked is not any more. */
  reinstalls(): void {
    this.unlink()
    this.simulatedDevices.clear()
    this.simulatedDevices.set(0, new PhoneDevice(this.line, 0, this.simulated))
  }

  // Being there

  /** What comes from now on waits until {@link goOnline}, as with a phone without network. */
  goOffline(): void {
    this.#held ??= []
  }

  goOnline(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const { device, stanza } of held) this.receive(device, stanza)
  }

  /** Shows as online or not to those who subscribed. */
  appears(type: 'available' | 'unavailable'): void {
    this.line.send(0, node('presence', { type, name: this.ownName }))
  }

  /** Changes what it calls itself, which linked devices learn through app state. */
  setsPushName(name: string): void {
    this.ownName = name
    this.synced.set('critical_block', {
      index: ['setting_pushName'],
      value: { pushNameSetting: { name } },
      version: 1,
    })
  }

  // App state and history

  /** What app state says about an index, e.g. `['archive', jid]`, whoever set it. */
  appState(collection: Collection, index: readonly string[]): proto.ISyncActionValue | undefined {
    return this.synced.get(collection, index)
  }

  /** Puts a message into its history, from before a device was linked. `at` is in Unix ms. */
  remembers(
    chat: Recipient,
    { id = newId(), text: content, from, fromMe = false, at, pushName }: PastMessage,
  ): string {
    const key = this.chatWith(chat)
    const author = isGroup(key) ? from : chat
    const other = author === undefined ? undefined : this.names.accountOf(author)
    if (other !== undefined) this.memory.meets(other, pushName)
    const message =
      typeof content === 'string' ? { conversation: content } : toMessage(content, (address) => address)
    this.memory.add({
      id,
      chat: key,
      from: fromMe ? this.pn : (other?.pn ?? key),
      fromMe,
      text: textOf(message),
      message,
      pushName,
      at,
      device: 0,
      wire: undefined,
    })
    return id
  }

  /** What its history says of a chat beside the messages: archived, unread, pinned, muted, … */
  describes(chat: Recipient, settings: proto.IConversation): void {
    const key = this.chatWith(chat)
    if (!isGroup(key)) this.memory.meets(this.names.accountOf(chat), undefined)
    this.memory.chats.set(key, { ...this.memory.chats.get(key), ...settings })
  }

  /** Tells every linked device a part of history, whatever is in it. */
  tellsHistory(history: proto.IHistorySync, requestId?: string): void {
    for (const { pn } of this.companions())
      this.care.tellHistory(pn, historyNotification(history, this.line.media, requestId), history)
  }

  /** The same, with a file that is gone from the media host before anybody fetched it; asked for it again, the phone sends it again. */
  tellsExpiredHistory(history: proto.IHistorySync, status?: 403 | 404 | 410): void {
    const notification = historyNotification(history, this.line.media, undefined, 0)
    this.line.media.expire(notification.directPath ?? '', status)
    for (const { pn } of this.companions()) this.care.tellHistory(pn, notification, history)
  }

  /** WhatsApp tells its linked devices that a contact has another number now. */
  learnsNumberChange(of: Recipient, number: string): void {
    const { pn: old, lid } = this.names.accountOf(of)
    const digits = number.replace(/\D/g, '')
    for (const { device } of this.companions())
      this.line.notify(device, { type: 'contacts', from: old }, [
        node('modify', { old, new: `${digits}@s.whatsapp.net`, old_lid: lid, new_lid: lid }),
      ])
  }

  /** The same, told as the members of a group are told it; in a group that names people by number no LID comes with it. */
  learnsNumberChangeIn(
    group: string,
    of: Recipient,
    number: string,
    { username, form = 'lid' }: { username?: string; form?: Addressing } = {},
  ): void {
    const { pn: old, lid } = this.names.accountOf(of)
    const now = `${number.replace(/\D/g, '')}@s.whatsapp.net`
    const attrs = {
      type: 'w:gp2',
      from: group,
      participant: now,
      ...(form === 'lid' && { participant_lid: lid }),
      ...(username !== undefined && { participant_username: username }),
    }
    for (const { device } of this.companions())
      this.line.notify(device, attrs, [node('modify', {}, [node('participant', { jid: old })])])
  }

  /** The notification alone, whatever it leads to. */
  tellsNotification(notification: proto.Message.IHistorySyncNotification): void {
    for (const { pn } of this.companions()) this.care.tellHistory(pn, notification)
  }

  // What the server asks of a phone

  bundle(device: number): KeyBundle {
    return this.device(device).signal.bundle()
  }

  receive(device: number, stanza: BinaryNode): void {
    if (this.#held !== undefined) {
      this.#held.push({ device, stanza })
      return
    }
    this.inbound.take(device, stanza)
  }

  companionOnline(companion: Companion, first: boolean): void {
    if (first) this.care.welcome(companion, this.ownName)
  }

  appStateSnapshot(collection: string): Uint8Array {
    return this.synced.snapshot(collection)
  }

  appStatePatched(collection: string, patch: Uint8Array): void {
    for (const { value } of this.synced.take(collection, patch)) {
      const name = value.pushNameSetting?.name
      if (name) this.ownName = name
    }
    this.line.truth.touched()
  }

  codeRequested(request: CodePairing): void {
    this.linking.codeRequested(request)
  }

  /** Before a device is linked: it learns the account's name from the app state it reads first. */
  #nameItself(): void {
    if (this.synced.isEmpty('critical_block')) this.setsPushName(this.ownName)
  }
}
