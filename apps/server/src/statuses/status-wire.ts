import { isoOf, type MessageWire, type StatusWire } from '@inbox-hub/contract'
import type { MessageContent } from '@inbox-hub/whatsapp'

import type { StatusRow } from './status-rows.ts'

/** How a status of text or sound looks, as the API and events show it; null where WhatsApp decides. */
export function styleWire(content: MessageContent): {
  backgroundColor: string | null
  textColor: string | null
  font: number | null
} {
  const style = 'style' in content ? content.style : undefined
  return {
    backgroundColor: style?.background ?? null,
    textColor: style?.color ?? null,
    font: style?.font ?? null,
  }
}

/** A status as the API shows it, made from its message as every list would show that. `now` is Unix ms. */
export function statusWire(
  row: StatusRow,
  message: MessageWire,
  { lid, said, now }: { lid: string | null; said: MessageContent; now: number },
): StatusWire {
  const { whatsappMessageId: id, dbId, type, content, caption, mediaUrl, hasMedia, from, fromMe } = message
  const {
    kind,
    media,
    details,
    viewOnce,
    isForwarded,
    forwardingScore,
    expiresIn,
    mentionsEveryone,
    albumId,
    ad,
  } = message
  return {
    id,
    statusId: id,
    dbId,
    type,
    content,
    caption,
    mediaUrl,
    hasMedia,
    ...styleWire(said),
    kind,
    media,
    details,
    viewOnce,
    isForwarded,
    forwardingScore,
    expiresIn,
    mentionsEveryone,
    albumId,
    ad,
    unsupported: message.unsupported,
    from,
    fromLid: lid,
    pushName: message.pushName,
    fromMe,
    status: message.status,
    postedAt: isoOf(row.posted_at),
    expiresAt: isoOf(row.expires_at),
    isActive: row.expires_at > now,
    viewCount: row.views,
    isViewed: row.viewed_at !== null,
    isArchived: row.archived_at !== null,
    deletedAt: row.deleted_at === null ? null : isoOf(row.deleted_at),
    reactions: message.reactions,
  }
}
