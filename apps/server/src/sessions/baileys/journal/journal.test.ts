import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { Jid } from '@inbox-hub/whatsapp'
import { parseJid } from '@inbox-hub/whatsapp'

import { createManualClock } from '../../../platform/testing/manual-clock.ts'
import { silentLog } from '../../../platform/log.ts'
import { proto } from '../baileys.ts'
import type { JournalEntry } from './entry.ts'
import { startRig } from '../testing/rig.ts'
import { changeOf } from './change.ts'
import { contentOf } from './content.ts'
import { unknownKind } from './unknown-kind.ts'
import { envelopeOf } from './envelope.ts'
import { EntryJournal } from './journal.ts'
import { packRecord, unpackRecord } from './record.ts'

const self = { pn: parseJid('12025550100:3@s.whatsapp.net'), lid: parseJid('88:3@lid') }
const placed = (attributes: Record<string, string>) =>
  envelopeOf({ id: 'A1', t: '1700000000', ...attributes }, self, { receivedAt: 5 })

describe('who wrote what to whom', () => {
  test('a message to us', () => {
    expect(
      placed({ from: '99:7@lid', sender_pn: '12025550123@s.whatsapp.net', notify: 'Ana', offline: '1' }),
    ).toEqual({
      id: 'A1',
      chat: '99@lid',
      chatAlt: '12025550123@s.whatsapp.net',
      sender: '99@lid',
      senderAlt: '12025550123@s.whatsapp.net',
      fromMe: false,
      sentAt: 1_700_000_000_000,
      pushName: 'Ana',
      verifiedName: undefined,
      offline: true,
    })
  })

  test('one of ours, written on the phone', () => {
    expect(
      placed({
        from: '88@lid',
        recipient: '99@lid',
        peer_recipient_pn: '12025550123@s.whatsapp.net',
        sender_pn: '12025550100@s.whatsapp.net',
      }),
    ).toMatchObject({ chat: '99@lid', chatAlt: '12025550123@s.whatsapp.net', sender: '88@lid', fromMe: true })
  })

  test('one in a group, by a member and by us', () => {
    const group = { from: '120363000000000000@g.us' }
    expect(
      placed({ ...group, participant: '99:1@lid', participant_pn: '12025550123@s.whatsapp.net' }),
    ).toMatchObject({
      chat: '120363000000000000@g.us',
      chatAlt: undefined,
      sender: '99@lid',
      senderAlt: '12025550123@s.whatsapp.net',
      fromMe: false,
    })
    expect(placed({ ...group, participant: '88@lid' })).toMatchObject({ fromMe: true })
  })

  test('a status, and a message to a list of the sender', () => {
    expect(placed({ from: 'status@broadcast', participant: '99@lid' })).toMatchObject({
      chat: 'status@broadcast',
      sender: '99@lid',
    })
    expect(placed({ from: '123456@broadcast', participant: '12025550123@s.whatsapp.net' })).toMatchObject({
      chat: '12025550123@s.whatsapp.net',
    })
  })

  test('stanzas that name nobody are not placed', () => {
    expect(placed({})).toBeUndefined()
    expect(placed({ from: 'not an address' })).toBeUndefined()
    expect(placed({ from: '120363000000000000@g.us' })).toBeUndefined()
    expect(placed({ from: '99@lid', id: '' })).toBeUndefined()
  })

  test('whatever the attributes, it answers or declines', () => {
    const names = fc.constantFrom('id', 'from', 'participant', 'recipient', 't', 'notify', 'sender_pn')
    fc.assert(
      fc.property(fc.dictionary(names, fc.string()), (attributes) => {
        const envelope = envelopeOf(attributes, self, { receivedAt: 5 })
        return envelope === undefined || envelope.sentAt > 0
      }),
    )
    expect(placed({ from: '99@lid', t: 'soon' })?.sentAt).toBe(5)
  })
})

