import './tables.ts'

import { type TemplateStatus, templateStatuses } from '@inbox-hub/contract'
import { type Selectable, sql } from 'kysely'

import { folded } from '../chats/index.ts'
import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'
import type { Writing } from './fill.ts'
import type { TemplateTable } from './tables.ts'

export type TemplateRow = Selectable<TemplateTable>

/** What a row says. Only this folder writes these columns, from these types. */
export function writingOf(row: TemplateRow): Writing {
  return {
    content: row.content,
    variables: JSON.parse(row.variables) as Writing['variables'],
    attachments: JSON.parse(row.attachments) as Writing['attachments'],
    interactiveElements: JSON.parse(row.options) as Writing['interactiveElements'],
  }
}

export const findTemplate = statement((db, p: { id: number }) =>
  db.selectFrom('message_template').selectAll().where('id', '=', p.id),
)
export const findTemplateByName = statement((db, p: { ownerId: number; key: string }) =>
  db
    .selectFrom('message_template')
    .selectAll()
    .where('owner_id', '=', p.ownerId)
    .where('name_key', '=', p.key),
)
export const putTemplate = insertRows(
  'message_template',
  [
    'id',
    'owner_id',
    'name',
    'name_key',
    'category',
    'content',
    'variables',
    'attachments',
    'options',
    'status',
    'is_active',
    'rejection_reason',
    'decided_by',
    'decided_at',
    'search',
    'uses',
    'last_used_at',
    'created_by',
    'created_at',
    'updated_at',
  ],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict.column('id').doUpdateSet((eb) => ({
        name: eb.ref('excluded.name'),
        name_key: eb.ref('excluded.name_key'),
        category: eb.ref('excluded.category'),
        content: eb.ref('excluded.content'),
        variables: eb.ref('excluded.variables'),
        attachments: eb.ref('excluded.attachments'),
        options: eb.ref('excluded.options'),
        status: eb.ref('excluded.status'),
        is_active: eb.ref('excluded.is_active'),
        rejection_reason: eb.ref('excluded.rejection_reason'),
        decided_by: eb.ref('excluded.decided_by'),
        decided_at: eb.ref('excluded.decided_at'),
        search: eb.ref('excluded.search'),
        updated_at: eb.ref('excluded.updated_at'),
      })),
    ),
)
export const countUse = statement((db, p: { id: number; now: number }) =>
  db
    .updateTable('message_template')
    .set((eb) => ({ uses: eb('uses', '+', 1), last_used_at: p.now }))
    .where('id', '=', p.id),
)
export const dropTemplate = statement((db, p: { id: number }) =>
  db.deleteFrom('message_template').where('id', '=', p.id),
)
const dropOfOwner = statement((db, p: { ownerId: number }) =>
  db.deleteFrom('message_template').where('owner_id', '=', p.ownerId),
)

/** In the transaction that ends an organization. */
export async function dropTemplatesOf(tx: Tx, ownerId: number): Promise<void> {
  await dropOfOwner.run(tx, { ownerId })
}

/** Which templates are meant; parts left out do not matter. */
export interface WantedTemplates {
  ownerId: number
  status?: TemplateStatus | undefined
  isActive?: boolean | undefined
  category?: string | undefined
  search?: string | undefined
}

interface TemplateStats {
  total: number
  active: number
  byStatus: Record<TemplateStatus, number>
  byCategory: Record<string, number>
  uses: number
  mostUsed: { id: number; name: string; uses: number }[]
}

/** Reads templates of one organization. */
export interface TemplateList {
  page(
    wanted: WantedTemplates,
    page: { limit: number; offset: number },
  ): Promise<{ rows: readonly TemplateRow[]; total: number }>
  stats(ownerId: number): Promise<TemplateStats>
}

const mostUsedShown = 10

export function createTemplateList({ read }: Pick<Database, 'read'>): TemplateList {
  return {
    async page({ ownerId, status, isActive, category, search }, { limit, offset }) {
      let found = read.selectFrom('message_template').where('owner_id', '=', ownerId)
      if (status !== undefined) found = found.where('status', '=', status)
      if (isActive !== undefined) found = found.where('is_active', '=', isActive ? 1 : 0)
      if (category !== undefined) found = found.where('category', '=', category)
      if (search !== undefined) {
        const pattern = `%${folded(search).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
        found = found.where(sql<boolean>`search like ${pattern} escape ${sql.lit('\\')}`)
      }
      const [rows, counted] = await Promise.all([
        found.selectAll().orderBy('id', 'desc').limit(limit).offset(offset).execute(),
        found.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirst(),
      ])
      return { rows, total: counted?.count ?? 0 }
    },
    async stats(ownerId) {
      const own = read.selectFrom('message_template').where('owner_id', '=', ownerId)
      const [groups, mostUsed] = await Promise.all([
        own
          .select(['status', 'category', 'is_active'])
          .select(({ fn }) => [fn.countAll<number>().as('count'), fn.sum<number>('uses').as('uses')])
          .groupBy(['status', 'category', 'is_active'])
          .execute(),
        own
          .select(['id', 'name', 'uses'])
          .where('uses', '>', 0)
          .orderBy('uses', 'desc')
          .orderBy('id')
          .limit(mostUsedShown)
          .execute(),
      ])
      const count = (matches: (group: (typeof groups)[number]) => boolean): number =>
        groups.filter(matches).reduce((sum, group) => sum + group.count, 0)
      const categories = [...new Set(groups.flatMap(({ category }) => category ?? []))]
      const ofStatus = (status: TemplateStatus): number => count((group) => group.status === status)
      return {
        total: count(() => true),
        active: count(({ status, is_active: isActive }) => status === 'approved' && isActive === 1),
        // Each status has its number, whether there are any or not.
        byStatus: Object.fromEntries(
          templateStatuses.map((status) => [status, ofStatus(status)]),
        ) as TemplateStats['byStatus'],
        byCategory: Object.fromEntries(
          categories.map((category) => [category, count((group) => group.category === category)]),
        ),
        uses: groups.reduce((sum, { uses }) => sum + uses, 0),
        mostUsed,
      }
    },
  }
}
