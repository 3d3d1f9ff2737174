import { z } from 'zod'

const call = {
  callId: z.string().describe("WhatsApp's id of the call, the same in all of its events"),
  from: z.string().describe('Who calls, with the phone number when it is known: …@s.whatsapp.net'),
  fromLid: z.string().nullable().describe('The same person, as the address that hides the number'),
  isVideo: z.boolean(),
  isGroup: z.boolean(),
  groupId: z.string().nullable().describe('The group that is called, where WhatsApp says'),
  timestamp: z.int().describe('When it happened, Unix ms, by the clock of WhatsApp'),
}

/** Data of `call.received`: it rings. */
export const callReceived = z.object({
  ...call,
  whileAway: z
    .boolean()
    .describe('It rang while the session was not connected: nothing can be done any more'),
})
export type CallReceived = z.infer<typeof callReceived>

/** Data of `call.accepted`: it was taken, on the phone. */
export const callAccepted = z.object(call)
export type CallAccepted = z.infer<typeof callAccepted>

/** Who refused a call: the API, the rule of the session, or a person on the phone. */
export const callRejecters = ['api', 'rule', 'phone'] as const
export type CallRejecter = (typeof callRejecters)[number]

/** Data of `call.rejected`. */
export const callRejected = z.object({ ...call, by: z.enum(callRejecters).describe('Who refused it') })
export type CallRejected = z.infer<typeof callRejected>

/** Data of `call.missed`: nobody took it before the caller gave up. */
export const callMissed = z.object(call)
export type CallMissed = z.infer<typeof callMissed>

/** Data of `call.ended`: a call that was taken is over. */
export const callEnded = z.object({ ...call, durationSeconds: z.int() })
export type CallEnded = z.infer<typeof callEnded>
