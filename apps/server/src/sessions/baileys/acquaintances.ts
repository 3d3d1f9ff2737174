import type { Jid } from '@inbox-hub/whatsapp'

import type { NamedMessage } from './app-state/actions.ts'
import type { PastCall } from './history/past-call.ts'
import type { CallSignal } from './link/calls.ts'
import type { GroupNotice } from './link/group-nodes.ts'
import type { NewsletterNews } from './link/newsletters.ts'
import type { PersonNotice } from './link/people.ts'

/** Facts about people and chats that pass by outside messages. */
export type Acquaintance =
  | { type: 'lid_mapping'; sessionId: number; lid: Jid; pn: Jid }
  | {
      type: 'contact'
      sessionId: number
      jid: Jid
      pushName?: string
      /** null: taken out of the address book. */
      savedName?: string | null
      verifiedName?: string
      username?: string
    }
  | {
      /** What the account set on a chat, on whichever of its devices. */
      type: 'chat'
      sessionId: number
      jid: Jid
      archived?: boolean
      pinned?: boolean
      /** Unix ms; null when no longer. */
      mutedUntil?: number | null
      markedUnread?: boolean
      /** Set by either side of the chat; 0: messages stay. */
      disappearingSeconds?: number
    }
  /** Everything in the chat up to this moment (Unix ms) was read on a device of the account. */
  | { type: 'chat_read'; sessionId: number; jid: Jid; through: number }
  /** The account cleared the chat up to this moment, Unix ms; `removed`: the chat too. */
  | { type: 'chat_emptied'; sessionId: number; jid: Jid; through: number; removed: boolean }
  /** `jid` is the chat of the message. */
  | { type: 'message_starred'; sessionId: number; jid: Jid; message: NamedMessage; starred: boolean }
  | { type: 'message_deleted_for_me'; sessionId: number; jid: Jid; message: NamedMessage }
  /** null: deleted. */
  | {
      type: 'label'
      sessionId: number
      id: string
      label: { name: string; color: number; predefinedId: number | undefined } | null
    }
  /** A label was put on, or taken off, a chat (`jid`) or a message in it. */
  | {
      type: 'label_use'
      sessionId: number
      label: string
      jid: Jid
      message: NamedMessage | undefined
      labelled: boolean
    }
  /** A text that the account keeps to answer with; null: deleted. */
  | {
      type: 'quick_reply'
      sessionId: number
      id: string
      reply: { shortcut: string; text: string; keywords: readonly string[] } | null
    }
  | { type: 'group'; sessionId: number; jid: Jid; notice: GroupNotice }
  | { type: 'call'; sessionId: number; signal: CallSignal }
  /** From the phone's list: of history, or of what was added to it since. */
  | { type: 'past_call'; sessionId: number; call: PastCall }
  | { type: 'person'; sessionId: number; notice: PersonNotice }
  | { type: 'newsletter'; sessionId: number; jid: Jid; news: NewsletterNews }

/** Told and forgotten: never stored. */
export type Passing = {
  type: 'presence'
  sessionId: number
  chat: Jid
  from: Jid
  state: 'available' | 'unavailable' | 'composing' | 'recording' | 'paused'
  /** When they were last online, Unix ms, where they let it be seen. */
  lastSeen: number | undefined
}
