import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import type { Database } from '../platform/database/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { eraseMessagesOf, eraseReceiptsOf, redactMessages } from './erase.ts'
import { messagesOf, receiptsBy } from './of-person.ts'
import { noFiles } from './testing/no-files.ts'
import { noting } from './testing/noting.ts'

const ana = parseJid('777000111@lid')
const ben = parseJid('777000222@lid')
const group = parseJid('120363000000000001@g.us')
const person = { sessionId: 1, jids: [ana, parseJid('12025550123@s.whatsapp.net')] }
/** More than two pages of each kind, many of them of the same moment. */
const count = 2100

/** In turns: from Ana in a group, from us to the group, from Ben to us; and receipts of both for what is ours. */
async function fill(database: Database): Promise<void> {
  const messages = Array.from({ length: count }, (_, n) => {
    const [kind, id] = [n % 3, n + 1]
    return {
      id,
      session_id: 1 + Number(n >= count - 30),
      chat_jid: kind === 2 ? ben : group,
      sender_jid: kind === 0 ? ana : kind === 2 ? ben : '',
      from_me: Number(kind === 1),
      in_group: Number(kind !== 2),
      whatsapp_id: `M${id}`,
      type: 'text',
      body: `Number ${id}`,
      content: null,
      quoted_id: null,
      push_name: null,
      status: kind === 1 ? ('sent' as const) : ('received' as const),
      via_hub: 0,
      is_read: 1,
      shown: 1,
      sent_at: 1_700_000_000_000 + Math.floor(n / 700),
      stored_at: 1_700_000_000_000,
    }
  })
  const receipts = messages
    .filter(({ from_me: fromMe }) => fromMe === 1)
    .flatMap(({ id, session_id: sessionId }) =>
      [ana, ben].map((jid) => ({
        message_id: id,
        session_id: sessionId,
        jid,
        delivered_at: 1_700_000_000_001,
        read_at: null,
        played_at: null,
      })),
    )
  await database.write(async ({ db }) => {
    for (let n = 0; n < messages.length; n += 300)
      await db
        .insertInto('message')
        .values(messages.slice(n, n + 300))
        .execute()
    for (let n = 0; n < receipts.length; n += 300)
      await db
        .insertInto('message_receipt')
        .values(receipts.slice(n, n + 300))
        .execute()
  })
}

async function all<Row>(pages: AsyncIterable<readonly Row[]>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const page of pages) rows.push(...page)
  return rows
}

databases('what a session has of one person', ({ open }) => {
  test('is all found, each once, page by page, and nothing of other sessions and people', async () => {
    await using database = await open()
    await fill(database)
    const written = await all(messagesOf(database, person))
    expect(new Set(written.map(({ id }) => id)).size).toBe(690)
    expect(written).toHaveLength(690)
    expect(written.every((row) => row.sender_jid === ana && row.session_id === 1)).toBe(true)
    const toBen = await all(messagesOf(database, { sessionId: 1, jids: [ben] }))
    expect([toBen.length, new Set(toBen.map(({ id }) => id)).size]).toEqual([690, 690])
    const receipts = await all(receiptsBy(database, person))
    expect([receipts.length, new Set(receipts.map((row) => row.message_id)).size]).toEqual([690, 690])
    expect(await eraseReceiptsOf(database, person)).toBe(690)
    expect(await all(receiptsBy(database, person))).toEqual([])
    const left = await database.read.selectFrom('message_receipt').select(['jid', 'session_id']).execute()
    expect(left.filter(({ jid, session_id: id }) => jid === (ana as string) && id === 1)).toEqual([])
    expect(left).toHaveLength(700 + 10)
    const redact = { text: (text: string) => text.replace(/0$/, 'x'), json: (json: string) => json }
    expect(await redactMessages(database, 1, redact)).toBe(207)
  })

  test('is found by index, each page from where the last one ended', async () => {
    await using database = await open()
    const texts = new Set<string>()
    const noted = noting(database, texts)
    await fill(database)
    await all(messagesOf(noted, person))
    await eraseReceiptsOf(noted, person)
    await eraseMessagesOf({ database: noted, chats: noChats, files: noFiles }, person)
    await redactMessages(noted, 1, { text: (text) => text, json: (json) => json })
    for (const text of texts) expect(await plan(database, text)).not.toMatch(slow)
    expect(texts.size).toBeGreaterThan(4)
  })
})

const noChats = { hold: async () => {}, lose: async () => {} }

/** All of a table, all that a session has of it, or sorted anew for each page. */
const slow = /^SCAN (?!json)|\(session_id=\?\)|TEMP B-TREE|Seq Scan on message|Cond: \(session_id = [^)]*\)$/m

async function plan(database: Database, text: string): Promise<string> {
  if (database.dialect === 'sqlite') {
    const values = Array.from({ length: text.split('?').length - 1 }, () => null)
    const { rows } = await database.sql.execute(`explain query plan ${text}`, values)
    return (rows as readonly { detail: string }[]).map(({ detail }) => detail).join('\n')
  }
  // Whatever there is few of is scanned; what would be if it were many is asked.
  return database.write(async (tx) => {
    await tx.sql.execute('set local enable_seqscan = off', [])
    await tx.sql.execute('set local plan_cache_mode = force_generic_plan', [])
    await tx.sql.execute(`prepare looked_at as ${text}`, [])
    const nulls = Array.from(new Set(text.match(/\$\d+/g) ?? []), () => 'null').join(', ')
    const { rows } = await tx.sql.execute(`explain execute looked_at(${nulls})`, [])
    await tx.sql.execute('deallocate looked_at', [])
    return (rows as readonly Record<string, string>[]).map((row) => row['QUERY PLAN']).join('\n')
  })
}
