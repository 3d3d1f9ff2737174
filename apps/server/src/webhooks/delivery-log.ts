import './tables.ts'

import { sql } from 'kysely'

import type { Database, Tx } from '../platform/database/index.ts'
import type { ReplayScope } from './replay.ts'
import type { LaneName, WebhookAttemptTable, WebhookDeliveryTable } from './tables.ts'

export type DeliveryStatus = 'waiting' | 'delivered' | 'failed'

/** A delivery as its log shows it. */
export type LoggedDelivery = Omit<WebhookDeliveryTable, 'loose'>

/** Which deliveries of an endpoint. Times are Unix ms. */
export interface DeliveryFilter {
  status: DeliveryStatus | undefined
  event: string | undefined
  sessionId: number | undefined
  from: number | undefined
  to: number | undefined
  /** Part of the body, of the error or of the id. */
  text: string | undefined
  /** Only what comes after this one, newest first. */
  before: { seq: number; lane: LaneName } | undefined
  limit: number
}

/** What was delivered, what was not, and why. */
export interface DeliveryLog {
  /** Newest first. */
  list(scope: ReplayScope, filter: DeliveryFilter): Promise<readonly LoggedDelivery[]>
  get(scope: ReplayScope, seq: number, lane: LaneName): Promise<LoggedDelivery | undefined>
  /** Newest first, at most 100. */
  attempts(scope: ReplayScope, seq: number, lane: LaneName): Promise<readonly WebhookAttemptTable[]>
  /** How many wait, of each endpoint and session that has any. */
  owed(
    sessionIds: readonly number[],
  ): Promise<readonly { endpoint: number; session_id: number; count: number }[]>
}

/** A text is looked for among so many: there is no index of what is in bodies. */
const lookedThrough = 10_000
const attemptsShown = 100

const columns = [
  'd.event_seq',
  'd.endpoint',
  'd.lane',
  'd.session_id',
  'd.id',
  'd.preset',
  'd.event_type',
  'd.body',
  'd.attempts',
  'd.created_at',
  'd.due_at',
  'd.last_status',
  'd.last_error',
  'd.settled_at',
  'd.outcome',
] as const

export function createDeliveryLog(database: Database): DeliveryLog {
  function rowsOf({ endpoint, sessionId }: ReplayScope, { status, ...filter }: Omit<DeliveryFilter, 'text'>) {
    let query = database.read
      .selectFrom('webhook_delivery as d')
      .select(columns)
      .where('d.endpoint', '=', endpoint.number)
    // Literals, where an index is one of those alone.
    if (endpoint.number > 0) query = query.where('d.endpoint', '>', sql.lit(0))
    if (status === 'failed') query = query.where('d.outcome', '=', sql.lit('given_up'))
    if (status === 'delivered') query = query.where('d.outcome', '=', 'delivered')
    if (status === 'waiting') query = query.where('d.settled_at', 'is', null)
    const only = sessionId ?? filter.sessionId
    if (only !== undefined) query = query.where('d.session_id', '=', only)
    if (filter.event !== undefined) query = query.where('d.event_type', '=', filter.event)
    if (filter.from !== undefined) query = query.where('d.created_at', '>=', filter.from)
    if (filter.to !== undefined) query = query.where('d.created_at', '<=', filter.to)
    const { before } = filter
    if (before !== undefined) {
      query = query
        .where('d.event_seq', '<=', before.seq)
        .where((eb) => eb.or([eb('d.event_seq', '<', before.seq), eb('d.lane', '<', before.lane)]))
    }
    if (sessionId !== undefined && status !== 'failed' && status !== 'waiting') {
      // Along the events of the session, which have an index: its deliveries have none of their own (0017-webhook-endpoint.sql).
      const along = query
        .innerJoin('event as e', 'e.seq', 'd.event_seq')
        .where('e.session_id', '=', sessionId)
        .orderBy('e.session_seq', 'desc')
      return along.orderBy('d.lane', 'desc')
    }
    return query.orderBy('d.event_seq', 'desc').orderBy('d.lane', 'desc')
  }

  return {
    async list(scope, { text, limit, ...filter }) {
      if (text === undefined)
        return await rowsOf(scope, { ...filter, limit })
          .limit(limit)
          .execute()
      const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`
      const holds = (column: string) => sql<boolean>`${sql.ref(column)} like ${pattern} escape '\\'`
      return await database.read
        .selectFrom(
          rowsOf(scope, { ...filter, limit })
            .limit(lookedThrough)
            .as('d'),
        )
        .select(columns)
        .where((eb) => eb.or([holds('d.body'), holds('d.last_error'), holds('d.id')]))
        .orderBy('d.event_seq', 'desc')
        .orderBy('d.lane', 'desc')
        .limit(limit)
        .execute()
    },

    async get({ endpoint, sessionId }, seq, lane) {
      let query = database.read
        .selectFrom('webhook_delivery as d')
        .select(columns)
        .where('d.event_seq', '=', seq)
        .where('d.endpoint', '=', endpoint.number)
        .where('d.lane', '=', lane)
      if (sessionId !== undefined) query = query.where('d.session_id', '=', sessionId)
      return await query.executeTakeFirst()
    },

    async attempts({ endpoint }, seq, lane) {
      return await database.read
        .selectFrom('webhook_attempt')
        .selectAll()
        .where('event_seq', '=', seq)
        .where('endpoint', '=', endpoint.number)
        .where('lane', '=', lane)
        .orderBy('at', 'desc')
        .limit(attemptsShown)
        .execute()
    },

    async owed(sessionIds) {
      if (sessionIds.length === 0) return []
      return await database.read
        .selectFrom('webhook_delivery')
        .select((eb) => ['endpoint', 'session_id', eb.fn.countAll<number>().as('count')])
        .where('settled_at', 'is', null)
        .where('session_id', 'in', sessionIds)
        .groupBy(['endpoint', 'session_id'])
        .execute()
    },
  }
}

/** Deliveries of these events, as they were sent. */
export const deliveriesOf = async (
  database: Pick<Database, 'read'>,
  seqs: readonly number[],
): Promise<readonly LoggedDelivery[]> =>
  database.read.selectFrom('webhook_delivery as d').select(columns).where('d.event_seq', 'in', seqs).execute()

/** Removes deliveries of events, sent or not, with their attempts: what they told is not to be told any more. */
export async function forgetDeliveries(tx: Tx, seqs: readonly number[]): Promise<void> {
  for (const table of ['webhook_attempt', 'webhook_delivery'] as const)
    await tx.db.deleteFrom(table).where('event_seq', 'in', seqs).execute()
}