describe('what a message says', () => {
  const say = (message: proto.IMessage) =>
    contentOf(proto.Message.decode(proto.Message.encode(message).finish()))

  test('text, plain and extended, with mentions and what it answers', () => {
    expect(say({ conversation: 'hi' })).toEqual({ kind: 'text', text: 'hi' })
    expect(
      say({
        extendedTextMessage: {
          text: 'hi @99',
          contextInfo: {
            mentionedJid: ['99@lid', 'nonsense'],
            stanzaId: 'Q1',
            participant: '99@lid',
            quotedMessage: { imageMessage: { caption: 'look' } },
          },
        },
      }),
    ).toEqual({
      kind: 'text',
      text: 'hi @99',
      mentions: ['99@lid'],
      quoted: { id: 'Q1', sender: '99@lid', text: 'look' },
    })
  })

  test('through its wrappers', () => {
    const inner = { extendedTextMessage: { text: 'inside' } }
    for (const wrapped of [
      { deviceSentMessage: { destinationJid: '99@lid', message: inner } },
      { ephemeralMessage: { message: inner } },
      { associatedChildMessage: { message: inner } },
      { deviceSentMessage: { message: { ephemeralMessage: { message: inner } } } },
    ])
      expect(say(wrapped)).toEqual({ kind: 'text', text: 'inside' })
  })

  test('with its file, its place in an album, how often it was passed on, and the ad it came from', () => {
    expect(
      say({
        ephemeralMessage: {
          message: {
            viewOnceMessageV2: {
              message: {
                imageMessage: {
                  caption: 'look',
                  mimetype: 'image/jpeg',
                  fileLength: 2048,
                  fileSha256: Buffer.from('plain'),
                  fileEncSha256: Buffer.from('sealed'),
                  mediaKey: Buffer.from('key'),
                  mediaKeyTimestamp: 1_767_225_600,
                  directPath: '/v/t62',
                  width: 640,
                  height: 480,
                  contextInfo: {
                    isForwarded: true,
                    forwardingScore: 4,
                    expiration: 86_400,
                    externalAdReply: {
                      title: 'Summer',
                      sourceType: 'ad',
                      sourceId: '120',
                      ctwaClid: 'click',
                    },
                  },
                },
              },
            },
          },
        },
        messageContextInfo: {
          messageAssociation: {
            associationType: proto.MessageAssociation.AssociationType.MEDIA_ALBUM,
            parentMessageKey: { id: 'ALBUM' },
          },
        },
      }),
    ).toEqual({
      kind: 'image',
      text: 'look',
      viewOnce: true,
      forwarded: 4,
      expiresInS: 86_400,
      albumId: 'ALBUM',
      ad: { title: 'Summer', sourceType: 'ad', sourceId: '120', clickId: 'click' },
      media: {
        mimetype: 'image/jpeg',
        bytes: 2048,
        width: 640,
        height: 480,
        sha256: Buffer.from('plain').toString('base64'),
        source: {
          directPath: '/v/t62',
          key: Buffer.from('key').toString('base64'),
          encSha256: Buffer.from('sealed').toString('base64'),
          keyTimestamp: 1_767_225_600,
        },
      },
    })
    expect(
      say({ documentWithCaptionMessage: { message: { documentMessage: { caption: 'c', fileName: 'f' } } } }),
    ).toEqual({ kind: 'document', text: 'c', media: { name: 'f' } })
  })

  test('a link preview of an advertiser without an ad is no ad', () => {
    expect(
      say({ extendedTextMessage: { text: 'x', contextInfo: { externalAdReply: { title: 'a page' } } } }),
    ).toEqual({ kind: 'text', text: 'x' })
  })

  test('senseless numbers are left out, and what lacks its essence stays unknown', () => {
    expect(say({ locationMessage: { degreesLatitude: Number.NaN, degreesLongitude: 2 } })).toMatchObject({
      kind: 'unsupported',
      name: 'locationMessage',
    })
    expect(say({ groupInviteMessage: { groupJid: 'nonsense', groupName: 'x' } })).toMatchObject({
      kind: 'unsupported',
      name: 'groupInviteMessage',
    })
    expect(say({ videoMessage: { seconds: -1 >>> 0, fileLength: 2 ** 60 } })).toEqual({
      kind: 'video',
      text: '',
      media: { seconds: 4_294_967_295 },
    })
    expect(
      say({ interactiveResponseMessage: { nativeFlowResponseMessage: { paramsJson: '[not json' } } }),
    ).toEqual({ kind: 'buttons_reply', text: '', choice: { id: '', title: '', form: '[not json' } })
  })

  test('a kind we do not handle keeps its name, its readable text and all of it', () => {
    const invoice = say({ invoiceMessage: { note: 'two chairs', token: 't' } })
    expect(invoice).toMatchObject({ kind: 'unsupported', name: 'invoiceMessage' })
    const raw = invoice?.kind === 'unsupported' ? (invoice.raw ?? '') : ''
    expect(proto.Message.decode(Buffer.from(raw, 'base64')).invoiceMessage?.note).toBe('two chairs')
    const huge = say({ invoiceMessage: { note: 'x'.repeat(70_000) } })
    expect(huge).toEqual({ kind: 'unsupported', name: 'invoiceMessage', text: '' })
  })

  test('a sealed comment keeps its name and all of it, and says which message it is about', () => {
    const targetMessageKey = { id: 'R1', participant: '99@lid' }
    const encCommentMessage = { targetMessageKey, encPayload: Buffer.alloc(9), encIv: Buffer.alloc(12) }
    expect(say({ encCommentMessage })).toMatchObject({
      kind: 'unsupported',
      name: 'encCommentMessage',
      text: '',
      raw: expect.any(String),
      quoted: { id: 'R1', sender: '99@lid', text: '' },
    })
  })

  test('what is done to another message is no message', () => {
    const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type
    const does = (message: proto.IMessage) =>
      changeOf(proto.Message.decode(proto.Message.encode(message).finish()))
    const key = { id: 'R1', fromMe: false, participant: '99:3@lid' }
    const target = { id: 'R1', bySender: false, author: '99@lid' }
    const react = { reactionMessage: { text: '👍', key, senderTimestampMs: 5_000 } }
    expect(does(react)).toEqual({ kind: 'reaction', emoji: '👍', target, at: 5_000 })
    expect(does({ deviceSentMessage: { message: react } })).toMatchObject({ kind: 'reaction' })
    expect(does({ protocolMessage: { type: REVOKE, key } })).toEqual({
      kind: 'revoke',
      target,
      at: undefined,
    })
    expect(
      does({
        editedMessage: {
          message: {
            protocolMessage: {
              type: MESSAGE_EDIT,
              key,
              editedMessage: { conversation: 'new' },
              timestampMs: 2 ** 60,
            },
          },
        },
      }),
    ).toEqual({ kind: 'edit', text: 'new', mentions: [], target, at: undefined })
    for (const nonsense of [
      { reactionMessage: { text: '👍' } },
      { protocolMessage: { type: REVOKE, key: { id: '' } } },
      { protocolMessage: { type: MESSAGE_EDIT, key } },
      { pollUpdateMessage: { pollCreationMessageKey: key } },
      { encReactionMessage: { targetMessageKey: key, encIv: Buffer.alloc(12) } },
    ]) {
      expect(does(nonsense)).toBeUndefined()
      expect(say(nonsense)).toBeUndefined()
    }
    expect(say(react)).toBeUndefined()
  })

  test('a kind newer than our protobuf is kept whole under its number', () => {
    const known = proto.Message.encode({ messageContextInfo: { messageSecret: Buffer.alloc(32) } }).finish()
    // Field 1500, length-delimited, holding "new".
    const unknown = Buffer.concat([known, Buffer.from([0xe2, 0x5d, 3]), Buffer.from('new')])
    const read = (encoded: Uint8Array) => unknownKind(encoded, proto.Message.decode(encoded))
    expect(read(unknown)).toEqual({
      kind: 'unsupported',
      name: 'field 1500',
      text: '',
      raw: unknown.toString('base64'),
    })
    expect(read(known)).toBeUndefined()
    expect(read(Buffer.alloc(0))).toBeUndefined()
  })

  test('what people do not see is nothing', () => {
    const { APP_STATE_SYNC_KEY_SHARE } = proto.Message.ProtocolMessage.Type
    expect(say({})).toBeUndefined()
    expect(say({ senderKeyDistributionMessage: { groupId: 'g@g.us' } })).toBeUndefined()
    expect(say({ protocolMessage: { type: APP_STATE_SYNC_KEY_SHARE } })).toBeUndefined()
    expect(say({ messageContextInfo: { messageSecret: Buffer.alloc(32) } })).toBeUndefined()
  })
})

