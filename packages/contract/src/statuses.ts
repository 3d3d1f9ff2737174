import type { AskedFile, TextStyle } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import { bool, int, issue, limit, list, maybe, page, personAddress, sessionRef, text } from './fields.ts'
import { maxBase64Chars } from './media.ts'
import { messageContent } from './message-content.ts'
import { messageTypes } from './message-events.ts'
import { messageStatuses } from './messages.ts'
import { fileFields, fileToSendErrors, givenSources, sourceOf, withFlatFile } from './outgoing-files.ts'
import { statusStyle } from './status-events.ts'

const person = z.object({
  id: z.string().meta({ description: 'With the phone number when it is known.' }),
  lid: z.string().nullable(),
})

export const statusSchema = z
  .object({
    id: z.string().meta({ description: "WhatsApp's id." }),
    statusId: z.string().meta({ description: 'The same.' }),
    dbId: z.int(),
    type: z.enum(messageTypes),
    content: z.string().meta({ description: 'The text, or the caption.' }),
    caption: z.string().nullable(),
    mediaUrl: z.string().nullable(),
    hasMedia: z.boolean(),
    ...statusStyle,
    ...messageContent,
    from: z.string().meta({ description: 'Whose it is, with the phone number when it is known.' }),
    fromLid: z.string().nullable(),
    pushName: z.string().nullable(),
    fromMe: z.boolean(),
    status: z.enum(messageStatuses).meta({ description: 'Of ours, how far it is; else `received`.' }),
    postedAt: isoSchema,
    expiresAt: isoSchema.meta({ description: 'WhatsApp shows it until then.' }),
    isActive: z.boolean().meta({ description: 'WhatsApp shows it now.' }),
    viewCount: z.int().meta({ description: 'People who saw it; always 0 for those of others.' }),
    isViewed: z.boolean().meta({ description: 'Its author was told that the account saw it.' }),
    isArchived: z.boolean().meta({ description: 'The hub keeps it beyond its day.' }),
    deletedAt: isoSchema.nullable().meta({ description: 'When its author took it back.' }),
    reactions: z.array(
      z.object({ emoji: z.string(), from: z.string(), fromMe: z.boolean(), timestamp: isoSchema }),
    ),
  })
  .meta({ id: 'Status' })
export type StatusWire = z.input<typeof statusSchema>

