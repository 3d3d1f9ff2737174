import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import { bool, groupAddress, int, list, maybe, numberAsText, sessionRef, text, webUrl } from './fields.ts'
import { maxBase64Bytes } from './media.ts'
import { businessProfileSchema } from './people.ts'

const tag = 'Profile'
const ofSession = z.object({ ref: sessionRef })
const asks = 'Asks WhatsApp.'
const always: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR']
const maxBase64Chars = Math.ceil(maxBase64Bytes / 3) * 4 + 4096

const ownProfile = z
  .object({
    name: z.string().nullable().meta({ description: 'What others see beside the number.' }),
    about: z.string().nullable(),
    aboutSetAt: isoSchema.nullable(),
    profilePictureUrl: z.string().nullable().meta({ description: 'Needs no key; ends by itself.' }),
    pictureId: z.string().nullable(),
    isBusiness: z.boolean(),
    business: businessProfileSchema.nullable(),
    appearsOnline: z.boolean().meta({ description: 'The hub shows the account as online.' }),
    readAt: isoSchema.nullable().meta({ description: 'When WhatsApp was last asked; null: never.' }),
  })
  .meta({ id: 'OwnProfile' })
export type OwnProfileWire = z.input<typeof ownProfile>

const getOwnProfile = endpoint({
  id: 'getOwnProfile',
  method: 'GET',
  path: '/api/sessions/:ref/profile',
  tag,
  summary: 'What the account shows of itself',
  description:
    'From the store when WhatsApp was asked within a day, else asks it; `refresh` asks when the last answer is more than a minute old. What is stored is answered while the session is not connected.',
  params: ofSession,
  query: z.object({ refresh: maybe(bool()) }),
  data: z.object({ profile: ownProfile }),
  errors: [...always, 'MEDIA_STORE_UNAVAILABLE', 'MEDIA_QUOTA_EXCEEDED'],
})

const updateOwnProfile = endpoint({
  id: 'updateOwnProfile',
  method: 'PUT',
  path: '/api/sessions/:ref/profile',
  tag,
  summary: 'Change the name and the about text of the account',
  description: `${asks} One request per field that is given; the first that is refused ends it, and \`details.applied\` names what was done. An empty \`about\` takes it away. The name goes to the phone and the other devices too.`,
  params: ofSession,
  body: z.object({
    name: maybe(text(1, 25)),
    about: z
      .preprocess((value) => (value === null ? '' : numberAsText(value)), z.string().max(139))
      .optional(),
  }),
  data: z.object({ profile: ownProfile }),
  errors: [...always, 'APP_STATE_NOT_READY', 'APP_STATE_CONFLICT'],
})

const newPicture = z.object({
  url: maybe(z.string().trim().max(4096)).meta({ example: 'https://files.example.com/logo.png' }),
  base64: maybe(z.string().max(maxBase64Chars)).meta({ description: 'The bytes, also as a data URL.' }),
  mediaId: maybe(z.string().max(100)).meta({ description: 'A file of yours.' }),
})
const pictureErrors = [
  'MEDIA_URL_REFUSED',
  'MEDIA_URL_FAILED',
  'MEDIA_NOT_FOUND',
  'MEDIA_DAMAGED',
  'MEDIA_BROKEN',
  'MEDIA_DIMENSIONS_TOO_LARGE',
  'MEDIA_CONVERSION_UNAVAILABLE',
  'MEDIA_CONVERSION_TOO_SLOW',
  'MEDIA_STORE_UNAVAILABLE',
  'FILE_EMPTY',
  'FILE_TOO_LARGE',
  'FILE_TYPE_MISMATCH',
] as const
const pictureDescription = `${asks} One of \`url\`, \`base64\` and \`mediaId\`. Any picture is taken: its middle is cut out as a square of at most 640 pixels, by ffmpeg; a square JPEG of that size needs none.`
const pictureData = z.object({ pictureId: z.string().nullable() })

const setProfilePicture = endpoint({
  id: 'setProfilePicture',
  method: 'PUT',
  path: '/api/sessions/:ref/profile/picture',
  tag,
  summary: 'Change the picture of the account',
  description: pictureDescription,
  maxBodyBytes: maxBase64Chars + 16 * 1024,
  params: ofSession,
  body: newPicture,
  data: pictureData,
  errors: [...always, ...pictureErrors],
})

const removeProfilePicture = endpoint({
  id: 'removeProfilePicture',
  method: 'DELETE',
  path: '/api/sessions/:ref/profile/picture',
  tag,
  summary: 'Take the picture of the account away',
  description: asks,
  params: ofSession,
  data: pictureData,
  errors: always,
})

const ofGroup = z.object({ sessionId: sessionRef, groupId: groupAddress })
const groupErrors: readonly ErrorCode[] = ['GROUP_NOT_FOUND', 'NOT_IN_GROUP', 'NOT_GROUP_ADMIN']

const setGroupPicture = endpoint({
  id: 'setGroupPicture',
  method: 'PUT',
  path: '/api/groups/sessions/:sessionId/groups/:groupId/picture',
  tag: 'Groups',
  summary: 'Change the picture of a group',
  description: pictureDescription,
  maxBodyBytes: maxBase64Chars + 16 * 1024,
  params: ofGroup,
  body: newPicture,
  data: pictureData,
  errors: [...always, ...groupErrors, ...pictureErrors],
})

