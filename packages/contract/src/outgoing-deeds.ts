import type { OutgoingDeed, OutgoingForward } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { bool, int, issue, list, maybe, text } from './fields.ts'

/* What is sent about another message: it is named, and its chat is where it stands. */

const day = 86_400
/** How long a message may stay pinned, in seconds: WhatsApp offers no others. */
const pinnedFor = [day, 7 * day, 30 * day] as const

const messageId = text(1, 250).meta({
  description:
    "WhatsApp's id of the message it is about, the number `dbId`, or the old `true_<jid>_<id>` form.",
})

const reactionForm = z
  .object({
    kind: z.literal('reaction'),
    messageId,
    emoji: z
      .preprocess((value) => value ?? '', z.string().max(64))
      .refine((emoji) => emoji === '' || isEmoji(emoji), issue('not_an_emoji'))
      .meta({ description: 'One emoji; empty takes the reaction back.' }),
  })
  .meta({
    id: 'SendReaction',
    description:
      'Loosely: `{"react": {"text": "👍", "key": {"id": "…"}}}` or `{"messageId": "…", "emoji": "👍"}`.',
  })

const editForm = z.object({ kind: z.literal('edit'), messageId, text: text(1, 4096) }).meta({
  id: 'SendEdit',
  description:
    'Other words for a text of ours, or for the caption of a picture, video, GIF or document, within 15 minutes. Loosely: `{"edit": {"messageId": "…", "text": "…"}}`.',
})

const deleteForm = z.object({ kind: z.literal('delete'), messageId }).meta({
  id: 'SendDelete',
  description:
    'Takes a message back for everyone: ours within 60 hours, in groups that we administer anybody’s. Loosely: `{"delete": {"messageId": "…"}}`.',
})

const pinForm = z
  .object({
    kind: z.literal('pin'),
    messageId,
    pinned: maybe(bool()).meta({ description: 'false takes it off; true when left out.' }),
    seconds: maybe(
      int(1, 100 * day).refine(
        (value) => pinnedFor.some((known) => known === value),
        issue('not_a_pin_time'),
      ),
    ).meta({ description: '86400, 604800 or 2592000: a day, a week (when left out), 30 days.' }),
  })
  .meta({
    id: 'SendPin',
    description:
      'Pins a message for everybody in its chat. Loosely: `{"pin": {"messageId": "…"}}`, `{"unpin": …}`.',
  })

const keepForm = z.object({ kind: z.literal('keep'), messageId, kept: maybe(bool()) }).meta({
  id: 'SendKeep',
  description:
    'Keeps a message that would disappear, or (`kept: false`) lets it go. Loosely: `{"keep": {"messageId": "…"}}`, `{"unkeep": …}`.',
})

const voteForm = z.object({ kind: z.literal('vote'), messageId, options: list(text(1, 255), 12) }).meta({
  id: 'SendVote',
  description:
    'All that we choose in a poll; an empty list takes our vote back. Loosely: `{"vote": {"messageId": "…", "options": ["Pizza"]}}`.',
})

const forwardForm = z.object({ kind: z.literal('forward'), messageId }).meta({
  id: 'SendForward',
  description: 'Passes a message on, marked as forwarded. Loosely: `{"forward": {"messageId": "…"}}`.',
})

export const deedForms = [
  reactionForm,
  editForm,
  deleteForm,
  pinForm,
  keepForm,
  voteForm,
  forwardForm,
] as const
type Form = z.output<(typeof deedForms)[number]>

type Loose = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A message is named by its id, by an object that has it, or by WhatsApp's key for it. */
function named(value: unknown): Loose {
  if (!isObject(value)) return { messageId: value }
  const { key } = value
  return { ...value, messageId: value['messageId'] ?? value['id'] ?? (isObject(key) ? key['id'] : key) }
}

const reaction = (value: unknown): unknown => {
  const { emoji, text: written, ...rest } = named(value)
  return { ...rest, emoji: emoji ?? written, kind: 'reaction' }
}
/** baileys puts the key into `pin` and says what to do with it beside: 1 to pin, 2 to take off. */
const pin = (value: unknown, { type, time }: Loose): unknown => ({
  ...(Number(type) === 2 && { pinned: false }),
  ...(time !== undefined && { seconds: time }),
  ...named(value),
  kind: 'pin',
})

/** What each key of a loose form stands for, in the order in which they decide. */
export const looseDeeds: Readonly<Record<string, (value: unknown, message: Loose) => unknown>> = {
  react: reaction,
  reaction,
  emoji: (_, message) => reaction(message),
  // baileys names the message in `edit`, and has the words beside it.
  edit: (value, message) => ({ text: message['text'], ...named(value), kind: 'edit' }),
  delete: (value) => ({ ...named(value), kind: 'delete' }),
  pin,
  unpin: (value) => ({ ...named(value), pinned: false, kind: 'pin' }),
  keep: (value) => ({ ...named(value), kind: 'keep' }),
  unkeep: (value) => ({ ...named(value), kept: false, kind: 'keep' }),
  vote: (value) => ({ ...named(value), kind: 'vote' }),
  forward: (value) => ({ ...named(value), kind: 'forward' }),
}

export function deedOf(form: Form): OutgoingDeed | OutgoingForward {
  const { messageId: id } = form
  switch (form.kind) {
    case 'reaction':
    case 'edit':
    case 'forward':
      return form
    case 'delete':
      return { kind: 'revoke', messageId: id }
    case 'pin':
      return { kind: 'pin', messageId: id, pinned: form.pinned ?? true, forS: form.seconds ?? pinnedFor[1] }
    case 'keep':
      return { kind: 'keep', messageId: id, kept: form.kept ?? true }
    case 'vote':
      break
  }
  return { kind: 'vote', messageId: id, chosen: [...new Set(form.options)] }
}

const segments = new Intl.Segmenter('en', { granularity: 'grapheme' })

function isEmoji(text: string): boolean {
  const [first, second] = segments.segment(text)
  return (
    first !== undefined &&
    second === undefined &&
    /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20E3/u.test(text)
  )
}
