import type { BinaryNode, proto } from '../baileys.ts'
import { isGroup, statusBroadcast } from '../jid.ts'
import type { Line } from '../line.ts'
import type { Log } from '../log.ts'
import {
  bytesOfFile,
  type MediaContent,
  mediaOf,
  type MediaRetryAnswer,
  open,
  toMediaMessage,
} from '../media/index.ts'
import { node } from '../stanza.ts'
import type { WaitOptions } from '../truth.ts'
import { type CallOptions, type CallSignal, PhoneCalls } from './calls.ts'
import { ChatSettings } from './chat-settings.ts'
import { CompanionCare } from './companion-care.ts'
import { type Content, textOf, toMessage } from './content.ts'
import {
  disappearing,
  edit,
  eventAnswer,
  keeping,
  type MessageIn,
  pin,
  reaction,
  revocation,
  sealedReaction,
  vote,
} from './deeds.ts'
import { Inbound } from './inbound.ts'
import { createLater } from './later.ts'
import { Linking } from './linking.ts'
import { Memory, type SentMessage } from './memory.ts'
import { newId } from './message-id.ts'
import { Names } from './names.ts'
import { PhoneDevice } from './phone-device.ts'
import { keyOf, type PhoneMessage } from './phone-message.ts'
import type {
  Activity,
  Addressing,
  AutomaticReceipts,
  PhoneOptions,
  Recipient,
  SendOptions,
} from './phone-options.ts'
import { shownAs, type ShownMessage } from './shown-message.ts'
import type { Simulated } from './simulated.ts'
import { SyncedSettings } from './synced-settings.ts'

/**
 * What a person does in the chats of their phone: writes, calls, reads and waits for what comes. It holds what a phone is made of;
 * {@link Phone} is the whole.
 */
export class ChattingPhone {
  /** Receipts it sends by itself; may be changed at any time. */
  receipts: AutomaticReceipts
  /** Form of address of chats it writes to; may be changed at any time. */
  addressing: Addressing
  /** What it does when a linked client asks for a file again; may be changed at any time. */
  mediaRetries: MediaRetryAnswer = 'uploads'
  /** What is set for all devices of the account. */
  readonly settings: ChatSettings
  protected readonly line: Line
  protected readonly simulated: Simulated
  protected readonly simulatedDevices = new Map<number, PhoneDevice>()
  protected readonly linking: Linking
  protected readonly synced: SyncedSettings
  protected readonly memory: Memory
  readonly #calls: PhoneCalls
  protected readonly names: Names
  protected readonly care: CompanionCare
  protected readonly inbound: Inbound
  protected ownName: string

  constructor(line: Line, simulated: Simulated, options: PhoneOptions = {}) {
    this.line = line
    this.simulated = simulated
    this.ownName = options.pushName ?? `Phone ${line.number.slice(-4)}`
    this.receipts = options.receipts ?? 'delivery'
    this.addressing = options.addressing ?? 'lid'
    this.names = new Names(line)
    this.#calls = new PhoneCalls(line)
    this.memory = new Memory(line, options.keepMessages ?? 10_000)
    this.synced = new SyncedSettings(line)
    this.settings = new ChatSettings(this.synced, {
      chat: (chat) => this.names.chatJid(chat, this.addressing),
      person: (address) => {
        const account = this.names.accountOf(address)
        this.memory.meets(account, undefined)
        return account
      },
      own: () => this.names.accountOf(this.number),
    })
    this.linking = new Linking(line, () => this.device(0).signal.identity)
    const parts = { line, memory: this.memory, names: this.names, later: createLater() }
    this.care = new CompanionCare({
      ...parts,
      settings: this.synced,
      linking: this.linking,
      device: () => this.device(0),
      mediaRetries: () => this.mediaRetries,
    })
    this.inbound = new Inbound({
      ...parts,
      calls: this.#calls,
      companions: this.care,
      device: (number) => this.device(number),
      receipts: () => this.receipts,
    })
    this.simulatedDevices.set(0, new PhoneDevice(line, 0, simulated))
  }

  /** E.164 with the plus. */
  get number(): string {
    return this.line.number
  }

  /** `12025550123@s.whatsapp.net` */
  get pn(): string {
    return this.line.pn
  }

  get pushName(): string {
    return this.ownName
  }

