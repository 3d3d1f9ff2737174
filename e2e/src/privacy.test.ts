import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { endpoints } from '@inbox-hub/contract'
import pg from 'pg'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ours = '+447700900100'
const number = '+12025550123'
const digits = '12025550123'
const params = { sessionId: 'support', contactId: digits }
const longAgo = Date.UTC(2026, 9, 1)

/** What must be found before, and not after. */
const texts = [
  'Anabel',
  'quibblesome',
  'zanzibarbaric',
  'flabbergast',
  'numinously',
  'oldspeak',
  'Kumquat',
  digits,
]

describe.each(stores)('a contact on %s', (store) => {
  test('is exported whole, and erased: from every table, from what others quoted, and for the history of the phone', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const ana = hub.emulator.phone(number)
    const ben = hub.emulator.phone('+12025550124')
    ana.setsPushName('Anabel')
    const phone = hub.emulator.phone(ours)
    phone.remembers(number, { id: 'OLD', text: 'oldspeak', at: longAgo, pushName: 'Anabel' })
    const support = await hub.pairSession('support', { number: ours })
    const group = hub.emulator.group('Lunch', [ours, number, ben.number])
    const picture = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10]), randomBytes(5000)])
    const sent = [
      ana.sends(support, 'quibblesome'),
      ana.sendsMedia(support.number, { media: 'image', bytes: picture, caption: 'zanzibarbaric' }),
      ana.sends(group.jid, 'flabbergast'),
    ]
    await hub.webhook.received('message.received', 3)
    const heard = await eventually(
      () => ben.messages.find(({ id }) => id === sent[2]?.id),
      () => 'Ben did not hear it',
    )
    ben.sends(group.jid, { text: `So says @${digits}`, quoted: heard, mentions: [number] })
    await hub.webhook.received('message.received', 4)
    await support.sends(ana, 'numinously')
    await ana.receives('numinously')
    await hub.api.call(endpoints.updateContact, { params: { contactId: digits }, body: { notes: 'Kumquat' } })
    const { url } = await hub.api.call(endpoints.getMessageMedia, {
      params: { sessionId: 'support', messageId: sent[1]?.id ?? '' },
    })
    expect((await fetch(url)).status).toBe(200)
    const found = async (query: string): Promise<number> => {
      const { messages } = await hub.api.call(endpoints.searchAll, { query: { q: query } })
      return messages.length
    }
    expect(await found('quibblesome')).toBe(1)

    const lines = (await (await hub.api.raw(endpoints.exportContact, { params })).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string })
    expect(lines.at(-1)).toEqual({ kind: 'end', data: {} })
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(
      new Set([
        'person',
        'contact',
        'lid_mapping',
        'chat',
        'wa_group_member',
        'message',
        'message_receipt',
        'media',
        'event',
        'webhook_delivery',
        'end',
      ]),
    )
    for (const text of texts) expect(JSON.stringify(lines)).toContain(text)

    const seen = { lid: ana.lid.split('@')[0] ?? '' }
    expect(missing(await dumpOf(hub), [...texts, seen.lid])).toEqual([])
    for (const confirm of [undefined, '12025550124']) {
      await expect(
        hub.api.call(endpoints.eraseContact, { params, body: confirm === undefined ? {} : { confirm } }),
      ).rejects.toMatchObject({ code: 'ERASURE_NOT_CONFIRMED' })
    }
    const { erased } = await hub.api.call(endpoints.eraseContact, { params, body: { confirm: number } })
    expect(erased).toMatchObject({ messages: 5, redacted: 1 })
    expect(await found('quibblesome')).toBe(0)
    expect((await fetch(url)).status).toBe(404)
    const gone = [...texts, seen.lid]
    expect(missing(await dumpOf(hub), gone)).toEqual(gone)
    const { messages } = await hub.api.call(endpoints.listChatMessages, {
      params: { sessionId: 'support', chatId: group.jid },
    })
    expect(messages.map(({ body }) => body)).toEqual(['So says @0'])

    // The phone tells its history again, and the person writes again: the one stays out, the other is told.
    const syncs = async (): Promise<number> => {
      const { events } = await hub.api.call(endpoints.listEvents, {
        query: { types: 'session.sync', limit: 1000 },
      })
      return events.filter(({ data }) => data['state'] === 'done').length
    }
    const before = await syncs()
    await hub.api.call(endpoints.disconnectSession, { params: { ref: 'support' }, body: { logout: true } })
    await hub.api.call(endpoints.connectSession, { params: { ref: 'support' } })
    const { qr } = await hub.api.call(endpoints.getQr, {
      params: { ref: 'support' },
      query: { wait: 25_000 },
    })
    await phone.scan(qr)
    await support.reaches('online')
    await eventually(
      async () => ((await syncs()) > before ? true : undefined),
      () => 'the history was not told again',
    )
    // Which LID a number has is told too, and kept with the keys: groups need it.
    const said = texts.filter((text) => text !== digits)
    expect(missing(await dumpOf(hub), said)).toEqual(said)
    const { contacts } = await hub.api.call(endpoints.listContacts, { params: { sessionId: 'support' } })
    expect(contacts.filter(({ number }) => number === digits)).toEqual([])
    const { chats } = await hub.api.call(endpoints.listChats, { params: { sessionId: 'support' } })
    expect(chats.filter(({ chatId }) => chatId.startsWith(digits))).toEqual([])
    ana.sends(support, 'here again')
    await hub.webhook.received('message.received', 5)
    const again = await hub.api.call(endpoints.listChatMessages, {
      params: { sessionId: 'support', chatId: digits },
    })
    expect(again.messages.map(({ body }) => body)).toEqual(['here again'])
  })
})

/** Which of `wanted` are in no row of the store. */
function missing(dump: string, wanted: readonly string[]): string[] {
  return wanted.filter((text) => !dump.toLowerCase().includes(text.toLowerCase()))
}

/** Every row of every table, those of the search index too. */
async function dumpOf({ dataDir, env }: Hub): Promise<string> {
  const url = env['DATABASE_URL']
  if (url === undefined) {
    using database = new DatabaseSync(join(dataDir, 'inbox-hub.db'), { readOnly: true })
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all()
    return tables
      .flatMap(({ name }) => {
        const rows = database.prepare(`SELECT * FROM "${String(name)}"`)
        rows.setReadBigInts(true)
        return rows.all()
      })
      .flatMap((row) => Object.values(row))
      .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)))
      .join('\n')
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
    )
    const dump = []
    for (const { name } of rows) {
      const found = await client.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`)
      dump.push(...found.rows.map(({ row }) => row))
    }
    return dump.join('\n')
  } finally {
    await client.end()
  }
}
