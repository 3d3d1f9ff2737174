import type { Action, BinaryNode, Content } from '@inbox-hub/emulator'

import type { Random } from './random.ts'

/** What a broken or hostile server can put on a connection whose handshake is done: nothing of it means anything. */

/** A frame that is expected to end its connection: it cannot be decrypted, is no node, or is a refusal nobody knows. */
export function fatalFrame(random: Random): Action {
  switch (random.int(0, 4)) {
    case 0:
      return { do: 'garbage' }
    case 1:
      return { do: 'malformed', plaintext: random.bytes(random.int(0, 200)) }
    case 2:
      // A node that ends in the middle: the first bytes of one, then noise.
      return {
        do: 'malformed',
        plaintext: Buffer.concat([Buffer.from([0, 0xf8, random.int(1, 255)]), random.bytes(20)]),
      }
    case 3:
      // Said to be compressed, and it is not.
      return {
        do: 'malformed',
        plaintext: Buffer.concat([Buffer.from([2]), random.bytes(random.int(0, 100))]),
      }
    default:
      return { do: 'stanza', stanza: { tag: 'stream:error', attrs: {}, content: [nodeOf(random, 2)] } }
  }
}

/** Tags that Baileys and the hub listen for, but those by which WhatsApp really ends a connection or a link. */
const tags = [
  'message',
  'receipt',
  'notification',
  'iq',
  'ib',
  'presence',
  'chatstate',
  'call',
  'ack',
  'stream:features',
  'enc',
  'plaintext',
  'unavailable',
  'list',
  'item',
  'retry',
  'keys',
  'registration',
  'participants',
  'to',
  'user',
  'add',
  'remove',
  'ref',
  'offline',
  'offline_preview',
  'edge_routing',
  'routing_info',
  'dirty',
  'devices',
  'device',
  'key-index-list',
  'count',
  'identity',
  'picture',
  'set',
  'delete',
  'group',
  'subject',
  'query',
  'error',
  'offer',
  'terminate',
  'composing',
  'paused',
  'encrypt',
  'sync',
  'collection',
  'privacy',
  'disappearing_mode',
  'blocklist',
  'verified_name',
  'biz',
  'bot',
  'meta',
  'reporting',
  'tctoken',
  'tokens',
  'token',
  'mex',
  'update',
  '',
]
const types = [
  'get',
  'set',
  'result',
  'error',
  'text',
  'media',
  'pkmsg',
  'msg',
  'skmsg',
  'msmsg',
  'retry',
  'read',
  'read-self',
  'played',
  'sender',
  'inactive',
  'peer_msg',
  'hist_sync',
  'w:gp2',
  'devices',
  'server_sync',
  'mediaretry',
  'encrypt',
  'picture',
  'privacy_token',
  'newsletter',
  'mex',
  'business',
  'psa',
  'unavailable',
  'available',
  '',
  '__proto__',
]
const names = [
  'id',
  'from',
  'to',
  'type',
  'participant',
  'offline',
  't',
  'notify',
  'category',
  'recipient',
  'xmlns',
  'class',
  'error',
  'edit',
  'count',
  'sender_pn',
  'sender_lid',
  'participant_pn',
  'participant_lid',
  'addressing_mode',
  'code',
  'call-id',
  'call-creator',
  'last',
  'name',
  'value',
  'hash',
  '__proto__',
  'constructor',
]
const addresses = [
  's.whatsapp.net',
  '@s.whatsapp.net',
  '0@s.whatsapp.net',
  '447700900001@s.whatsapp.net',
  '447700900001:99@s.whatsapp.net',
  '447700900001:300@lid',
  '99999999999999999999@lid',
  '120363000000000001@g.us',
  'status@broadcast',
  '1@broadcast',
  '1@newsletter',
  '1@call',
  '1@bot',
  'a@b@c',
  '@',
  '',
  ':',
  '..',
  '%00',
  '٣@s.whatsapp.net',
]

/** A stanza of tags, attributes and contents that exist, put together as nobody would. */
export function nodeOf(random: Random, depth = 0): BinaryNode {
  const attrs: Record<string, string> = {}
  for (let left = random.int(0, 6); left > 0; left -= 1) attrs[random.pick(names)] = valueOf(random)
  const tag = depth === 0 ? random.pick(tags.slice(0, 10)) : random.pick(tags)
  const content = contentOf(random, depth)
  return content === undefined ? { tag, attrs } : { tag, attrs, content }
}

function valueOf(random: Random): string {
  switch (random.int(0, 5)) {
    case 0:
    case 1:
      return random.pick(addresses)
    case 2:
      return random.pick(types)
    case 3:
      return String(random.pick([0, -1, 1, 2 ** 31, 2 ** 53, 1e21, Number.NaN, 1_795_300_000]))
    case 4:
      return 'x'.repeat(random.pick([0, 1, 40, 300, 5000]))
    default:
      return random.bytes(random.int(0, 12)).toString('latin1')
  }
}

function contentOf(random: Random, depth: number): BinaryNode['content'] {
  switch (random.int(0, 4)) {
    case 0:
      return undefined
    case 1:
      return random.bytes(random.int(0, 120))
    case 2:
      return valueOf(random)
    default:
      return depth > 3 ? undefined : Array.from({ length: random.int(0, 4) }, () => nodeOf(random, depth + 1))
  }
}

