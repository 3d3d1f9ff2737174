import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import type { Database } from '../platform/database/index.ts'
import { readMigrations } from '../platform/database/migrations.ts'
import { databases } from '../platform/testing/databases.ts'
import { createContactList } from './contact-list.ts'
import { candidates } from './contact-trigrams.ts'
import { folded, insertContacts, newContact, writeContact } from './contacts.ts'

const names = ['José Núñez', 'Ana Ruiz', 'Zoë O’Neill "Zed"', '100%_sure\\', '山田太郎', null]
const of = { id: 1, phoneNumber: '12025550100' }
const numberAt = (n: number): string => `1202555${String(n).padStart(4, '0')}`

/** Contacts of two sessions, by turns with each of the names; every tenth without a number. */
async function fill(database: Database, count: number): Promise<void> {
  for (const sessionId of [1, 40_000]) {
    const rows = Array.from({ length: count }, (_, n) => {
      const jid = parseJid(`${777_000_000 + n * 37}@lid`)
      const number = n % 10 === 9 ? null : numberAt(n)
      const name = names[n % names.length] ?? null
      return newContact(sessionId, jid, number, { pushName: name === null ? null : `${name} ${n}` }, n >> 2)
    })
    await database.write((tx) => insertContacts(tx, rows))
  }
}

