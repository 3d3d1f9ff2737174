import type { EventData } from './event-data.ts'
import type { EventType } from './events.ts'

const at = Date.UTC(2026, 0, 31, 12)
const chatId = '12025550123@s.whatsapp.net'
const ref = { messageId: '3EB0C767D26A1B2C3D4E', dbId: 42, chatId, timestamp: at }
const groupId = '120363000000000001@g.us'
const ana = { id: chatId, lid: '99887766554433@lid' }
const ben = { id: '12025550124@s.whatsapp.net', lid: null }
const author = { isGroup: false, from: chatId, fromLid: '99887766554433@lid', participant: null }
const call = {
  callId: '7F3A0C9D1E2B4A5C6D7E8F9012345678',
  from: chatId,
  fromLid: '99887766554433@lid',
  isVideo: false,
  isGroup: false,
  groupId: null,
  timestamp: at,
}

/** One of each event, for the reference and for whoever builds a receiver. */
export const eventExamples: { readonly [Type in EventType]: EventData<Type> } = {
  'session.state': {
    status: 'connecting',
    state: 'waiting',
    reason: {
      code: 'dns_failed',
      message: 'No se pudo resolver el nombre del servidor de WhatsApp',
      remedy: 'Operador: revise el DNS de esta máquina (`inbox-hub doctor`).',
      retryAt: '2026-01-31T12:00:04.000Z',
    },
    timestamp: at,
  },
  'session.connected': { status: 'connected', isConnected: true, phoneNumber: '447700900123', timestamp: at },
  'session.disconnected': {
    status: 'disconnected',
    isConnected: false,
    reason: 'logged_out',
    phoneNumber: '447700900123',
    timestamp: at,
  },
  'session.qr': { status: 'qr_code', index: 1, expiresAt: at + 60_000, timestamp: at },
  'message.received': {
    ...ref,
    ...author,
    to: '447700900123@s.whatsapp.net',
    fromMe: false,
    pushName: 'Ana',
    type: 'text',
    text: 'Are you open today?',
    mentions: [],
    quotedMessageId: null,
    kind: 'text',
    media: null,
    details: {},
    viewOnce: false,
    isForwarded: false,
    forwardingScore: 0,
    expiresIn: null,
    albumId: null,
    ad: null,
    unsupported: null,
  },
  'message.sent': { ...ref, status: 'sent' },
  'message.delivered': { ...ref, status: 'delivered' },
  'message.read': { ...ref, status: 'read' },
  'message.failed': {
    ...ref,
    status: 'failed',
    reason: 'NUMBER_NOT_ON_WHATSAPP',
    error: 'El número no tiene WhatsApp',
  },
  'message.undecryptable': { ...ref, ...author, reason: 'no session' },
  'message.reaction': { ...ref, ...author, changeId: '3A5F0C9D1E', ofOurs: true, emoji: '👍' },
  'message.edited': {
    ...ref,
    ...author,
    changeId: '3A5F0C9D1E',
    ofOurs: false,
    text: 'Are you open tomorrow?',
    mentions: [],
  },
  'message.deleted': { ...ref, ...author, changeId: '3A5F0C9D1E', ofOurs: false, byAdmin: false },
  'message.pinned': {
    ...ref,
    ...author,
    changeId: '3A5F0C9D1E',
    ofOurs: true,
    pinned: true,
    until: at + 604_800_000,
  },
  'message.kept': { ...ref, ...author, changeId: '3A5F0C9D1E', ofOurs: true, kept: true },
  'message.poll_vote': { ...ref, ...author, changeId: '3A5F0C9D1E', ofOurs: true, choices: ['Pizza'] },
  'contact.updated': {
    contactId: chatId,
    lid: '99887766554433@lid',
    phone: '12025550123',
    name: 'Ana',
    pushName: 'Ana',
    verifiedName: null,
  },
  'chat.archived': { chatId, isArchived: true, timestamp: at },
  'chat.unarchived': { chatId, isArchived: false, timestamp: at },
  'group.joined': { groupId, subject: 'Neighbours', participantCount: 12, by: ana, timestamp: at },
  'group.updated': { groupId, by: ana, changes: { subject: 'Good neighbours' }, timestamp: at },
  'group.participants': { groupId, by: ana, action: 'add', participants: [ben], timestamp: at },
  'group.join_request': { groupId, action: 'created', participants: [ben], timestamp: at },
  'call.received': { ...call, whileAway: false },
  'call.accepted': call,
  'call.rejected': { ...call, by: 'rule' },
  'call.missed': call,
  'call.ended': { ...call, durationSeconds: 83 },
}
