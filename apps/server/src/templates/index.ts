import {
  type AskedTemplate,
  HubError,
  type Language,
  type TemplateStatus,
  type VariableValues,
} from '@inbox-hub/contract'

import { folded } from '../chats/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, nextIntegers, type Tx, violation } from '../platform/database/index.ts'
import { fill, type Filled, namesIn, refuseUnfit, variablesOf, type Writing } from './fill.ts'
import {
  countUse,
  createTemplateList,
  dropTemplate,
  dropTemplatesOf,
  findTemplate,
  findTemplateByName,
  putTemplate,
  type TemplateList,
  type TemplateRow,
  writingOf,
} from './template-rows.ts'

export { templateRoutes } from './routes.ts'

/** What is written in a template, and how it is filed; of a change, what is to be other. */
export interface TemplateWish extends Writing {
  name: string
  category: string | null
  isActive: boolean
  status: 'draft' | 'pending'
}

/** Somebody who writes or decides. */
export interface Author {
  userId: number | undefined
  language: Language
}

/** Messages written beforehand. What is not approved is not sent. */
export interface Templates {
  readonly list: TemplateList
  find(id: number): Promise<TemplateRow | undefined>
  /** Throws `TEMPLATE_ALREADY_EXISTS`, `TEMPLATE_UNFIT`. */
  create(ownerId: number, wish: TemplateWish, author: Author): Promise<TemplateRow>
  /** `mayApprove`: whether the author's word is an approval. Throws the same, and `TEMPLATE_APPROVED`. */
  update(
    row: TemplateRow,
    wish: { [Name in keyof TemplateWish]?: TemplateWish[Name] | undefined },
    author: Author & { mayApprove: boolean },
  ): Promise<TemplateRow>
  remove(row: TemplateRow): Promise<void>
  /** Throws `TEMPLATE_NOT_PENDING`. */
  decide(
    row: TemplateRow,
    decision: { status: 'approved' } | { status: 'rejected'; reason: string | undefined },
    by: Author,
  ): Promise<TemplateRow>
  /** What it becomes with these values; counted as a use. Throws `TEMPLATE_NOT_APPROVED`, `TEMPLATE_VARIABLES_MISSING`, `TEMPLATE_UNFIT`. */
  use(row: TemplateRow, values: VariableValues, language: Language): Promise<Filled>
  /** The same for a send that names one. Throws `TEMPLATE_NOT_FOUND` too. */
  fill(ownerId: number, asked: AskedTemplate, language: Language): Promise<Filled['content']>
  /** In the transaction that ends an organization. */
  forget(tx: Tx, ownerId: number): Promise<void>
}

/** What recipients see of a template: what an approval is of. */
const spoken = ['content', 'variables', 'attachments', 'options'] as const