test('records of every kind come back', () => {
  const envelope = placed({ from: '99@lid' })
  if (envelope === undefined) throw new Error('not placed')
  const plain = JSON.parse(JSON.stringify(envelope)) as typeof envelope
  const records = [
    { kind: 'message' as const, envelope: plain, plaintext: Buffer.from('text') },
    { kind: 'history' as const, envelope: plain, plaintext: Buffer.from('text') },
    { kind: 'resent' as const, envelope: plain, message: Buffer.from('text') },
    { kind: 'undecryptable' as const, envelope: plain, reason: 'Bad MAC' },
    {
      kind: 'receipt' as const,
      receipt: { ids: ['A'], chat: '99@lid' as Jid, status: 'read' as const, sentAt: 1, offline: false },
    },
  ]
  for (const record of records) expect(unpackRecord(packRecord(record as never))).toEqual(record)
})

test('plaintext is cleared after 72 hours, rows go after 14 days, and what is owed stays', async () => {
  await using rig = await startRig()
  await rig.sealer(1)
  const clock = createManualClock()
  const journal = new EntryJournal({
    database: rig.database,
    clock,
    log: silentLog,
    sealerOf: (sessionId) => rig.sealer(sessionId),
  })
  const at = clock.now()
  await rig.database.write(async (tx) => {
    const row = `INSERT INTO inbox_journal VALUES (1, ?, ?, 'message', ?, ?, ?)`
    await tx.sql.execute(row, ['done', 1, Buffer.from('x'), 'done', at])
    await tx.sql.execute(row, ['owed', 2, Buffer.from('x'), 'new', at])
  })
  const left = async () =>
    (
      await rig.database.sql.execute(
        `SELECT hash, sealed IS NULL AS cleared FROM inbox_journal ORDER BY seq`,
        [],
      )
    ).rows
  await clock.advance(71 * 3_600_000)
  expect(await journal.sweep()).toBe(0)
  await clock.advance(2 * 3_600_000)
  await journal.sweep()
  expect(await left()).toEqual([
    { hash: 'done', cleared: 1 },
    { hash: 'owed', cleared: 0 },
  ])
  await clock.advance(14 * 24 * 3_600_000)
  await journal.sweep()
  expect(await left()).toEqual([{ hash: 'owed', cleared: 0 }])
})

