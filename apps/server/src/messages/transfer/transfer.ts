import { randomUUID } from 'node:crypto'

import { HubError } from '@inbox-hub/contract'
import { type Jid, parseJid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import type { Chats, LidMapping } from '../../chats/index.ts'
import type { Events, NewEvent } from '../../events/index.ts'
import type { MessageFiles } from '../../media/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, statement, type Tx } from '../../platform/database/index.ts'
import type { SessionView } from '../../sessions/index.ts'
import { erasedThere } from './erased.ts'
import { type Move, movePiece } from './moving.ts'

export interface TransferDeps {
  database: Database
  events: Pick<Events, 'append'>
  chats: Pick<
    Chats,
    'addresses' | 'adopt' | 'change' | 'erased' | 'hold' | 'learn' | 'lose' | 'read' | 'remove' | 'settings'
  >
  files: Pick<MessageFiles, 'forget' | 'move'>
  clock: Clock
}

/** Messages per transaction: other writers come in between. */
const pieceSize = 200

const newestOf = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select(({ fn }) => fn.max('id').as('id'))
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat),
)
const unsent = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('outbound')
    .innerJoin('message', 'message.id', 'outbound.message_id')
    .select('message.whatsapp_id as whatsappId')
    .where('outbound.settled_at', 'is', null)
    .where('message.session_id', '=', p.sessionId)
    .where('message.chat_jid', '=', p.chat)
    .limit(1),
)
const oldest = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select(['chat_jid', 'sender_jid', 'sent_at', 'stored_at'])
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .orderBy('sent_at')
    .orderBy('id')
    .limit(sql.lit(1)),
)
const authors = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select('sender_jid as jid')
    .distinct()
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('from_me', '=', sql.lit(0)),
)

export interface Transferred {
  /** As the session that has it now shows it. */
  chat: Jid
  messages: number
}

/**
 * Moves chats with their messages, files and what was done to them from one session to another of the same owner: the number that took
 * over answers in the conversation as it was. A message that both have is there once. In pieces, so that nobody waits for a large chat; a
 * move that was cut off goes on when it is asked for again.
 *
 * @throws {HubError} CHAT_NOT_FOUND, CHAT_HAS_UNSENT, CONTACT_ERASED; before anything moved
 */
export function createTransfer({ database, events, chats, files, clock }: TransferDeps) {
  async function refuse(
    from: SessionView,
    to: SessionView,
    addresses: readonly Jid[],
  ): Promise<readonly Jid[]> {
    const canonical = await chats.addresses.canonical(
      database,
      addresses.map((jid) => ({ sessionId: from.id, jid })),
    )
    const found = new Set<Jid>()
    for (const address of addresses) {
      const chat = canonical(from.id, address)
      if ((await chats.settings(database, from.id, chat)) === undefined)
        throw new HubError('CHAT_NOT_FOUND', { chatId: address })
      const waits = await unsent.first(database, { sessionId: from.id, chat })
      if (waits !== undefined)
        throw new HubError('CHAT_HAS_UNSENT', { chatId: address, messageId: waits.whatsappId })
      const erased = await erasedThere(database, chats, { from: from.id, to: to.id }, [address, chat])
      if (erased.isErased(chat) || erased.isErased(address)) {
        const first = await oldest.first(database, { sessionId: from.id, chat })
        // What they wrote since is a new conversation; without a message there is only what was known of them.
        if (first === undefined || erased.isGone(first))
          throw new HubError('CONTACT_ERASED', { chatId: address })
      }
      found.add(chat)
    }
    return [...found]
  }

  /** Which numbers the people of a chat have, where the other session does not know it otherwise. */
  async function introduce(
    tx: Tx,
    from: number,
    to: number,
    people: readonly Jid[],
  ): Promise<readonly NewEvent[]> {
    const told = await chats.addresses.shown(
      tx,
      people.map((jid) => ({ sessionId: from, jid })),
    )
    const pairs = people.map((lid) => ({ lid, pn: told(from, lid) })).filter(({ lid, pn }) => lid !== pn)
    const here = pairs.flatMap(({ lid, pn }) => [lid, pn].map((jid) => ({ sessionId: to, jid })))
    const [shown, canonical] = await Promise.all([
      chats.addresses.shown(tx, here),
      chats.addresses.canonical(tx, here),
    ])
    const news = pairs
      .filter(({ lid, pn }) => shown(to, lid) === lid && canonical(to, pn) === pn)
      .map(({ lid, pn }): LidMapping => ({ sessionId: to, lid, pn }))
    return chats.learn(tx, news)
  }

  /** Where the chat stands in both sessions as they know it now. */
  async function moveOf(tx: Tx, from: number, to: number, chat: Jid): Promise<Move> {
    await chats.hold(tx, [from, to])
    const canonical = await chats.addresses.canonical(tx, [
      { sessionId: from, jid: chat },
      { sessionId: to, jid: chat },
    ])
    return {
      from: { sessionId: from, chat: canonical(from, chat) },
      to: { sessionId: to, chat: canonical(to, chat) },
    }
  }

  async function transferOne(from: SessionView, to: SessionView, chat: Jid): Promise<Transferred> {
    // What comes later stands in a chat of its own: it was told of as the first session's.
    const through = (await newestOf.first(database, { sessionId: from.id, chat }))?.id ?? 0
    await database.write(async (tx) => {
      const people = (await authors.all(tx, { sessionId: from.id, chat })).map(({ jid }) => parseJid(jid))
      const erased = await erasedThere(tx, chats, { from: from.id, to: to.id }, people)
      const known = people.filter((jid) => jid === chat || !erased.isErased(jid))
      const told = await introduce(tx, from.id, to.id, [...new Set([chat, ...known])])
      if (told.length > 0) await events.append(tx, told)
    })
    let messages = 0
    const limits = { through, limit: pieceSize }
    for (let found = pieceSize; found === pieceSize;) {
      const piece = await database.write(async (tx) =>
        movePiece(tx, await moveOf(tx, from.id, to.id, chat), limits, { chats, files }),
      )
      found = piece.found
      messages += piece.moved
    }
    return database.write(async (tx) => {
      const move = await moveOf(tx, from.id, to.id, chat)
      const before = { sessionId: from.id, jid: move.from.chat }
      const now = { sessionId: to.id, jid: move.to.chat }
      const told = await chats.adopt(tx, before, now)
      await chats.remove(tx, from.id, move.from.chat)
      const shown = await chats.addresses.shown(tx, [before, now])
      const at = clock.now()
      const event = ({ sessionId, jid }: typeof now): NewEvent => ({
        sessionId,
        type: 'chat.transferred',
        at,
        // Nothing names one transfer: told once to each, in the transaction that ends it.
        id: `chat_transferred_${randomUUID()}`,
        data: {
          chatId: shown(sessionId, jid),
          fromSessionId: from.sessionId,
          toSessionId: to.sessionId,
          messages,
          timestamp: at,
        },
      })
      await events.append(tx, [...told, event(before), event(now)])
      return { chat: shown(to.id, move.to.chat), messages }
    })
  }

  return async (
    from: SessionView,
    to: SessionView,
    addresses: readonly Jid[],
  ): Promise<readonly Transferred[]> => {
    const moved: Transferred[] = []
    for (const chat of await refuse(from, to, addresses)) moved.push(await transferOne(from, to, chat))
    return moved
  }
}