const removeGroupPicture = endpoint({
  id: 'removeGroupPicture',
  method: 'DELETE',
  path: '/api/groups/sessions/:sessionId/groups/:groupId/picture',
  tag: 'Groups',
  summary: 'Take the picture of a group away',
  description: asks,
  params: ofGroup,
  data: pictureData,
  errors: [...always, ...groupErrors],
})

const day = z.object({
  day: z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']),
  mode: z.enum(['open_24h', 'specific_hours', 'appointment_only']),
  open: maybe(int(0, 1440)),
  close: maybe(int(0, 1440)),
})

const updateBusinessProfile = endpoint({
  id: 'updateBusinessProfile',
  method: 'PUT',
  path: '/api/sessions/:ref/profile/business',
  tag,
  summary: 'Change the business profile of a WhatsApp Business account',
  description: `${asks} What is left out stays.`,
  params: ofSession,
  body: z.object({
    description: z.string().max(512).optional(),
    address: z.string().max(256).optional(),
    email: z.string().max(128).optional(),
    websites: list(webUrl, 2).optional(),
    hours: z.object({ timezone: z.string().min(1).max(64), days: z.array(day).max(21) }).optional(),
  }),
  data: z.object({ profile: ownProfile }),
  errors: [...always, 'NOT_A_BUSINESS'],
})

const setAppearance = endpoint({
  id: 'setAppearance',
  method: 'PUT',
  path: '/api/sessions/:ref/presence',
  tag,
  summary: 'Show the account as online, or not',
  description: `${asks} It stays so over reconnects and restarts. While the account appears online here, the phone does not ring for new messages; usually the hub does not show it.`,
  params: ofSession,
  body: z.object({ available: bool() }),
  data: z.object({ available: z.boolean() }),
  errors: always,
})

const audience = z.enum(['all', 'contacts', 'none'])
const privacyWords = {
  lastSeen: audience,
  online: z.enum(['all', 'match_last_seen']),
  picture: audience,
  about: audience,
  readReceipts: z.enum(['all', 'none']),
  groupAdd: audience,
  callAdd: z.enum(['all', 'known']),
  messages: z.enum(['all', 'contacts']),
}
const shown = z.string().nullable()
const privacySchema = z
  .object({
    lastSeen: shown.meta({ description: 'Who sees when the account was last online.' }),
    online: shown.meta({ description: 'Who sees that it is online.' }),
    picture: shown,
    about: shown,
    readReceipts: shown.meta({ description: '`none`: neither sent nor received.' }),
    groupAdd: shown.meta({ description: 'Who may add it to groups.' }),
    callAdd: shown.meta({ description: 'Who may call.' }),
    messages: shown.meta({ description: 'Who may write.' }),
    defaultDisappearingSeconds: z
      .int()
      .meta({ description: 'How long messages of new chats stay; 0: for good.' }),
    readAt: isoSchema,
  })
  .meta({
    id: 'Privacy',
    description:
      "WhatsApp's words: `all`, `contacts`, `contact_blacklist` (contacts except some, which is set on the phone), `none`, `match_last_seen`, `known`; null: it did not say.",
  })
export type PrivacyWire = z.input<typeof privacySchema>

const getPrivacy = endpoint({
  id: 'getPrivacy',
  method: 'GET',
  path: '/api/sessions/:ref/privacy',
  tag,
  summary: 'The privacy settings of the account',
  description:
    'From the store, until WhatsApp tells of a change or a day has passed; then asks WhatsApp. What is stored is answered while the session is not connected.',
  params: ofSession,
  data: z.object({ privacy: privacySchema }),
  errors: always,
})

const setPrivacy = endpoint({
  id: 'setPrivacy',
  method: 'PUT',
  path: '/api/sessions/:ref/privacy',
  tag,
  summary: 'Change privacy settings and the default timer of the account',
  description: `${asks} One request per field that is given; the first that is refused ends it, and \`details.applied\` names what was done.`,
  params: ofSession,
  body: z.object({
    lastSeen: maybe(privacyWords.lastSeen),
    online: maybe(privacyWords.online),
    picture: maybe(privacyWords.picture),
    about: maybe(privacyWords.about),
    readReceipts: maybe(privacyWords.readReceipts),
    groupAdd: maybe(privacyWords.groupAdd),
    callAdd: maybe(privacyWords.callAdd),
    messages: maybe(privacyWords.messages),
    defaultDisappearingSeconds: maybe(int(0, 31_536_000)).meta({
      description: 'WhatsApp knows 0 (off), 86400, 604800 and 7776000.',
    }),
  }),
  data: z.object({ privacy: privacySchema }),
  errors: always,
})

export const profileEndpoints = {
  getOwnProfile,
  updateOwnProfile,
  setProfilePicture,
  removeProfilePicture,
  updateBusinessProfile,
  setAppearance,
  getPrivacy,
  setPrivacy,
  setGroupPicture,
  removeGroupPicture,
}