  get activity(): Log<Activity> {
    return this.inbound.activity
  }

  /** What it received and wrote, oldest first, one entry for each of its devices. */
  get messages(): Log<PhoneMessage> {
    return this.memory.messages
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
    return this.sends(to, toMediaMessage(content, this.line.media, this.line.clock.now()), options)
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
    if (host !== this.line.media.host && host !== 'mmg.whatsapp.net')
      throw new RangeError(`${id} leads to ${host}, which is no media host`)
    const found = this.line.media.store.find(reference.directPath)
    if (found === undefined || found.gone !== undefined)
      throw new RangeError(`Nothing lies where ${id} leads: ${reference.directPath}`)
    return open(await bytesOfFile(found.file), reference, kind)
  }

  /** Posts a status for these people, who know each other not by it. */
  postsStatus(content: Content, audience: readonly Recipient[], options: SendOptions = {}): SentMessage {
    return this.sends(statusBroadcast, content, { ...options, audience })
  }

  /**
   * Reacts to a message; an empty text takes the reaction back. A reaction to a status is for its author; in a group for announcements it is sealed.
   *
   * @throws {RangeError} there, a message that came without its secret
   */
  reacts(to: PhoneMessage, emoji: string, options: SendOptions = {}): SentMessage {
    const audience = to.chat === statusBroadcast && { audience: [to.from] }
    const at = this.line.clock.now()
    const message =
      isGroup(to.chat) && this.line.group(to.chat)?.isAnnouncement === true
        ? sealedReaction(to, this.number, emoji, at)
        : reaction(to, emoji, at)
    return this.#write(to.chat, message, { ...audience, ...options })
  }

  /** Changes the text of a message it wrote. */
  edits(
    sent: Pick<SentMessage, 'id' | 'chat'>,
    content: string | proto.IMessage,
    options: SendOptions = {},
  ): SentMessage {
    const message = edit(sent.id, content, this.line.clock.now())
    return this.#write(sent.chat, message, options, { edit: '1' })
  }

  /** Deletes a message it wrote, for everyone. */
  deletes(sent: Pick<SentMessage, 'id' | 'chat'>, options: SendOptions = {}): SentMessage {
    const audience = this.device(options.device ?? 0).audienceOf(sent.id)
    const message = revocation({ id: sent.id, fromMe: true })
    return this.#write(sent.chat, message, { audience, ...options }, { edit: '7' })
  }

  /** Deletes for everyone what another wrote, as an administrator of the group. */
  deletesAsAdmin(of: PhoneMessage, options: SendOptions = {}): SentMessage {
    return this.#write(of.chat, revocation(keyOf(of)), options, { edit: '8' })
  }

  /** Pins a message for everybody in its chat, for so many seconds; `false` takes it off again. */
  pins(what: PhoneMessage, seconds: number | false = 604_800, options: SendOptions = {}): SentMessage {
    return this.#write(what.chat, pin(what, seconds, this.line.clock.now()), options, { edit: '2' })
  }

  /** Keeps a message that would disappear, or lets it go. */
  keeps(what: PhoneMessage, kept = true, options: SendOptions = {}): SentMessage {
    return this.#write(what.chat, keeping(what, kept, this.line.clock.now()), options)
  }

  /**
   * Votes in a poll it has: all that it chooses, nothing to take its vote back.
   *
   * @throws {RangeError} the poll came without its secret
   */
  votes(poll: PhoneMessage, chosen: readonly string[], options: SendOptions = {}): SentMessage {
    return this.#write(poll.chat, vote(poll, this.number, chosen, this.line.clock.now()), options)
  }

  /**
   * Answers whether it comes to an event.
   *
   * @throws {RangeError} the event came without its secret
   */
  answersEvent(
    event: PhoneMessage,
    answer: 'GOING' | 'NOT_GOING' | 'MAYBE',
    { extraGuests = 0, ...options }: SendOptions & { extraGuests?: number } = {},
  ): SentMessage {
    const said = { extraGuests, at: this.line.clock.now() }
    return this.#write(event.chat, eventAnswer(event, this.number, answer, said), options)
  }

  /** Sets how long messages of a chat live from now on, 0: they stay. */
  setsDisappearing(chat: Recipient, seconds: number, options: SendOptions = {}): SentMessage {
    return this.#write(chat, disappearing(seconds, this.line.clock.now()), options)
  }

