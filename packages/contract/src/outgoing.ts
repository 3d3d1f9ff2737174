import {
  type AskedAlbum,
  type AskedFile,
  nameInVcard,
  type OutgoingContent,
  type OutgoingLinkedText,
  type OutgoingMessage,
  userOf,
  vcardOf,
} from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { bool, int, issue, maybe, moment, numberAsText, personAddress, real, text, webUrl } from './fields.ts'
import { looseMenus, menuForms, menuOf } from './outgoing-menus.ts'
import { deedForms, deedOf, looseDeeds } from './outgoing-deeds.ts'
import { albumForm, askedAlbum, looseAlbums } from './outgoing-album.ts'
import { askedFile, caption, fileForms, fileKinds, looseFiles } from './outgoing-files.ts'
import { type AskedTemplate, askedTemplate, looseTemplates, templateForm } from './outgoing-templates.ts'

/*
 * What to send. The strict form is a union by `kind`, which the reference shows; clients write looser ones, in which the key of the object
 * decides (`{"location": {…}}`): `strictly` turns those into the strict form, and everything after it reads only that.
 */

/** The longest text that is sent as one message. */
const maxTextLength = 4096

const plainText = text(1, maxTextLength)
const place = {
  latitude: real(-90, 90),
  longitude: real(-180, 180),
  name: maybe(text(1, 255)),
  address: maybe(text(1, 1024)),
}

const linkPreview = z
  .union([
    bool(),
    z.object({ title: text(1, 300), description: maybe(text(1, 1000)), imageUrl: maybe(webUrl) }),
  ])
  .meta({
    description:
      'Shows what the first address in the text leads to: its title, description and picture. `true`: as its page says; the hub fetches that, 10 seconds at most, only from public addresses, and sends the text without a preview when it cannot. An object: as it says. Left out or `false`: no address is fetched.',
  })
const textForm = z
  .object({ kind: z.literal('text'), text: plainText, linkPreview: maybe(linkPreview) })
  .meta({
    id: 'SendText',
    description:
      'A text. Loosely: a string, or `{"text": "…"}`; `"preview_url": true` is `"linkPreview": true`.',
  })

const locationForm = z.object({ kind: z.literal('location'), ...place, url: maybe(webUrl) }).meta({
  id: 'SendLocation',
  description: 'A place. Loosely: `{"location": {"lat": "40.4", "lng": "-3.7"}}`.',
})

const liveLocationForm = z
  .object({
    kind: z.literal('live_location'),
    latitude: place.latitude,
    longitude: place.longitude,
    caption: maybe(caption),
    accuracyM: maybe(int(0, 1_000_000)),
    speedMps: maybe(real(0, 10_000)),
    headingDegrees: maybe(int(0, 359)),
  })
  .meta({
    id: 'SendLiveLocation',
    description: 'A place as live sharing begins. Loosely: `{"liveLocation": {"lat": …, "lng": …}}`.',
  })

const card = z.object({
  name: maybe(text(1, 255)),
  phone: maybe(personAddress),
  organization: maybe(text(1, 255)),
  email: maybe(text(3, 255)),
  vcard: maybe(text(20, 65_536)),
})
const contactsForm = z
  .object({
    kind: z.literal('contacts'),
    displayName: maybe(text(1, 255)),
    contacts: z
      .array(
        card.transform(({ vcard, phone, ...rest }, context) => {
          if (vcard !== undefined) {
            const written = lined(vcard)
            const name = rest.name ?? nameInVcard(written)
            if (/^BEGIN:VCARD\s/i.test(written) && name !== undefined) return { name, vcard: written }
            context.addIssue({ code: 'custom', path: ['vcard'], input: vcard, ...issue('not_a_vcard') })
            return z.NEVER
          }
          if (rest.name !== undefined && phone !== undefined) {
            return { name: rest.name, vcard: vcardOf({ ...rest, name: rest.name, phone: userOf(phone) }) }
          }
          context.addIssue({ code: 'custom', input: rest, ...issue('card_incomplete') })
          return z.NEVER
        }),
      )
      .min(1)
      .max(50),
  })
  .meta({
    id: 'SendContacts',
    description:
      'One contact or several, each by `vcard` or by `name` and `phone`. Loosely: `{"contacts": {"displayName": "Ana", "contacts": [{"vcard": "…"}]}}` or `{"contact": {"name": "Ana", "phone": "12025550123"}}`.',
  })

