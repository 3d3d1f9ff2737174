import { randomBytes } from 'node:crypto'

import { proto } from '../baileys.ts'

/** What a phone sends: a text, a text with more to it, or any message WhatsApp has. */
export type Content = string | TextContent | proto.IMessage

export interface TextContent {
  text: string
  /** The message this one answers. */
  quoted?: QuotedMessage
  /** Numbers or JIDs of those mentioned. */
  mentions?: readonly string[]
}

export interface QuotedMessage {
  id: string
  /** JID of its author, in any form. */
  from: string
  message: proto.IMessage
}

/** @param toJid - gives a number or JID the form that is used in this chat */
export function toMessage(content: Content, toJid: (address: string) => string): proto.IMessage {
  const messageContextInfo = { messageSecret: randomBytes(32) }
  if (typeof content === 'string') return { conversation: content, messageContextInfo }
  if (!isText(content))
    return { ...content, messageContextInfo: { ...messageContextInfo, ...content.messageContextInfo } }
  const { text, quoted, mentions = [] } = content
  if (quoted === undefined && mentions.length === 0) return { conversation: text, messageContextInfo }
  const contextInfo: proto.IContextInfo = {
    ...(mentions.length > 0 && { mentionedJid: mentions.map(toJid) }),
    ...(quoted !== undefined && {
      stanzaId: quoted.id,
      participant: toJid(quoted.from),
      quotedMessage: quoted.message,
    }),
  }
  return { extendedTextMessage: { text, contextInfo }, messageContextInfo }
}

function isText(content: TextContent | proto.IMessage): content is TextContent {
  return 'text' in content
}

/** The `type` a message's stanza carries, the same division as Baileys' `getMessageType`. */
export function stanzaType(message: proto.IMessage): string {
  const inner = unwrapped(message) ?? message
  if (inner.reactionMessage || inner.encReactionMessage) return 'reaction'
  if (
    inner.pollCreationMessage ||
    inner.pollCreationMessageV2 ||
    inner.pollCreationMessageV3 ||
    inner.pollUpdateMessage
  )
    return 'poll'
  if (inner.eventMessage) return 'event'
  return mediaType(inner) === undefined ? 'text' : 'media'
}

/** The `mediatype` its `<enc>` carries, if it is one of those that have one. */
export function mediaType(message: proto.IMessage): string | undefined {
  const inner = unwrapped(message) ?? message
  if (inner.imageMessage) return 'image'
  if (inner.ptvMessage) return 'ptv'
  if (inner.videoMessage) return inner.videoMessage.gifPlayback === true ? 'gif' : 'video'
  if (inner.audioMessage) return inner.audioMessage.ptt === true ? 'ptt' : 'audio'
  if (inner.documentMessage) return 'document'
  if (inner.stickerMessage) return 'sticker'
  if (inner.contactMessage) return 'vcard'
  if (inner.contactsArrayMessage) return 'contact_array'
  if (inner.locationMessage) return 'location'
  if (inner.liveLocationMessage) return 'livelocation'
  if (inner.listMessage) return 'list'
  if (inner.listResponseMessage) return 'list_response'
  if (inner.buttonsResponseMessage) return 'buttons_response'
  if (inner.orderMessage) return 'order'
  if (inner.productMessage) return 'product'
  if (inner.interactiveResponseMessage) return 'native_flow_response'
  if (inner.groupInviteMessage) return 'url'
  return undefined
}

/** What a person would read in it: its text, or its caption. */
export function textOf(message: proto.IMessage | null | undefined): string | undefined {
  const inner = unwrapped(message)
  return (
    inner?.conversation ??
    inner?.extendedTextMessage?.text ??
    inner?.imageMessage?.caption ??
    inner?.videoMessage?.caption ??
    inner?.documentMessage?.caption ??
    inner?.reactionMessage?.text ??
    inner?.protocolMessage?.editedMessage?.conversation ??
    undefined
  )
}

function unwrapped(message: proto.IMessage | null | undefined): proto.IMessage | null | undefined {
  const wrapper =
    message?.ephemeralMessage ??
    message?.viewOnceMessage ??
    message?.viewOnceMessageV2 ??
    message?.documentWithCaptionMessage ??
    message?.editedMessage
  return wrapper ? unwrapped(wrapper.message) : message
}

/** Encoded and padded with 1 to 16 bytes that each say how many they are. */
export function encodePadded(message: proto.IMessage): Buffer {
  const encoded = proto.Message.encode(message).finish()
  const padding = 1 + Math.floor(Math.random() * 16)
  const padded = Buffer.alloc(encoded.length + padding, padding)
  padded.set(encoded)
  return padded
}

/** @throws RangeError if the padding is none; protobuf's own errors if the rest is no message */
export function decodePadded(plaintext: Uint8Array): proto.Message {
  const padding = plaintext.at(-1) ?? 0
  if (padding === 0 || padding > plaintext.length) throw new RangeError(`A padding of ${padding} bytes`)
  return proto.Message.decode(plaintext.subarray(0, plaintext.length - padding))
}
