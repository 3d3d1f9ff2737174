import { systemClock as clock } from 'inbox-hub/internal/platform/clock'
import { type Database, insertRows, openDatabase } from 'inbox-hub/internal/platform/database/index'
import { messageColumns } from 'inbox-hub/internal/messages/message-rows'
import { silentLog as log } from 'inbox-hub/internal/platform/log'
// Not the door of the search: behind it stands Baileys, which the bench loads without our runtime.
import { createIndexer } from 'inbox-hub/internal/search/indexer'
import { messageIndexOf } from 'inbox-hub/internal/search/message-index'

import { randomOf } from '../chaos/random.ts'

/** A session with messages, and the addresses of its chats. */
export interface SeededSession {
  id: number
  name: string
  chats: readonly string[]
}

const syllables = 'ba de fi go lu ma né pi ro sú ta ve xi ña cá mo ri se tu lo'.split(' ')

/** Words of two to five syllables, no two alike; they are used as words are, the n-th about 1/n as often as the first. */
export const vocabulary: readonly string[] = Array.from({ length: 20_000 }, (_, rank) => {
  // Every number has its own syllables; multiplied, neighbours do not look alike.
  let left = ((rank + 1) * 7_919) % 159_989
  let word = ''
  do {
    word += syllables[left % syllables.length] ?? ''
    left = Math.floor(left / syllables.length)
  } while (left > 0)
  return word
})

const yearMs = 365 * 86_400_000
/** Messages per chat, on average. */
const perChat = 500
/** Messages per transaction. */
const batch = 4_096

const insertMessages = insertRows('message', messageColumns)
const insertContacts = insertRows('contact', [
  'session_id',
  'jid',
  'number',
  'push_name',
  'saved_name',
  'verified_name',
  'hub_name',
  'tags',
  'notes',
  'assigned_to',
  'search',
  'updated_at',
])
const insertChats = insertRows('chat', [
  'session_id',
  'jid',
  'name',
  'unread_count',
  'message_count',
  'archived',
  'pinned',
  'muted_until',
  'last_message_id',
  'active_at',
])
const insertTally = insertRows('message_tally', [
  'session_id',
  'day',
  'from_me',
  'type',
  'status',
  'messages',
])

interface SeededChat {
  sessionId: number
  jid: string
  isGroup: boolean
  number: string
  count: number
  lastId: number
  lastAt: number
}

/** The store in `dataDir`, or at `url` on PostgreSQL, which no hub may have open. */
export function openStore({ dataDir, url }: { dataDir: string; url: string | undefined }): Promise<Database> {
  return openDatabase({ url, dataDir, log, clock })
}

/**
 * Writes `messages` messages of the last year into the sessions that exist, with their chats, contacts and counters as the hub would have
 * kept them: without the hub, because receiving them would take hours.
 */
export async function seedStore(database: Database, messages: number): Promise<readonly SeededSession[]> {
  const rows = await database.read.selectFrom('session').select(['id', 'session_id']).orderBy('id').execute()
  const perSession = Math.max(20, Math.round(messages / rows.length / perChat))
  const chats = rows.flatMap(({ id }) => Array.from({ length: perSession }, (_, n) => chatOf(id, n)))
  const tally = new Map<string, number>()
  const start = Date.now() - yearMs
  const restore = await dropIndexes(database, 'message')
  for (let from = 0; from < messages; from += batch) {
    const made = Array.from({ length: Math.min(batch, messages - from) }, (_, i) => {
      const sentAt = start + Math.floor(((from + i) / messages) * yearMs)
      return messageOf(from + i + 1, sentAt, chats[skewed(chats.length)]!)
    })
    for (const row of made) {
      const key = [
        row.session_id,
        Math.floor(row.sent_at / 86_400_000),
        row.from_me,
        row.type,
        row.status,
      ].join(' ')
      tally.set(key, (tally.get(key) ?? 0) + 1)
    }
    await database.write(async (tx) => void (await insertMessages.run(tx, made)))
  }
  await restore()
  await writeChats(database, chats)
  await database.write(async (tx) => {
    await insertTally.run(
      tx,
      [...tally].map(([key, count]) => {
        const [session, day, fromMe, type = '', status] = key.split(' ')
        return {
          session_id: Number(session),
          day: Number(day),
          from_me: Number(fromMe),
          type,
          status: status === 'read' ? ('read' as const) : ('received' as const),
          messages: count,
        }
      }),
    )
    await tx.db
      .insertInto('counter')
      .values({ name: 'message', value: messages })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: messages }))
      .execute()
  })
  return rows.map(({ id, session_id: name }) => ({
    id,
    name,
    chats: chats.filter((chat) => chat.sessionId === id && chat.count > 0).map(({ jid }) => jid),
  }))
}

