import {
  type EventData,
  type EventType,
  legacyWebhookBody,
  type LegacyWebhookEvent,
} from '@inbox-hub/contract'
import { expect, test } from 'vitest'

import type { StoredEvent } from '../../events/index.ts'
import type { SessionView } from '../../sessions/index.ts'
import { signingKey } from '../signing.ts'
import { legacy } from './legacy.ts'

const session: SessionView = {
  id: 7,
  ownerId: 1,
  sessionId: 'support',
  name: 'Support',
  mePn: undefined,
  meLid: undefined,
  phoneNumber: '12025550100',
  webhook: { url: 'https://crm.example/hook', secret: undefined, events: [], preset: 'legacy' },
  sendToFrappe: false,
}
const listeningTo = (...events: string[]): SessionView => ({
  ...session,
  webhook: { ...session.webhook, events },
})

const at = Date.UTC(2026, 0, 31, 12, 0, 0, 250)
function event<Type extends EventType>(type: Type, data: EventData<Type>): StoredEvent {
  return { seq: 41, sessionSeq: 3, id: 'e1', sessionId: 7, type, data, at }
}
const progress = (status: 'sent' | 'delivered' | 'read') =>
  event(`message.${status}`, {
    messageId: '3EB0AA',
    dbId: 9,
    chatId: '12025550123@s.whatsapp.net',
    status,
    timestamp: at,
  })
const received = event('message.received', {
  messageId: '3A1B',
  dbId: 8,
  chatId: '12025550123@s.whatsapp.net',
  timestamp: at - 1500,
  isGroup: false,
  from: '12025550123@s.whatsapp.net',
  fromLid: '99887766@lid',
  participant: null,
  to: '12025550100@s.whatsapp.net',
  fromMe: false,
  pushName: 'Ana',
  type: 'text',
  text: 'Are you open?',
  mentions: [],
  quotedMessageId: '3EB0AA',
  kind: 'text',
  media: null,
  details: {},
  viewOnce: false,
  isForwarded: false,
  forwardingScore: 0,
  expiresIn: null,
  mentionsEveryone: false,
  albumId: null,
  ad: null,
  unsupported: null,
})

/** What the CRM is sent for an event, each body checked against the contract's schema of it. */
const bodies = (told: StoredEvent, view = session) =>
  legacy.tell(told, view, view.webhook.events).map(({ type, body }) => {
    const parsed: unknown = JSON.parse(type === 'session.qr' ? legacy.withQr(body, waiting) : body)
    // The preset tells no other events, which the schema of an unknown one would not survive.
    expect(legacyWebhookBody(type as LegacyWebhookEvent).parse(parsed)).toEqual(parsed)
    return parsed
  })
const waiting = { text: 'https://wa.me/…', dataUrl: 'data:image/png;base64,AAAA', expiresAt: at + 20_000 }

test("a received message has every field that the CRM's handler reads", () => {
  expect(bodies(received)).toEqual([
    {
      event: 'message.received',
      sessionId: 'support',
      timestamp: '2026-01-31T12:00:00.250Z',
      data: {
        sessionId: 'support',
        session_db_id: 7,
        message: {
          whatsappMessageId: '3A1B',
          messageId: '3A1B',
          chatId: '12025550123@s.whatsapp.net',
          from: '12025550123@s.whatsapp.net',
          to: '12025550100',
          content: 'Are you open?',
          body: 'Are you open?',
          timestamp: Math.floor((at - 1500) / 1000),
          type: 'text',
          fromMe: false,
          isGroup: false,
          pushName: 'Ana',
          has_attachment: false,
          hasMedia: false,
          media: null,
          quotedMsgId: '3EB0AA',
        },
      },
    },
  ])
})

test('in a group the participant is named; without a number of our own `to` is the session', () => {
  const group = event('message.received', {
    ...(received.data as EventData<'message.received'>), // made above with that schema
    chatId: '120363041234567890@g.us',
    isGroup: true,
    participant: '12025550123@s.whatsapp.net',
  })
  expect(bodies(group, { ...session, phoneNumber: undefined })).toMatchObject([
    { data: { message: { isGroup: true, participant: '12025550123@s.whatsapp.net', to: 'support' } } },
  ])
})

test('a reaction names the message it is put on; one that is taken back is not told', () => {
  const message = received.data as EventData<'message.received'> // made above with that schema
  const reaction = {
    messageId: '3EB0AA',
    changeId: '3A1B',
    dbId: message.dbId,
    chatId: message.chatId,
    timestamp: message.timestamp,
    isGroup: false,
    from: message.from,
    fromLid: message.fromLid,
    participant: null,
    ofOurs: true,
  }
  expect(bodies(event('message.reaction', { ...reaction, emoji: '👍' }))).toMatchObject([
    {
      event: 'message.received',
      data: {
        message: {
          messageId: '3A1B',
          type: 'reaction',
          body: '👍',
          reactionMessage: {
            key: { remoteJid: '12025550123@s.whatsapp.net', fromMe: true, id: '3EB0AA' },
            text: '👍',
            senderTimestampMs: at - 1500,
          },
        },
      },
    },
  ])
  expect(bodies(event('message.reaction', { ...reaction, emoji: null }))).toEqual([])
})