test('the order of arrival goes on after a restart, also when the clock was set back', async () => {
  await using rig = await startRig()
  await rig.sealer(1)
  const clock = createManualClock()
  const make = () =>
    new EntryJournal({
      database: rig.database,
      clock,
      log: silentLog,
      sealerOf: (sessionId) => rig.sealer(sessionId),
    })
  const before = make()
  await before.prepare(1)
  const first = before.nextSeq(1)
  expect(before.nextSeq(1)).toBe(first + 1)
  await rig.database.write(async (tx) => {
    await tx.sql.execute(`INSERT INTO inbox_journal VALUES (1, 'h', ?, 'message', NULL, 'new', 0)`, [
      first + 1,
    ])
  })
  clock.stepWall(-3_600_000)
  const after = make()
  await after.prepare(1)
  expect(after.nextSeq(1)).toBe(first + 2)
})

test('a reader that throws disturbs nobody', () => {
  const journal = new EntryJournal({
    database: undefined as never,
    clock: createManualClock(),
    log: silentLog,
    sealerOf: undefined as never,
  })
  const told: JournalEntry[] = []
  journal.onEntries(() => {
    throw new Error('a bug of the projector')
  })
  const listening = journal.onEntries((entries) => told.push(...entries))
  const entry = { hash: 'h' } as unknown as JournalEntry
  journal.tell([entry])
  listening[Symbol.dispose]()
  journal.tell([entry])
  expect(told).toEqual([entry])
})