/** What somebody sends who is a real contact with real keys: messages that decrypt, and are not what they should be. */
export function hostileContent(random: Random): Content {
  const pick = <Item>(items: readonly Item[]): Item => random.pick(items)
  const int = (from: number, to: number): number => random.int(from, to)
  const bytes = (length: number): Buffer => random.bytes(length)
  const text = (): string =>
    pick([
      '',
      '\u0000',
      'a\u0000b',
      '\uD800',
      '\u202E',
      '__proto__',
      '{"a":1}',
      "'; DROP TABLE message; --",
      'x'.repeat(70_000),
      '🙂'.repeat(300),
    ])
  const key = (): object => ({
    id: pick(['', 'x', '\u0000', 'A'.repeat(2000)]),
    remoteJid: pick(addresses),
    participant: pick(addresses),
    fromMe: random.chance(0.5),
  })
  const media = (): object => ({
    url: pick(['http://127.0.0.1:1/', 'file:///etc/passwd', 'gopher://x', '', '\u0000']),
    directPath: pick(['/../../etc/passwd', 'x', '', '//evil.example/x']),
    mediaKey: bytes(int(0, 40)),
    fileLength: pick([-1, 0, 2 ** 53]),
    fileSha256: bytes(int(0, 40)),
    mimetype: text(),
    caption: text(),
    jpegThumbnail: bytes(int(0, 200)),
  })
  const makers: (() => object)[] = [
    () => ({ conversation: text() }),
    () => ({
      extendedTextMessage: {
        text: text(),
        contextInfo: {
          stanzaId: text(),
          participant: pick(addresses),
          mentionedJid: Array.from({ length: int(0, 40) }, () => pick(addresses)),
          quotedMessage: nested(random, int(1, 60)),
          expiration: -1,
        },
      },
    }),
    () => ({ protocolMessage: { type: int(0, 60), key: key(), editedMessage: nested(random, int(0, 40)) } }),
    () => ({
      protocolMessage: {
        type: 5,
        historySyncNotification: {
          ...media(),
          syncType: int(0, 9),
          initialHistBootstrapInlinePayload: bytes(int(0, 200)),
        },
      },
    }),
    () => ({
      protocolMessage: {
        type: 6,
        appStateSyncKeyShare: {
          keys: [
            { keyId: { keyId: bytes(int(0, 9)) }, keyData: { keyData: bytes(int(0, 40)), timestamp: -1 } },
          ],
        },
      },
    }),
    () => ({
      protocolMessage: {
        type: 17,
        peerDataOperationRequestResponseMessage: {
          stanzaId: text(),
          peerDataOperationResult: [
            { placeholderMessageResendResponse: { webMessageInfoBytes: bytes(int(0, 100)) } },
          ],
        },
      },
    }),
    () => ({
      senderKeyDistributionMessage: {
        groupId: pick(addresses),
        axolotlSenderKeyDistributionMessage: bytes(int(0, 80)),
      },
    }),
    () => ({ deviceSentMessage: { destinationJid: pick(addresses), message: nested(random, int(1, 40)) } }),
    () => ({ reactionMessage: { key: key(), text: text(), senderTimestampMs: pick([-1, 2 ** 53]) } }),
    () => ({ imageMessage: media() }),
    () => ({ documentMessage: { ...media(), fileName: pick(['../../x', '\u0000', text()]) } }),
    () => ({ audioMessage: media() }),
    () => ({ stickerMessage: media() }),
    () => ({ contactMessage: { displayName: text(), vcard: text() } }),
    () => ({
      contactsArrayMessage: {
        displayName: text(),
        contacts: Array.from({ length: int(0, 20) }, () => ({ vcard: text() })),
      },
    }),
    () => ({ locationMessage: { degreesLatitude: Number.NaN, degreesLongitude: 1e300, name: text() } }),
    () => ({
      pollCreationMessage: {
        name: text(),
        options: Array.from({ length: int(0, 20) }, () => ({ optionName: text() })),
        selectableOptionsCount: -1,
      },
    }),
    () => ({
      pollUpdateMessage: {
        pollCreationMessageKey: key(),
        vote: { encPayload: bytes(20), encIv: bytes(int(0, 20)) },
      },
    }),
    () => ({ listResponseMessage: { title: text(), singleSelectReply: { selectedRowId: text() } } }),
    () => ({ groupInviteMessage: { groupJid: pick(addresses), inviteCode: text(), groupName: text() } }),
    () => nested(random, int(20, 90)),
    () => ({}),
  ]
  return pick(makers)() // every field is of the message's schema, with values it was not made for
}

/** A message in a message in a message: as deep as readers have to go. */
function nested(random: Random, depth: number): object {
  let message: object = { conversation: 'at the bottom' }
  for (let left = depth; left > 0; left -= 1) {
    const wrapper = random.pick([
      'ephemeralMessage',
      'viewOnceMessage',
      'viewOnceMessageV2',
      'documentWithCaptionMessage',
      'editedMessage',
    ])
    message = { [wrapper]: { message } }
  }
  return message
}

/** Bytes in the place of a message, with a padding that is right or not. */
export function hostilePlaintext(random: Random): Uint8Array {
  const noise = random.bytes(random.int(0, 200))
  return random.chance(0.5) ? Buffer.concat([noise, Buffer.from([1])]) : noise
}