const pollForm = z
  .object({
    kind: z.literal('poll'),
    question: text(1, 255),
    options: z.array(text(1, 100)).min(2).max(12),
    selectable: maybe(int(0, 12)).meta({
      description: 'How many may be chosen; 0, as when left out: any number.',
    }),
  })
  .refine(({ options }) => new Set(options).size === options.length, {
    path: ['options'],
    ...issue('not_distinct'),
  })
  .refine(({ options, selectable = 0 }) => selectable <= options.length, {
    path: ['selectable'],
    ...issue('more_than_options'),
  })
  .meta({
    id: 'SendPoll',
    description:
      'A poll of 2 to 12 options. Loosely: `{"poll": {"name": "…", "values": […], "selectableCount": 1}}`.',
  })

const eventForm = z
  .object({
    kind: z.literal('event'),
    name: text(1, 100),
    description: maybe(text(1, 2048)),
    startsAt: moment('start_of_day'),
    endsAt: maybe(moment('end_of_day')),
    location: maybe(z.object(place)),
    joinLink: maybe(webUrl),
    extraGuests: maybe(bool()),
  })
  .refine(({ startsAt, endsAt }) => endsAt === undefined || startsAt <= endsAt, {
    path: ['endsAt'],
    ...issue('end_before_begin'),
  })
  .meta({ id: 'SendEvent', description: 'An invitation to something at a time. Loosely: `{"event": {…}}`.' })

const messageForms = [
  textForm,
  ...fileForms,
  albumForm,
  locationForm,
  liveLocationForm,
  contactsForm,
  pollForm,
  eventForm,
  ...menuForms,
] as const
const forms = [...messageForms, ...deedForms, templateForm] as const
const strict = z.discriminatedUnion('kind', forms)
type Strict = z.output<typeof strict>
type MessageForm = z.output<(typeof messageForms)[number]>

/** `message` of a send: text, or an object whose key decides what it is. */
export const outgoingContent = z
  .preprocess(
    (value, context) => {
      const written = numberAsText(value)
      if (typeof written === 'string') {
        // Named as `message`, which is what its sender wrote.
        const fault = { origin: 'string', inclusive: true, input: written }
        if (written.length === 0) context.addIssue({ ...fault, code: 'too_small', minimum: 1 })
        if (written.length > maxTextLength)
          context.addIssue({ ...fault, code: 'too_big', maximum: maxTextLength })
        return { kind: 'text', text: written }
      }
      const form = strictly(written)
      if (form !== undefined) return form
      context.addIssue({
        code: 'custom',
        input: value,
        ...issue(isGiven(written) ? 'unknown_kind' : 'required'),
      })
      return z.NEVER
    },
    strict.transform((form): OutgoingContent | AskedFile | AskedAlbum | AskedTemplate => {
      if (form.kind === 'template') return askedTemplate(form)
      return isAboutAnother(form) ? deedOf(form) : contentOf(form)
    }),
  )
  .meta({
    description:
      'Text of 1 to 4096 characters, or an object. Its `kind` says what it is; without one its key decides: `{"location": {…}}`, `{"poll": {…}}`, …',
    example: 'Hello',
  })

const aboutAnother = ['reaction', 'edit', 'delete', 'pin', 'keep', 'vote', 'forward'] as const

function isAboutAnother(
  form: Exclude<Strict, { kind: 'template' }>,
): form is Exclude<typeof form, MessageForm> {
  return aboutAnother.some((kind) => kind === form.kind)
}

const kinds: ReadonlySet<unknown> = new Set<Strict['kind']>([
  'text',
  ...fileKinds,
  'album',
  'location',
  'live_location',
  'contacts',
  'poll',
  'event',
  'buttons',
  'list',
  ...aboutAnother,
  'template',
])

type Loose = Readonly<Record<string, unknown>>

