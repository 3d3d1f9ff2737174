import { z } from 'zod'

import { sessionStatuses } from './session-status.ts'

const timestamp = z.int().describe('When it happened, Unix ms')

/** Data of `session.state`: any step of a session, for integrators who follow every one. */
export const sessionStateChanged = z.object({
  status: z.enum(sessionStatuses),
  state: z.string().describe('The finer name: docs/reference/session-states.md'),
  reason: z
    .object({
      code: z.string(),
      message: z.string(),
      remedy: z.string(),
      retryAt: z.iso.datetime().optional(),
    })
    .nullable()
    .describe('Why it stands there; null when all is well'),
  timestamp,
})
export type SessionStateChanged = z.infer<typeof sessionStateChanged>

/** Data of `session.connected`. */
export const sessionConnected = z.object({
  status: z.literal('connected'),
  isConnected: z.literal(true),
  phoneNumber: z.string().nullable().describe('Digits'),
  timestamp,
})
export type SessionConnected = z.infer<typeof sessionConnected>

/** Data of `session.disconnected`: final, or the connection has been away for a minute. Short drops are not told. */
export const sessionDisconnected = z.object({
  status: z.literal('disconnected'),
  isConnected: z.literal(false),
  reason: z.string().describe('Stable word: a code of docs/reference/session-reasons.md'),
  phoneNumber: z.string().nullable().describe('Digits'),
  timestamp,
})
export type SessionDisconnected = z.infer<typeof sessionDisconnected>

/** Data of `session.qr`: a new code waits. The code is a secret: it is stored nowhere, and drawn where it is shown. */
export const sessionQr = z.object({
  status: z.literal('qr_code'),
  index: z.int().describe('Counts the codes of this round from 1'),
  expiresAt: z.int().describe('Unix ms'),
  timestamp,
})
export type SessionQr = z.infer<typeof sessionQr>

/** Data of `session.sync`: how far the history has come that the phone tells after linking, or that was asked of it. No message of it is told. */
export const sessionSynced = z.object({
  scope: z.enum(['session', 'chat']).describe('`chat`: older messages of one chat, that were asked for'),
  state: z
    .enum(['syncing', 'waiting', 'done', 'failed'])
    .describe("`waiting` for the phone's next part; `failed`: a part could not be read, and is tried again"),
  percent: z.int().min(0).max(100).describe('Of everything that the phone sends after linking'),
  messages: z.int().describe('Stored so far that were not there before, like the two below'),
  chats: z.int(),
  contacts: z.int(),
  requestId: z.string().nullable().describe('Of the request that this answers'),
  requested: z.int().nullable().describe('How many messages came with that answer'),
  error: z.string().nullable().describe('Why a part could not be read'),
  timestamp,
})
export type SessionSynced = z.infer<typeof sessionSynced>
