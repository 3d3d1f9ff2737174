import { deflateSync } from 'node:zlib'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { proto } from '../baileys.ts'
import { fieldAt, HistoryReader, MalformedHistory } from './reader.ts'
import { piecesOf } from './source.ts'

const message = (id: string): proto.IHistorySyncMsg => ({
  message: { key: { id, remoteJid: '12025550123@s.whatsapp.net' }, message: { conversation: `said ${id}` } },
})
const encoded = (history: proto.IHistorySync): Buffer =>
  Buffer.from(proto.HistorySync.encode(history).finish())

/** What the pieces of these bytes say, given to the reader in pieces of `sizes` bytes. */
function read(bytes: Buffer, sizes: readonly number[]): string[] {
  const reader = new HistoryReader()
  const said: string[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    reader.push(bytes.subarray(at, at + size))
    at += size
    for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
      if (piece.is === 'message')
        said.push(proto.HistorySyncMsg.decode(piece.bytes).message?.message?.conversation ?? '')
      else if (piece.is === 'chat') {
        const { id, name, unreadCount } = proto.Conversation.decode(piece.bytes)
        said.push(`${id} ${name} ${unreadCount}`)
      } else if (piece.is === 'push_name') said.push(proto.Pushname.decode(piece.bytes).pushname ?? '')
      else said.push(piece.is)
    }
  }
  expect(reader.isAtEnd).toBe(true)
  return said
}

const history: proto.IHistorySync = {
  syncType: 3,
  conversations: [
    {
      id: 'a@lid',
      messages: [message('1'), message('2')],
      name: 'Ana',
      unreadCount: 300,
      tcToken: Buffer.alloc(70),
    },
    { id: 'b@lid', name: 'nobody wrote' },
  ],
  globalSettings: { chatDbLidMigrationTimestamp: 5 },
  pushnames: [{ id: 'a@lid', pushname: 'Ana' }],
  progress: 100,
  phoneNumberToLidMappings: [{ pnJid: '1@s.whatsapp.net', lidJid: 'a@lid' }],
}
const said = ['said 1', 'said 2', 'a@lid Ana 300', 'b@lid nobody wrote null', 'Ana', 'mapping']

test('a history is read whole however it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }), (sizes) => {
      expect(read(encoded(history), sizes)).toEqual(said)
    }),
    { numRuns: 100 },
  )
})

test('the bytes of a message are found inside it, with fields that we do not know', () => {
  const bytes = proto.HistorySyncMsg.encode(message('1')).finish()
  expect(Buffer.from(fieldAt(bytes, [1, 2]) ?? [])).toEqual(
    Buffer.from(proto.Message.encode({ conversation: 'said 1' }).finish()),
  )
  expect(fieldAt(bytes, [9])).toBeUndefined()
  expect(fieldAt(Buffer.from([0x0a, 0xff]), [1])).toBeUndefined()
})

test.each([
  ['cut off', deflateSync(encoded(history).subarray(0, -3))],
  ['not deflated', encoded(history)],
  ['half of the deflated bytes', deflateSync(encoded(history)).subarray(0, 40)],
  ['a field that is larger than any', deflateSync(Buffer.from([0x1a, 0xff, 0xff, 0xff, 0x7f]))],
  ['a wire type that there is not', deflateSync(Buffer.from([0x0f]))],
  [
    'a message that is longer than its conversation',
    deflateSync(Buffer.from([0x12, 0x03, 0x12, 0x05, 1, 2, 3, 4, 5])),
  ],
])('%s is no history', async (_, bytes) => {
  const reading = (async () => {
    for await (const { piece } of piecesOf(bytes)) void piece
  })()
  await expect(reading).rejects.toBeInstanceOf(MalformedHistory)
})

test('how much has been read is told as it goes', async () => {
  const many = encoded({
    syncType: 2,
    conversations: [{ id: 'a@lid', messages: Array.from({ length: 20_000 }, (_, n) => message(String(n))) }],
  })
  const fractions: number[] = []
  let pieces = 0
  for await (const { read: done } of piecesOf(deflateSync(many))) {
    pieces += 1
    fractions.push(done)
  }
  expect(pieces).toBe(20_001)
  expect(fractions.every((done, index) => done >= (fractions[index - 1] ?? 0) && done <= 1)).toBe(true)
  expect(new Set(fractions).size).toBeGreaterThan(3)
})
