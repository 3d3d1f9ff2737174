import { z } from 'zod'

const who = {
  contactId: z.string().describe('With the phone number when it is known: …@s.whatsapp.net, else …@lid'),
  lid: z.string().nullable().describe('The same person, as the address that hides the number'),
}
const timestamp = z.int().describe('When it happened, Unix ms')

/** Data of `contact.blocked` and `contact.unblocked`. */
export const contactBlocked = z.object({ ...who, isBlocked: z.boolean(), timestamp })
export type ContactBlocked = z.infer<typeof contactBlocked>

/** Data of `contact.picture`: somebody, or the account itself, has another picture, or none. */
export const contactPicture = z.object({
  ...who,
  pictureId: z.string().nullable().describe("WhatsApp's id of the new one; null: none any more"),
  timestamp,
})
export type ContactPicture = z.infer<typeof contactPicture>

/** Data of `contact.about`: what somebody says about themselves is another text. */
export const contactAbout = z.object({
  ...who,
  about: z.string().nullable().describe('null: nothing any more'),
  timestamp,
})
export type ContactAbout = z.infer<typeof contactAbout>

/** What somebody is seen doing. */
export const presenceStates = ['available', 'unavailable', 'composing', 'recording', 'paused'] as const
export type PresenceState = (typeof presenceStates)[number]

/** Data of `presence.update`: of those alone whose presence was asked for. */
export const presenceUpdate = z.object({
  ...who,
  chatId: z.string().describe('Where they type or record: their chat, or a group'),
  state: z.enum(presenceStates),
  lastSeen: z
    .int()
    .nullable()
    .describe('When they were last online, Unix ms; null: not told, or they keep it to themselves'),
  timestamp,
})
export type PresenceUpdate = z.infer<typeof presenceUpdate>
