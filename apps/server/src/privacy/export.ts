import { eventsAbout } from '../events/index.ts'
import { messagesOf, names, receiptsBy } from '../messages/index.ts'
import type { Database } from '../platform/database/index.ts'
import { deliveriesOf } from '../webhooks/index.ts'
import { entriesOf } from './erase.ts'
import type { Person } from './person.ts'
import { ownRows } from './places.ts'

/** One line of an export. */
interface Line {
  kind: string
  data: object
}

/** Everything a session knows of `person`, as it is stored, read while it is taken. `linkTo`: a signed link to a file. */
export async function* exportContact(
  database: Database,
  person: Person,
  linkTo: (mediaId: string) => string,
): AsyncGenerator<Line> {
  const { sessionId, jids } = person
  yield { kind: 'person', data: { addresses: jids } }
  for (const [table, columns] of entriesOf(ownRows)) {
    const rows = await database.read
      .selectFrom(table)
      .selectAll()
      .where('session_id', '=', sessionId)
      .where((eb) =>
        eb.or(columns.map((column) => eb(database.read.dynamic.ref<string>(column), 'in', jids))),
      )
      .execute()
    for (const row of rows) yield lineOf(table, row)
  }
  for await (const rows of messagesOf(database, person)) {
    const ids = rows.map(({ id }) => id)
    for (const row of rows) yield lineOf('message', row)
    const files = await database.read
      .selectFrom('message_file')
      .innerJoin('media', 'media.id', 'message_file.media_id')
      .selectAll('media')
      .select('message_file.message_id')
      .where('message_file.message_id', 'in', ids)
      .execute()
    for (const file of files) yield lineOf('media', { ...file, url: linkTo(file.id) })
    const statuses = await database.read
      .selectFrom('status')
      .selectAll()
      .where('message_id', 'in', ids)
      .execute()
    for (const status of statuses) yield lineOf('status', status)
  }
  for await (const receipts of receiptsBy(database, person)) {
    for (const receipt of receipts) yield lineOf('message_receipt', receipt)
  }
  const views = await database.read
    .selectFrom('status_view')
    .innerJoin('status', 'status.message_id', 'status_view.message_id')
    .selectAll('status_view')
    .where('status.session_id', '=', sessionId)
    .where('status_view.viewer_jid', 'in', jids)
    .execute()
  for (const view of views) yield lineOf('status_view', view)
  for await (const events of eventsAbout(database, sessionId, (data) => names(person, data))) {
    for (const { seq, data } of events)
      yield { kind: 'event', data: { seq, data: JSON.parse(data) as unknown } }
    for (const delivery of await deliveriesOf(
      database,
      events.map(({ seq }) => seq),
    ))
      yield lineOf('webhook_delivery', delivery)
  }
  yield { kind: 'end', data: {} }
}

/** Bytes are keys, sealed contents and previews. */
function lineOf(kind: string, row: object): Line {
  const shown = Object.entries(row).filter(([, value]) => !(value instanceof Uint8Array))
  return { kind, data: Object.fromEntries(shown) }
}
