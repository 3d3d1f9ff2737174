import { setImmediate as turn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { sql } from 'kysely'

import { parseJid } from '@inbox-hub/whatsapp'

import { systemClock } from '../../../platform/clock.ts'
import { silentLog } from '../../../platform/log.ts'
import { databases } from '../../../platform/testing/databases.ts'
import { readCredentials } from '../credentials.ts'
import type { Link } from '../index.ts'
import { EntryJournal } from '../journal/journal.ts'
import { startRig } from '../testing/rig.ts'

const ours = '+12025550100'
const second = '+12025550124'
const customer = '+12025550123'

databases('the engine', ({ open }) => {
  test('links, receives with every row durable, sends, and starts again from what it stored', async () => {
    await using database = await open()
    await using rig = await startRig({ database })
    const first = await rig.linked(1, ours)
    const other = await rig.linked(2, second)
    const phone = rig.emulator.phone(customer)
    for (let round = 0; round < 5; round += 1) {
      phone.sends(ours, `to one ${round}`)
      phone.sends(second, `to two ${round}`)
    }
    const messages = () => rig.entries.filter((entry) => entry.kind === 'message')
    await rig.until(() => messages().length === 10)
    const chat = messages()[0]?.chat
    if (chat === undefined) throw new Error('no chat')
    await first.link.send(
      {
        id: '3EB0AAAAAAAAAAAAAAAAAC',
        to: chat,
        content: { content: { kind: 'text', text: 'answer' }, quoted: undefined },
        refreshDevices: false,
      },
      async () => {},
    )
    await rig.emulator.truth.until(
      ({ decrypted }) => decrypted.find(({ text }) => text === 'answer') !== undefined,
    )

    await rig.until(() => rig.entries.some(({ kind }) => kind === 'receipt'))
    expect(new Set(await rig.engine.journal.owing())).toEqual(new Set([1, 2]))
    const owed = await rig.engine.journal.owed(1, 100, 0)
    expect(owed).toEqual(rig.entries.filter(({ sessionId }) => sessionId === 1))
    await rig.database.write((tx) => rig.engine.journal.settle(tx, owed))
    expect(await rig.engine.journal.owing()).toEqual([2])

    await Promise.all([first.link.close(), other.link.close()])
    await rig.restarted()
    phone.sends(ours, 'after the restart')
    const again = await rig.dial(1)
    await again.event('online')
    await rig.until(() =>
      messages().some(({ content }) => content.kind === 'text' && content.text === 'after the restart'),
    )
    expect(rig.emulator.truth.retryReceipts.find(() => true)).toBeUndefined()
    expect(rig.emulator.truth.decryptFailures.find(() => true)).toBeUndefined()
  })

  test('the device lists of a group outlive a restart, and what is told about them while away counts', async () => {
    await using database = await open()
    await using rig = await startRig({ database })
    const { link } = await rig.linked(1, ours)
    const group = parseJid(rig.emulator.group('Support', [ours, customer, second]).jid)
    let sent = 0
    const send = async (by: Link): Promise<void> => {
      sent += 1
      await by.send(
        {
          id: `3EB0AAAAAAAAAAAAAAAA${String(sent).padStart(2, '0')}`,
          to: group,
          content: { content: { kind: 'text', text: 'to all' }, quoted: undefined },
          refreshDevices: false,
        },
        async () => {},
      )
    }
    await send(link)
    const everybodyRead = () =>
      rig.emulator.truth.until(() =>
        [customer, second].every((number) => rig.emulator.phone(number).inbox.length === sent),
      )
    await everybodyRead()

    await link.close()
    const added = rig.emulator.phone(customer).addDevice()
    await rig.restarted()
    rig.emulator.account(ours).onQueries({ query: 'usync', answer: { code: 500, text: 'no' } }, 1000)
    const again = await rig.dial(1)
    await again.event('online')
    // Baileys handles the notification of the new device on the side.
    const { decrypted } = rig.emulator.truth
    while (decrypted.find(({ by }) => by.includes(`:${added}@`)) === undefined) await send(again.link)
    await everybodyRead()
    // The new device cannot read what was written before Baileys had handled it.
    const { decryptFailures } = rig.emulator.truth
    expect(decryptFailures.find(({ by }) => !by.includes(`:${added}@`))).toBeUndefined()
  })

  test('a login that changes nothing about the credentials writes none', async () => {
    await using database = await open()
    await using rig = await startRig({ database })
    const { link } = await rig.linked(1, ours)
    const sealer = await rig.sealer(1)
    // The first sync of app state is noted in them, after the session is online.
    while ((await readCredentials(database, 1, sealer))?.creds.accountSyncCounter !== 1) await turn()
    await link.close()
    // Sealed anew at each write, with a nonce of its own.
    const sealed = () =>
      database.read.selectFrom('session_credentials').select('sealed').executeTakeFirstOrThrow()
    const before = await sealed()
    const again = await rig.dial(1)
    await again.event('online')
    await again.link.close()
    expect(await sealed()).toEqual(before)
  })

  test('a stale lease is fenced off by the store itself', async () => {
    await using database = await open()
    await using rig = await startRig({ database })
    const session = await rig.linked(1, ours)
    await rig.database.write(async (tx) => {
      await sql`UPDATE session_lease SET owner = 'another', epoch = epoch + 1`.execute(tx.db)
    })
    rig.emulator.phone(customer).sends(ours, 'for the new owner')
    await session.event('fenced')
    await session.event('closed')
    expect(rig.entries).toEqual([])
    await expect(rig.engine.forget(session.link.lease, 'asked')).rejects.toMatchObject({ name: 'Fenced' })
  })

  test('sweeps touch what is old and settled, and nothing else', async () => {
    await using database = await open()
    await using rig = await startRig({ database })
    await rig.sealer(1)
    const day = 24 * 3_600_000
    const now = systemClock.now()
    const put = (hash: string, state: string, age: number) =>
      rig.database.write(async (tx) => {
        await sql`INSERT INTO inbox_journal (session_id, hash, seq, kind, sealed, state, received_at)
          VALUES (1, ${hash}, 1, 'message', ${Buffer.from('x')}, ${state}, ${now - age})`.execute(tx.db)
      })
    await put('fresh', 'done', day)
    await put('old', 'done', 4 * day)
    await put('ancient', 'done', 15 * day)
    await put('owed', 'new', 15 * day)
    const journal = new EntryJournal({
      database: rig.database,
      clock: systemClock,
      log: silentLog,
      sealerOf: (sessionId) => rig.sealer(sessionId),
    })
    await journal.sweep()
    const { rows } = await sql<{ hash: string; sealed: Uint8Array | null }>`
      SELECT hash, sealed FROM inbox_journal ORDER BY hash`.execute(rig.database.read)
    expect(rows.map(({ hash, sealed }) => [hash, sealed === null])).toEqual([
      ['fresh', false],
      ['old', true],
      ['owed', false],
    ])
  })
})
