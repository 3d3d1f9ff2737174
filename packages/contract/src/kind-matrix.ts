import type { MediaKind } from '@inbox-hub/whatsapp'

import type { MessageKindWord } from './message-content.ts'
import type { MessageType } from './message-events.ts'

/*
 * Every kind of message, and everything that is done to messages, with the ways it goes. The reference page is made of it, and the
 * round trips of `e2e` run through it, in both directions: a row that is not tested does not compile there.
 */

interface KindRow {
  kind: MessageKindWord
  type: MessageType
  /** `message` of a send; left out when the hub does not send it. */
  hub?: unknown
  /** Whether the hub reads it when a phone sends it. */
  phone: boolean
}

const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Ben\nTEL;waid=12025550124:+12025550124\nEND:VCARD'

/** A file, as the examples below name it. */
export const exampleMediaId = 'q1N8bJp0R9yXw2Zt5uVc3A'
export const exampleFileUrl = 'https://files.example.com/view.png'
/** A page that a text leads to. */
export const examplePageUrl = 'https://shop.example.com/offer'

/** What is a message of its own, by what a person would call it. */
export const kindMatrix = {
  text: { kind: 'text', type: 'text', hub: { text: 'hello' }, phone: true },
  'text with a preview of its link': {
    kind: 'text',
    type: 'text',
    hub: { text: `Look: ${examplePageUrl}.`, linkPreview: true },
    phone: true,
  },
  image: {
    kind: 'image',
    type: 'image',
    hub: { image: { url: exampleFileUrl }, caption: 'the view' },
    phone: true,
  },
  video: {
    kind: 'video',
    type: 'video',
    hub: { video: { mediaId: exampleMediaId }, caption: 'moving' },
    phone: true,
  },
  gif: {
    kind: 'gif',
    type: 'video',
    hub: { video: { mediaId: exampleMediaId }, gifPlayback: true },
    phone: true,
  },
  'video note': {
    kind: 'video_note',
    type: 'video',
    hub: { video: { mediaId: exampleMediaId }, ptv: true },
    phone: true,
  },
  audio: { kind: 'audio', type: 'audio', hub: { audio: { mediaId: exampleMediaId } }, phone: true },
  'voice note': {
    kind: 'voice',
    type: 'voice',
    hub: { audio: { mediaId: exampleMediaId }, ptt: true },
    phone: true,
  },
  'document with a caption': {
    kind: 'document',
    type: 'document',
    hub: { document: { mediaId: exampleMediaId }, fileName: 'invoice.pdf', caption: 'as agreed' },
    phone: true,
  },
  sticker: { kind: 'sticker', type: 'sticker', hub: { sticker: { mediaId: exampleMediaId } }, phone: true },
  'sticker that moves': {
    kind: 'sticker',
    type: 'sticker',
    hub: { sticker: { mediaId: exampleMediaId } },
    phone: true,
  },
  'animated sticker of the newer kind': { kind: 'sticker', type: 'sticker', phone: true },
  'view once': {
    kind: 'image',
    type: 'image',
    hub: { image: { mediaId: exampleMediaId }, viewOnce: true },
    phone: true,
  },
  'picture of an album': {
    kind: 'image',
    type: 'image',
    hub: {
      album: [
        { image: { mediaId: exampleMediaId }, caption: 'the view' },
        { image: { url: exampleFileUrl } },
      ],
    },
    phone: true,
  },
  location: {
    kind: 'location',
    type: 'location',
    hub: { location: { lat: '40.41', lng: '-3.7', name: 'Office', address: '1 Main St' } },
    phone: true,
  },
  'live location': {
    kind: 'live_location',
    type: 'location',
    hub: { kind: 'live_location', latitude: 1, longitude: 2, caption: 'on my way', accuracyM: 9 },
    phone: true,
  },
  contact: {
    kind: 'contacts',
    type: 'contact',
    hub: { contacts: { displayName: 'Ben', contacts: [{ vcard }] } },
    phone: true,
  },
  contacts: {
    kind: 'contacts',
    type: 'contact',
    hub: { contact: [{ name: 'Ana; Ltd', phone: '+34 600 000 123' }, { vcard }] },
    phone: true,
  },
  poll: {
    kind: 'poll',
    type: 'poll',
    hub: { poll: { name: 'Lunch?', values: ['Pizza', 'Soup'], selectableCount: '1' } },
    phone: true,
  },
  'poll of many choices': {
    kind: 'poll',
    type: 'poll',
    hub: { kind: 'poll', question: 'Days?', options: ['Mon', 'Tue', 'Wed'], selectable: 2 },
    phone: true,
  },
  event: {
    kind: 'event',
    type: 'text',
    hub: {
      event: {
        name: 'Opening',
        description: 'with cake',
        startTime: '2027-01-01T10:00:00Z',
        endTime: 1_798_804_000,
        location: { lat: 1, lng: 2, name: 'Office' },
      },
    },
    phone: true,
  },
  'button reply': { kind: 'buttons_reply', type: 'buttons', phone: true },
  'template reply': { kind: 'buttons_reply', type: 'buttons', phone: true },
  'flow reply': { kind: 'buttons_reply', type: 'buttons', phone: true },
  'list reply': { kind: 'list_reply', type: 'list', phone: true },
  'buttons of a business': { kind: 'buttons', type: 'buttons', phone: true },
  'list of a business': { kind: 'list', type: 'list', phone: true },
  'template of a business': { kind: 'buttons', type: 'buttons', phone: true },
  'buttons as numbered text': {
    kind: 'buttons',
    type: 'buttons',
    hub: {
      text: 'Confirm?',
      footer: 'Until six',
      buttons: [
        { buttonId: 'y', buttonText: { displayText: 'Yes' } },
        { buttonId: 'n', buttonText: { displayText: 'No' } },
      ],
    },
    phone: false,
  },
  'list as numbered text': {
    kind: 'list',
    type: 'list',
    hub: {
      text: 'Which one?',
      sections: [
        { title: 'Sizes', rows: [{ rowId: 's', title: 'Small', description: '20 cm' }, { title: 'Large' }] },
      ],
    },
    phone: false,
  },
  "buttons in WhatsApp's own form": {
    kind: 'buttons',
    type: 'buttons',
    hub: { kind: 'buttons', text: 'Confirm?', options: [{ id: 'y', title: 'Yes' }], experimental: true },
    phone: false,
  },
  "list in WhatsApp's own form": {
    kind: 'list',
    type: 'list',
    hub: {
      kind: 'list',
      text: 'Which one?',
      button: 'Open',
      sections: [{ options: [{ id: 's', title: 'Small' }] }],
      experimental: true,
    },
    phone: false,
  },
  'group invite': { kind: 'group_invite', type: 'text', phone: true },
  product: { kind: 'product', type: 'text', phone: true },
  order: { kind: 'order', type: 'text', phone: true },
  'from an ad': { kind: 'text', type: 'text', phone: true },
  'forwarded and disappearing': { kind: 'text', type: 'text', phone: true },
  'a kind that is not read yet': { kind: 'unsupported', type: 'text', phone: true },
} as const satisfies Record<string, KindRow>

