import { z } from 'zod'

import { messageContent } from './message-content.ts'
import { messageTypes } from './message-events.ts'

const ref = {
  newsletterId: z.string().describe('…@newsletter'),
  timestamp: z.int().describe('When it happened, Unix ms'),
}

const post = {
  ...ref,
  serverId: z.string().describe("The newsletter's number of the message, which reactions and deletions name"),
}

/** How people reacted, all of them together: newsletters do not say who. */
export const newsletterReactions = z.array(z.object({ emoji: z.string(), count: z.int() }))

/** What an account is in a newsletter. `guest`: it does not follow it. */
export const newsletterRoles = ['owner', 'admin', 'subscriber', 'guest'] as const
export type NewsletterRole = (typeof newsletterRoles)[number]

/** Data of `newsletter.message`: a newsletter that the account follows has a new message. */
export const newsletterMessage = z.object({
  ...post,
  messageId: z.string().describe("WhatsApp's id of the message"),
  type: z.enum(messageTypes),
  text: z.string().describe('Text or caption; empty when there is none'),
  ...messageContent,
})
export type NewsletterMessage = z.infer<typeof newsletterMessage>

/** Data of `newsletter.counts`: how often a message was seen, and how people reacted, as far as WhatsApp tells. */
export const newsletterCounts = z.object({ ...post, views: z.int(), reactions: newsletterReactions })
export type NewsletterCounts = z.infer<typeof newsletterCounts>

/** Data of `newsletter.posted`: WhatsApp has a message that the hub posted. */
export const newsletterPosted = z.object({ ...ref, messageId: z.string() })
export type NewsletterPosted = z.infer<typeof newsletterPosted>

/** Data of `newsletter.failed`: a message that the hub was to post did not go out. */
export const newsletterFailed = z.object({
  ...ref,
  messageId: z.string(),
  reason: z.string().describe('Stable word, as in `details.reason` of WHATSAPP_ERROR'),
  error: z.string().describe('The same for people'),
})
export type NewsletterFailed = z.infer<typeof newsletterFailed>

/** Data of `newsletter.updated`: somebody changed a newsletter, or what the account is in it. Only what changed is there. */
export const newsletterUpdated = z.object({
  ...ref,
  changes: z.object({
    name: z.string().optional(),
    description: z.string().nullable().optional(),
    role: z.enum(newsletterRoles).optional(),
    isMuted: z.boolean().optional(),
    state: z.string().optional().describe('`active`, `suspended`, `geosuspended`, `deleted`'),
  }),
})
export type NewsletterUpdated = z.infer<typeof newsletterUpdated>
