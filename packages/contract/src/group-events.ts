import { z } from 'zod'

const groupRef = {
  groupId: z.string().describe('…@g.us'),
  timestamp: z.int().describe('When it happened, Unix ms, by the clock of WhatsApp where it told us'),
}

const person = z.object({
  id: z.string().describe('With the phone number when it is known: …@s.whatsapp.net, else …@lid'),
  lid: z.string().nullable().describe('The same person, as the address that hides the number'),
})

const by = person.nullable().describe('Who did it; null when WhatsApp did not say')

/** Who may add members to a group. */
export const memberAddModes = ['admins', 'everyone'] as const
export type MemberAddMode = (typeof memberAddModes)[number]

/** Data of `group.joined`: the account is in a group it was not in, which somebody made or added it to. */
export const groupJoined = z.object({
  ...groupRef,
  subject: z.string(),
  participantCount: z.int(),
  by,
})
export type GroupJoined = z.infer<typeof groupJoined>

/** Data of `group.updated`: subject, description, a setting or the invite code changed. Only what changed is there. */
export const groupUpdated = z.object({
  ...groupRef,
  by,
  changes: z.object({
    subject: z.string().optional(),
    description: z.string().nullable().optional().describe('null: it was taken away'),
    announcement: z.boolean().optional().describe('Only admins may write'),
    locked: z.boolean().optional().describe('Only admins may change subject, description and picture'),
    memberAddMode: z.enum(memberAddModes).optional().describe('Who may add members'),
    joinApproval: z.boolean().optional().describe('Admins decide on who joins'),
    ephemeralSeconds: z.int().optional().describe('Messages disappear after so long; 0: they stay'),
    pictureId: z
      .string()
      .nullable()
      .optional()
      .describe("WhatsApp's id of the new picture; null: none any more"),
    communityId: z
      .string()
      .nullable()
      .optional()
      .describe('The community it is a part of now; null: of none any more'),
    inviteCode: z.string().optional().describe('The new code; the former one leads nowhere'),
  }),
})
export type GroupUpdated = z.infer<typeof groupUpdated>

/** What happens to members of a group. `leave`: the only one named went by themselves. */
export const participantActions = ['add', 'remove', 'leave', 'promote', 'demote'] as const
export type ParticipantAction = (typeof participantActions)[number]

/** Data of `group.participants`: members came, went, or became admin or no longer. */
export const groupParticipants = z.object({
  ...groupRef,
  by,
  action: z.enum(participantActions),
  participants: z.array(person),
})
export type GroupParticipants = z.infer<typeof groupParticipants>

/** Data of `group.join_request`: somebody wants to join (told to admins), no longer wants to, or was refused. */
export const groupJoinRequest = z.object({
  ...groupRef,
  action: z.enum(['created', 'revoked', 'rejected']),
  participants: z.array(person),
})
export type GroupJoinRequest = z.infer<typeof groupJoinRequest>
