import { expect, test } from 'vitest'

import { StoreFault } from '../../../platform/database/index.ts'
import type { HistoryBatch } from './taker.ts'
import { type Rig, startRig } from '../testing/rig.ts'

const ours = '+12025550100'
const customer = '+12025550123'
const at = Date.UTC(2026, 0, 1)

const idsIn = (batches: readonly HistoryBatch[]): string[] =>
  batches.flatMap(({ messages }) => messages.map(({ entry }) => entry.id))

/** Remembers so many messages, newest last; answers their ids. */
function remembering(rig: Rig, count: number): string[] {
  const phone = rig.emulator.phone(ours)
  return Array.from({ length: count }, (_, n) =>
    phone.remembers(customer, { id: `M${n}`, text: `message ${n}`, at: at + n * 1000 }),
  )
}

/** The three parts that a phone sends a new device. */
const read = (rig: Rig): Promise<void> =>
  rig.until(() => rig.history.ended.length >= 3, 'the history was read')

test('history is taken in small batches, people before their chats, each message once', async () => {
  await using rig = await startRig()
  const ids = remembering(rig, 150)
  rig.emulator.phone(customer).setsPushName('Ana')
  await rig.linked(1, ours)
  await read(rig)
  const { batches, ended } = rig.history
  expect(idsIn(batches).sort()).toEqual(ids.sort())
  expect(Math.max(...batches.map(({ messages }) => messages.length))).toBeLessThanOrEqual(32)
  expect(ended.map(({ kind, percent, failure }) => [kind, percent, failure])).toEqual([
    ['bootstrap', 100, undefined],
    ['names', 100, undefined],
    ['recent', 100, undefined],
  ])
  const { lid } = rig.emulator.addresses(customer)
  expect(batches.flatMap(({ chats }) => chats).map(({ jid }) => jid)).toEqual([lid])
  // What it held is not kept twice.
  const { rows } = await rig.database.sql.execute(
    `SELECT sealed, state FROM inbox_journal WHERE kind = 'history'`,
    [],
  )
  expect(rows).toEqual(Array.from({ length: 3 }, () => ({ sealed: null, state: 'done' })))
})

test('a part that was begun goes on where it was left, after a crash', async () => {
  await using rig = await startRig()
  const ids = remembering(rig, 100)
  let batches = 0
  const broken = Promise.withResolvers<void>()
  rig.history.beforeTake = ({ messages }) => {
    if (messages.length === 0 || (batches += 1) < 3) return
    broken.resolve()
    throw new StoreFault('the disk is full')
  }
  const { link } = await rig.linked(1, ours)
  await broken.promise
  await link.close()
  rig.history.beforeTake = undefined
  const before = idsIn(rig.history.batches)
  expect(before).toHaveLength(64)
  await rig.dial(1)
  await read(rig)
  const all = idsIn(rig.history.batches)
  expect(all.slice(0, 64)).toEqual(before)
  expect(all.sort()).toEqual(ids.sort())
})

test('a part that cannot be read is left, and those after it are read', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  await read(rig)
  const phone = rig.emulator.phone(ours)
  phone.tellsNotification({ syncType: 3, progress: 50, initialHistBootstrapInlinePayload: Buffer.from('no') })
  phone.tellsNotification({ syncType: 3, progress: 60 })
  phone.tellsHistory({
    syncType: 4,
    pushnames: [{ id: rig.emulator.addresses(customer).lid, pushname: 'Ana' }],
  })
  await rig.until(() => rig.history.ended.length === 6, 'all parts were dealt with')
  expect(rig.history.ended.slice(3).map(({ failure }) => failure)).toEqual([
    'the history cannot be inflated',
    'the history has no path that we would follow',
    undefined,
  ])
  expect(rig.history.batches.at(-1)?.people).toMatchObject([{ pushName: 'Ana' }])
})

test('what is told of a message in history is told with it: reactions, votes, a deletion, one nobody could open', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  await read(rig)
  const { lid } = rig.emulator.addresses(customer)
  const own = rig.emulator.addresses(ours).lid
  const key = (id: string, fromMe = false) => ({ remoteJid: lid, id, fromMe })
  const messageTimestamp = at / 1000
  const options = [{ optionName: 'Yes' }, { optionName: 'No' }]
  const sha256 = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', Buffer.from(text)))
  rig.emulator.phone(ours).tellsHistory({
    syncType: 3,
    conversations: [
      {
        id: lid,
        messages: [
          {
            message: {
              key: key('Q', true),
              messageTimestamp,
              message: { pollCreationMessageV3: { name: 'Coming?', options } },
              pollUpdates: [
                {
                  pollUpdateMessageKey: key('V'),
                  vote: { selectedOptions: [await sha256('No')] },
                  senderTimestampMs: at,
                },
              ],
              reactions: [{ key: key('R'), text: '👍', senderTimestampMs: at + 1 }],
            },
          },
          { message: { key: key('D'), messageTimestamp, messageStubType: 1 } },
          { message: { key: key('U'), messageTimestamp, messageStubType: 2 } },
          { message: { key: key('N'), messageTimestamp, messageStubType: 67 } },
          { message: { key: key(''), messageTimestamp, message: { conversation: 'without an id' } } },
        ],
      },
    ],
  })
  await rig.until(() => rig.history.ended.length === 4, 'the part was read')
  const { messages = [], changes = [] } = rig.history.batches.at(-1) ?? {}
  expect(messages.map(({ entry: { id, kind }, status }) => [id, kind, status])).toEqual([
    ['Q', 'message', 'sent'],
    ['D', 'message', undefined],
    ['U', 'undecryptable', undefined],
  ])
  expect(changes.map(({ sender, change }) => [sender, change])).toEqual([
    [
      lid,
      expect.objectContaining({
        kind: 'reaction',
        emoji: '👍',
        target: { id: 'Q', bySender: false, author: own },
      }),
    ],
    [lid, expect.objectContaining({ kind: 'vote', chosen: ['No'] })],
    [lid, expect.objectContaining({ kind: 'revoke' })],
  ])
})
