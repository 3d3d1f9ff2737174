import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, nextIntegers } from '../../platform/database/index.ts'
import type { Link } from '../../sessions/baileys/index.ts'
import { sentContentOf } from '../content.ts'
import type { MessageFinder } from '../find-message.ts'
import type { Outbox } from '../outbound/outbox.ts'
import type { Outgoing } from '../outbound/outgoing.ts'
import { setPlace } from '../outbound/outbound-rows.ts'
import { queued } from '../outbound/outbound-state.ts'
import type { Own } from '../own.ts'
import { outboundContent } from '../sending/compose.ts'
import type { Recipients } from '../sending/recipients.ts'
import type { OutgoingStore } from '../sending/storing.ts'
import { TallyChange } from '../tally.ts'
import { rowOfScheduled, type ScheduledRow, takeScheduled } from './scheduled-rows.ts'

/**
 * Turns scheduled messages of a session into messages on their way, in their order, each once whoever else tries. Without a link they
 * waited too long: they become failed messages.
 */
export type Release = (
  sessionId: number,
  rows: readonly ScheduledRow[],
  link: Link | undefined,
) => Promise<void>

export interface ReleaseDeps {
  database: Database
  chats: Chats
  outbox: Pick<Outbox, 'now' | 'take'>
  store: Pick<OutgoingStore, 'insert'>
  recipients: Recipients
  finder: MessageFinder
  own: (sessionId: number) => Own
  clock: Clock
}

export function createRelease(deps: ReleaseDeps): Release {
  const { database, chats, outbox, store, recipients, finder, own, clock } = deps
  return async (sessionId, rows, link) => {
    // Columns that only canonical addresses are written to.
    const addressed = rows.map((scheduled) => ({ scheduled, to: scheduled.chat_jid as Jid }))
    const to = [...new Set(addressed.map((each) => each.to))]
    const found = link === undefined ? undefined : await recipients.chatsFor(sessionId, to, link)
    const quoted = await Promise.all(
      rows.map(async ({ quoted_id: id }) => (id === null ? undefined : finder.find([sessionId], id))),
    )
    const asked = outbox.now()
    const now = clock.now()
    const released = await database.write(async (tx) => {
      await chats.hold(tx, [sessionId])
      const canonical = await chats.addresses.canonical(
        tx,
        [...to, ...(found?.values() ?? [])].flatMap((jid) => (jid === null ? [] : [{ sessionId, jid }])),
      )
      const places = await nextIntegers(tx, 'message', rows.length)
      const tally = new TallyChange()
      const made: Outgoing[] = []
      for (const [index, each] of addressed.entries()) {
        const { message_id: messageId, whatsapp_id: whatsappId, fingerprint } = each.scheduled
        // Cancelled, or released by somebody else.
        if ((await takeScheduled.run(tx, { messageId })) !== 1) continue
        const chosen = found === undefined ? each.to : (found.get(each.to) ?? null)
        const chat = canonical(sessionId, chosen ?? each.to)
        const row = rowOfScheduled({ ...each.scheduled, chat_jid: chat }, now)
        // Failed ones are asked for in the past: should this process die before that is stored, they have expired.
        const askedAt = found === undefined ? each.scheduled.send_at : asked
        const stored = await store.insert(tx, row, { fingerprint, asked: askedAt, onWire: false }, tally)
        if (stored === undefined) continue
        const place = places[index] ?? messageId
        await setPlace.run(tx, { messageId, place })
        const reason =
          found === undefined ? 'SCHEDULE_MISSED' : chosen === null ? 'NUMBER_NOT_ON_WHATSAPP' : undefined
        made.push({
          messageId,
          place,
          sessionId,
          whatsappId,
          chat,
          state:
            reason === undefined ? queued(asked) : { at: 'failed', failure: { reason, ackError: undefined } },
          marked: false,
          retries: 0,
          content: outboundContent(sentContentOf(stored), quoted[index], own(sessionId)),
        })
      }
      await tally.write(tx)
      return made
    })
    for (const message of released) outbox.take(message)
  }
}
