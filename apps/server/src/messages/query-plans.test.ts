import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import { eventually, startFixture } from './testing/messages-fixture.ts'
import { noting } from './testing/noting.ts'
import { me } from './testing/scripted-sessions.ts'

const ana = { pn: parseJid('12025550123@s.whatsapp.net'), lid: parseJid('777000111@lid') }
const ben = { pn: parseJid('12025550124@s.whatsapp.net'), lid: parseJid('777000222@lid') }
const group = parseJid('120363000000000001@g.us')
const call = { language: 'en', signal: undefined } as const

databases('what is done for every message', ({ open, dialect }) => {
  test.runIf(dialect === 'sqlite')('finds its rows by index, however many messages there are', async () => {
    const texts = new Set<string>()
    await using hub = await startFixture(async () => noting(await open(), texts))
    const link = hub.sessions.online()
    for (const sender of [ana, ben]) {
      hub.sessions.arrive([
        { kind: 'message', chat: sender.pn, id: 'A', pushName: 'Ana' },
        { kind: 'message', chat: sender.lid, id: 'A', pushName: 'Ana' },
        { kind: 'message', chat: group, sender: sender.pn, id: 'G' },
        { kind: 'message', chat: group, sender: sender.lid, id: 'G' },
        { kind: 'undecryptable', chat: sender.pn, id: 'U' },
      ])
      await hub.projected()
      hub.sessions.arrive([
        { kind: 'message', chat: sender.pn, id: 'U', pushName: 'Ana Ruiz' },
        { kind: 'receipt', chat: sender.pn, ids: ['A'], status: 'read', participant: me.pn },
      ])
      await hub.projected()
      await hub.database.write((tx) =>
        hub.sessions.acquaint(tx, [
          { type: 'lid_mapping', sessionId: 1, ...sender },
          { type: 'chat', sessionId: 1, jid: sender.pn, archived: true },
        ]),
      )
    }
    const send = {
      content: { kind: 'text' as const, text: 'Hi' },
      mentions: [],
      idempotencyKey: 'k',
      quotedId: 'A',
    }
    for (const to of [ana.pn, group, parseJid('447700900123@s.whatsapp.net')]) {
      await hub.messages.send(hub.session, [{ ...send, to, idempotencyKey: to }], call)
    }
    link.ackAtOnce = false
    const failing = hub.messages.send(hub.session, [{ ...send, to: ana.pn }], call)
    const failed = await eventually(() => link.written[3])
    link.ack(failed.id, 404)
    await failing
    link.ackAtOnce = true
    const row = await hub.messages.finder.find([1], failed.id)
    if (row !== undefined) {
      await hub.messages.retry(hub.session, row, call)
      hub.sessions.arrive([{ kind: 'receipt', chat: ana.lid, ids: [failed.id], status: 'delivered' }])
      await hub.projected()
      await hub.messages.remove(row)
    }
    await hub.messages.markRead(hub.session, ana.pn)
    await hub.messages.repair(hub.session)
    await hub.sessions.retryAnswer(1, failed.id)

    const slow: string[] = []
    const ran = Array.from(texts)
    for (const text of ran) {
      const values = Array.from({ length: text.split('?').length - 1 }, () => null)
      const { rows } = await hub.database.sql.execute(`explain query plan ${text}`, values)
      for (const { detail } of rows as readonly { detail: string }[]) {
        const [, how = '', table = ''] = /^(SCAN|SEARCH) (\w+)/.exec(detail) ?? []
        if (
          ![
            'message',
            'one',
            'other',
            'chat',
            'contact',
            'outbound',
            'lid_mapping',
            'message_change',
          ].includes(table)
        )
          continue
        // All of a table, or all that a session has of it, is too much.
        if (how === 'SCAN' || detail.endsWith('(session_id=?)')) slow.push(`${detail}: ${text}`)
      }
    }
    expect(slow).toEqual([])
    expect(ran.length).toBeGreaterThan(40)
  })
})
