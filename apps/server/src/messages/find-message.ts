import { tryParseJid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import { type Database, statement } from '../platform/database/index.ts'
import { type MessageRow, messagesByWhatsappId } from './message-rows.ts'

export interface MessageFinder {
  /**
   * The message that an id in a path or body means, among sessions: WhatsApp's id, our number, or the old `true_<jid>_<id>[_out]`. Of
   * several under one WhatsApp id (senders choose them) the newest that is shown. Undefined when there is none.
   */
  find(sessionIds: readonly number[], id: string): Promise<MessageRow | undefined>
}

const byId = statement((db, p: { id: number }) =>
  db.selectFrom('message').selectAll().where('id', '=', p.id).where('shown', '=', 1),
)

export function createMessageFinder(database: Database, chats: Pick<Chats, 'addresses'>): MessageFinder {
  async function byWhatsappId(
    sessionIds: readonly number[],
    whatsappId: string,
    matches: (row: MessageRow) => boolean = () => true,
  ): Promise<MessageRow | undefined> {
    const found = await Promise.all(
      sessionIds.map((sessionId) => messagesByWhatsappId.all(database, { sessionId, whatsappId })),
    )
    return found
      .flat()
      .filter((row) => row.shown === 1 && matches(row))
      .sort((left, right) => right.id - left.id)[0]
  }

  return {
    async find(sessionIds, id) {
      const direct = await byWhatsappId(sessionIds, id)
      if (direct !== undefined) return direct
      if (/^\d{1,15}$/.test(id)) {
        const row = await byId.first(database, { id: Number(id) })
        return row !== undefined && sessionIds.includes(row.session_id) ? row : undefined
      }
      const old = /^(true|false)_([^_]+)_([^_]+)(?:_.*)?$/.exec(id)
      if (old === null) return undefined
      const [, fromMe, address = '', whatsappId = ''] = old
      const jid = tryParseJid(address)
      if (jid === undefined) return undefined
      const canonical = await chats.addresses.canonical(
        database,
        sessionIds.map((sessionId) => ({ sessionId, jid })),
      )
      return byWhatsappId(
        sessionIds,
        whatsappId,
        (row) =>
          row.chat_jid === canonical(row.session_id, jid) && row.from_me === (fromMe === 'true' ? 1 : 0),
      )
    },
  }
}
