import { z } from 'zod'

import type { Phone } from '../phone/phone.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { address, text } from './fields.ts'
import type { Phones } from './phones.ts'

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
  ]
}
