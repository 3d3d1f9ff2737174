import { HubError } from '@inbox-hub/contract'
import { isGroup, type Jid, tryParseJid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { Events } from '../events/index.ts'
import type { Groups } from '../groups/index.ts'
import type { ChatListItem, Messages } from '../messages/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { AppStateChange, LastMessage } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'

export { chatRoutes } from './routes.ts'

/** What is done to a chat. Times are Unix ms. */
export type ChatDeed =
  | { do: 'archive' | 'unarchive' | 'pin' | 'unpin' | 'unmute' | 'read' | 'unread' | 'clear' | 'delete' }
  | { do: 'mute'; until: number | 'always' }

/**
 * What people do to their chats: told to WhatsApp, for all devices of the account, and stored when it was taken (what the account's
 * other devices do comes the same way, `Chats` and `Messages` keep it). Throws `CHAT_NOT_FOUND`, and what `AppStateCalls` rejects with.
 */
export interface ChatSettings {
  /** As stored. */
  get(session: SessionView, address: Jid): Promise<ChatListItem>
  /** Resolves when WhatsApp has it and it is stored. */
  set(session: SessionView, address: Jid, deed: ChatDeed): Promise<void>
  /** How long new messages live, 0: they stay. For both sides of the chat. */
  setDisappearing(session: SessionView, address: Jid, seconds: number): Promise<void>
}

export interface ChatSettingsDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'linkWithin'>
  chats: Pick<Chats, 'addresses' | 'hold' | 'set'>
  messages: Pick<Messages, 'list' | 'markRead'>
  groups: Pick<Groups, 'update'>
}

export function createChatSettings({
  database,
  events,
  sessions,
  chats,
  messages,
  groups,
}: ChatSettingsDeps): ChatSettings {
  async function get({ id }: SessionView, address: Jid): Promise<ChatListItem> {
    const jid = (await chats.addresses.canonical(database, [{ sessionId: id, jid: address }]))(id, address)
    const item = await messages.list.chat(id, jid)
    if (item === undefined) throw new HubError('CHAT_NOT_FOUND')
    return item
  }

  async function lastOf({ id }: SessionView, chat: Jid): Promise<LastMessage> {
    const [row] = await messages.list.page({ sessionId: id, chat }, 1, 0)
    if (row === undefined) return undefined
    const { whatsapp_id: whatsappId, sender_jid: sender, sent_at: sentAt } = row
    return { id: whatsappId, fromMe: row.from_me === 1, sender: tryParseJid(sender), sentAt }
  }

  async function changeOf(session: SessionView, chat: Jid, deed: ChatDeed): Promise<AppStateChange> {
    switch (deed.do) {
      case 'archive':
      case 'unarchive':
        return {
          set: 'archived',
          chat,
          to: deed.do === 'archive',
          last: await lastOf(session, chat),
        }
      case 'pin':
      case 'unpin':
        return { set: 'pinned', chat, to: deed.do === 'pin' }
      case 'mute':
        return { set: 'muted', chat, until: deed.until }
      case 'unmute':
        return { set: 'muted', chat, until: null }
      case 'read':
      case 'unread':
        return { set: 'read', chat, to: deed.do === 'read', last: await lastOf(session, chat) }
      case 'clear':
      case 'delete':
        break
    }
    return { set: 'emptied', chat, removed: deed.do === 'delete', last: await lastOf(session, chat) }
  }

  return {
    get,
    async setDisappearing(session, address, seconds) {
      const { id: sessionId } = session
      // A column that only canonical addresses are written to.
      const chat = (await get(session, address)).jid as Jid
      if (isGroup(chat)) await groups.update(session, chat, { ephemeralSeconds: seconds })
      else await askWhatsApp(sessions, sessionId, (link) => link.setDisappearing(chat, seconds))
      await database.write(async (tx) => {
        await chats.hold(tx, [sessionId])
        const jid = (await chats.addresses.canonical(tx, [{ sessionId, jid: chat }]))(sessionId, chat)
        const told = await chats.set(tx, { sessionId, jid, disappearingSeconds: seconds })
        if (told.length > 0) await events.append(tx, told)
      })
    },
    async set(session, address, deed) {
      const item = await get(session, address)
      // A column that only canonical addresses are written to.
      const chat = item.jid as Jid
      await askWhatsApp(sessions, session.id, async ({ appState }) => {
        // The authors first: what the account's devices share says it to them alone, and leaves nothing unread here.
        if (deed.do === 'read') await messages.markRead(session, chat)
        await appState.change(await changeOf(session, chat, deed))
      })
    },
  }
}
