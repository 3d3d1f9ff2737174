import type { Content } from './content.ts'

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