test('the fate of our own message is told a second late, so that the CRM knows the message', () => {
  const [telling] = legacy.tell(progress('sent'), session, [])
  expect(telling).toMatchObject({ type: 'message.sent', lane: 'statuses', holdMs: 1000 })
  expect(bodies(progress('sent'))).toMatchObject([
    {
      event: 'message.sent',
      data: {
        session_db_id: 7,
        messageId: '3EB0AA',
        status: 'sent',
        chatId: '12025550123@s.whatsapp.net',
        timestamp: '2026-01-31T12:00:00.250Z',
      },
    },
  ])
  const failed = event('message.failed', {
    messageId: '3EB0AA',
    dbId: 9,
    chatId: '12025550123@s.whatsapp.net',
    timestamp: at,
    status: 'failed',
    reason: 'not_on_whatsapp',
    error: 'No such number',
  })
  expect(bodies(failed)).toMatchObject([
    { data: { messageId: '3EB0AA', status: 'failed', error: 'No such number' } },
  ])
})

test('session events carry the status that the handler lower-cases', () => {
  const connected = { isConnected: true, phoneNumber: '12025550100', timestamp: at } as const
  expect(bodies(event('session.connected', { status: 'connected', ...connected }))).toMatchObject([
    { data: { status: 'connected', isConnected: true, phoneNumber: '12025550100' } },
  ])
  const reasons = {
    logged_out: 'logout',
    deleted: 'deleted',
    connection_replaced: 'conflict',
    banned: 'banned',
    qr_expired: 'qr_timeout',
  }
  for (const [reason, word] of Object.entries(reasons)) {
    const gone = {
      status: 'disconnected',
      isConnected: false,
      phoneNumber: null,
      timestamp: at,
      reason,
    } as const
    expect(bodies(event('session.disconnected', gone))).toMatchObject([
      { data: { status: 'disconnected', isConnected: false, reason: word } },
    ])
  }
})

test('a QR event is stored without its code and sent with the code that waits then', () => {
  const qr = event('session.qr', { status: 'qr_code', index: 1, expiresAt: at + 60_000, timestamp: at })
  expect(legacy.tell(qr, session, [])[0]?.body).not.toContain('qrCode')
  expect(bodies(qr)).toMatchObject([
    { data: { qrCode: 'data:image/png;base64,AAAA', expiresAt: '2026-01-31T12:00:20.250Z' } },
  ])
})

test('contacts and archived chats', () => {
  const contact = event('contact.updated', {
    contactId: '12025550123@s.whatsapp.net',
    lid: null,
    phone: '12025550123',
    name: 'Ana',
    pushName: 'Ana',
    verifiedName: null,
  })
  expect(bodies(contact)).toMatchObject([
    {
      data: {
        contact: { id: '12025550123@s.whatsapp.net', phone: '12025550123', name: 'Ana', imgUrl: null },
      },
    },
  ])
  const archived = event('chat.archived', {
    chatId: '12025550123@s.whatsapp.net',
    isArchived: true,
    timestamp: at,
  })
  expect(bodies(archived)).toMatchObject([
    { data: { chatId: '12025550123@s.whatsapp.net', isArchived: true } },
  ])
})

test('what the CRM does not know is not sent to it, even when it asks for everything', () => {
  const state = event('session.state', {
    status: 'connecting',
    state: 'claiming',
    reason: null,
    timestamp: at,
  })
  expect(bodies(state)).toEqual([])
  expect(bodies(state, listeningTo('*'))).toEqual([])
})

test('a list of events is honoured, aliases and all', () => {
  expect(bodies(received, listeningTo('message'))).toHaveLength(1)
  expect(bodies(received, listeningTo('session_status', 'presence_update'))).toEqual([])
  for (const status of ['sent', 'delivered', 'read'] as const) {
    expect(bodies(progress(status), listeningTo('message_status'))).toHaveLength(1)
    expect(bodies(progress(status), listeningTo('message_ack'))).toHaveLength(1)
    expect(bodies(progress(status), listeningTo('message.received'))).toEqual([])
  }
})

test('message.ack goes only to who names it, beside what else was asked for', () => {
  expect(bodies(progress('read'), listeningTo('message.ack'))).toMatchObject([
    { event: 'message.ack', data: { messageId: '3EB0AA', ack: 3 } },
  ])
  const both = legacy.tell(progress('delivered'), session, ['message.ack', 'message.delivered'])
  expect(both.map(({ type, lane }) => [type, lane])).toEqual([
    ['message.delivered', 'statuses'],
    ['message.ack', 'acks'],
  ])
})

test('every call is signed, named and stamped', () => {
  const body = Buffer.from('{}')
  const headers = legacy.headers({
    id: 'msg_1',
    eventType: 'message.received',
    sessionName: 'support',
    body,
    keys: [signingKey('a secret of the CRM')],
    now: at,
  })
  expect(headers).toEqual({
    'content-type': 'application/json',
    'x-webhook-event': 'message.received',
    'x-webhook-session': 'support',
    'x-webhook-signature': expect.stringMatching(/^sha256=[0-9a-f]{64}$/) as string,
    'x-signature': headers['x-webhook-signature'],
    'x-webhook-timestamp': String(at),
    'x-webhook-id': 'msg_1',
  })
})