databases('the contact list', ({ open, place, dialect }) => {
  test('knows the contacts of before the upgrade', async () => {
    await using there = await place()
    const migrations = (await readMigrations()).filter(({ name }) => name < '0021')
    {
      await using before = await there.open({ migrations })
      await fill(before, 1_200)
    }
    await using database = await there.open()
    const list = createContactList(database)
    expect(await list.stats(of)).toEqual({ people: 1_079, named: 919, groups: 0 })
    expect((await list.page(of, { search: 'nunez 102', limit: 9, offset: 0 })).total).toBe(3)
    expect(await candidates(database, 40_000, ['nunez 102'])).toHaveLength(3)
  })

  test('finds and counts what looking at every contact finds, also after changes', async () => {
    await using database = await open()
    await fill(database, 2_400)
    const list = createContactList(database)
    const all = async (sessionId: number) =>
      database.read.selectFrom('contact').selectAll().where('session_id', '=', sessionId).execute()

    async function compare(): Promise<void> {
      const listed = (await all(1))
        .filter(({ number }) => number !== null && number !== of.phoneNumber)
        .sort((one, other) => other.updated_at - one.updated_at || (one.jid < other.jid ? 1 : -1))
      const named = listed.filter((row) => (row.hub_name ?? row.saved_name ?? row.push_name) !== null)
      expect(await list.stats(of)).toEqual({ people: listed.length, named: named.length, groups: 0 })
      const texts = [
        'jose',
        'NÚÑ',
        'z 12',
        '"zed" 8',
        '%_s',
        'sure\\ 3',
        '太',
        '山田太',
        '5550',
        '55512',
        '77',
        'ñez 1000',
        'nobody',
      ]
      for (const search of [undefined, 'renamed', ...texts]) {
        const expected = listed.filter((row) => search === undefined || row.search.includes(folded(search)))
        for (const offset of [0, 7]) {
          const page = await list.page(of, { search, limit: 20, offset })
          const counted = search === undefined ? expected.length : Math.min(expected.length, 1_000)
          expect([search, page.total, page.isExact]).toEqual([search, counted, counted === expected.length])
          expect(page.contacts.map(({ jid }) => jid)).toEqual(
            expected.slice(offset, offset + 20).map(({ jid }) => jid),
          )
        }
      }
    }
    await compare()
    // The index decides for what few have, and says so where it cannot.
    const having = (await all(1)).filter(({ search }) => search.includes('55512')).map(({ jid }) => jid)
    expect(having.length).toBeGreaterThan(80)
    expect(await candidates(database, 1, ['55512'])).toEqual(expect.arrayContaining(having))
    expect(await candidates(database, 2, ['55512'])).toEqual([])
    expect(await candidates(database, 1, ['12025'])).toBeUndefined()
    expect(await candidates(database, 1, ['77'])).toBeUndefined()

    const rows = await all(1)
    await database.write(async (tx) => {
      for (const row of rows.slice(0, 60)) {
        await writeContact(tx, row.jid, {
          ...row,
          hub_name: row.push_name === null ? 'Renamed' : null,
          push_name: null,
          number: row.number === null ? '447700900123' : row.number.endsWith('3') ? null : row.number,
          jid: `9${row.jid}`,
          updated_at: 5_000,
        })
      }
      for (const { jid } of rows.slice(100, 140)) {
        await tx.db.deleteFrom('contact').where('session_id', '=', 1).where('jid', '=', jid).execute()
      }
    })
    await compare()
  })

  test('stops counting what very many have, and says so, until the last page', async () => {
    await using database = await open()
    const people = 1_060 // one of them is the session itself
    const rows = Array.from({ length: people }, (_, n) =>
      newContact(1, parseJid(`${777_000_000 + n}@lid`), numberAt(n), { pushName: `Ana ${n}` }, n),
    )
    await database.write((tx) => insertContacts(tx, rows))
    const page = (offset: number) => createContactList(database).page(of, { search: 'an', limit: 50, offset })
    expect(await page(0)).toMatchObject({ total: 1_000, isExact: false })
    expect(await page(1_000)).toMatchObject({ total: 1_051, isExact: false })
    expect(await page(1_050)).toMatchObject({ total: people - 1, isExact: true })
  })

  test('reads pages, counts and searches by index', async () => {
    await using database = await open()
    await fill(database, 2_400)
    const ran: { text: string; values: readonly unknown[] }[] = []
    const noting: Database = {
      ...database,
      dialect: database.dialect,
      read: database.read.withPlugin({
        transformQuery: ({ node }) => {
          const { sql: text, parameters } = database.read
            .getExecutor()
            .compileQuery(node, { queryId: 'noted' })
          ran.push({ text, values: parameters })
          return node
        },
        transformResult: async ({ result }) => result,
      }),
      sql: {
        dialect: database.dialect,
        execute(text, values) {
          ran.push({ text, values })
          return database.sql.execute(text, values)
        },
      },
      write: (work) => database.write(work),
      probe: () => database.probe(),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    }
    const list = createContactList(noting)
    const plans = async (): Promise<string> => {
      const lines: string[] = []
      for (const { text, values } of ran.splice(0)) {
        const { rows } = await database.sql.execute(
          `${dialect === 'sqlite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN'} ${text}`,
          values,
        )
        // The columns that EXPLAIN has on either store.
        for (const row of rows as readonly Record<string, string>[]) {
          lines.push(row['detail'] ?? row['QUERY PLAN'] ?? '')
        }
      }
      return lines.join('\n')
    }
    if (dialect === 'postgres') await database.sql.execute('ANALYZE contact', [])

    await list.page(of, { search: undefined, limit: 20, offset: 20 })
    const page = await plans()
    expect(page).toMatch(/contact_listed|contact_recent/)
    expect(page).not.toMatch(/SCAN|Seq Scan on contact\b|TEMP B-TREE/)
    await list.page(of, { search: '55512', limit: 20, offset: 0 })
    const rare = await plans()
    expect(rare).toMatch(dialect === 'sqlite' ? /SCAN contact_trigram VIRTUAL TABLE/ : /contact_trigram/)
    expect(rare).not.toMatch(/SCAN contact\b|Seq Scan/)
    if (dialect === 'sqlite') {
      await list.page(of, { search: '12', limit: 20, offset: 0 })
      const reads = (await plans()).split('\n').filter((line) => /\bcontact\b/.test(line))
      expect(reads.length).toBeGreaterThan(2)
      for (const read of reads)
        expect(read).toMatch(/USING COVERING INDEX contact_listed|\(session_id=\? AND jid=\?\)/)
    }
  })
})
