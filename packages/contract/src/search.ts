import { z } from 'zod'

import { contactSchema } from './contacts.ts'
import { endpoint } from './endpoint.ts'
import { chatAddress, issue, list, maybe, moment, int, sessionRef, text } from './fields.ts'
import { chatSchema, messageSchema } from './messages.ts'

const tag = 'Search'
const kinds = ['messages', 'chats', 'contacts'] as const

const query = z
  .object({
    q: text(1, 200).meta({
      description:
        'What to look for. A message is found when it has every word, or one that begins with it; accents and capitals do not matter, and no character has a special meaning. Chats and contacts are found by parts of their names and digits of their numbers.',
      example: 'invoice march',
    }),
    in: maybe(list(z.enum(kinds), 3))
      .transform((value): readonly (typeof kinds)[number][] => value ?? kinds)
      .meta({ description: 'Any of `messages`, `chats`, `contacts`; all of them when not given.' }),
    chatId: maybe(chatAddress).meta({ description: 'Only messages of this chat.' }),
    from: maybe(chatAddress).meta({
      description: 'Only messages that this account wrote; your own number: yours.',
    }),
    to: maybe(chatAddress).meta({
      description: 'Only messages written to this account or group; your own number: to you alone.',
    }),
    type: maybe(z.string().max(40).toLowerCase()).meta({ description: 'Only messages of this type.' }),
    startDate: maybe(moment('start_of_day')),
    endDate: maybe(moment('end_of_day')),
    order: maybe(z.enum(['newest', 'relevance']))
      .transform((value) => value ?? 'newest')
      .meta({ description: '`relevance` weighs the 300 newest messages that match.' }),
    limit: maybe(int(1, Number.MAX_SAFE_INTEGER))
      .transform((value) => Math.min(value ?? 20, 100))
      .meta({ description: '1 to 100, 20 when not given; more is taken as 100.' }),
    cursor: maybe(z.string().regex(/^[0-9a-z]{1,13}(\.[0-9a-z]{1,3})?$/)).meta({
      description: '`nextCursor` of the page before, of the same search.',
    }),
  })
  .refine(
    ({ startDate, endDate }) => startDate === undefined || endDate === undefined || startDate <= endDate,
    { path: ['endDate'], ...issue('end_before_start') },
  )

const session = z.string().meta({ description: 'The `sessionId` it belongs to.', example: 'support' })

const data = z.object({
  query: z.string(),
  messages: z.array(
    z.object({
      sessionId: session,
      message: messageSchema,
      snippet: z.string().meta({
        description: 'The part of the text around what was found: plain text, which is not HTML.',
      }),
      highlights: z
        .array(z.object({ start: z.int(), end: z.int() }))
        .meta({ description: 'What was found, as places in `snippet`: UTF-16 offsets, `end` excluded.' }),
    }),
  ),
  chats: z
    .array(z.object({ sessionId: session, chat: chatSchema }))
    .meta({ description: 'On the first page only.' }),
  contacts: z
    .array(z.object({ sessionId: session, contact: contactSchema }))
    .meta({ description: 'On the first page only.' }),
  nextCursor: z.string().nullable().meta({
    description: 'Asks for the next page of messages; null after the last. A page may be short before it.',
  }),
  pendingMessages: z.int().meta({
    description:
      'Messages of the hub that the search does not know yet, of changed ones 10,000 at most; it waits for them up to half a second.',
  }),
})

const searchSession = endpoint({
  id: 'searchSession',
  method: 'GET',
  path: '/api/search/:sessionId',
  tag,
  summary: 'Search the messages, chats and contacts of a session',
  params: z.object({ sessionId: sessionRef }),
  query,
  data,
  errors: ['SESSION_NOT_FOUND'],
})

const searchAll = endpoint({
  id: 'searchAll',
  method: 'GET',
  path: '/api/search',
  tag,
  summary: 'Search the messages, chats and contacts of all your sessions',
  query,
  data,
})

export const searchEndpoints = { searchSession, searchAll }
