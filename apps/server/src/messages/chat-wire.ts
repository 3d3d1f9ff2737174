import { type ChatWire, isoOf, messageTypes } from '@inbox-hub/contract'
import { isGroup, type Jid, serverOf, toCus, userOf } from '@inbox-hub/whatsapp'

import type { ChatListItem } from './message-list.ts'

/** The name to show for a chat: the group's, the contact's, at last the digits. Never empty. */
export function chatName(chat: ChatListItem, shown: Jid): string {
  return chat.name ?? contactName(chat) ?? chat.number ?? userOf(shown)
}

function contactName(chat: ChatListItem): string | null {
  return chat.hub_name ?? chat.saved_name ?? chat.verified_name ?? chat.push_name
}

/** A chat as every list of the API shows it (contract §5, rules 14 and 15). */
export function chatWire(
  chat: ChatListItem,
  shown: Jid,
  { labels, profilePicture }: { labels: readonly string[]; profilePicture: string | null },
  now: number,
): ChatWire {
  const cus = toCus(shown)
  const body = chat.last_body ?? ''
  return {
    id: { _serialized: cus, user: userOf(shown), server: cus === shown ? serverOf(shown) : 'c.us' },
    chatId: shown,
    jid: shown,
    name: chatName(chat, shown),
    contactName: contactName(chat),
    isGroup: isGroup(shown),
    lastMessage: {
      id: chat.last_id,
      body,
      content: body,
      text: body,
      timestamp: Math.floor((chat.last_sent_at ?? chat.active_at) / 1000),
      fromMe: chat.last_from_me === 1,
      type: messageTypes.find((type) => type === chat.last_type) ?? 'text',
      status: chat.last_status ?? 'received',
    },
    unreadCount: chat.unread_count,
    messageCount: chat.message_count,
    totalMessages: chat.message_count,
    profilePicture,
    archived: chat.archived === 1,
    pinned: chat.pinned === 1,
    isMuted: chat.muted_until !== null && chat.muted_until > now,
    mutedUntil: chat.muted_until === null ? null : isoOf(chat.muted_until),
    markedUnread: chat.marked_unread === 1,
    disappearingSeconds: chat.disappearing_seconds,
    labels: [...labels],
    isReadOnly: false,
    lastMessageAt: chat.last_sent_at === null ? null : isoOf(chat.last_sent_at),
  }
}
