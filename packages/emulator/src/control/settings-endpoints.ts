import { z } from 'zod'

import type { Phone } from '../phone/phone.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { address, messageId, text } from './fields.ts'
import { messageOf, type Phones } from './phones.ts'

/** What a person sets for all devices of the account. */
export function settingsEndpoints(phones: Phones): Endpoint[] {
  const phone = (params: Readonly<Record<string, string>>): Phone => phones.named(params)
  return [
    endpoint('POST /phones/:number/archive', {
      about: 'Archives a chat on all devices, or takes it out again.',
      body: z.strictObject({ chat: address, archived: z.boolean().default(true) }),
      handle: ({ params, body }) => phone(params).settings.archives(body.chat, body.archived),
    }),
    endpoint('POST /phones/:number/chats', {
      about:
        'Pins, mutes, marks as unread or archives a chat on all devices, or takes that back; what is left out stays.',
      body: z.strictObject({
        chat: address,
        archived: z.boolean().optional(),
        pinned: z.boolean().optional(),
        unread: z.boolean().optional(),
        muted: z.union([z.int(), z.enum(['always', 'no'])]).optional(),
        disappearingSeconds: z.int().min(0).optional(),
      }),
      handle: ({ params, body: { chat, archived, pinned, unread, muted, disappearingSeconds } }) => {
        const of = phone(params)
        if (archived !== undefined) of.settings.archives(chat, archived)
        if (pinned !== undefined) of.settings.pins(chat, pinned)
        if (unread !== undefined) of.settings.marksRead(chat, !unread)
        if (muted !== undefined) of.settings.mutes(chat, muted)
        if (disappearingSeconds !== undefined) of.setsDisappearing(chat, disappearingSeconds)
      },
    }),
    endpoint('POST /phones/:number/contacts', {
      about: 'Saves a contact under a name, on all devices.',
      body: z.strictObject({ contact: address, name: text }),
      handle: ({ params, body }) => phone(params).settings.savesContact(body.contact, body.name),
    }),
    endpoint('DELETE /phones/:number/contacts/:contact', {
      about: 'Takes somebody out of its address book.',
      handle: ({ params }) => phone(params).settings.removesContact(params['contact'] ?? ''),
    }),
    endpoint('POST /phones/:number/clear', {
      about:
        'Takes the messages of a chat away for this account, until now or `upTo` (Unix ms); `delete`: the chat too.',
      body: z.strictObject({ chat: address, upTo: z.int().optional(), delete: z.boolean().default(false) }),
      handle: ({ params, body }) => {
        const { settings } = phone(params)
        const upTo = body.upTo ?? Date.now()
        if (body.delete) settings.deletesChat(body.chat, upTo)
        else settings.clears(body.chat, upTo)
      },
    }),
    endpoint('POST /phones/:number/stars', {
      about: 'Stars a message, or takes the star off.',
      body: z.strictObject({ messageId, starred: z.boolean().default(true) }),
      handle: ({ params, body }) => {
        const of = phone(params)
        of.settings.stars(messageOf(of, body.messageId), body.starred)
      },
    }),
    endpoint('POST /phones/:number/deletions', {
      about: 'Deletes a message for this account alone.',
      body: z.strictObject({ messageId }),
      handle: ({ params, body }) => {
        const of = phone(params)
        of.settings.deletesForMe(messageOf(of, body.messageId))
      },
    }),
    endpoint('PUT /phones/:number/labels/:id', {
      about: 'Makes a label of WhatsApp Business, or changes it; null deletes it.',
      body: z.strictObject({ name: text.nullable(), color: z.int().min(0).max(19).default(0) }),
      handle: ({ params, body: { name, color } }) => {
        const { settings } = phone(params)
        const id = params['id'] ?? ''
        if (name === null) settings.deletesLabel(id)
        else settings.labels(id, { name, color })
      },
    }),
    endpoint('POST /phones/:number/labels/:id', {
      about: 'Puts a label on a chat, or on a message, or takes it off.',
      body: z.strictObject({
        chat: address.optional(),
        messageId: messageId.optional(),
        labelled: z.boolean().default(true),
      }),
      handle: ({ params, body }) => {
        const of = phone(params)
        const id = params['id'] ?? ''
        if (body.chat !== undefined) of.settings.labelsChat(id, body.chat, body.labelled)
        if (body.messageId !== undefined)
          of.settings.labelsMessage(id, messageOf(of, body.messageId), body.labelled)
      },
    }),
    endpoint('PUT /phones/:number/quick-replies/:id', {
      about: 'Keeps a text to answer with; null: no longer.',
      body: z.strictObject({ reply: z.strictObject({ shortcut: text, text }).nullable() }),
      handle: ({ params, body }) =>
        phone(params).settings.keepsQuickReply(params['id'] ?? '', body.reply ?? undefined),
    }),
  ]
}