/** What each key of a loose form stands for. The first that is there decides. */
const looseForms: Readonly<Record<string, (value: unknown, message: Loose) => unknown>> = {
  ...looseDeeds,
  ...looseTemplates,
  ...looseMenus,
  ...looseAlbums,
  // Before the text, which is their caption then.
  ...looseFiles,
  text: (value, message) => ({
    kind: 'text',
    text: value,
    linkPreview: message['linkPreview'] ?? message['preview_url'],
  }),
  conversation: (value) => ({ kind: 'text', text: value }),
  location: (value) => ({ kind: 'location', ...located(value) }),
  liveLocation: (value, message) => ({
    caption: message['caption'],
    ...located(value),
    kind: 'live_location',
  }),
  contacts: (value) =>
    isObject(value) && 'contacts' in value
      ? { displayName: value['displayName'], contacts: value['contacts'], kind: 'contacts' }
      : { kind: 'contacts', contacts: Array.isArray(value) ? value : [value] },
  contact: (value) => ({ kind: 'contacts', contacts: Array.isArray(value) ? value : [value] }),
  poll: (value) =>
    isObject(value)
      ? {
          kind: 'poll',
          question: value['question'] ?? value['name'],
          options: value['options'] ?? value['values'],
          selectable: value['selectable'] ?? value['selectableCount'],
        }
      : { kind: 'poll' },
  event: (value) =>
    isObject(value)
      ? {
          ...value,
          kind: 'event',
          startsAt: value['startsAt'] ?? value['startTime'] ?? value['startDate'],
          endsAt: value['endsAt'] ?? value['endTime'] ?? value['endDate'],
          ...(isObject(value['location']) && { location: located(value['location']) }),
        }
      : { kind: 'event' },
}

/** The strict form of an object that a client wrote; undefined when it is none we know. */
function strictly(value: unknown): unknown {
  if (!isObject(value)) return undefined
  if (kinds.has(value['kind'])) return value
  for (const [key, formOf] of Object.entries(looseForms)) {
    const given = value[key]
    if (isGiven(given)) return formOf(given, value)
  }
  return undefined
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function located(value: unknown): Loose {
  if (!isObject(value)) return {}
  return {
    ...value,
    latitude: value['latitude'] ?? value['degreesLatitude'] ?? value['lat'],
    longitude: value['longitude'] ?? value['degreesLongitude'] ?? value['lng'] ?? value['lon'],
  }
}

/** Some write a card on one line, with the two characters `\n` between its fields. */
function lined(vcard: string): string {
  return vcard.includes('\n') ? vcard : vcard.replaceAll(String.raw`\n`, '\n')
}

function contentOf(form: MessageForm): OutgoingMessage | OutgoingLinkedText | AskedFile | AskedAlbum {
  switch (form.kind) {
    case 'file':
    case 'image':
    case 'video':
    case 'gif':
    case 'video_note':
    case 'audio':
    case 'voice':
    case 'document':
    case 'sticker':
      return askedFile(form)
    case 'album':
      return askedAlbum(form)
    case 'text': {
      const { kind, text, linkPreview = false } = form
      if (linkPreview === false) return { kind, text }
      return { kind, text, linkPreview: linkPreview === true ? 'of_page' : present(linkPreview) }
    }
    case 'location': {
      const { kind, ...location } = form
      return { kind, text: location.name ?? location.address ?? '', location: present(location) }
    }
    case 'live_location': {
      const { kind, caption: text = '', ...location } = form
      return { kind, text, location: present(location) }
    }
    case 'contacts': {
      const { kind, displayName, contacts } = form
      return { kind, text: displayName ?? contacts.map(({ name }) => name).join(', '), contacts }
    }
    case 'poll': {
      const { kind, question, options, selectable = 0 } = form
      return { kind, text: question, poll: { question, options, selectable } }
    }
    case 'buttons':
    case 'list':
      return menuOf(form)
    case 'event':
      break
  }
  const { kind, location, ...event } = form
  const where = location && { location: present(location) }
  return { kind, text: event.name, event: { ...present(event), ...where, canceled: false } }
}

/** Without what was not given. */
function present<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  // Only undefined values are gone, as the type says.
  return Object.fromEntries(entries) as { [Name in keyof Fields]: Exclude<Fields[Name], undefined> }
}