  /** Shows as typing (or recording, or no more) in a chat. */
  types(to: Recipient, state: 'composing' | 'recording' | 'paused' = 'composing'): void {
    const chat = this.names.chatJid(to, this.addressing)
    const what = state === 'recording' ? node('composing', { media: 'audio' }) : node(state)
    this.line.send(0, node('chatstate', { to: chat }, [what]))
  }

  /** Calls somebody, or everybody in a group. Returns the call's id. */
  calls(to: Recipient, options: CallOptions = {}): string {
    return this.#calls.offer(
      this.names.called(to, this.addressing),
      typeof to === 'string' && isGroup(to) ? to : undefined,
      options,
    )
  }

  /** Ends a call it made; `reason` as WhatsApp has it: `timeout` when it rang out. */
  hangsUp(to: Recipient, callId: string, reason?: string): void {
    this.#calls.end(this.names.called(to, this.addressing), callId, reason)
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
    if (isMessage(what)) return this.inbound.markRead([what])
    const key = this.chatWith(what)
    this.inbound.markRead(this.memory.own(({ chat }) => chat === key))
  }

  /** Listens to a voice note, or looks at a view-once message. @throws {RangeError} it was not received */
  plays(what: PhoneMessage): void {
    this.inbound.play(what)
  }

  /** How {@link messages} name the chat with somebody, or a group. */
  chatWith(chat: Recipient): string {
    return this.names.chatWith(chat)
  }

  /** A message as its chat shows it: edited, deleted, with reactions and votes. Undefined when the phone has no such message. */
  shows(id: string): ShownMessage | undefined {
    const [message] = this.memory.own((one) => one.id === id)
    if (message === undefined) return undefined
    const group = isGroup(message.chat) ? this.line.group(message.chat) : undefined
    return shownAs(
      message,
      this.memory.own(({ chat }) => chat === message.chat),
      {
        // WhatsApp Web tries the other addresses in chats with one person only (`WAWebPollsVoteEncryption`).
        namings: (group === undefined ? (['lid', 'pn'] as const) : [group.addressing]).map(
          (form) => (jid) => this.line.account(jid)?.[form] ?? jid,
        ),
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
    return this.memory.own(({ fromMe }) => !fromMe)
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

  /** Waits until somebody has listened to a message of its own, or looked at it. */
  wasPlayed(sent: SentMessage, wait: WaitOptions = {}): Promise<SentMessage> {
    return this.#until(() => sent.playedBy.size > 0 && sent, `learn that ${sent.id} was played`, wait)
  }

  /** Waits to see somebody typing, online, calling. */
  sees(what: Activity['what'], from?: Recipient, wait: WaitOptions = {}): Promise<Activity> {
    const who = from === undefined ? undefined : this.chatWith(from)
    const seen = (one: Activity): boolean =>
      one.what === what && (who === undefined || this.names.barePn(one.from) === who)
    return this.#until(() => this.activity.find(seen), `see ${what}`, wait)
  }

  #write(
    to: Recipient,
    build: MessageIn,
    options: SendOptions,
    attrs: BinaryNode['attrs'] = {},
  ): SentMessage {
    const { id = newId(), device = 0, addressing = this.addressing, plaintext, audience = [] } = options
    const chat = this.names.chatJid(to, addressing)
    const group = isGroup(chat) ? this.line.group(chat) : undefined
    const form = group?.addressing ?? (chat.endsWith('@lid') ? 'lid' : 'pn')
    const message = build((address) => this.names.chatJid(address, form), chat)
    const writer = this.device(device)
    const sent = this.memory.sending(id, this.chatWith(to))
    this.memory.add({
      id,
      chat: sent.chat,
      from: writer.pn,
      fromMe: true,
      text: textOf(message),
      message,
      pushName: this.ownName,
      at: this.line.clock.now(),
      device,
      wire: undefined,
    })
    const readers = audience.map((each) => this.names.chatJid(each, addressing))
    writer.write(chat, message, id, attrs, plaintext, readers)
    return sent
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
    return this.line.truth.until(ask, { what: `${this.number} to ${what}`, ...wait })
  }

  protected device(number: number): PhoneDevice {
    const device = this.simulatedDevices.get(number)
    if (device === undefined) throw new RangeError(`${this.number} simulates no device ${number}`)
    return device
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