const tag = 'Statuses'
const ofSession = z.object({ sessionId: sessionRef })
const ofStatus = ofSession.extend({
  statusId: z.string().min(1).max(160).meta({ description: "WhatsApp's id of a status, or its `dbId`." }),
})
const one = z.object({ status: statusSchema })
const many = z.object({ statuses: z.array(statusSchema), pagination: paginationSchema, total: z.int() })
const among: readonly ErrorCode[] = ['SESSION_NOT_FOUND']
const onOne: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'STATUS_NOT_FOUND']
const asking: readonly ErrorCode[] = [...onOne, 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR']

const colour = z
  .string()
  .trim()
  .refine((value) => /^#[\da-f]{6}$/i.test(value), issue('not_a_colour'))

/** What is posted as what; `document`, as CRMs write it, is whatever the bytes say. */
const kindOfType = {
  image: 'image',
  video: 'video',
  gif: 'gif',
  audio: 'voice',
  voice: 'voice',
  document: 'file',
  file: 'file',
} as const
const statusTypes = ['text', 'image', 'video', 'gif', 'audio', 'voice', 'document', 'file'] as const

const postedStatus = z
  .object({
    type: maybe(z.enum(statusTypes)).meta({
      description:
        'What it is: `text`, or a file as `image`, `video`, `gif`, `voice` (also `audio`: sounds are posted as voice notes), `file` (also `document`: what its bytes say). When left out: a file if there is one, else text.',
    }),
    content: maybe(text(1, 700)).meta({ description: 'The text.', example: 'Open until eight today' }),
    text: maybe(text(1, 700)).meta({ description: 'The same.' }),
    mediaUrl: fileFields.url.meta({ description: 'The same as `url`.' }),
    ...fileFields,
    backgroundColor: maybe(colour).meta({
      description: '`#RRGGBB`, of a text or a voice note.',
      example: '#1F7A4D',
    }),
    textColor: maybe(colour).meta({ description: '`#RRGGBB`.' }),
    font: maybe(int(0, 10).refine((value) => value < 3 || value > 5)).meta({
      description:
        'One of WhatsApp: 0 plain, 1 plain text, 2 script, 6 bold, 7 handwriting, 8 display, 9 heavy, 10 typewriter.',
    }),
    recipients: list(personAddress, 5000).optional(),
    exclude: list(personAddress, 5000).optional(),
    clientId: maybe(text(1, 255)).meta({ description: 'The same as the `Idempotency-Key` header.' }),
  })
  .transform(({ mediaUrl, url = mediaUrl, content, text: said = content, ...rest }, context) => {
    const { type, caption = '', mediaId, base64, path, upload, fileName, mimetype, ...others } = rest
    const { backgroundColor, textColor, font, ...whom } = others
    const file = { url, mediaId, base64, path, upload }
    const named = givenSources(file)
    const style: TextStyle = {
      ...(backgroundColor !== undefined && { background: backgroundColor.toUpperCase() }),
      ...(textColor !== undefined && { color: textColor.toUpperCase() }),
      ...(font !== undefined && { font }),
    }
    const isText = type === 'text' || (type === undefined && named.length === 0)
    if (isText === named.length > 0 || named.length > 1) {
      context.addIssue({ code: 'custom', path: ['mediaUrl'], input: url, ...issue('one_source') })
      return z.NEVER
    }
    if (isText) {
      const says = said === undefined ? undefined : { kind: 'text' as const, text: said }
      return { ...whom, style, says }
    }
    const says: AskedFile = {
      kind: kindOfType[type ?? 'file'],
      // Some write the caption as they write a text.
      text: caption === '' ? (said ?? '') : caption,
      file: sourceOf(file),
      ...(fileName !== undefined && { name: fileName }),
      ...(mimetype !== undefined && { mimetype }),
    }
    return { ...whom, style, says }
  })

const listStatuses = endpoint({
  id: 'listStatuses',
  method: 'GET',
  path: '/api/status/sessions/:sessionId',
  tag,
  summary: 'List the statuses of a session, newest first',
  description: 'Ours and those of others: of the last 24 hours, and older ones that were archived.',
  params: ofSession,
  query: z.object({
    page,
    limit: limit(20),
    fromMe: maybe(bool()),
    author: maybe(personAddress),
    isArchived: maybe(bool()),
  }),
  data: many,
  errors: among,
})

const listActiveStatuses = endpoint({
  id: 'listActiveStatuses',
  method: 'GET',
  path: '/api/status/sessions/:sessionId/active',
  tag,
  summary: 'List the statuses that WhatsApp shows now, newest first',
  params: ofSession,
  query: z.object({ page, limit: limit(20), fromMe: maybe(bool()), author: maybe(personAddress) }),
  data: many,
  errors: among,
})

const postStatus = endpoint({
  id: 'postStatus',
  method: 'POST',
  path: '/api/status/sessions/:sessionId',
  tag,
  bucket: 'sending',
  summary: 'Post a status',
  description:
    'The status is stored before it is promised, and posted once: repeat a call whose answer was lost with the same `Idempotency-Key` and you get the first result. A file may come with the request, as `multipart/form-data`: the fields are those of the body. WhatsApp shows it to those it was sent to: people saved on the phone or named in the hub, without those in `exclude`; or only those in `recipients`.',
  params: ofSession,
  headers: z.object({ 'idempotency-key': maybe(text(1, 255)) }),
  input: 'json_or_form',
  maxBodyBytes: maxBase64Chars + 64 * 1024,
  body: z.preprocess(withFlatFile, postedStatus),
  status: 201,
  data: one,
  errors: [
    'SESSION_NOT_FOUND',
    'SESSION_NOT_CONNECTED',
    'STATUS_WITHOUT_AUDIENCE',
    'WHATSAPP_ERROR',
    'IDEMPOTENCY_CONFLICT',
    'STATUS_FILE_NOT_SHOWN',
    ...fileToSendErrors,
  ],
})

const statusStats = endpoint({
  id: 'statusStats',
  method: 'GET',
  path: '/api/status/sessions/:sessionId/stats',
  tag,
  summary: 'Count the statuses of a session',
  params: ofSession,
  data: z.object({
    stats: z.object({
      total: z.int(),
      active: z.int().meta({ description: 'WhatsApp shows them now.' }),
      archived: z.int(),
      posted: z.int().meta({ description: 'Ours.' }),
      received: z.int(),
      views: z.int().meta({ description: 'How often ours were seen, once per person and status.' }),
    }),
  }),
  errors: among,
})

const searchStatuses = endpoint({
  id: 'searchStatuses',
  method: 'GET',
  path: '/api/status/sessions/:sessionId/search',
  tag,
  summary: 'Search the texts and captions of statuses',
  description: 'Capitals and accents do not matter.',
  params: ofSession,
  query: z.object({ q: text(1, 100), page, limit: limit(20) }),
  data: many,
  errors: among,
})

const getStatus = endpoint({
  id: 'getStatus',
  method: 'GET',
  path: '/api/status/sessions/:sessionId/statuses/:statusId',
  tag,
  summary: 'Read a status, and of ours who saw it',
  params: ofStatus,
  data: z.object({
    status: statusSchema.extend({
      viewers: z
        .array(person.extend({ viewedAt: isoSchema }))
        .meta({ description: 'The latest first, at most 5000; empty for statuses of others.' }),
    }),
  }),
  errors: onOne,
})

const viewStatus = endpoint({
  id: 'viewStatus',
  method: 'POST',
  path: '/api/status/sessions/:sessionId/statuses/:statusId/view',
  tag,
  summary: 'Tell the author of a status that the account saw it',
  description:
    'Asks WhatsApp, the first time. Whether the author learns of it, the privacy settings of the account decide (read receipts).',
  params: ofStatus,
  data: one,
  errors: asking,
})

const archiveStatus = endpoint({
  id: 'archiveStatus',
  method: 'POST',
  path: '/api/status/sessions/:sessionId/statuses/:statusId/archive',
  tag,
  summary: 'Keep a status beyond its day',
  description: 'In the hub: WhatsApp is not told.',
  params: ofStatus,
  data: one,
  errors: onOne,
})

const unarchiveStatus = endpoint({
  id: 'unarchiveStatus',
  method: 'POST',
  path: '/api/status/sessions/:sessionId/statuses/:statusId/unarchive',
  tag,
  summary: 'No longer keep a status beyond its day',
  description: 'One whose day is over is removed within minutes.',
  params: ofStatus,
  data: one,
  errors: onOne,
})

const addStatusReaction = endpoint({
  id: 'addStatusReaction',
  method: 'POST',
  path: '/api/status/sessions/:sessionId/statuses/:statusId/reactions',
  tag,
  bucket: 'sending',
  summary: 'React to a status',
  description: 'Asks WhatsApp. A former reaction of ours is replaced.',
  params: ofStatus,
  body: z.object({ reaction: text(1, 16).meta({ description: 'An emoji.', example: '💚' }) }),
  data: one,
  errors: asking,
})

const removeStatusReaction = endpoint({
  id: 'removeStatusReaction',
  method: 'DELETE',
  path: '/api/status/sessions/:sessionId/statuses/:statusId/reactions',
  tag,
  bucket: 'sending',
  summary: 'Take our reaction to a status back',
  description: 'Asks WhatsApp.',
  params: ofStatus,
  body: z.object({ reaction: z.unknown().optional().meta({ description: 'Accepted, and ignored.' }) }),
  data: one,
  errors: asking,
})

const deleteStatus = endpoint({
  id: 'deleteStatus',
  method: 'DELETE',
  path: '/api/status/sessions/:sessionId/statuses/:statusId',
  tag,
  summary: 'Take a status of ours back, or remove one of others from the hub',
  description:
    'Of ours, asks WhatsApp to take it from everybody it was sent to while its day is not over. Of others, only the hub forgets it.',
  params: ofStatus,
  data: z.object({ id: z.string(), deleted: z.literal(true) }),
  errors: asking,
})

export const statusEndpoints = {
  listStatuses,
  listActiveStatuses,
  postStatus,
  statusStats,
  searchStatuses,
  getStatus,
  viewStatus,
  archiveStatus,
  unarchiveStatus,
  addStatusReaction,
  removeStatusReaction,
  deleteStatus,
}