export function createTemplates({ database, clock }: { database: Database; clock: Clock }): Templates {
  /** Stored, if no other has its name. */
  async function put(make: (tx: Tx) => Promise<TemplateRow>): Promise<TemplateRow> {
    try {
      return await database.write(async (tx) => {
        const row = await make(tx)
        const namesake = await findTemplateByName.first(tx, { ownerId: row.owner_id, key: row.name_key })
        if (namesake !== undefined && namesake.id !== row.id) throw new HubError('TEMPLATE_ALREADY_EXISTS')
        await putTemplate.run(tx, [row])
        return row
      })
    } catch (error) {
      // Another process was faster.
      if (violation(error) === 'unique') throw new HubError('TEMPLATE_ALREADY_EXISTS', {}, { cause: error })
      throw error
    }
  }

  const said = (wish: Writing & { name: string; category: string | null; isActive: boolean }) => ({
    name: wish.name,
    name_key: folded(wish.name),
    category: wish.category,
    content: wish.content,
    variables: JSON.stringify(wish.variables),
    attachments: JSON.stringify(wish.attachments),
    options: JSON.stringify(wish.interactiveElements),
    is_active: wish.isActive ? 1 : 0,
    search: folded(`${wish.name}\n${wish.content}`),
    updated_at: clock.now(),
  })

  async function use(row: TemplateRow, values: VariableValues, language: Language): Promise<Filled> {
    const { id, status, is_active: isActive } = row
    if (status !== 'approved' || isActive === 0)
      throw new HubError('TEMPLATE_NOT_APPROVED', { status, isActive: isActive === 1 })
    const filled = fill(writingOf(row), values, language)
    await database.write((tx) => countUse.run(tx, { id, now: clock.now() }))
    return filled
  }

  return {
    list: createTemplateList(database),
    find: (id) => findTemplate.first(database, { id }),
    create(ownerId, wish, { userId, language }) {
      const variables = variablesOf(wish, language)
      refuseUnfit(wish, language)
      return put(async (tx) => {
        const [id = Number.NaN] = await nextIntegers(tx, 'message_template', 1)
        return {
          id,
          owner_id: ownerId,
          ...said({ ...wish, variables }),
          status: wish.status,
          rejection_reason: null,
          decided_by: null,
          decided_at: null,
          uses: 0,
          last_used_at: null,
          created_by: userId ?? null,
          created_at: clock.now(),
        }
      })
    },
    update({ id }, wish, { userId, language, mayApprove }) {
      return put(async (tx) => {
        const row = await findTemplate.first(tx, { id })
        if (row === undefined) throw new HubError('TEMPLATE_NOT_FOUND')
        const before = writingOf(row)
        const content = wish.content ?? before.content
        const attachments = wish.attachments ?? before.attachments
        const interactiveElements = wish.interactiveElements ?? before.interactiveElements
        // What was said of names that a new text no longer has goes with them.
        const variables =
          wish.variables ??
          before.variables.filter(({ name }) =>
            namesIn({ content, attachments, interactiveElements }).includes(name),
          )
        const writing = { content, attachments, interactiveElements, variables }
        const after = { ...writing, variables: variablesOf(writing, language) }
        refuseUnfit(after, language)
        const next = said({
          ...after,
          name: wish.name ?? row.name,
          category: wish.category ?? row.category,
          isActive: wish.isActive ?? row.is_active === 1,
        })
        const isRewritten = spoken.some((column) => next[column] !== row[column])
        const isTakenBack = wish.status !== undefined && row.status === 'approved'
        if (row.status === 'approved' && (isRewritten || isTakenBack) && !mayApprove)
          throw new HubError('TEMPLATE_APPROVED')
        const status = statusAfter(row.status, wish.status, isRewritten)
        const isDecision = row.status === 'approved' && isRewritten && status === 'approved'
        return {
          ...row,
          ...next,
          status,
          ...(isDecision && { decided_by: userId ?? null, decided_at: clock.now() }),
          ...(status !== row.status && { rejection_reason: null, decided_by: null, decided_at: null }),
        }
      })
    },
    async remove({ id }) {
      await database.write((tx) => dropTemplate.run(tx, { id }))
    },
    decide({ id }, decision, { userId }) {
      return put(async (tx) => {
        const row = await findTemplate.first(tx, { id })
        if (row === undefined) throw new HubError('TEMPLATE_NOT_FOUND')
        if (row.status === 'draft') throw new HubError('TEMPLATE_NOT_PENDING')
        if (row.status === 'approved' && decision.status === 'approved') return row
        return {
          ...row,
          status: decision.status,
          rejection_reason: decision.status === 'rejected' ? (decision.reason ?? null) : null,
          decided_by: userId ?? null,
          decided_at: clock.now(),
          updated_at: clock.now(),
        }
      })
    },
    use,
    async fill(ownerId, { template, variables }, language) {
      const row =
        'id' in template
          ? await findTemplate.first(database, template)
          : await findTemplateByName.first(database, { ownerId, key: folded(template.name) })
      if (row?.owner_id !== ownerId) throw new HubError('TEMPLATE_NOT_FOUND')
      return (await use(row, variables, language)).content
    },
    forget: dropTemplatesOf,
  }
}

/** Where a template stands once it was changed by somebody who may. */
function statusAfter(
  before: TemplateStatus,
  asked: 'draft' | 'pending' | undefined,
  isRewritten: boolean,
): TemplateStatus {
  if (asked !== undefined) return asked
  return before === 'rejected' && isRewritten ? 'pending' : before
}
