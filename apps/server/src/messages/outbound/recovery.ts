import type { Jid } from '@inbox-hub/whatsapp'

import type { Database } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { Pacer } from '../pacing/pacers.ts'
import {
  lastClosed,
  noteClosed,
  owedMessage,
  owedOutbound,
  type OwedRow,
  settledLately,
  stateLeftBehind,
} from './outbound-rows.ts'
import type { OpenMessages, Outgoing } from './outgoing.ts'
import { turnOf } from './time-to-live.ts'

/** What an earlier process left, and what this one leaves to the next. */
export interface Recovery {
  /** Loads what an earlier process left on its way; answers the fingerprints of those asked for after `since`. */
  recover(since: number): Promise<readonly { sessionId: number; whatsappId: string; fingerprint: string }[]>
  /** Takes on a message that is owed by the store and that nobody here knows: its commit was not heard of. */
  adopt(sessionId: number, whatsappId: string): Promise<void>
  /** Notes that sending ended in good order: all that settled was answered. */
  close(): Promise<void>
}

export interface RecoveryDeps {
  database: Database
  open: OpenMessages
  log: Log
  /** Unix ms. */
  now: () => number
  pacerOf: (sessionId: number) => Pacer | undefined
  admit: (message: Outgoing) => void
}

const recoverPage = 500
/** From a message's settling to its caller's having the answer, when the process is busy. */
const answerWithinMs = 250
const closedSetting = 'outbound_closed_at'

export function createRecovery({ database, open, log, now, pacerOf, admit }: RecoveryDeps): Recovery {
  /** Takes on a message that stands in the store, whoever left it there. */
  function takeOver(row: OwedRow): void {
    if (open.has(row.session_id, row.whatsapp_id)) return
    const at = now()
    const asked = turnOf(row.asked_at, pacerOf(row.session_id) !== undefined, at)
    const message: Outgoing = {
      messageId: row.message_id,
      place: row.place ?? row.message_id,
      sessionId: row.session_id,
      whatsappId: row.whatsapp_id,
      // A column that only canonical addresses are written to.
      chat: row.chat_jid as Jid,
      state: stateLeftBehind({ ...row, asked_at: asked }, at),
      marked: false,
      retries: row.retries,
      content: undefined,
    }
    admit(message)
  }

  return {
    async recover(since) {
      const fingerprints: { sessionId: number; whatsappId: string; fingerprint: string }[] = []
      for (let from = 0; ;) {
        const rows = await owedOutbound.all(database, { after: from, limit: recoverPage })
        for (const row of rows) {
          takeOver(row)
          if (row.asked_at >= since) {
            fingerprints.push({
              sessionId: row.session_id,
              whatsappId: row.whatsapp_id,
              fingerprint: row.fingerprint,
            })
          }
        }
        const last = rows.at(-1)
        if (last === undefined || rows.length < recoverPage) break
        from = last.message_id
      }
      if (open.size > 0) log.info({ count: open.size }, 'messages on their way were taken over')
      // Settled in the last moments of a process that died: whether the answer still left, nobody can say.
      const settled = await settledLately.all(database, { since, among: recoverPage })
      const lastSign = Math.max(0, ...settled.map(({ settled_at }) => settled_at ?? 0))
      const closed = await lastClosed.first(database, { name: closedSetting })
      const diedAfter = closed !== undefined && Number(closed.value) >= lastSign ? Infinity : lastSign
      for (const row of settled) {
        if ((row.settled_at ?? 0) < diedAfter - answerWithinMs) continue
        fingerprints.push({
          sessionId: row.session_id,
          whatsappId: row.whatsapp_id,
          fingerprint: row.fingerprint,
        })
      }
      return fingerprints
    },
    async adopt(sessionId, whatsappId) {
      if (open.has(sessionId, whatsappId)) return
      const row = await owedMessage.first(database, { sessionId, whatsappId })
      if (row !== undefined) takeOver(row)
    },
    async close() {
      try {
        await database.write((tx) => noteClosed.run(tx, { name: closedSetting, value: String(now()) }))
      } catch (error) {
        log.warn({ error }, 'the store does not know that sending ended in good order')
      }
    },
  }
}
