import { HubError, type Language } from '@inbox-hub/contract'

import type { Clock } from '../../platform/clock.ts'
import { type Database, statement } from '../../platform/database/index.ts'
import type { MessageRow } from '../message-rows.ts'
import type { Outbox } from '../outbound/outbox.ts'
import { failureOf, findOutbound } from '../outbound/outbound-rows.ts'
import { albumIds } from './album.ts'
import { refusal } from './refusal.ts'

/** An album as it was sent: why one of its pictures was not, if it was not. */
export interface SentAlbum {
  /** What its pictures have as `albumId`. */
  id: string
  pictures: readonly { row: MessageRow; error?: HubError }[]
}

/** Waits for what becomes of messages, as long as their caller may be kept waiting: since `began`, monotonic ms. */
export interface Awaiting {
  /** `stored`: its row as it was written just now. Throws what it failed of. */
  message(
    sessionId: number,
    whatsappId: string,
    call: { began: number; language: Language },
    stored?: MessageRow,
  ): Promise<MessageRow>
  /** The same for an album, known by its first picture. Throws when none of it was sent. */
  album(
    sessionId: number,
    firstId: string,
    pictures: number,
    call: { began: number; language: Language },
    stored?: readonly MessageRow[],
  ): Promise<{ row: MessageRow; album: SentAlbum }>
}

export interface AwaitingDeps {
  database: Database
  outbox: Pick<Outbox, 'settled' | 'adopt'>
  clock: Clock
}

/** The contract promises an answer within 25 s; the rest is for storing and the way back. */
const answerWithinMs = 24_000
const ackWithinMs = 20_000

const byId = statement((db, p: { id: number }) => db.selectFrom('message').selectAll().where('id', '=', p.id))

export function createAwaiting({ database, outbox, clock }: AwaitingDeps): Awaiting {
  async function found(sessionId: number, whatsappId: string) {
    const outbound = await findOutbound.first(database, { sessionId, whatsappId })
    const row = outbound === undefined ? undefined : await byId.first(database, { id: outbound.message_id })
    if (outbound === undefined || row === undefined) throw new HubError('MESSAGE_NOT_FOUND')
    return { outbound, row }
  }

  const awaiting: Awaiting = {
    async message(sessionId, whatsappId, { began, language }, stored) {
      const left = answerWithinMs - (clock.monotonic() - began)
      const settled = await outbox.settled(sessionId, whatsappId, Math.min(ackWithinMs, left))
      if (settled?.at === 'failed') throw refusal(settled.failure.reason, language, settled.failure.ackError)
      if (stored !== undefined) return settled === undefined ? stored : { ...stored, status: 'sent' }
      // An earlier call's message: whatever became of it since.
      const { outbound, row } = await found(sessionId, whatsappId)
      const failure = row.status === 'failed' ? failureOf(outbound.failure) : undefined
      if (failure !== undefined) throw refusal(failure.reason, language, failure.ackError)
      return row
    },

    async album(sessionId, firstId, count, call, stored = []) {
      const ids = albumIds(sessionId, firstId, count)
      for (const id of [ids.frame, ...ids.pictures]) await outbox.adopt(sessionId, id)
      const pictures = await Promise.all(
        ids.pictures.map(async (id) => {
          try {
            const own = stored.find(({ whatsapp_id: whatsappId }) => whatsappId === id)
            return { row: await awaiting.message(sessionId, id, call, own) }
          } catch (error) {
            if (!(error instanceof HubError)) throw error
            return { row: (await found(sessionId, id)).row, error }
          }
        }),
      )
      const [first] = pictures
      if (first === undefined || pictures.every(({ error }) => error !== undefined))
        throw first?.error ?? new HubError('MESSAGE_NOT_FOUND')
      return { row: first.row, album: { id: ids.frame, pictures } }
    },
  }
  return awaiting
}
