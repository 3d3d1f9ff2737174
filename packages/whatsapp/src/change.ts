import type { Jid } from './jid.ts'

/** What somebody did to a message: WhatsApp shows it on that message, not as one of its own. */
export type MessageChange = {
  target: MessageTarget
  /** By the clock of who did it, Unix ms; undefined when they did not say, or nonsense. */
  at: number | undefined
} & MessageDeed

export type MessageDeed =
  /** An empty emoji takes the reaction back. Of one person the last one counts, like all of these. */
  | { kind: 'reaction'; emoji: string }
  /** The same in a community's group for announcements, before it is open. */
  | ({ kind: 'reaction' } & Sealed)
  | { kind: 'edit'; text: string; mentions: readonly Jid[] }
  /** Deleted for everyone. */
  | { kind: 'revoke' }
  | { kind: 'pin'; pinned: boolean; forS: number | undefined }
  /** Kept in a chat whose messages disappear. */
  | { kind: 'keep'; kept: boolean }
  /** In a poll, or what somebody answers to an event. */
  | ({ kind: 'vote' } & Sealed)
  /** The same once it is open, and as history tells it: the options that were chosen. */
  | { kind: 'vote'; chosen: readonly string[] }
  /** The same of an event. */
  | ({ kind: 'vote' } & EventAnswer)

/** Sealed with the secret of the message that it is about; base64. */
export interface Sealed {
  payload: string
  iv: string
}

/** Whether somebody comes to an event. */
export interface EventAnswer {
  answer: 'going' | 'not_going' | 'maybe'
  /** How many they bring. */
  extraGuests: number
}

/** A message as the one who did something to it names it. */
export interface MessageTarget {
  id: string
  /** They wrote it themselves. */
  bySender: boolean
  /** Who wrote it, in groups; undefined when they did not say. */
  author: Jid | undefined
}
