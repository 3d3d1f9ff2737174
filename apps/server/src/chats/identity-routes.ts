import { endpoints, offsetOf, paginationOf } from '@inbox-hub/contract'
import { isLid, isPn, type Jid, userOf, withoutDevice } from '@inbox-hub/whatsapp'
import type { ExpressionBuilder } from 'kysely'

import type { Database, Tables } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { Chats } from './index.ts'

/** Which LIDs and numbers belong together, both ways, from the store alone. */
export function identityRoutes(
  http: Pick<Http, 'serve'>,
  {
    database,
    sessions,
    chats,
  }: { database: Database; sessions: Pick<Sessions, 'find'>; chats: Pick<Chats, 'addresses'> },
): void {
  async function lookedUp(sessionId: number, jids: readonly Jid[]) {
    const addresses = jids.map((jid) => ({ sessionId, jid }))
    const [canonical, shown] = await Promise.all([
      chats.addresses.canonical(database, addresses),
      chats.addresses.shown(database, addresses),
    ])
    return jids.map((jid) => {
      const account = withoutDevice(jid)
      const lid = canonical(sessionId, account)
      return pair(isLid(lid) ? lid : null, shown(sessionId, account))
    })
  }

  http.serve(endpoints.listLids, async ({ params, query, ownerId }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const known = database.read.selectFrom('lid_mapping').where('session_id', '=', id)
    const [rows, counted] = await Promise.all([
      known.select(['lid', 'pn']).orderBy('lid').limit(query.limit).offset(offsetOf(query)).execute(),
      known.select(countAll).executeTakeFirst(),
    ])
    const total = counted?.count ?? 0
    return {
      data: {
        // Columns that only addresses are written to.
        lids: rows.map(({ lid, pn }) => pair(lid as Jid, pn as Jid)),
        pagination: paginationOf(total, query.page, query.limit),
        total,
      },
    }
  })

  http.serve(endpoints.findLid, async ({ params, ownerId }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const [found] = await lookedUp(id, [params.contactId])
    return { data: found ?? pair(null, params.contactId) }
  })

  http.serve(endpoints.findLids, async ({ params, body, ownerId }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const found = await lookedUp(id, body.ids)
    return { data: { lids: found.map((each, index) => ({ id: body.ids[index] ?? '', ...each })) } }
  })
}

function pair(lid: Jid | null, shown: Jid): { lid: Jid | null; pn: Jid | null; number: string | null } {
  const pn = isPn(shown) ? shown : null
  return { lid, pn, number: pn === null ? null : userOf(pn) }
}

const countAll = ({ fn }: ExpressionBuilder<Tables, 'lid_mapping'>) => fn.countAll<number>().as('count')
