import './tables.ts'

import { criticalActions, loginActions } from '@inbox-hub/contract'
import { sql } from 'kysely'

import type { Database } from '../platform/database/index.ts'
import type { AuditRow } from './tables.ts'

/** Which entries are meant; parts left out do not matter. */
export interface Wanted {
  ownerId?: number | undefined
  userId?: number | undefined
  /** Without what organizations have of the failed logins of their members: to the person it happened once. */
  isOnce?: boolean | undefined
  action?: string | undefined
  isCritical?: boolean | undefined
  search?: string | undefined
  /** Unix ms, both included. */
  startDate?: number | undefined
  endDate?: number | undefined
}

export interface Entry extends AuditRow {
  username: string | null
}

/** Reading the audit log. Who may is asked by the routes. */
export interface Entries {
  page(wanted: Wanted, page: { offset: number; limit: number }): Promise<{ entries: Entry[]; total: number }>
  /** Oldest first. */
  after(seq: number, wanted: Wanted, limit: number): Promise<Entry[]>
  one(seq: number): Promise<Entry | undefined>
  latest(): Promise<number>
  stats(wanted: Wanted): Promise<Stats>
  top(
    wanted: Wanted,
    limit: number,
  ): Promise<{ action: string; count: number; failed: number; last: number }[]>
}

interface Stats {
  total: number
  failed: number
  critical: number
  users: number
  keys: number
  first: number | null
  last: number | null
}

/** Text that a search looks in. */
const searched = [
  'audit_log.action',
  'audit_log.code',
  'app_user.username',
  'audit_log.key_id',
  'audit_log.session',
  'audit_log.ip',
  'audit_log.request_id',
] as const

const isCritical = sql<boolean>`(audit_log.status in (401, 403) or audit_log.action in (${sql.join(criticalActions)}))`

export function createEntries(database: Database): Entries {
  function found(wanted: Wanted) {
    let query = database.read.selectFrom('audit_log').leftJoin('app_user', 'app_user.id', 'audit_log.user_id')
    const { ownerId, userId, action, startDate, endDate, search } = wanted
    if (ownerId !== undefined) query = query.where('audit_log.owner_id', '=', ownerId)
    if (userId !== undefined) query = query.where('audit_log.user_id', '=', userId)
    if (action !== undefined) query = query.where('audit_log.action', '=', action)
    if (startDate !== undefined) query = query.where('audit_log.at', '>=', startDate)
    if (endDate !== undefined) query = query.where('audit_log.at', '<=', endDate)
    if (wanted.isOnce === true)
      query = query.where((eb) =>
        eb.or([eb('audit_log.owner_id', '=', 0), eb('audit_log.action', 'not in', loginActions)]),
      )
    if (wanted.isCritical === true) query = query.where(isCritical)
    if (search !== undefined) {
      const pattern = `%${search.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
      query = query.where((eb) =>
        eb.or(
          searched.map(
            (column) => sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape ${sql.lit('\\')}`,
          ),
        ),
      )
    }
    return query
  }
  const listed = (wanted: Wanted) => found(wanted).selectAll('audit_log').select('app_user.username')

  return {
    async page(wanted, { offset, limit }) {
      const [entries, counted] = await Promise.all([
        listed(wanted).orderBy('audit_log.seq', 'desc').offset(offset).limit(limit).execute(),
        found(wanted)
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .executeTakeFirst(),
      ])
      return { entries, total: counted?.count ?? 0 }
    },
    after: (seq, wanted, limit) =>
      listed(wanted).where('audit_log.seq', '>', seq).orderBy('audit_log.seq').limit(limit).execute(),
    one: (seq) => listed({}).where('audit_log.seq', '=', seq).executeTakeFirst(),
    async latest() {
      const head = await database.read.selectFrom('audit_head').select('seq').executeTakeFirst()
      return head?.seq ?? 0
    },
    stats: (wanted) =>
      found(wanted)
        .select(({ fn }) => [
          fn.countAll<number>().as('total'),
          fn.countAll<number>().filterWhere('audit_log.status', '>=', 400).as('failed'),
          fn.countAll<number>().filterWhere(isCritical).as('critical'),
          fn.count<number>('audit_log.user_id').distinct().as('users'),
          fn.count<number>('audit_log.key_id').distinct().as('keys'),
          fn.min('audit_log.at').as('first'),
          fn.max('audit_log.at').as('last'),
        ])
        .executeTakeFirstOrThrow(),
    top: (wanted, limit) =>
      found(wanted)
        .select(({ fn }) => [
          'audit_log.action',
          fn.countAll<number>().as('count'),
          fn.countAll<number>().filterWhere('audit_log.status', '>=', 400).as('failed'),
          fn.max('audit_log.at').as('last'),
        ])
        .groupBy('audit_log.action')
        .orderBy('count', 'desc')
        .orderBy('audit_log.action')
        .limit(limit)
        .execute(),
  }
}
