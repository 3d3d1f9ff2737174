import { isNewsletter, type Jid, tryParseJid } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import { int, issue, limit, maybe, page, sessionRef, text } from './fields.ts'
import { maxBase64Chars } from './media.ts'
import { messageContent } from './message-content.ts'
import { messageTypes } from './message-events.ts'
import { messageStatuses } from './messages.ts'
import { fileToSendErrors, withFile } from './outgoing-files.ts'
import { outgoingContent } from './outgoing.ts'
import { newsletterReactions, newsletterRoles } from './newsletter-events.ts'

export const newsletterSchema = z
  .object({
    id: z.string().meta({ example: '120363000000000002@newsletter' }),
    name: z.string(),
    description: z.string().nullable(),
    inviteCode: z.string().nullable(),
    inviteUrl: z.string().nullable().meta({ format: 'uri' }),
    pictureUrl: z.string().nullable().meta({ description: "On WhatsApp's own servers, for a while." }),
    createdAt: isoSchema.nullable(),
    subscriberCount: z.int(),
    isVerified: z.boolean(),
    state: z.string().meta({ description: '`active`, `suspended`, `geosuspended`, `deleted`.' }),
    role: z.enum(newsletterRoles).meta({ description: '`guest`: the account does not follow it.' }),
    isFollowed: z.boolean(),
    isMuted: z.boolean(),
  })
  .meta({ id: 'Newsletter' })
export type NewsletterWire = z.input<typeof newsletterSchema>

export const newsletterPostSchema = z
  .object({
    messageId: z.string(),
    serverId: z
      .string()
      .nullable()
      .meta({ description: "The newsletter's number of it; null while WhatsApp has not given one." }),
    newsletterId: z.string(),
    type: z.enum(messageTypes),
    content: z.string().meta({ description: 'Text or caption.' }),
    ...messageContent,
    fromMe: z.boolean().meta({ description: 'The hub posted it.' }),
    status: z.enum(messageStatuses).meta({ description: 'Of ours, how far it is; else `received`.' }),
    timestamp: isoSchema,
    views: z.int(),
    reactions: newsletterReactions,
    myReaction: z.string().nullable(),
    deletedAt: isoSchema.nullable(),
  })
  .meta({ id: 'NewsletterPost' })
export type NewsletterPostWire = z.input<typeof newsletterPostSchema>

const newsletterAddress = z
  .string()
  .max(160)
  .transform((value, context): Jid => {
    const written = value.trim()
    const jid = tryParseJid(written.includes('@') ? written : `${written}@newsletter`)
    if (jid !== undefined && isNewsletter(jid)) return jid
    context.addIssue({ code: 'custom', input: value, ...issue('not_a_newsletter') })
    return z.NEVER
  })
  .meta({ description: 'A JID `…@newsletter`, or its digits.', example: '120363000000000002@newsletter' })

const newsletterCode = z
  .string()
  .max(200)
  .transform((value, context): string => {
    const code = /^(?:(?:https?:\/\/)?(?:www\.)?whatsapp\.com\/channel\/)?([\w-]{6,60})(?:[/?].*)?$/.exec(
      value.trim(),
    )?.[1]
    if (code !== undefined) return code
    context.addIssue({ code: 'custom', input: value, ...issue('not_an_invite') })
    return z.NEVER
  })
  .meta({ description: 'The code, or the link `https://whatsapp.com/channel/…`.' })

/** A picture of at most 1 MiB, base64; '' takes it away. */
const picture = z
  .string()
  .max(1_400_000)
  .refine((value) => /^[A-Za-z\d+/]*={0,2}$/.test(value), issue('not_base64'))
  .meta({ description: 'A square JPEG of at most 1 MiB, base64; empty takes the picture away.' })

/** A picture in base64, and what else a request says. */
const maxPictureBody = 2 * 1024 * 1024

const tag = 'Newsletters'
const ofSession = z.object({ sessionId: sessionRef })
const ofNewsletter = ofSession.extend({ newsletterId: newsletterAddress })
const ofPost = ofNewsletter.extend({
  serverId: z
    .string()
    .regex(/^\d{1,15}$/)
    .meta({ description: "The newsletter's number of a message." }),
})
const base = '/api/newsletters/sessions/:sessionId'
const asks = 'Asks WhatsApp.'
const one = z.object({ newsletter: newsletterSchema })
const always: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR']
const onOne: readonly ErrorCode[] = [...always, 'NEWSLETTER_NOT_FOUND']
const forAdmins: readonly ErrorCode[] = [...onOne, 'NOT_NEWSLETTER_ADMIN']

