import { endpoints } from '@inbox-hub/contract'
import { type Jid, parseJid } from '@inbox-hub/whatsapp'
import fc from 'fast-check'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'

import { createPeopleSearch } from '../chats/index.ts'
import { noExtras } from '../chats/testing/no-extras.ts'
import { createWires } from '../messages/index.ts'
import { noFiles } from '../messages/testing/no-files.ts'
import { startFixture } from '../messages/testing/messages-fixture.ts'
import { me, type ScriptedEntry } from '../messages/testing/scripted-sessions.ts'
import { systemClock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import { createHttp } from '../platform/http/index.ts'
import { silentLog } from '../platform/log.ts'
import { databases } from '../platform/testing/databases.ts'
import { createSearch, searchRoutes } from './index.ts'
import { askedWords } from './words.ts'

const ana = { pn: parseJid('12025550123@s.whatsapp.net'), lid: parseJid('777000111@lid') }
const ben = parseJid('447700900124@s.whatsapp.net')
const group = parseJid('120363000000000001@g.us')
const epoch = Date.UTC(2026, 0, 1)
const hour = 3_600_000

/** The search beside the modules it reads from, behind a real server. */
async function startSearch(open: () => Promise<Database>) {
  await using made = new AsyncDisposableStack()
  const hub = made.use(await startFixture(open))
  const { database, chats, clock, messages, sessions } = hub
  const metrics = new Registry()
  const own = (sessionId: number) => {
    const view = sessions.view(sessionId)
    return { pn: view?.mePn, lid: view?.meLid }
  }
  const search = made.use(createSearch({ database, chats, own, clock, log: silentLog, metrics }))
  const http = made.use(
    createHttp({
      log: silentLog,
      clock: systemClock,
      metrics: new Registry(),
      authenticate: (key) => (key === 'key' ? { ownerId: 1 } : undefined),
    }),
  )
  searchRoutes(http, {
    sessions,
    messages,
    people: createPeopleSearch(database),
    search,
    extras: noExtras,
    wires: createWires({
      database,
      chats,
      extras: noExtras,
      own,
      list: messages.list,
      waiting: () => undefined,
      links: noFiles.links,
      clock,
    }),
  })
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 })
  const all = made.move()

  async function call(query: Record<string, string>, session = '1') {
    const response = await fetch(`${url}/api/search/${session}?${new URLSearchParams(query).toString()}`, {
      headers: { 'x-api-key': 'key', 'accept-language': 'en' },
    })
    // Tests look into answers freely: what is not there is undefined and fails the expectation.
    const json = (await response.json()) as Record<string, any> // oxlint-disable-line typescript/no-explicit-any
    if (response.ok) {
      expect(endpoints.searchSession.success.data.safeParse(json['data']).error).toBeUndefined()
    }
    return { status: response.status, code: json['code'] as unknown, data: json['data'] }
  }

  return {
    hub,
    search,
    metrics,
    call,
    /** Lets texts arrive, each with an id of its own, an hour after the one before. */
    async receive(...texts: (string | (Partial<ScriptedEntry> & { text: string }))[]) {
      hub.sessions.arrive(
        texts.map((given, i): ScriptedEntry => {
          const { text, ...rest } = typeof given === 'string' ? { text: given } : given
          const entry = {
            kind: 'message',
            chat: ana.pn,
            id: `${text.slice(0, 20)}#${i}`,
            sentAt: epoch + i * hour,
            content: { kind: 'text', text },
          } as const
          // Of the kind `message`, whatever else the test says of it.
          return { ...entry, ...rest } as ScriptedEntry
        }),
      )
      await hub.projected()
    },
    async texts(query: Record<string, string>, session?: string): Promise<readonly string[]> {
      const { data } = await call(query, session)
      return data.messages.map(({ message }: { message: { body: string } }) => message.body)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

databases('the search', ({ open, dialect }) => {
  test('finds messages by the beginnings of their words, without accents and capitals, as soon as they are stored', async () => {
    await using app = await startSearch(open)
    await app.receive('La FACTURA de José', 'la factura pagada', 'nada')
    expect(await app.texts({ q: 'factura' })).toEqual(['la factura pagada', 'La FACTURA de José'])
    expect(await app.texts({ q: 'JOSE fact' })).toEqual(['La FACTURA de José'])
    expect(await app.texts({ q: 'josé  paga' })).toEqual([])
    // SQLite's index knows beginnings of eight characters: the rest is looked at in the text.
    await app.receive('informatica', 'informativo')
    expect(await app.texts({ q: 'informati' })).toEqual(['informativo', 'informatica'])
    expect(await app.texts({ q: 'informatic' })).toEqual(['informatica'])
    await app.receive('otra factura más')
    const { data } = await app.call({ q: 'mas' })
    expect(data.messages[0]).toMatchObject({
      sessionId: 'session-1',
      snippet: 'otra factura más',
      highlights: [{ start: 13, end: 16 }],
      message: { chatId: ana.pn, body: 'otra factura más' },
    })
    expect(data).toMatchObject({ nextCursor: null, pendingMessages: 0, query: 'mas' })
  })

  test('keeps to the session, and to chat, sender, recipient, type and period', async () => {
    await using app = await startSearch(open)
    const link = app.hub.sessions.online()
    await app.receive(
      { text: 'order one' },
      { text: 'order two', chat: ben },
      { text: 'order three', chat: group, sender: ana.pn },
      { text: 'order four', sessionId: 2 },
    )
    await app.hub.messages.send(
      app.hub.session,
      [
        {
          to: ben,
          content: { kind: 'text', text: 'order five' },
          mentions: [],
          quotedId: undefined,
          idempotencyKey: 'k',
        },
      ],
      { language: 'en', signal: undefined },
    )
    expect(link.written).toHaveLength(1)
    const found = async (query: Record<string, string>) =>
      (await app.texts({ q: 'order', ...query })).toSorted()
    expect(await found({})).toEqual(['order five', 'order one', 'order three', 'order two'])
    expect(await app.texts({ q: 'order' }, '2')).toEqual(['order four'])
    expect(await found({ chatId: '12025550123' })).toEqual(['order one'])
    expect(await found({ chatId: group })).toEqual(['order three'])
    expect(await found({ from: ana.pn })).toEqual(['order one', 'order three'])
    expect(await found({ from: me.pn })).toEqual(['order five'])
    expect(await found({ to: ben })).toEqual(['order five'])
    expect(await found({ to: me.pn })).toEqual(['order one', 'order two'])
    expect(await found({ type: 'image' })).toEqual([])
    expect(
      await found({ type: 'text', startDate: String(epoch + 1), endDate: String(epoch + 2 * hour) }),
    ).toEqual(['order three', 'order two'])
  })

  test('pages stand still while messages arrive, by time and by relevance', async () => {
    await using app = await startSearch(open)
    await app.receive(...Array.from({ length: 25 }, (_, i) => `note ${i}`))
    for (const order of ['newest', 'relevance']) {
      const seen: string[] = []
      let cursor = ''
      do {
        const { data } = await app.call({
          q: 'note',
          limit: '10',
          order,
          ...(cursor === '' ? {} : { cursor }),
        })
        seen.push(...data.messages.map(({ message }: { message: { body: string } }) => message.body))
        cursor = data.nextCursor ?? ''
        await app.receive({ text: `note late ${order} ${seen.length}`, sentAt: epoch + 100 * hour })
      } while (cursor !== '')
      const first = seen.filter((text) => !text.includes('late'))
      expect(first).toEqual(
        Array.from({ length: 25 }, (_, i) => `note ${24 - i}`).filter((text) => first.includes(text)),
      )
      expect(new Set(seen).size).toBe(seen.length)
      expect(first).toHaveLength(25)
    }
  })

  test('by relevance, whole words and words beside each other come first', async () => {
    await using app = await startSearch(open)
    await app.receive('red car', 'a car that is red, I think', 'redder cars')
    expect(await app.texts({ q: 'red car', order: 'relevance' })).toEqual([
      'red car',
      'a car that is red, I think',
      'redder cars',
    ])
  })

  test('follows what is filled in, edited, removed and purged', async () => {
    await using app = await startSearch(open)
    const { hub } = app
    hub.sessions.arrive([{ kind: 'undecryptable', chat: ana.pn, id: 'late' }])
    await hub.projected()
    await app.receive('tomato one', 'tomato two')
    expect(await app.texts({ q: 'tomato' })).toEqual(['tomato two', 'tomato one'])
    hub.sessions.arrive([
      {
        kind: 'message',
        chat: ana.pn,
        id: 'late',
        content: { kind: 'text', text: 'tomato late' },
        sentAt: epoch,
      },
    ])
    await hub.projected()
    expect(await app.texts({ q: 'late' })).toEqual(['tomato late'])
    await hub.database.write((tx) =>
      tx.db.updateTable('message').set({ body: 'potato one' }).where('body', '=', 'tomato one').execute(),
    )
    expect(await app.texts({ q: 'potato' })).toEqual(['potato one'])
    expect(await app.texts({ q: 'one tomato' })).toEqual([])
    const row = await hub.messages.finder.find([1], 'late')
    if (row !== undefined) await hub.messages.remove(row)
    expect(await app.texts({ q: 'tomato' })).toEqual(['tomato two'])
    await hub.database.write((tx) => hub.sessions.purge(tx, 1))
    expect(await app.texts({ q: 'tomato' })).toEqual([])
    await app.search.catchUp(1_000)
    expect(await entries(hub.database)).toBe(0)
  })

  test('finds a chat by both addresses after its LID was learnt', async () => {
    await using app = await startSearch(open)
    await app.receive('hello before')
    expect(await app.texts({ q: 'hello', chatId: ana.pn })).toEqual(['hello before'])
    await app.receive({ text: 'hello after', chat: ana.lid, chatAlt: ana.pn, sentAt: epoch + 9 * hour })
    for (const chatId of [ana.pn, ana.lid]) {
      expect(await app.texts({ q: 'hello', chatId })).toEqual(['hello after', 'hello before'])
      expect(await app.texts({ q: 'hello', from: chatId })).toEqual(['hello after', 'hello before'])
    }
  })

  test('finds chats and contacts by name and by digits, groups by their name', async () => {
    await using app = await startSearch(open)
    await app.receive(
      { text: 'hi', pushName: 'Ana Núñez' },
      { text: 'hi', chat: ben, pushName: 'Ben' },
      { text: 'hi', chat: group, sender: ben },
    )
    await app.hub.database.write((tx) =>
      tx.db.updateTable('chat').set({ name: 'Família 100%' }).where('jid', '=', group).execute(),
    )
    const names = async (q: string) => {
      const { data } = await app.call({ q, in: 'chats,contacts' })
      expect(data.messages).toEqual([])
      return [
        data.chats.map(({ chat }: { chat: { name: string } }) => chat.name),
        data.contacts.map(({ contact }: { contact: { name: string } }) => contact.name),
      ]
    }
    expect(await names('nunez')).toEqual([['Ana Núñez'], ['Ana Núñez']])
    expect(await names('+44 7700 90')).toEqual([['Ben'], ['Ben']])
    expect(await names('familia')).toEqual([['Família 100%'], []])
    expect(await names('100%')).toEqual([['Família 100%'], []])
    expect(await names('%')).toEqual([['Família 100%'], []])
  })

  test('makes a missing index anew', async () => {
    await using app = await startSearch(open)
    await app.receive('first')
    expect(await app.texts({ q: 'first' })).toEqual(['first'])
    await app.hub.database.write(async (tx) => void (await tx.sql.execute('DROP TABLE search_message', [])))
    await app.receive('second')
    expect(await app.texts({ q: 'first' })).toEqual(['first'])
    expect(await app.texts({ q: 'second' })).toEqual(['second'])
  })

  test('indexes by itself, and says in the metrics how far it is behind', async () => {
    await using app = await startSearch(open)
    const lag = async () => /^inbox_hub_search_lag (\d+)$/m.exec(await app.metrics.metrics())?.[1]
    await app.receive('one', 'two')
    expect(await lag()).toBe('2')
    app.search.start()
    await expect
      .poll(async () => {
        await app.hub.clock.advance(1_000)
        return lag()
      })
      .toBe('0')
  })

  test('counts no further than it has to how much has changed', async () => {
    await using app = await startSearch(open)
    await app.hub.database.write(async (tx) => {
      const rows = Array.from({ length: 12_000 }, (_, n) => ({ message_id: n + 1, sent_at: 1 }))
      for (let n = 0; n < rows.length; n += 1000)
        await tx.db
          .insertInto('search_change')
          .values(rows.slice(n, n + 1000))
          .execute()
    })
    expect(await app.metrics.metrics()).toMatch(/^inbox_hub_search_lag 10000$/m)
  })

  test('no text breaks a query, and every text is found by its own words', async () => {
    await using app = await startSearch(open)
    const nasty = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
      fc
        .array(
          fc.constantFrom(
            '"',
            "'",
            '*',
            '(',
            ')',
            ':',
            '&',
            '|',
            '!',
            '<->',
            'AND',
            'OR',
            'NOT',
            'NEAR(',
            '\\',
            '\uE001',
            '-',
            '^',
            'a',
            'terms:',
            '%',
            '_',
            '\0',
            ';--',
          ),
          { minLength: 1, maxLength: 8 },
        )
        .map((parts) => parts.join(' ')),
    )
    const texts = fc.sample(nasty, { numRuns: 150, seed: 7 })
    await app.receive(...texts.map((text, i) => ({ text, id: `T${i}`, chat: jidOf(i) })))
    for (const [i, text] of texts.entries()) {
      const words = askedWords(text)
      const { rows } = await app.search.messages({
        sessionIds: [1],
        words,
        chat: jidOf(i),
        order: 'newest',
        limit: 10,
      })
      expect(rows.map((row) => row.whatsapp_id)).toEqual(words.length === 0 ? [] : [`T${i}`])
      const q = text.slice(0, 100)
      const { status } = await app.call({ q, type: text.slice(0, 30), from: ana.pn })
      // A null character is refused at the edge, for all routes.
      expect({ q, status }).toEqual({
        q,
        status: q.includes('\0') || text.slice(0, 30).includes('\0') ? 400 : 200,
      })
    }
    for (const bad of [
      { q: '' },
      { q: 'x', cursor: "'" },
      { q: 'x', in: 'all' },
      { q: 'x', order: 'oldest' },
    ]) {
      expect(await app.call(bad)).toMatchObject({ status: 400, code: 'VALIDATION_ERROR' })
    }
    expect((await app.call({ q: 'x', cursor: 'zzzzzzzzzzzzz.zzz' })).status).toBe(200)
  })

  test.runIf(dialect === 'sqlite')(
    'reads the index in its own order, within the period asked for',
    async () => {
      await using app = await startSearch(open)
      await app.receive('plan')
      await app.texts({ q: 'plan' })
      const { rows } = await app.hub.database.sql.execute(
        `EXPLAIN QUERY PLAN SELECT CAST(rowid AS TEXT) AS key FROM search_message
       WHERE search_message MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT ?`,
        ['"plan"', 0, 1, 1],
      )
      const plan = (rows as readonly { detail: string }[]).map(({ detail }) => detail)
      // Neither sorted nor scanned: the index answers in the order of keys, within their range.
      expect(plan).toEqual([expect.stringMatching(/^SCAN search_message VIRTUAL TABLE INDEX \d+:.*[<>]/)])
    },
  )
})

const jidOf = (i: number): Jid => parseJid(`34600000${String(i).padStart(3, '0')}@s.whatsapp.net`)

async function entries(database: Database): Promise<number> {
  const text =
    database.dialect === 'sqlite'
      ? 'SELECT count(*) AS count FROM search_message_docsize'
      : 'SELECT count(*) AS count FROM search_message'
  const { rows } = await database.sql.execute(text, [])
  return (rows as readonly { count: number }[])[0]?.count ?? -1
}
