import { proto } from '../baileys.ts'
import { namesAuthors } from '../jid.ts'

/** A message as one device of a phone has it. */
export interface PhoneMessage {
  readonly id: string
  /** The other side's bare PN (`12025550123@s.whatsapp.net`), the group, or `status@broadcast`. */
  readonly chat: string
  /** The device that wrote it, as PN: `12025550123:1@s.whatsapp.net`. */
  readonly from: string
  /** Written by this account: here, or on a device linked to it. */
  readonly fromMe: boolean
  readonly text: string | undefined
  readonly message: proto.IMessage
  /** What its author calls itself. */
  readonly pushName: string | undefined
  /** Unix ms. */
  readonly at: number
  /** Which of the phone's devices has it. */
  readonly device: number
  /** How the stanza named chat and author: receipts repeat it. Absent on what this device wrote itself. */
  readonly wire: { from: string; participant: string | undefined } | undefined
}

/** The key by which messages refer to each other, as seen by the message's own side. */
export function keyOf(message: PhoneMessage): proto.IMessageKey {
  const { id, chat, fromMe, from } = message
  return { id, remoteJid: chat, fromMe, ...(namesAuthors(chat) && !fromMe && { participant: from }) }
}

/** The form in which a phone passes a message on to a device it links: history, placeholders. */
export function toWebMessage(message: PhoneMessage, chat: string): proto.IWebMessageInfo {
  return {
    key: { ...keyOf(message), remoteJid: chat },
    message: message.message,
    messageTimestamp: Math.floor(message.at / 1000),
    ...(message.pushName !== undefined && { pushName: message.pushName }),
    ...(message.fromMe && { status: proto.WebMessageInfo.Status.SERVER_ACK }),
  }
}