const listNewsletters = endpoint({
  id: 'listNewsletters',
  method: 'GET',
  path: base,
  tag,
  summary: 'List or search the newsletters that the account follows or owns',
  description:
    'From the store; asks WhatsApp when it was not asked for a day, or never. What is stored is answered while the session is not connected.',
  params: ofSession,
  query: z.object({
    page,
    limit: limit(20),
    search: maybe(text(1, 100)),
    role: maybe(z.enum(newsletterRoles)),
  }),
  data: z.object({ newsletters: z.array(newsletterSchema), pagination: paginationSchema, total: z.int() }),
  errors: always,
})

const createNewsletter = endpoint({
  id: 'createNewsletter',
  method: 'POST',
  path: base,
  tag,
  summary: 'Make a newsletter',
  description: asks,
  params: ofSession,
  body: z.object({ name: text(1, 100), description: maybe(text(1, 2048)), picture: picture.optional() }),
  maxBodyBytes: maxPictureBody,
  status: 201,
  data: one,
  errors: always,
})

const getInvitedNewsletter = endpoint({
  id: 'getInvitedNewsletter',
  method: 'GET',
  path: `${base}/invites/:inviteCode`,
  tag,
  summary: 'Find a newsletter by its link, without following it',
  description: asks,
  params: ofSession.extend({ inviteCode: newsletterCode }),
  data: one,
  errors: onOne,
})

const getNewsletter = endpoint({
  id: 'getNewsletter',
  method: 'GET',
  path: `${base}/newsletters/:newsletterId`,
  tag,
  summary: 'Read a newsletter, followed or not',
  description: `${asks} What is stored of it is answered while the session is not connected.`,
  params: ofNewsletter,
  data: one,
  errors: onOne,
})

const updateNewsletter = endpoint({
  id: 'updateNewsletter',
  method: 'PUT',
  path: `${base}/newsletters/:newsletterId`,
  tag,
  summary: 'Change name, description and picture of a newsletter',
  description: `${asks} An empty description takes it away.`,
  params: ofNewsletter,
  body: z.object({
    name: maybe(text(1, 100)),
    description: z.string().max(2048).nullable().optional(),
    picture: picture.nullable().optional(),
  }),
  maxBodyBytes: maxPictureBody,
  data: one,
  errors: forAdmins,
})

const deleteNewsletter = endpoint({
  id: 'deleteNewsletter',
  method: 'DELETE',
  path: `${base}/newsletters/:newsletterId`,
  tag,
  summary: 'Delete a newsletter, for everybody',
  description: `${asks} Only its owner may.`,
  params: ofNewsletter,
  data: z.object({ id: z.string(), deleted: z.literal(true) }),
  errors: forAdmins,
})

/** What an account does to a newsletter without saying more. */
function act(id: string, last: string, summary: string) {
  return endpoint({
    id,
    method: 'POST',
    path: `${base}/newsletters/:newsletterId/${last}`,
    tag,
    summary,
    description: asks,
    params: ofNewsletter,
    data: one,
    errors: onOne,
  })
}
const followNewsletter = act('followNewsletter', 'follow', 'Follow a newsletter')
const unfollowNewsletter = act('unfollowNewsletter', 'unfollow', 'Follow a newsletter no longer')
const muteNewsletter = act('muteNewsletter', 'mute', 'Mute a newsletter')
const unmuteNewsletter = act('unmuteNewsletter', 'unmute', 'Unmute a newsletter')

