import type { BinaryNode, proto } from '../baileys.ts'
import { deviceJid, isGroup, namesAuthors, parseUser, statusBroadcast } from '../jid.ts'
import type { KeyBundle, Line } from '../line.ts'
import { type KeyPair, SignalDevice, SignalError } from '../signal/index.ts'
import { bytesOf, child, childrenOf, node, numberBytes, numberOf } from '../stanza.ts'
import { decodePadded, encodePadded, mediaType, stanzaType } from './content.ts'
import type { Simulated } from './simulated.ts'

/** What became of a `<message>`. */
export type Reading =
  | { readable: true; message: proto.Message }
  | { readable: false; reason: string; /** Whether asking for it again can help. */ retry: boolean }

/** A message this device sent, kept to send it again. */
interface Written {
  chat: string
  message: proto.IMessage
  attrs: BinaryNode['attrs']
  /** Whom a status was for. */
  audience: readonly string[]
  /** How often each device was sent it again. */
  readonly again: Map<string, number>
}

/** As many times a message is sent again, or asked for again, before both sides give up. WhatsApp's own limit. */
const maxRetries = 5
const maxWritten = 2000
const maxFailed = 2000

/**
 * One simulated device, seen from the wire: encrypts what it sends for every device concerned, decrypts what
 * it gets, asks again for what it cannot read and answers when others ask.
 */
export class PhoneDevice {
  readonly number: number
  /** `12025550123@s.whatsapp.net` for the phone itself, `12025550123:2@s.whatsapp.net` for another. */
  readonly pn: string
  readonly signal: SignalDevice
  readonly #line: Line
  readonly #simulated: Simulated
  /** Shown with the start of a session by every device but the phone. */
  readonly #deviceIdentity: Uint8Array | undefined
  readonly #written = new Map<string, Written>()
  /** Group → Signal addresses that were told our sender key. */
  readonly #told = new Map<string, Set<string>>()
  /** Message that could not be read → how often it was asked for again. */
  readonly #askedAgain = new Map<string, number>()

  constructor(
    line: Line,
    number: number,
    simulated: Simulated,
    keys: { identity?: KeyPair; deviceIdentity?: Uint8Array } = {},
  ) {
    this.#line = line
    this.#simulated = simulated
    this.number = number
    this.pn = deviceJid(userOf(line.pn), number, 's.whatsapp.net')
    this.signal = new SignalDevice(keys.identity)
    this.#deviceIdentity = keys.deviceIdentity
    simulated.add(`${userOf(line.lid)}:${number}`)
  }

