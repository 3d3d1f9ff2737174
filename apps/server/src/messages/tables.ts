import type { MessageChange } from '@inbox-hub/whatsapp'
import type { Generated } from 'kysely'

import type { OutboundState } from './outbound/outbound-state.ts'

export type MessageStatus = 'pending' | 'sent' | 'delivered' | 'read' | 'failed' | 'received'

/** Migration 0004 says what each column means. */
export interface MessageTable {
  id: number
  session_id: number
  chat_jid: string
  sender_jid: string
  from_me: number
  in_group: number
  whatsapp_id: string
  type: string
  body: string
  content: string | null
  quoted_id: string | null
  push_name: string | null
  status: MessageStatus
  via_hub: number
  is_read: number
  shown: number
  /** Migration 0010; 0 until somebody stars it. */
  is_starred: Generated<number>
  /** Migration 0025; 0 until somebody listens or looks. */
  played: Generated<number>
  sent_at: number
  stored_at: number
}

export interface MessageTallyTable {
  session_id: number
  day: number
  from_me: number
  type: string
  status: MessageStatus
  messages: number
}

/** Migration 0005 says what each column means. */
export interface MessageChangeTable {
  session_id: number
  target_id: string
  chat_jid: string
  sender_jid: string
  kind: MessageChange['kind']
  author_jid: string | null
  by_admin: number
  whatsapp_id: string
  value: string
  changed_at: number
  message_id: number | null
}

export interface OutboundTable {
  message_id: number
  session_id: number
  whatsapp_id: string
  fingerprint: string
  proto: Uint8Array | null
  state: OutboundState['at']
  attempts: number
  retries: number
  failure: string | null
  asked_at: number
  settled_at: number | null
  place: number | null
}

/** Migration 0006 says what each column means. */
export interface ScheduledMessageTable {
  message_id: number
  session_id: number
  whatsapp_id: string
  fingerprint: string
  chat_jid: string
  type: string
  body: string
  content: string | null
  quoted_id: string | null
  send_at: number
  asked_at: number
  cancelled_at: number | null
}

/** Migration 0010 says what each column means. */
export interface OpenMenuTable {
  session_id: number
  chat_jid: string
  whatsapp_id: string
  options: string
  kind: 'buttons' | 'list'
  sent_at: number
}

declare module '../platform/database/index.ts' {
  interface Tables {
    message: MessageTable
    message_change: MessageChangeTable
    message_tally: MessageTallyTable
    open_menu: OpenMenuTable
    outbound: OutboundTable
    scheduled_message: ScheduledMessageTable
  }
}
