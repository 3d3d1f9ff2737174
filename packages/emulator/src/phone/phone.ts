import { randomBytes } from 'node:crypto'

import { type BinaryNode, proto } from '../baileys.ts'
import { deviceJid, isGroup, namesAuthors, parseUser, statusBroadcast } from '../jid.ts'
import {
  type Addresses,
  type CodePairing,
  type Companion,
  type KeyBundle,
  type Line,
  type PhoneFactory,
  type ProfileLine,
  type SimulatedPhone,
} from '../line.ts'
import { Log } from '../log.ts'
import {
  bytesOfFile,
  isGoodRequest,
  type MediaContent,
  mediaOf,
  type MediaRetryAnswer,
  open,
  retryErrors,
  retryResult,
  toMediaMessage,
} from '../media/index.ts'
import { KeyPair } from '../signal/index.ts'
import { child, children, childrenOf, node } from '../stanza.ts'
import type { WaitOptions } from '../truth.ts'
import { ownDeviceIdentity } from './adv.ts'
import type { Collection } from './app-state.ts'
import { type CallOptions, type CallSignal, PhoneCalls } from './calls.ts'
import { ChatSettings } from './chat-settings.ts'
import {
  appStateKeyShare,
  historyNotification,
  initialHistory,
  olderHistory,
  type Remembered,
} from './bootstrap.ts'
import { type Content, textOf, toMessage } from './content.ts'
import { Linking } from './linking.ts'
import { Memory, type SentMessage } from './memory.ts'
import { PhoneDevice } from './phone-device.ts'
import { keyOf, type PhoneMessage, toWebMessage } from './phone-message.ts'
import { sealVote } from './poll-vote.ts'
import { shownAs, type ShownMessage } from './shown-message.ts'
import { Simulated } from './simulated.ts'
import { SyncedSettings } from './synced-settings.ts'

/** Which receipts a phone sends by itself. `read` includes the delivery receipt. */
export type AutomaticReceipts = 'off' | 'delivery' | 'read'

/** How a chat with a person is addressed on the wire. WhatsApp has moved to `lid`; `pn` is the number. */
export type Addressing = 'lid' | 'pn'

export interface PhoneOptions {
  /** Default `delivery`. */
  receipts?: AutomaticReceipts
  /** Default `lid`. */
  addressing?: Addressing
  /** Default `Phone …` with the last digits of the number. */
  pushName?: string
  /** Messages each phone remembers. Default 10,000. */
  keepMessages?: number
}

export interface SendOptions {
  /** The message's id; made up when left out. */
  id?: string
  addressing?: Addressing
  /** Which of the phone's devices sends it; default 0, the phone itself. */
  device?: number
  /** What is encrypted in place of the message: bytes that nobody can read as one. A reader that asks again gets the message. */
  plaintext?: Uint8Array
  /** Whom a status, or what is done to one, is for. */
  audience?: readonly Recipient[]
}

/** A message from before a device was linked. */
export interface PastMessage {
  id?: string
  text: Content
  /** Who wrote it, in groups. */
  from?: Recipient
  fromMe?: boolean
  /** Unix ms. */
  at: number
  pushName?: string
}

/** What somebody is seen doing: typing, coming online, calling. */
export interface Activity {
  /** As the stanza named them. */
  from: string
  what: 'composing' | 'recording' | 'paused' | 'available' | 'unavailable' | 'call'
  at: number
}

/** Someone to write to: a number, a JID, or anything that has a number. */
export type Recipient = string | { readonly number: string }

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
export class Phone implements SimulatedPhone {
  /** Receipts it sends by itself; may be changed at any time. */
  receipts: AutomaticReceipts
  /** Form of address of chats it writes to; may be changed at any time. */
  addressing: Addressing
  /** What it does when a linked client asks for a file again; may be changed at any time. */
  mediaRetries: MediaRetryAnswer = 'uploads'
  readonly activity: Log<Activity>
  /** What is set for all devices of the account. */
  readonly settings: ChatSettings
  readonly #line: Line
  readonly #simulated: Simulated
  readonly #devices = new Map<number, PhoneDevice>()
  readonly #linking: Linking
  readonly #settings: SyncedSettings
  readonly #memory: Memory
  readonly #calls: PhoneCalls
  #pushName: string
  /** Stanzas that came while the phone was offline; undefined while it is online. */
  #held: { device: number; stanza: BinaryNode }[] | undefined
  /** Receipts and the like that follow once what is being routed has been. */
  #due: (() => void)[] = []