type Matrix = typeof kindMatrix
/** What the hub sends. */
export type SendableKind = {
  [Name in keyof Matrix]: Matrix[Name] extends { hub: unknown } ? Name : never
}[keyof Matrix]
/** Those of them that are a file. */
export type SendableFile = {
  [Name in SendableKind]: Matrix[Name]['kind'] extends MediaKind ? Name : never
}[SendableKind]
/** What the hub reads. */
export type ReceivableKind = {
  [Name in keyof Matrix]: Matrix[Name] extends { phone: true } ? Name : never
}[keyof Matrix]

/** The message that the examples below are about. */
export const exampleTargetId = '3EB0C767D26A1B2C3D4E'

/** What is done to a message, in both directions. */
export const deedMatrix = {
  reaction: { kind: 'reaction', hub: { react: { text: '👍', key: { id: exampleTargetId } } } },
  'reaction in a group for announcements': {
    kind: 'reaction',
    hub: { react: { text: '👍', key: { id: exampleTargetId } } },
  },
  edit: { kind: 'edit', hub: { edit: { messageId: exampleTargetId, text: 'We open at nine.' } } },
  'edit of a caption': {
    kind: 'edit',
    hub: { edit: { messageId: exampleTargetId, text: 'The view at night' } },
  },
  'deletion for everyone': { kind: 'revoke', hub: { delete: { messageId: exampleTargetId } } },
  'deletion by an administrator': { kind: 'revoke', hub: { delete: { messageId: exampleTargetId } } },
  pin: { kind: 'pin', hub: { pin: { messageId: exampleTargetId, seconds: 86_400 } } },
  'keeping what disappears': { kind: 'keep', hub: { keep: { messageId: exampleTargetId } } },
  vote: { kind: 'vote', hub: { vote: { messageId: exampleTargetId, options: ['Soup'] } } },
} as const satisfies Record<string, { kind: MessageKindWord; hub: unknown }>
export type DeedName = keyof typeof deedMatrix