  /**
   * Sends a message to a user or a group, encrypted for every device of its readers and for the account's
   * others. In a user's chat the form of `chat` (PN or LID) is the form of all addresses.
   *
   * @param attrs - attributes of the stanza beside `to`, `id` and `type`
   * @param plaintext - what readers decrypt; another than the message's to see what they make of it
   * @param audience - accounts that a status is for
   */
  write(
    chat: string,
    message: proto.IMessage,
    id: string,
    attrs: BinaryNode['attrs'] = {},
    plaintext: Uint8Array = encodePadded(message),
    audience: readonly string[] = [],
  ): void {
    this.#written.set(id, { chat, message, attrs, audience, again: new Map() })
    forgetOldest(this.#written, maxWritten)
    const content =
      chat === statusBroadcast
        ? this.#forAudience(audience, message, plaintext)
        : isGroup(chat)
          ? this.#forGroup(chat, message, plaintext)
          : this.#forUser(chat, message, plaintext)
    const stanza = { ...attrs, id, to: chat, type: stanzaType(message) }
    this.#line.send(this.number, node('message', stanza, this.#withIdentity(content)))
  }

  /** Sends what only one device of the own account is to read: keys, history. */
  writePeer(device: string, message: proto.IMessage, id: string): void {
    const sealed = this.#seal(device, encodePadded(message), {})
    if (sealed === undefined) return
    const attrs = { id, to: device, type: 'text', category: 'peer' }
    this.#line.send(this.number, node('message', attrs, [sealed]))
  }

  /**
   * Reads a `<message>`. What cannot be read is asked for again, unless asking cannot help or was done five
   * times: the first time just so, from the second with new keys (Baileys does the same, and expects it).
   */
  read(stanza: BinaryNode): Reading {
    const { id = '', from = '', participant } = stanza.attrs
    const failures = `${participant ?? from} ${id}`
    try {
      const message = this.#open(stanza)
      this.#askedAgain.delete(failures)
      return { readable: true, message }
    } catch (error) {
      const reason = error instanceof SignalError ? error.code : String(error)
      const asked = (this.#askedAgain.get(failures) ?? 0) + 1
      const retry = reason !== 'duplicate' && asked <= maxRetries
      if (retry) {
        this.#askedAgain.set(failures, asked)
        forgetOldest(this.#askedAgain, maxFailed)
      }
      return { readable: false, reason, retry }
    }
  }

  /** Whom a status that it wrote was for. */
  audienceOf(id: string): readonly string[] {
    return this.#written.get(id)?.audience ?? []
  }

  /** The receipt that asks for a message again. Send it after {@link read} said so. */
  askAgain(stanza: BinaryNode): void {
    const { id = '', from = '', participant, recipient, t = '' } = stanza.attrs
    const count = this.#askedAgain.get(`${participant ?? from} ${id}`) ?? 1
    const content = [
      node('retry', { count: String(count), id, t, v: '1', error: '0' }),
      node('registration', {}, numberBytes(this.signal.registrationId, 4)),
    ]
    if (count > 1) content.push(keysNode(this.signal.bundle(), this.#deviceIdentity))
    const attrs = {
      id,
      to: from,
      type: 'retry',
      ...(participant !== undefined && { participant }),
      ...(recipient !== undefined && { recipient }),
    }
    this.#line.send(this.number, node('receipt', attrs, content))
  }

  /** Answers a retry receipt: the same message under its id, in a new session, for the device that asked. */
  writeAgain(receipt: BinaryNode): void {
    const retry = child(receipt, 'retry')
    const id = retry?.attrs['id'] ?? receipt.attrs['id'] ?? ''
    const asker = receipt.attrs['participant'] ?? receipt.attrs['from'] ?? ''
    const written = this.#written.get(id)
    const address = this.#address(asker)
    if (written === undefined || address === undefined) return
    const times = (written.again.get(address) ?? 0) + 1
    const bundle = bundleIn(receipt) ?? this.#line.bundle(asker)
    if (times > maxRetries || bundle === undefined) return
    written.again.set(address, times)
    this.signal.startSession(address, bundle)

    const { chat, message } = written
    const isOwn = this.#line.account(asker)?.pn === this.#line.pn
    const content = namesAuthors(chat) ? { ...message, ...this.#keyMessage(chat) } : message
    const plaintext = encodePadded(isOwn ? deviceSent(chat, content) : content)
    const sealed = this.#seal(asker, plaintext, { ...encAttrs(message), count: retry?.attrs['count'] ?? '1' })
    if (sealed === undefined) return
    const to = namesAuthors(chat)
      ? { to: chat, participant: asker }
      : { to: asker, ...(isOwn && { recipient: chat }) }
    const attrs = { ...written.attrs, id, type: stanzaType(message), ...to }
    this.#line.send(this.number, node('message', attrs, this.#withIdentity([sealed])))
  }

  /** The receipt for messages that were read, or only delivered. Ids of one chat and one author. */
  acknowledge(
    wire: { from: string; participant: string | undefined },
    ids: readonly string[],
    type: 'read' | 'played' | undefined,
  ): void {
    const [id = '', ...rest] = ids
    const attrs = {
      id,
      to: wire.from,
      ...(wire.participant !== undefined && { participant: wire.participant }),
      ...(type !== undefined && { type, t: String(Math.floor(this.#line.clock.now() / 1000)) }),
    }
    const list = node(
      'list',
      {},
      rest.map((other) => node('item', { id: other })),
    )
    this.#line.send(this.number, node('receipt', attrs, rest.length === 0 ? undefined : [list]))
  }

  /** Loses all sessions and sender keys, as with a phone that was set up anew from a backup. */
  losesSessions(): void {
    this.signal.forgetAll()
    this.#told.clear()
  }

  #forUser(chat: string, message: proto.IMessage, plaintext: Uint8Array): BinaryNode[] {
    const own = chat.endsWith('@lid') ? this.#line.lid : this.#line.pn
    const attrs = encAttrs(message)
    const nodes: BinaryNode[] = []
    const add = (jid: string, bytes: Uint8Array): void => {
      const sealed = this.#seal(jid, bytes, attrs)
      if (sealed !== undefined) nodes.push(node('to', { jid }, [sealed]))
    }
    if (bare(chat) !== own) for (const jid of this.#line.devices(chat)) add(jid, plaintext)
    const others = this.#line.devices(own).filter((jid) => parseUser(jid)?.device !== this.number)
    if (others.length > 0) {
      const copy = encodePadded(deviceSent(chat, message))
      for (const jid of others) add(jid, copy)
    }
    return [node('participants', {}, nodes)]
  }

  #forGroup(chat: string, message: proto.IMessage, plaintext: Uint8Array): BinaryNode[] {
    const group = this.#line.group(chat)
    if (group === undefined) throw new RangeError(`There is no group ${chat}`)
    const readers = new Map<string, string>()
    for (const member of group.participants) {
      for (const jid of this.#line.devices(group.addressing === 'lid' ? member.lid : member.pn)) {
        const address = this.#address(jid)
        const isSelf = member.pn === this.#line.pn && parseUser(jid)?.device === this.number
        if (address !== undefined && !isSelf && !this.#simulated.has(address)) readers.set(address, jid)
      }
    }
    let told = this.#told.get(chat)
    if (told === undefined || [...told].some((address) => !readers.has(address))) {
      // Somebody left: what is written from now on must be news to them.
      if (told !== undefined) this.signal.renewSenderKey(chat)
      told = new Set()
      this.#told.set(chat, told)
    }
    const nodes: BinaryNode[] = []
    const untold = [...readers].filter(([address]) => !told.has(address))
    if (untold.length > 0) {
      const keyMessage = encodePadded(this.#keyMessage(chat))
      for (const [address, jid] of untold) {
        const sealed = this.#seal(jid, keyMessage, {})
        if (sealed === undefined) continue
        nodes.push(node('to', { jid }, [sealed]))
        told.add(address)
      }
    }
    const ciphertext = this.signal.encryptGroup(chat, plaintext)
    this.#simulated.wrote(ciphertext, plaintext)
    const encrypted = node('enc', { v: '2', type: 'skmsg', ...encAttrs(message) }, ciphertext)
    return nodes.length === 0 ? [encrypted] : [node('participants', {}, nodes), encrypted]
  }

  /** A status: sealed once, its key to every device that is to have it, which the server takes for the list of readers. */
  #forAudience(audience: readonly string[], message: proto.IMessage, plaintext: Uint8Array): BinaryNode[] {
    const keyMessage = encodePadded(this.#keyMessage(statusBroadcast))
    const nodes = [...audience, this.#line.pn].flatMap((account) =>
      this.#line.devices(account).flatMap((jid) => {
        const address = this.#address(jid)
        if (address === undefined || jid === this.pn) return []
        if (this.#simulated.has(address)) return [node('to', { jid })]
        const sealed = this.#seal(jid, keyMessage, {})
        return sealed === undefined ? [] : [node('to', { jid }, [sealed])]
      }),
    )
    const ciphertext = this.signal.encryptGroup(statusBroadcast, plaintext)
    this.#simulated.wrote(ciphertext, plaintext)
    const encrypted = node('enc', { v: '2', type: 'skmsg', ...encAttrs(message) }, ciphertext)
    return [node('participants', {}, nodes), encrypted]
  }

  #keyMessage(group: string): proto.IMessage {
    const axolotlSenderKeyDistributionMessage = this.signal.senderKeyDistribution(group)
    return { senderKeyDistributionMessage: { groupId: group, axolotlSenderKeyDistributionMessage } }
  }

  /** `<enc>` for one device; undefined if there is no such device any more. */
  #seal(jid: string, plaintext: Uint8Array, attrs: BinaryNode['attrs']): BinaryNode | undefined {
    const address = this.#address(jid)
    if (address === undefined) return undefined
    if (this.#simulated.has(address)) return node('enc', { v: '2', type: 'plain', ...attrs }, plaintext)
    if (!this.signal.hasSession(address)) {
      const bundle = this.#line.bundle(jid)
      if (bundle === undefined) return undefined
      this.signal.startSession(address, bundle)
    }
    const { type, ciphertext } = this.signal.encrypt(address, plaintext)
    return node('enc', { v: '2', type, ...attrs }, ciphertext)
  }

  /** @throws {SignalError | RangeError} */
  #open(stanza: BinaryNode): proto.Message {
    const { from = '', participant } = stanza.attrs
    const author = this.#address(participant ?? from)
    if (author === undefined) throw new RangeError(`${participant ?? from} is no device`)
    let message: proto.Message | undefined
    for (const enc of childrenOf(stanza, 'enc')) {
      const { content } = enc
      if (!(content instanceof Uint8Array)) throw new SignalError('malformed', 'An <enc> without bytes')
      message = decodePadded(this.#decrypt(enc.attrs['type'] ?? '', from, author, content))
      const key = message.senderKeyDistributionMessage
      if (key?.groupId && key.axolotlSenderKeyDistributionMessage) {
        this.signal.learnSenderKey(key.groupId, author, key.axolotlSenderKeyDistributionMessage)
      }
    }
    if (message === undefined) throw new SignalError('malformed', 'A message without <enc>')
    return message
  }

  #decrypt(type: string, from: string, author: string, content: Uint8Array): Uint8Array {
    switch (type) {
      case 'plain':
        return content
      case 'pkmsg':
      case 'msg':
        return this.signal.decrypt(author, type, content)
      case 'skmsg':
        return this.#simulated.plaintextOf(content) ?? this.signal.decryptGroup(from, author, content)
      default:
        throw new SignalError('malformed', `Unknown kind of ciphertext: ${type}`)
    }
  }

  /** One address per device, whether it is named by PN or by LID. */
  #address(jid: string): string | undefined {
    const parsed = parseUser(jid)
    if (parsed === undefined) return undefined
    if (parsed.server === 'lid') return `${parsed.user}:${parsed.device}`
    const account = this.#line.account(jid)
    return account === undefined ? undefined : `${userOf(account.lid)}:${parsed.device}`
  }

  #withIdentity(content: BinaryNode[]): BinaryNode[] {
    if (this.#deviceIdentity === undefined) return content
    return [...content, node('device-identity', {}, this.#deviceIdentity)]
  }
}

/** The copy of an own message for the account's other devices. */
function deviceSent(chat: string, message: proto.IMessage): proto.IMessage {
  return {
    deviceSentMessage: { destinationJid: chat, message },
    ...(message.messageContextInfo && { messageContextInfo: message.messageContextInfo }),
  }
}

function encAttrs(message: proto.IMessage): BinaryNode['attrs'] {
  const mediatype = mediaType(message)
  return {
    ...(mediatype !== undefined && { mediatype }),
    ...(message.reactionMessage && { 'decrypt-fail': 'hide' }),
  }
}

/** `<keys>` of a retry receipt. */
function keysNode(bundle: KeyBundle, deviceIdentity: Uint8Array | undefined): BinaryNode {
  const { identityKey, signedPreKey, preKey } = bundle
  const content = [
    node('type', {}, Buffer.from([5])),
    node('identity', {}, identityKey),
    node('skey', {}, [
      node('id', {}, numberBytes(signedPreKey.id, 3)),
      node('value', {}, signedPreKey.publicKey),
      node('signature', {}, signedPreKey.signature),
    ]),
  ]
  if (preKey !== undefined) {
    const id = node('id', {}, numberBytes(preKey.id, 3))
    content.push(node('key', {}, [id, node('value', {}, preKey.publicKey)]))
  }
  if (deviceIdentity !== undefined) content.push(node('device-identity', {}, deviceIdentity))
  return node('keys', {}, content)
}

/** The keys a retry receipt brings, if any. */
function bundleIn(receipt: BinaryNode): KeyBundle | undefined {
  const keys = child(receipt, 'keys')
  const signed = child(keys, 'skey')
  const oneTime = child(keys, 'key')
  const registrationId = numberOf(child(receipt, 'registration'))
  const identityKey = bytesOf(child(keys, 'identity'))
  const signedPreKey = preKeyIn(signed)
  const signature = bytesOf(child(signed, 'signature'))
  if (registrationId === undefined || identityKey === undefined) return undefined
  if (signedPreKey === undefined || signature === undefined) return undefined
  const preKey = preKeyIn(oneTime)
  return {
    registrationId,
    identityKey,
    signedPreKey: { ...signedPreKey, signature },
    ...(preKey !== undefined && { preKey }),
  }
}

function preKeyIn(from: BinaryNode | undefined): { id: number; publicKey: Buffer } | undefined {
  const id = numberOf(child(from, 'id'))
  const publicKey = bytesOf(child(from, 'value'))
  return id === undefined || publicKey === undefined ? undefined : { id, publicKey }
}

function userOf(jid: string): string {
  return jid.slice(0, jid.indexOf('@'))
}

function bare(jid: string): string {
  const parsed = parseUser(jid)
  return parsed === undefined ? jid : deviceJid(parsed.user, 0, parsed.server)
}

function forgetOldest<Key>(map: Map<Key, unknown>, keep: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= keep) return
    map.delete(oldest)
  }
}
