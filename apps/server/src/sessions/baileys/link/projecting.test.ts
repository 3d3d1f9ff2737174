import { expect, test } from 'vitest'

import type { JournalEntry } from '../journal/entry.ts'
import type { Rig } from '../testing/rig.ts'
import { startRig } from '../testing/rig.ts'

const ours = '+12025550100'
const customer = '+12025550123'

const textOf = (entry: JournalEntry): string =>
  entry.kind === 'message' && entry.content.kind !== 'undecryptable' ? entry.content.text : ''

const texts = (entries: readonly JournalEntry[]): string[] =>
  entries.map(textOf).filter((text) => text !== '')

/** The journal's rows of messages, as they are stored. */
async function rowsOf(rig: Rig) {
  const { rows } = await rig.database.sql.execute(
    `SELECT state, sealed IS NOT NULL AS kept FROM inbox_journal WHERE kind = 'message' ORDER BY seq`,
    [],
  )
  return rows
}

const isAcknowledged = (rig: Rig, id: string): boolean =>
  rig.emulator.truth.receipts.find(({ ids, type }) => ids.includes(id) && type !== 'retry') !== undefined

test('an entry is projected in the transaction that stores it, and owed to nobody', async () => {
  await using rig = await startRig()
  const projected: JournalEntry[] = []
  rig.engine.journal.projectWith({
    isCurrent: () => true,
    async project(tx, entries) {
      const { rows } = await tx.sql.execute(
        `SELECT count(*) AS stored FROM inbox_journal WHERE kind = 'message'`,
        [],
      )
      expect(rows).toEqual([{ stored: projected.length + entries.length }])
      projected.push(...entries)
    },
  })
  await rig.linked(1, ours)
  const { id } = rig.emulator.phone(customer).sends(ours, 'at once')
  await rig.emulator.truth.until(() => isAcknowledged(rig, id))
  expect(texts(projected)).toEqual(['at once'])
  expect(texts(rig.entries)).toEqual([])
  expect(await rowsOf(rig)).toEqual([{ state: 'done', kept: 0 }])
})

test('what comes again after it was projected is acknowledged, and not projected again', async () => {
  await using rig = await startRig()
  const projected: JournalEntry[] = []
  rig.engine.journal.projectWith({
    isCurrent: () => true,
    async project(_tx, entries) {
      projected.push(...entries)
    },
  })
  const broken = await rig.linked(1, ours)
  rig.database.afterWrite = async () => {
    if (projected.length === 0) return
    rig.database.afterWrite = undefined
    const closed = broken.event('closed')
    rig.emulator.account(ours).disconnect()
    await closed
  }
  const { id } = rig.emulator.phone(customer).sends(ours, 'only once')
  await broken.event('closed')
  expect(isAcknowledged(rig, id)).toBe(false)
  const again = await rig.dial(1)
  await again.event('online')
  await rig.emulator.truth.until(() => isAcknowledged(rig, id))
  expect(texts(projected)).toEqual(['only once'])
})

test('an entry of a session that waits is owed, in its order', async () => {
  await using rig = await startRig()
  rig.engine.journal.projectWith({
    isCurrent: () => false,
    project: () => Promise.reject(new Error('would overtake')),
  })
  await rig.linked(1, ours)
  rig.emulator.phone(customer).sends(ours, 'one')
  rig.emulator.phone(customer).sends(ours, 'two')
  await rig.until(() => texts(rig.entries).length === 2)
  expect(texts(await rig.engine.journal.owed(1, 10, 0))).toEqual(['one', 'two'])
})

test('an entry that cannot be projected is owed, and takes nothing from the others', async () => {
  await using rig = await startRig()
  const projected: string[] = []
  rig.engine.journal.projectWith({
    isCurrent: () => true,
    async project(tx, entries) {
      if (texts(entries).includes('poison')) throw new Error('cannot be projected')
      tx.afterCommit(() => projected.push(...texts(entries)))
    },
  })
  await rig.linked(1, ours)
  const sent = ['one', 'poison', 'three'].map((text) => rig.emulator.phone(customer).sends(ours, text))
  await rig.emulator.truth.until(() => sent.every(({ id }) => isAcknowledged(rig, id)))
  // Neighbours that shared its transaction are owed with it.
  expect([...projected, ...texts(rig.entries)].sort()).toEqual(['one', 'poison', 'three'])
  expect(texts(rig.entries)).toContain('poison')
  expect(texts(await rig.engine.journal.owed(1, 10, 0))).toEqual(texts(rig.entries))
})