/** An index made of what is there takes a tenth of the time of one that follows each row. Answers how to make them again. */
async function dropIndexes(database: Database, table: string): Promise<() => Promise<void>> {
  const { rows } =
    database.dialect === 'sqlite'
      ? await database.sql.execute(
          `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`,
          [table],
        )
      : await database.sql.execute(
          `SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE tablename = $1 AND indexname NOT LIKE '%_pkey'`,
          [table],
        )
  const inEach = async (statementOf: (index: { name: string; sql: string }) => string): Promise<void> => {
    // The columns of both statements.
    for (const index of rows as readonly { name: string; sql: string }[])
      await database.write(async (tx) => void (await tx.sql.execute(statementOf(index), [])))
  }
  await inEach(({ name }) => `DROP INDEX ${name}`)
  return () => inEach(({ sql }) => sql)
}

/** Adds people to the address book of a session. */
export async function seedContacts(database: Database, sessionId: number, count: number): Promise<void> {
  for (let from = 0; from < count; from += batch) {
    const rows = Array.from({ length: Math.min(batch, count - from) }, (_, i) => {
      const number = `34600100${String(from + i).padStart(7, '0')}`
      return contactOf(sessionId, `${number}@s.whatsapp.net`, number, Date.now() - yearMs + from + i)
    })
    await database.write(async (tx) => void (await insertContacts.run(tx, rows)))
  }
}

/** Indexes everything for the search, as the hub does it, but without its rests. */
export async function indexAll(database: Database): Promise<void> {
  await using indexer = createIndexer({ database, index: messageIndexOf(database), clock, log, batch })
  await indexer.catchUp(Number.POSITIVE_INFINITY)
}

async function writeChats(database: Database, chats: readonly SeededChat[]): Promise<void> {
  await database.write(async (tx) => {
    await insertChats.run(
      tx,
      chats.map(({ sessionId, jid, isGroup, count, lastId, lastAt }) => ({
        session_id: sessionId,
        jid,
        name: isGroup ? textOf(3) : null,
        unread_count: 0,
        message_count: count,
        archived: 0,
        pinned: 0,
        muted_until: null,
        last_message_id: count > 0 ? lastId : null,
        active_at: lastAt,
      })),
    )
    await insertContacts.run(
      tx,
      chats
        .filter(({ isGroup }) => !isGroup)
        .map(({ sessionId, jid, number, lastAt }) => contactOf(sessionId, jid, number, lastAt)),
    )
  })
}

function contactOf(sessionId: number, jid: string, number: string, updatedAt: number) {
  const name = textOf(2)
  const plain = name.normalize('NFD').replaceAll(/\p{M}/gu, '')
  return {
    session_id: sessionId,
    jid,
    number,
    push_name: name,
    saved_name: null,
    verified_name: null,
    hub_name: null,
    tags: '[]',
    notes: null,
    assigned_to: null,
    search: [plain, number, jid].join('\n'),
    updated_at: updatedAt,
  }
}

/** One chat in ten is a group. */
function chatOf(sessionId: number, n: number): SeededChat {
  const isGroup = n % 10 === 9
  // Longer than any number: it is nobody's.
  const number = `34600000${String(n).padStart(7, '0')}`
  const jid = isGroup ? `1203630${String(n).padStart(11, '0')}@g.us` : `${number}@s.whatsapp.net`
  return { sessionId, jid, isGroup, number, count: 0, lastId: 0, lastAt: Date.now() - yearMs }
}

function messageOf(id: number, sentAt: number, chat: SeededChat) {
  const fromMe = random(3) === 0 ? 1 : 0
  chat.count += 1
  chat.lastId = id
  chat.lastAt = sentAt
  const sender = chat.isGroup ? `34600000${String(random(50)).padStart(7, '0')}@s.whatsapp.net` : chat.jid
  return {
    id,
    session_id: chat.sessionId,
    chat_jid: chat.jid,
    sender_jid: fromMe === 1 ? '' : sender,
    from_me: fromMe,
    in_group: chat.isGroup ? 1 : 0,
    whatsapp_id: `3A${hex()}${hex()}`,
    type: random(12) === 0 ? 'image' : 'text',
    body: textOf(2 + random(16)),
    content: null,
    quoted_id: null,
    push_name: fromMe === 1 ? null : 'Customer',
    status: fromMe === 1 ? ('read' as const) : ('received' as const),
    via_hub: fromMe,
    is_read: 1,
    shown: 1,
    sent_at: sentAt,
    stored_at: sentAt,
  }
}

function textOf(words: number): string {
  return Array.from({ length: words }, () => vocabulary[zipf()] ?? '').join(' ')
}

/** The rank of a word: 1/n as often as the first. */
const zipf = (): number => Math.floor(vocabulary.length ** chance()) - 1

/** Some chats have most of the messages. */
const skewed = (below: number): number => Math.floor(below * chance() ** 2)

const random = (below: number): number => Math.floor(below * chance())

const hex = (): string =>
  Math.floor(chance() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
    .toUpperCase()

/** From 0 to below 1, the same in each run. */
const picks = randomOf('store')
const chance = (): number => picks.next()
