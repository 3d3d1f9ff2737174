import type { Jid } from '@inbox-hub/whatsapp'
import {
  isBroadcastList,
  isGroup,
  isLid,
  isPerson,
  isPn,
  isStatus,
  sameAccount,
  tryParseJid,
  withoutDevice,
} from '@inbox-hub/whatsapp'

/** Our own addresses, as the credentials have them. */
export interface Self {
  pn: Jid | undefined
  lid: Jid | undefined
}

/** Which message, of whom, where, when. Addresses are the stanza's, devices taken off; `alt` is the other form when it carried it. */
export interface Addressed {
  id: string
  chat: Jid
  chatAlt: Jid | undefined
  sender: Jid
  senderAlt: Jid | undefined
  /** Unix ms, WhatsApp's clock. */
  sentAt: number
}

/** With what WhatsApp says about who wrote it. */
export interface Written extends Addressed {
  fromMe: boolean
  pushName: string | undefined
  verifiedName: string | undefined
}

/** The outside of a message. */
export interface Envelope extends Written {
  offline: boolean
  /** An administrator of the group takes back what another wrote. */
  byAdmin?: true
}

/** The `edit` attribute of such a stanza (whatsmeow: `EditAttributeAdminRevoke`). */
const ADMIN_REVOKE = '8'

/** Attributes of a stanza, as the binary codec answers them. */
export type Attributes = Readonly<Record<string, string | undefined>>

/**
 * The envelope of a `<message>` stanza; undefined when it is none we can place (no id, no address). Pure. `alt` is the
 * other form of an address (phone number or LID) when the stanza carries it, under one of four names.
 */
export function envelopeOf(
  attributes: Attributes,
  self: Self,
  rest: { verifiedName?: string | undefined; receivedAt: number },
): Envelope | undefined {
  const { id } = attributes
  const from = addressIn(attributes, 'from')
  if (id === undefined || id === '' || from === undefined) return undefined
  const participant = addressIn(attributes, 'participant')
  const isSelf = (jid: Jid): boolean =>
    (self.pn !== undefined && sameAccount(jid, self.pn)) ||
    (self.lid !== undefined && sameAccount(jid, self.lid))
  const seconds = Number(attributes['t'])
  const common = {
    id,
    sentAt: Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : rest.receivedAt,
    pushName: attributes['notify'] === '' ? undefined : attributes['notify'],
    verifiedName: rest.verifiedName,
    offline: attributes['offline'] !== undefined,
    ...(attributes['edit'] === ADMIN_REVOKE && { byAdmin: true as const }),
  }

  if (isGroup(from) || isStatus(from) || isBroadcastList(from)) {
    if (participant === undefined) return undefined
    const fromMe = isSelf(participant)
    const senderAlt = otherForm(participant, [
      addressIn(attributes, 'participant_pn'),
      addressIn(attributes, 'participant_lid'),
      addressIn(attributes, 'sender_pn'),
      addressIn(attributes, 'sender_lid'),
    ])
    // A message to a list of the sender's appears in the chat with the sender.
    const isSendersList = isBroadcastList(from) && !fromMe
    return {
      ...common,
      chat: isSendersList ? participant : from,
      chatAlt: isSendersList ? senderAlt : undefined,
      sender: participant,
      senderAlt,
      fromMe,
    }
  }

  const senderAlt = otherForm(from, [addressIn(attributes, 'sender_pn'), addressIn(attributes, 'sender_lid')])
  const recipient = addressIn(attributes, 'recipient')
  if (recipient !== undefined && isSelf(from)) {
    // Written on our own phone, or on another of our devices.
    const chatAlt = otherForm(recipient, [
      addressIn(attributes, 'peer_recipient_pn'),
      addressIn(attributes, 'peer_recipient_lid'),
      addressIn(attributes, 'recipient_pn'),
      addressIn(attributes, 'recipient_lid'),
    ])
    return { ...common, chat: recipient, chatAlt, sender: from, senderAlt, fromMe: true }
  }
  if (!isPerson(from))
    return { ...common, chat: from, chatAlt: undefined, sender: from, senderAlt, fromMe: false }
  return { ...common, chat: from, chatAlt: senderAlt, sender: from, senderAlt, fromMe: isSelf(from) }
}

/** The address without its device: chats and authors are accounts. */
export function addressIn(attributes: Attributes, name: string): Jid | undefined {
  const text = attributes[name]
  const jid = text === undefined ? undefined : tryParseJid(text)
  return jid === undefined ? undefined : withoutDevice(jid)
}

function otherForm(jid: Jid, candidates: readonly (Jid | undefined)[]): Jid | undefined {
  return candidates.find(
    (candidate) =>
      candidate !== undefined && ((isLid(jid) && isPn(candidate)) || (isPn(jid) && isLid(candidate))),
  )
}
