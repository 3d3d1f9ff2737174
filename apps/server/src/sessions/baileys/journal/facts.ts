import { isPerson, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import type { Acquaintance } from '../index.ts'

/** WhatsApp's "until I say otherwise" is -1; ours is the last moment a date can name. */
const ALWAYS = 8_640_000_000_000_000

/** What one contact of history or of the address book tells; undefined when it tells nothing. */
export function factOf(
  sessionId: number,
  contact: Partial<Record<'id' | 'notify' | 'name' | 'verifiedName', string | null | undefined>>,
): Acquaintance | undefined {
  const jid = tryParseJid(contact.id ?? '')
  if (jid === undefined || !isPerson(jid)) return undefined
  const names = {
    ...(contact.notify && { pushName: contact.notify }),
    ...(contact.name && { savedName: contact.name }),
    ...(contact.verifiedName && { verifiedName: contact.verifiedName }),
  }
  if (Object.keys(names).length === 0) return undefined
  return { type: 'contact', sessionId, jid: withoutDevice(jid), ...names }
}

/** What baileys tells of a chat, of which we look at what people set. */
export interface ChatSettings {
  id?: string | null | undefined
  archived?: boolean | null | undefined
  /** When it was pinned, Unix s; null when it is no longer. */
  pinned?: number | null | undefined
  /** Unix ms, -1 for ever; null when it is no longer. */
  muteEndTime?: number | { toNumber(): number } | null | undefined
}

/** Chats change with every message; undefined when nothing was set by a person. */
export function chatFactOf(sessionId: number, chat: ChatSettings): Acquaintance | undefined {
  const jid = tryParseJid(chat.id ?? '')
  const settings = {
    ...(typeof chat.archived === 'boolean' && { archived: chat.archived }),
    ...(chat.pinned !== undefined && { pinned: chat.pinned !== null && chat.pinned !== 0 }),
    ...(chat.muteEndTime !== undefined && { mutedUntil: endOfMute(chat.muteEndTime) }),
  }
  if (jid === undefined || Object.keys(settings).length === 0) return undefined
  return { type: 'chat', sessionId, jid: withoutDevice(jid), ...settings }
}

function endOfMute(time: ChatSettings['muteEndTime']): number | null {
  if (time === null || time === undefined) return null
  const ms = typeof time === 'number' ? time : time.toNumber()
  return ms < 0 ? ALWAYS : ms
}