  constructor(line: Line, simulated: Simulated, options: PhoneOptions = {}) {
    this.#line = line
    this.#simulated = simulated
    this.#pushName = options.pushName ?? `Phone ${line.number.slice(-4)}`
    this.receipts = options.receipts ?? 'delivery'
    this.addressing = options.addressing ?? 'lid'
    this.activity = new Log(1000, () => line.truth.touched())
    this.#calls = new PhoneCalls(line)
    this.#memory = new Memory(line, options.keepMessages ?? 10_000)
    this.#settings = new SyncedSettings(line)
    this.settings = new ChatSettings(this.#settings, {
      chat: (chat) => this.#chatJid(chat, this.addressing),
      person: (address) => {
        const account = this.#accountOf(address)
        this.#memory.meets(account, undefined)
        return account
      },
    })
    this.#linking = new Linking(line, () => this.#device(0).signal.identity)
    this.#devices.set(0, new PhoneDevice(line, 0, simulated))
  }

  /** E.164 with the plus. */
  get number(): string {
    return this.#line.number
  }

  /** `12025550123@s.whatsapp.net` */
  get pn(): string {
    return this.#line.pn
  }

  get lid(): string {
    return this.#line.lid
  }

  get pushName(): string {
    return this.#pushName
  }

  /** What it shows of itself: picture, about, privacy, whom it blocks, its shop. */
  get profile(): ProfileLine {
    return this.#line.profile
  }

  /** What it received and wrote, oldest first, one entry for each of its devices. */
  get messages(): Log<PhoneMessage> {
    return this.#memory.messages
  }

  get online(): boolean {
    return this.#held === undefined
  }

  get devices(): readonly number[] {
    return [...this.#devices.keys()]
  }

  /** Clients linked to this account. */
  companions(): readonly Companion[] {
    return this.#line.companions()
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
    return this.#linking.scan(qrText)
  }

  /**
   * Types the code a device shows, `ABCD-1234`. Waits a little for the device's request to arrive.
   *
   * @throws {WrongCodeError}
   * @throws {PairingError} no device asked for a code, or it went away
   */
  async enterCode(code: string): Promise<Companion> {
    this.#nameItself()
    return this.#linking.enterCode(code)
  }

  /** Unlinks one device, or all that are linked. */
  unlink(device?: number): void {
    for (const companion of this.companions()) {
      if (device === undefined || companion.device === device) this.#line.unlink(companion.device)
    }
  }

  /** Adds another device that is simulated too, like a contact's own WhatsApp Web. Returns its number. */
  addDevice(): number {
    const number = this.#line.addDevice()
    const identity = KeyPair.generate()
    const signed = this.#linking.sign({ device: number, identityKey: identity.publicKey })
    const keys = { identity, deviceIdentity: ownDeviceIdentity(signed, identity) }
    this.#devices.set(number, new PhoneDevice(this.#line, number, this.#simulated, keys))
    return number
  }

  /** Loses its Signal sessions: what comes next cannot be read until it was asked for again. */
  losesSessions(): void {
    for (const device of this.#devices.values()) device.losesSessions()
  }

  /** Is set up anew on another telephone: new keys, and whatever was linked is not any more. */
  reinstalls(): void {
    this.unlink()
    this.#devices.clear()
    this.#devices.set(0, new PhoneDevice(this.#line, 0, this.#simulated))
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
    this.#line.send(0, node('presence', { type, name: this.#pushName }))
  }

  /** Changes what it calls itself, which linked devices learn through app state. */
  setsPushName(name: string): void {
    this.#pushName = name
    this.#settings.set('critical_block', {
      index: ['setting_pushName'],
      value: { pushNameSetting: { name } },
      version: 1,
    })
  }

  // Writing

  /** Writes a message. Encrypted for all devices of its readers and for the account's own others. */
  sends(to: Recipient, content: Content, options: SendOptions = {}): SentMessage {
    return this.#write(to, (jid) => toMessage(content, jid), options)
  }

  /**
   * Sends a file: encrypts it, puts it on the media host and writes the message that leads there. Where it lies:
   * `mediaOf(message)` of what {@link messages} has.
   */
  sendsMedia(to: Recipient, content: MediaContent, options: SendOptions = {}): SentMessage {
    return this.sends(to, toMediaMessage(content, this.#line.media, this.#line.clock.now()), options)
  }

  /**
   * The file a message leads to, downloaded, decrypted and checked against all that the message says of it.
   *
   * @throws {MediaError} it is not what the message says
   * @throws {RangeError} the message has no file, or it does not lie on the media host (any more)
   */
  async downloads({ id, message }: Pick<PhoneMessage, 'id' | 'message'>): Promise<Buffer> {
    const media = mediaOf(message)
    if (media === undefined) throw new RangeError(`${id} has no file`)
    const { reference, kind } = media
    const { host } = new URL(reference.url)
    if (host !== this.#line.media.host && host !== 'mmg.whatsapp.net')
      throw new RangeError(`${id} leads to ${host}, which is no media host`)
    const found = this.#line.media.store.find(reference.directPath)
    if (found === undefined || found.gone !== undefined)
      throw new RangeError(`Nothing lies where ${id} leads: ${reference.directPath}`)
    return open(await bytesOfFile(found.file), reference, kind)
  }

  /** Posts a status for these people, who know each other not by it. */
  postsStatus(content: Content, audience: readonly Recipient[], options: SendOptions = {}): SentMessage {
    return this.sends(statusBroadcast, content, { ...options, audience })
  }

  /** Reacts to a message; an empty text takes the reaction back. A reaction to a status is for its author. */
  reacts(to: PhoneMessage, emoji: string, options: SendOptions = {}): SentMessage {
    const senderTimestampMs = this.#line.clock.now()
    const message = (chat: string): proto.IMessage => ({
      reactionMessage: { key: { ...keyOf(to), remoteJid: chat }, text: emoji, senderTimestampMs },
    })
    const audience = to.chat === statusBroadcast && { audience: [to.from] }
    return this.#write(to.chat, (_, chat) => message(chat), { ...audience, ...options })
  }

  /** Changes the text of a message it wrote. */
  edits(sent: Pick<SentMessage, 'id' | 'chat'>, text: string, options: SendOptions = {}): SentMessage {
    const message = (chat: string): proto.IMessage => ({
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.MESSAGE_EDIT,
        key: { id: sent.id, remoteJid: chat, fromMe: true },
        editedMessage: { conversation: text },
        timestampMs: this.#line.clock.now(),
      },
    })
    return this.#write(sent.chat, (_, chat) => message(chat), options, { edit: '1' })
  }

  /** Deletes a message it wrote, for everyone. */
  deletes(sent: Pick<SentMessage, 'id' | 'chat'>, options: SendOptions = {}): SentMessage {
    const message = (chat: string): proto.IMessage => ({
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.REVOKE,
        key: { id: sent.id, remoteJid: chat, fromMe: true },
      },
    })
    const audience = this.#device(options.device ?? 0).audienceOf(sent.id)
    return this.#write(sent.chat, (_, chat) => message(chat), { audience, ...options }, { edit: '7' })
  }

  /** Deletes for everyone what another wrote, as an administrator of the group. */
  deletesAsAdmin(of: PhoneMessage, options: SendOptions = {}): SentMessage {
    const message = (chat: string): proto.IMessage => ({
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.REVOKE,
        key: { ...keyOf(of), remoteJid: chat },
      },
    })
    return this.#write(of.chat, (_, chat) => message(chat), options, { edit: '8' })
  }

  /** Pins a message for everybody in its chat, for so many seconds; `false` takes it off again. */
  pins(what: PhoneMessage, seconds: number | false = 604_800, options: SendOptions = {}): SentMessage {
    const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type
    const senderTimestampMs = this.#line.clock.now()
    const message = (chat: string): proto.IMessage => ({
      pinInChatMessage: {
        key: { ...keyOf(what), remoteJid: chat },
        type: seconds === false ? UNPIN_FOR_ALL : PIN_FOR_ALL,
        senderTimestampMs,
      },
      ...(seconds !== false && { messageContextInfo: { messageAddOnDurationInSecs: seconds } }),
    })
    return this.#write(what.chat, (_, chat) => toMessage(message(chat), () => chat), options, { edit: '2' })
  }

  /** Keeps a message that would disappear, or lets it go. */
  keeps(what: PhoneMessage, kept = true, options: SendOptions = {}): SentMessage {
    const { KEEP_FOR_ALL, UNDO_KEEP_FOR_ALL } = proto.KeepType
    const timestampMs = this.#line.clock.now()
    const message = (chat: string): proto.IMessage => ({
      keepInChatMessage: {
        key: { ...keyOf(what), remoteJid: chat },
        keepType: kept ? KEEP_FOR_ALL : UNDO_KEEP_FOR_ALL,
        timestampMs,
      },
    })
    return this.#write(what.chat, (_, chat) => message(chat), options)
  }

  /**
   * Votes in a poll it has: all that it chooses, nothing to take its vote back.
   *
   * @throws {RangeError} the poll came without its secret
   */
  votes(poll: PhoneMessage, chosen: readonly string[], options: SendOptions = {}): SentMessage {
    const secret = poll.message.messageContextInfo?.messageSecret
    if (!secret) throw new RangeError(`${poll.id} has no secret to vote with`)
    const senderTimestampMs = this.#line.clock.now()
    return this.#write(
      poll.chat,
      (toJid, chat) => {
        const people = { creator: toJid(poll.from), voter: toJid(this.number) }
        const vote = sealVote({ id: poll.id, secret, ...people }, chosen)
        const pollCreationMessageKey = { ...keyOf(poll), remoteJid: chat }
        return { pollUpdateMessage: { pollCreationMessageKey, vote, senderTimestampMs } }
      },
      options,
    )
  }

  /** Sets how long messages of a chat live from now on, 0: they stay. */
  setsDisappearing(chat: Recipient, seconds: number, options: SendOptions = {}): SentMessage {
    const ephemeralSettingTimestamp = Math.floor(this.#line.clock.now() / 1000)
    const type = proto.Message.ProtocolMessage.Type.EPHEMERAL_SETTING
    const message = { protocolMessage: { type, ephemeralExpiration: seconds, ephemeralSettingTimestamp } }
    return this.#write(chat, () => message, options)
  }

  /** Shows as typing (or recording, or no more) in a chat. */
  types(to: Recipient, state: 'composing' | 'recording' | 'paused' = 'composing'): void {
    const chat = this.#chatJid(to, this.addressing)
    const what = state === 'recording' ? node('composing', { media: 'audio' }) : node(state)
    this.#line.send(0, node('chatstate', { to: chat }, [what]))
  }

  /** Calls somebody, or everybody in a group. Returns the call's id. */
  calls(to: Recipient, options: CallOptions = {}): string {
    return this.#calls.offer(
      this.#called(to),
      typeof to === 'string' && isGroup(to) ? to : undefined,
      options,
    )
  }

  /** Ends a call it made; `reason` as WhatsApp has it: `timeout` when it rang out. */
  hangsUp(to: Recipient, callId: string, reason?: string): void {
    this.#calls.end(this.#called(to), callId, reason)
  }

  /** Takes or refuses a call that rings here. @throws {RangeError} none of that id does */
  answers(callId: string, how: 'accept' | 'reject' = 'accept'): void {
    this.#calls.answer(callId, how)
  }

  /** Waits to hear something of a call. */
  hears(callId: string, is: CallSignal['is'], wait: WaitOptions = {}): Promise<CallSignal> {
    const heard = (signal: CallSignal): boolean => signal.callId === callId && signal.is === is
    return this.#until(() => this.#calls.heard.find(heard), `hear ${is} of ${callId}`, wait)
  }

  // Reading

  /** Marks a message, or all of a chat, as read: sends read receipts for those that have none yet. */
  reads(what: PhoneMessage | Recipient): void {
    if (isMessage(what)) return this.#markRead([what])
    const key = this.chatWith(what)
    this.#markRead(this.#memory.own(({ chat }) => chat === key))
  }

  /** How {@link messages} name the chat with somebody, or a group. */
  chatWith(chat: Recipient): string {
    return typeof chat === 'string' && namesAuthors(chat) ? chat : this.#accountOf(chat).pn
  }

  /** A message as its chat shows it: edited, deleted, with reactions and votes. Undefined when the phone has no such message. */
  shows(id: string): ShownMessage | undefined {
    const [message] = this.#memory.own((one) => one.id === id)
    if (message === undefined) return undefined
    const group = isGroup(message.chat) ? this.#line.group(message.chat) : undefined
    return shownAs(
      message,
      this.#memory.own(({ chat }) => chat === message.chat),
      {
        formsOf: (jid) => {
          const account = this.#line.account(jid)
          return account === undefined ? [jid] : [account.lid, account.pn]
        },
        isAdmin: (pn) =>
          group?.participants.some((member) => member.pn === pn && member.admin !== undefined) === true,
      },
    )
  }

  /** Waits until a message is shown as `is` says. @throws {Error} after the time is up */
  showing(id: string, is: (shown: ShownMessage) => boolean, wait: WaitOptions = {}): Promise<ShownMessage> {
    return this.#until(
      () => {
        const shown = this.shows(id)
        return shown !== undefined && is(shown) && shown
      },
      `show ${id} as ${String(is)}`,
      wait,
    )
  }

  /** Messages others wrote, to a phone's first device, oldest first. */
  get inbox(): PhoneMessage[] {
    return this.#memory.own(({ fromMe }) => !fromMe)
  }

  /**
   * Waits for a message of somebody else, also one that is here already.
   *
   * @param what - its exact text, a pattern in it, or any test
   * @throws {Error} after the time is up
   */
  receives(
    what: string | RegExp | ((message: PhoneMessage) => boolean),
    { device = 0, ...wait }: WaitOptions & { device?: number } = {},
  ): Promise<PhoneMessage> {
    return this.#untilMessage(
      (message) => !message.fromMe && message.device === device && fits(message, what),
      `receive ${String(what)}`,
      wait,
    )
  }

  /** Waits for the copy of a message that a linked device of this account wrote. */
  showsSent(
    what: string | RegExp | ((message: PhoneMessage) => boolean),
    wait: WaitOptions = {},
  ): Promise<PhoneMessage> {
    return this.#untilMessage(
      (message) => message.fromMe && message.device === 0 && message.from !== this.pn && fits(message, what),
      `show ${String(what)} as sent`,
      wait,
    )
  }

  /** Waits until a message of its own has reached `devices` devices of others. Default 1. */
  delivered(
    sent: SentMessage,
    { devices = 1, ...wait }: WaitOptions & { devices?: number } = {},
  ): Promise<SentMessage> {
    return this.#until(
      () => sent.deliveredTo.size >= devices && sent,
      `learn that ${sent.id} was delivered`,
      wait,
    )
  }

  /** Waits until somebody has read a message of its own. */
  wasRead(sent: SentMessage, wait: WaitOptions = {}): Promise<SentMessage> {
    return this.#until(() => sent.readBy.size > 0 && sent, `learn that ${sent.id} was read`, wait)
  }

  /** Waits to see somebody typing, online, calling. */
  sees(what: Activity['what'], from?: Recipient, wait: WaitOptions = {}): Promise<Activity> {
    const who = from === undefined ? undefined : this.chatWith(from)
    const seen = (one: Activity): boolean =>
      one.what === what && (who === undefined || this.#barePn(one.from) === who)
    return this.#until(() => this.activity.find(seen), `see ${what}`, wait)
  }

  // App state and history

  /** What app state says about an index, e.g. `['archive', jid]`, whoever set it. */
  appState(collection: Collection, index: readonly string[]): proto.ISyncActionValue | undefined {
    return this.#settings.get(collection, index)
  }

  /** Puts a message into its history, from before a device was linked. `at` is in Unix ms. */
  remembers(
    chat: Recipient,
    { id = newId(), text: content, from, fromMe = false, at, pushName }: PastMessage,
  ): string {
    const key = this.chatWith(chat)
    const author = isGroup(key) ? from : chat
    const other = author === undefined ? undefined : this.#accountOf(author)
    if (other !== undefined) this.#memory.meets(other, pushName)
    const message =
      typeof content === 'string' ? { conversation: content } : toMessage(content, (address) => address)
    this.#memory.add({
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
    if (!isGroup(key)) this.#memory.meets(this.#accountOf(chat), undefined)
    this.#memory.chats.set(key, { ...this.#memory.chats.get(key), ...settings })
  }

  /** Tells every linked device a part of history, whatever is in it. */
  tellsHistory(history: proto.IHistorySync, requestId?: string): void {
    this.tellsNotification(historyNotification(history, this.#line.media, requestId))
  }

  /** WhatsApp tells its linked devices that a contact has another number now. */
  learnsNumberChange(of: Recipient, number: string): void {
    const { pn: old, lid } = this.#accountOf(of)
    const digits = number.replace(/\D/g, '')
    for (const { device } of this.companions())
      this.#line.notify(device, { type: 'contacts', from: old }, [
        node('modify', { old, new: `${digits}@s.whatsapp.net`, old_lid: lid, new_lid: lid }),
      ])
  }

  /** The notification alone, whatever it leads to. */
  tellsNotification(notification: proto.Message.IHistorySyncNotification): void {
    for (const { pn } of this.companions()) this.#tellHistory(pn, notification)
  }

  // What the server asks of a phone

  bundle(device: number): KeyBundle {
    return this.#device(device).signal.bundle()
  }

  receive(device: number, stanza: BinaryNode): void {
    if (this.#held !== undefined) {
      this.#held.push({ device, stanza })
      return
    }
    switch (stanza.tag) {
      case 'message':
        return this.#receiveMessage(this.#device(device), stanza)
      case 'receipt':
        return this.#receiveReceipt(this.#device(device), stanza)
      case 'call':
        this.#calls.hear(stanza)
        return this.#noteActivity(stanza)
      case 'chatstate':
      case 'presence':
        return this.#noteActivity(stanza)
      default: // Notifications: nothing they tell is kept here, it is asked of the server when needed.
    }
  }

  companionOnline(companion: Companion, first: boolean): void {
    if (!first) return
    const { number, pn, lid } = this.#line
    const remembered = this.#remembered()
    const contacts = [...remembered.contacts, { number, pn, lid, pushName: this.#pushName }]
    this.#tellCompanion(companion.pn, this.#keyShare())
    for (const part of initialHistory({ ...remembered, contacts }, companion.wantsFullHistory))
      this.#tellHistory(companion.pn, historyNotification(part, this.#line.media))
  }

  appStatePatched(collection: string, patch: Uint8Array): void {
    for (const { value } of this.#settings.take(collection, patch)) {
      const name = value.pushNameSetting?.name
      if (name) this.#pushName = name
    }
    this.#line.truth.touched()
  }

  codeRequested(request: CodePairing): void {
    this.#linking.codeRequested(request)
  }

  /** Before a device is linked: it learns the account's name from the app state it reads first. */
  #nameItself(): void {
    if (this.#settings.isEmpty('critical_block')) this.setsPushName(this.#pushName)
  }

  #write(
    to: Recipient,
    build: (toJid: (address: string) => string, chat: string) => proto.IMessage,
    options: SendOptions,
    attrs: BinaryNode['attrs'] = {},
  ): SentMessage {
    const { id = newId(), device = 0, addressing = this.addressing, plaintext, audience = [] } = options
    const chat = this.#chatJid(to, addressing)
    const group = isGroup(chat) ? this.#line.group(chat) : undefined
    const form = group?.addressing ?? (chat.endsWith('@lid') ? 'lid' : 'pn')
    const message = build((address) => this.#chatJid(address, form), chat)
    const writer = this.#device(device)
    const sent = this.#memory.sending(id, this.chatWith(to))
    this.#memory.add({
      id,
      chat: sent.chat,
      from: writer.pn,
      fromMe: true,
      text: textOf(message),
      message,
      pushName: this.#pushName,
      at: this.#line.clock.now(),
      device,
      wire: undefined,
    })
    const readers = audience.map((each) => this.#chatJid(each, addressing))
    writer.write(chat, message, id, attrs, plaintext, readers)
    return sent
  }

  #receiveMessage(device: PhoneDevice, stanza: BinaryNode): void {
    const { id = '', from = '', participant, category, notify, recipient, t } = stanza.attrs
    const { truth, clock } = this.#line
    const author = this.#devicePn(participant ?? from)
    const reading = device.read(stanza)
    if (!reading.readable) {
      truth.decryptFailures.add({ id, by: device.pn, from: author, reason: reading.reason, at: clock.now() })
      if (reading.retry) this.#later(() => device.askAgain(stanza))
      return
    }
    const isOwn = this.#barePn(author) === this.pn
    const copy = isOwn ? reading.message.deviceSentMessage : undefined
    const message = copy?.message ?? reading.message
    const chat = isGroup(from) ? from : (recipient ?? from)
    const text = textOf(message)
    truth.decrypted.add({ id, by: device.pn, from: author, chat, text, at: clock.now() })
    if (category === 'peer') {
      if (isOwn) this.#answerCompanion(from, id, message)
      return
    }
    if (!isOwn) {
      const account = this.#line.account(author)
      if (account !== undefined) this.#memory.meets(account, notify)
    }
    const received: PhoneMessage = {
      id,
      chat: isGroup(chat) ? chat : this.#barePn(chat),
      from: author,
      fromMe: isOwn,
      text,
      message,
      pushName: notify,
      at: Number(t) * 1000,
      device: device.number,
      wire: { from, participant },
    }
    const isNew = this.#memory.add(received)
    if (isOwn || this.receipts === 'off') return
    this.#later(() => {
      device.acknowledge({ from, participant }, [id], undefined)
      if (isNew && this.receipts === 'read') this.#markRead([received])
    })
  }

  #receiveReceipt(device: PhoneDevice, receipt: BinaryNode): void {
    const { id = '', from = '', participant, type } = receipt.attrs
    if (type === 'retry') {
      this.#later(() => device.writeAgain(receipt))
      return
    }
    if (type === 'server-error') {
      this.#later(() => this.#answerMediaRetry(receipt))
      return
    }
    const ids = [id, ...childrenOf(child(receipt, 'list'), 'item').map((item) => item.attrs['id'] ?? '')]
    for (const one of ids) this.#memory.confirmed(one, participant ?? from, type)
    this.#line.truth.touched()
  }

  /** A linked client cannot download a file any more. The phone has it, and uploads it again. */
  #answerMediaRetry(receipt: BinaryNode): void {
    const { id = '', from = '' } = receipt.attrs
    const asker = parseUser(from)?.device
    if (asker === undefined || this.mediaRetries === 'silence') return
    const rmr = child(receipt, 'rmr')
    const answer = (content: BinaryNode): void =>
      this.#line.notify(asker, { type: 'mediaretry', id }, [content, ...(rmr === undefined ? [] : [rmr])])
    const refuse = (why: keyof typeof retryErrors): void =>
      answer(node('error', { code: String(retryErrors[why]) }))
    if (this.mediaRetries !== 'uploads') return refuse(this.mediaRetries)
    const media = mediaOf(this.messages.find((each) => each.id === id && each.device === 0)?.message)
    const file = media && this.#line.media.store.find(media.reference.directPath)?.file
    if (media === undefined || file === undefined) return refuse('not_found')
    const { mediaKey } = media.reference
    if (!isGoodRequest(receipt, mediaKey, id)) return refuse('decryption_error')
    answer(retryResult(mediaKey, id, this.#line.media.store.put(file, media.kind)))
  }

  #noteActivity(stanza: BinaryNode): void {
    const { from = '', participant, type } = stanza.attrs
    const what = stanza.tag === 'call' ? 'call' : (children(stanza)[0] ?? node(type ?? 'available'))
    const state = what === 'call' ? what : stateOf(what)
    if (state === undefined) return
    this.activity.add({ from: participant ?? from, what: state, at: this.#line.clock.now() })
  }

  /** What a linked device asks its phone for. */
  #answerCompanion(companion: string, requestId: string, { protocolMessage }: proto.IMessage): void {
    const { Type } = proto.Message.ProtocolMessage
    if (protocolMessage?.type === Type.APP_STATE_SYNC_KEY_REQUEST) {
      this.#later(() => this.#tellCompanion(companion, this.#keyShare()))
    }
    const request = protocolMessage?.peerDataOperationRequestMessage
    for (const { messageKey } of request?.placeholderMessageResendRequest ?? []) {
      const [message] = this.#memory.own(({ id }) => id === messageKey?.id)
      if (message !== undefined) this.#later(() => this.#resendPlaceholder(companion, message))
    }
    const older = request?.historySyncOnDemandRequest
    if (older) {
      const { messages, isAll } = this.#olderThan(older)
      const chat = this.chatWith(older.chatJid ?? '')
      const history = olderHistory({ ...this.#remembered(), messages }, chat, isAll)
      const notification = historyNotification(history, this.#line.media, requestId)
      this.#later(() => this.#tellHistory(companion, notification))
    }
  }

  #olderThan({
    chatJid,
    oldestMsgTimestampMs,
    onDemandMsgCount,
  }: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest): {
    messages: PhoneMessage[]
    isAll: boolean
  } {
    const chat = this.chatWith(chatJid ?? '')
    const before = Number(oldestMsgTimestampMs ?? this.#line.clock.now())
    const older = this.#memory
      .own((message) => message.chat === chat && message.at < before)
      .sort((a, b) => a.at - b.at)
    const messages = older.slice(-(onDemandMsgCount ?? 50))
    return { messages, isAll: messages.length === older.length }
  }

  #remembered(): Remembered {
    const { contacts, chats } = this.#memory
    return { messages: this.#memory.own(), contacts: [...contacts.values()], chats }
  }

  #resendPlaceholder(companion: string, message: PhoneMessage): void {
    const webMessageInfoBytes = proto.WebMessageInfo.encode(toWebMessage(message, message.chat)).finish()
    this.#tellCompanion(companion, {
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
        peerDataOperationRequestResponseMessage: {
          peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
          stanzaId: message.id,
          peerDataOperationResult: [{ placeholderMessageResendResponse: { webMessageInfoBytes } }],
        },
      },
    })
  }

  #keyShare(): proto.IMessage {
    const companions = this.companions().map(({ device }) => device)
    return appStateKeyShare(this.#settings.key, this.#linking.rawId, companions, this.#line.clock.now())
  }

  #tellCompanion(jid: string, message: proto.IMessage): void {
    this.#device(0).writePeer(jid, message, newId())
  }

  #tellHistory(companion: string, historySyncNotification: proto.Message.IHistorySyncNotification): void {
    const { HISTORY_SYNC_NOTIFICATION: type } = proto.Message.ProtocolMessage.Type
    this.#tellCompanion(companion, { protocolMessage: { type, historySyncNotification } })
  }

  #markRead(messages: readonly PhoneMessage[]): void {
    const unread = this.#memory.readNow(messages)
    const bySender = Map.groupBy(unread, ({ device, wire }) => `${device} ${wire?.from} ${wire?.participant}`)
    for (const group of bySender.values()) {
      const [first] = group
      if (first?.wire === undefined) continue
      const ids = group.map(({ id }) => id)
      this.#device(first.device).acknowledge(first.wire, ids, 'read')
    }
  }

  #untilMessage(
    test: (message: PhoneMessage) => boolean,
    what: string,
    wait: WaitOptions,
  ): Promise<PhoneMessage> {
    return this.#until(() => this.messages.find(test), what, wait)
  }

  /** Waits for something to become true of this phone. */
  #until<Value>(ask: () => Value | undefined | false, what: string, wait: WaitOptions): Promise<Value> {
    return this.#line.truth.until(ask, { what: `${this.number} to ${what}`, ...wait })
  }

  /** Runs `act` once the stanza being routed has reached everybody: no receipt overtakes a server's ack. */
  #later(act: () => void): void {
    this.#due.push(act)
    if (this.#due.length > 1) return
    queueMicrotask(() => {
      const due = this.#due
      this.#due = []
      for (const act of due) act()
    })
  }

  #device(number: number): PhoneDevice {
    const device = this.#devices.get(number)
    if (device === undefined) throw new RangeError(`${this.number} simulates no device ${number}`)
    return device
  }

  #accountOf(recipient: Recipient): Addresses {
    const address = typeof recipient === 'string' ? recipient : recipient.number
    const account = this.#line.account(address)
    if (account === undefined) throw new RangeError(`${address} is no address of an account`)
    return account
  }

  /** How the chat is addressed on the wire. An explicit JID stays as it is. */
  #chatJid(to: Recipient, addressing: Addressing): string {
    if (typeof to === 'string' && namesAuthors(to)) return to
    const account = this.#accountOf(to)
    return addressing === 'lid' ? account.lid : account.pn
  }

  /** Whom a call to somebody or to a group rings at. */
  #called(to: Recipient): string[] {
    if (typeof to !== 'string' || !isGroup(to)) return [this.#chatJid(to, this.addressing)]
    const group = this.#line.group(to)
    if (group === undefined) throw new RangeError(`There is no group ${to}`)
    const others = group.participants.filter(({ pn }) => pn !== this.pn)
    return others.map(({ pn, lid }) => (group.addressing === 'lid' ? lid : pn))
  }

  #barePn(jid: string): string {
    return this.#line.account(jid)?.pn ?? jid
  }

  #devicePn(jid: string): string {
    const account = this.#line.account(jid)
    if (account === undefined) return jid
    return deviceJid(userOf(account.pn), parseUser(jid)?.device ?? 0, 's.whatsapp.net')
  }
}

function isMessage(what: PhoneMessage | Recipient): what is PhoneMessage {
  return typeof what === 'object' && 'id' in what
}

function fits(message: PhoneMessage, what: string | RegExp | ((message: PhoneMessage) => boolean)): boolean {
  if (typeof what === 'function') return what(message)
  if (typeof what === 'string') return message.text === what
  return message.text !== undefined && what.test(message.text)
}

function stateOf({ tag, attrs }: BinaryNode): Activity['what'] | undefined {
  if (tag === 'composing') return attrs['media'] === 'audio' ? 'recording' : 'composing'
  return tag === 'paused' || tag === 'available' || tag === 'unavailable' ? tag : undefined
}

function userOf(jid: string): string {
  return jid.slice(0, jid.indexOf('@'))
}

/** As an Android phone makes them. */
function newId(): string {
  return `AC${randomBytes(15).toString('hex').toUpperCase()}`
}