const listNewsletterMessages = endpoint({
  id: 'listNewsletterMessages',
  method: 'GET',
  path: `${base}/newsletters/:newsletterId/messages`,
  tag,
  summary: 'List the messages of a newsletter that are stored, newest first',
  description: 'Those that arrived, were posted, or were fetched.',
  params: ofNewsletter,
  query: z.object({ page, limit: limit(50) }),
  data: z.object({ messages: z.array(newsletterPostSchema), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const fetchNewsletterMessages = endpoint({
  id: 'fetchNewsletterMessages',
  method: 'POST',
  path: `${base}/newsletters/:newsletterId/messages/fetch`,
  tag,
  summary: 'Fetch messages of a newsletter from WhatsApp, with their views and reactions',
  description: `${asks} They are stored, without events. The newest, or those before one.`,
  params: ofNewsletter,
  body: z.object({
    count: maybe(int(1, 100)).meta({ description: '50 when not given.' }),
    before: maybe(int(1, Number.MAX_SAFE_INTEGER)).meta({ description: 'A `serverId`.' }),
  }),
  data: z.object({ messages: z.array(newsletterPostSchema) }),
  errors: onOne,
})

const postNewsletterMessage = endpoint({
  id: 'postNewsletterMessage',
  method: 'POST',
  path: `${base}/newsletters/:newsletterId/messages`,
  tag,
  bucket: 'sending',
  summary: 'Post a text or a file to a newsletter',
  description:
    'A file may come with the request, as `multipart/form-data`: the fields are those of the body, with the caption as `message`. The message is stored before it is promised, and posted once: repeat a call whose answer was lost with the same `Idempotency-Key` and you get the first result.',
  params: ofNewsletter,
  headers: z.object({ 'idempotency-key': maybe(text(1, 255)) }),
  input: 'json_or_form',
  maxBodyBytes: maxBase64Chars + 64 * 1024,
  body: z.preprocess(
    withFile,
    z
      .object({
        message: outgoingContent,
        type: maybe(z.string().max(40)).meta({
          description: 'What a file is to be posted as, where `message` leaves it open.',
        }),
        mediaId: maybe(z.string().max(100)).meta({
          description: 'A file that was uploaded before; `message` is its caption then.',
        }),
        clientId: maybe(text(1, 255)).meta({ description: 'The same as the `Idempotency-Key` header.' }),
      })
      .transform(({ message: says, clientId }, context) => {
        if (says.kind === 'text' || 'file' in says) return { says, clientId }
        context.addIssue({ code: 'custom', path: ['message'], input: says.kind, ...issue('text_or_file') })
        return z.NEVER
      }),
  ),
  status: 201,
  data: z.object({ message: newsletterPostSchema }),
  errors: [...forAdmins, 'IDEMPOTENCY_CONFLICT', ...fileToSendErrors],
})

const deleteNewsletterMessage = endpoint({
  id: 'deleteNewsletterMessage',
  method: 'DELETE',
  path: `${base}/newsletters/:newsletterId/messages/:serverId`,
  tag,
  summary: 'Take a message of a newsletter back, for everybody',
  description: asks,
  params: ofPost,
  data: z.object({ serverId: z.string(), deleted: z.literal(true) }),
  errors: [...forAdmins, 'MESSAGE_NOT_FOUND'],
})

const addNewsletterReaction = endpoint({
  id: 'addNewsletterReaction',
  method: 'POST',
  path: `${base}/newsletters/:newsletterId/messages/:serverId/reactions`,
  tag,
  bucket: 'sending',
  summary: 'React to a message of a newsletter',
  description: `${asks} A former reaction of ours is replaced.`,
  params: ofPost,
  body: z.object({ reaction: text(1, 16).meta({ description: 'An emoji.', example: '💚' }) }),
  data: z.object({ serverId: z.string(), reaction: z.string().nullable() }),
  errors: [...onOne, 'MESSAGE_NOT_FOUND'],
})

const removeNewsletterReaction = endpoint({
  id: 'removeNewsletterReaction',
  method: 'DELETE',
  path: `${base}/newsletters/:newsletterId/messages/:serverId/reactions`,
  tag,
  bucket: 'sending',
  summary: 'Take our reaction to a message of a newsletter back',
  description: asks,
  params: ofPost,
  data: z.object({ serverId: z.string(), reaction: z.string().nullable() }),
  errors: [...onOne, 'MESSAGE_NOT_FOUND'],
})

const followNewsletterLive = endpoint({
  id: 'followNewsletterLive',
  method: 'POST',
  path: `${base}/newsletters/:newsletterId/live`,
  tag,
  summary: 'Have WhatsApp tell views and reactions of a newsletter for some minutes',
  description: `${asks} They come as \`newsletter.counts\`.`,
  params: ofNewsletter,
  data: z.object({ seconds: z.int().meta({ description: 'How long WhatsApp tells them.' }) }),
  errors: onOne,
})

export const newsletterEndpoints = {
  listNewsletters,
  createNewsletter,
  getInvitedNewsletter,
  getNewsletter,
  updateNewsletter,
  deleteNewsletter,
  followNewsletter,
  unfollowNewsletter,
  muteNewsletter,
  unmuteNewsletter,
  listNewsletterMessages,
  fetchNewsletterMessages,
  postNewsletterMessage,
  deleteNewsletterMessage,
  addNewsletterReaction,
  removeNewsletterReaction,
  followNewsletterLive,
}
