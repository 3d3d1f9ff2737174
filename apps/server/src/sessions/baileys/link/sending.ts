import { LRUCache } from 'lru-cache'

import type { GroupMetadata, WASocket } from '../baileys.ts'
import { proto } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'
import { isGroup, isLid, isNewsletter, isStatus, statusJid, userOf, withoutDevice } from '@inbox-hub/whatsapp'

import type { OutboundContent } from './outbound.ts'
import type { StatusCalls } from './statuses.ts'
import type { FileToUpload, UploadedFile } from './upload.ts'
import { timerMessage } from '../journal/timer.ts'
import { acknowledged, newMessageId } from './acknowledged.ts'
import type { Acks } from './acks.ts'
import { type Connection, refusalIn } from './connection.ts'
import { leaveOutKeylessDevices } from './keyless-devices.ts'
import { namingIn, peopleOf } from './naming.ts'
import { newsletterStanza } from './newsletter-stanza.ts'
import { type OutboundMessage, outboundMessage } from './outbound.ts'
import type { LinkParts } from './parts.ts'
import { statusCalls } from './statuses.ts'
import { Uploader } from './upload.ts'

/** Messages of ours on one connection: to chats, to the status list, and to the account's own phone. */
export class Sending {
  readonly #connection: Connection
  readonly #parts: LinkParts
  readonly #acks: Acks
  readonly #unstored = new LRUCache<string, proto.IMessage>({ max: 50 })
  #uploader: Uploader | undefined

  constructor(connection: Connection, parts: LinkParts, acks: Acks) {
    this.#connection = connection
    this.#parts = parts
    this.#acks = acks
  }

  statusCalls(): StatusCalls {
    const connection = this.#connection
    return statusCalls({
      self: () => connection.connectedAs().pn,
      relay: (id, message, audience, attributes) =>
        this.#relay(connection.connected(), {
          id,
          to: statusJid,
          self: connection.connectedAs().pn,
          outbound: { message, nodes: [], attributes: { ...attributes } },
          audience,
        }),
      acks: this.#acks.parts,
    })
  }

  /** As `Link.send`. */
  async send(
    {
      id,
      to,
      content,
      refreshDevices,
    }: { id: string; to: Jid; content: OutboundContent; refreshDevices: boolean },
    beforeWire: (bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const sock = this.#connection.connected()
    const me = this.#connection.connectedAs()
    const self = isLid(to) && me.lid !== undefined ? me.lid : me.pn
    const outbound = await outboundMessage({
      id,
      to,
      content,
      self,
      people: async (target) =>
        peopleOf(target, namingIn(to, await this.#groupOf(sock, to)), me, sock.signalRepository),
    })
    await beforeWire(proto.Message.encode(outbound.message).finish())
    this.#connection.connected()
    const { devices, tokens } = this.#parts
    if (refreshDevices) await devices.forget(userOf(to))
    if (isNewsletter(to))
      return sock.sendNode(newsletterStanza({ id, to, content, message: outbound.message }))
    const { audience = [] } = content
    await tokens.behind(sock, to, () => this.#relay(sock, { id, to, self, outbound, audience }))
  }

  /** A group as baileys knows it when it addresses a message to it. */
  async #groupOf(sock: WASocket, to: Jid): Promise<GroupMetadata | undefined> {
    if (!isGroup(to)) return undefined
    return (await this.#parts.groupOf(sock, to)) ?? sock.groupMetadata(to)
  }

  async #relay(
    sock: WASocket,
    {
      id,
      to,
      self,
      outbound: { message, nodes, attributes },
      audience,
    }: {
      id: string
      to: Jid
      self: Jid
      outbound: OutboundMessage
      /** Of a status. */
      audience: readonly Jid[]
    },
  ): Promise<void> {
    const options = {
      messageId: id,
      additionalNodes: nodes,
      ...(isStatus(to) && { statusJidList: [...audience, withoutDevice(self)] }),
      additionalAttributes: attributes,
    }
    try {
      await sock.relayMessage(to, message, options)
    } catch (error) {
      // An error with a code of WhatsApp's: a query that the message needed was refused, and nothing was written.
      if (refusalIn(error) === undefined || this.#connection.isEnding) throw error
      const { devices } = this.#parts
      if ((await leaveOutKeylessDevices(sock, devices, { to, self, audience })) === 0) throw error
      await sock.relayMessage(to, message, options)
    }
  }

  /** As `Link.setDisappearing`. */
  async setDisappearing(chat: Jid, seconds: number): Promise<void> {
    const sock = this.#connection.connected()
    const me = this.#connection.connectedAs()
    const self = isLid(chat) && me.lid !== undefined ? me.lid : me.pn
    const id = newMessageId()
    const message = timerMessage(seconds, this.#connection.clock.now())
    // Whoever could not open it asks for it again.
    this.#unstored.set(id, message)
    const outbound = { message, nodes: [], attributes: {} }
    await acknowledged(this.#acks.parts, id, () =>
      this.#parts.tokens.behind(sock, chat, () =>
        this.#relay(sock, { id, to: chat, self, outbound, audience: [] }),
      ),
    )
  }

  /** A message of ours that stands in no chat, for a retry. */
  unstored(id: string): proto.IMessage | undefined {
    return this.#unstored.get(id)
  }

  /** As `Link.upload`. */
  async upload(file: FileToUpload, signal: AbortSignal): Promise<UploadedFile> {
    const sock = this.#connection.connected()
    this.#uploader ??= new Uploader(sock, this.#parts.uploadRoute, this.#connection.clock)
    return this.#uploader.upload(file, signal)
  }

  /** Writes `message` to the account's own phone. */
  async askPhone(id: string, message: proto.IMessage): Promise<void> {
    const sock = this.#connection.connected()
    const me = this.#connection.me()
    if (me === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    await sock.relayMessage(withoutDevice(me.pn), message, {
      messageId: id,
      additionalAttributes: { category: 'peer', push_priority: 'high_force' },
      additionalNodes: [{ tag: 'meta', attrs: { appdata: 'default' } }],
    })
  }
}
