import { isDeedKind, type Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Events, NewEvent } from '../../events/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, StoreFault, type Tx } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import { isFrame } from '../content.ts'
import { moveStatus } from '../message-rows.ts'
import { progressEvent } from '../receipts.ts'
import { TallyChange } from '../tally.ts'
import { failedEvent } from './failed-event.ts'
import { confirmSent, writeState } from './outbound-rows.ts'
import { isSettled, type OutboundState } from './outbound-state.ts'
import { keyOf, type OpenMessages, type Outgoing } from './outgoing.ts'
import type { Protos } from './protos.ts'

/** Stores what becomes of messages, and tells of it, in batches. */
export interface Outcomes {
  /** The message's state changed. */
  note(message: Outgoing): void
  /** WhatsApp took a message that is not open: we had given it up. */
  noteLateAck(sessionId: number, whatsappId: string): void
  /** What becomes of the message need not be stored any more. */
  forget(message: Outgoing): void
  /** Resolves when the round under way has ended. */
  written(): Promise<void>
}

export interface OutcomesDeps {
  database: Database
  events: Pick<Events, 'append'>
  chats: Pick<Chats, 'addresses'>
  clock: Clock
  log: Log
  open: OpenMessages
  protos: Protos
  /** WhatsApp took what we do to another message, by the number of the deed's row. */
  deedDone: (tx: Tx, messageId: number) => Promise<void>
  /** Nothing more happens to the message. */
  onSettled: (message: Outgoing) => void
  /** Aborts when the process stops sending. */
  closing: AbortSignal
}

const storeRetryMs = 1_000

export function createOutcomes(deps: OutcomesDeps): Outcomes {
  const { database, events, chats, clock, log, open, protos, deedDone, onSettled, closing } = deps
  const unwritten = new Set<Outgoing>()
  /** Acks of messages that we had given up. */
  const lateAcks = new Set<string>()
  let writing: Promise<void> | undefined

  function write(): void {
    if (writing !== undefined) return
    writing = writeAll().finally(() => {
      writing = undefined
      if (unwritten.size > 0 || lateAcks.size > 0) write()
    })
  }

  async function writeAll(): Promise<void> {
    while (unwritten.size > 0 || lateAcks.size > 0) {
      const changed = [...unwritten]
      const late = [...lateAcks]
      unwritten.clear()
      lateAcks.clear()
      try {
        await store(changed)
        for (const key of late) await believeLateAck(key)
      } catch (error) {
        if (error instanceof StoreFault) {
          // When closing, the next process finds them on the wire, and sends them again under the same ids.
          if (closing.aborted) return
          log.warn({ error, count: changed.length }, 'what became of sent messages cannot be stored yet')
          for (const message of changed) unwritten.add(message)
          for (const key of late) lateAcks.add(key)
          await new Promise<void>((resolve) => void clock.after(storeRetryMs, resolve))
        } else await storeEach(changed, error)
      }
    }
  }

  /** Something about one of them cannot be stored: the others must not wait for it. */
  async function storeEach(changed: readonly Outgoing[], cause: unknown): Promise<void> {
    for (const message of changed) {
      const { sessionId, messageId: dbId } = message
      try {
        if (changed.length === 1) throw cause
        await store([message])
      } catch (error) {
        if (error instanceof StoreFault) unwritten.add(message)
        else {
          log.error({ error, sessionId, dbId }, 'what became of a sent message cannot be stored')
          release(message, message.state)
        }
      }
    }
  }

  async function store(changed: readonly Outgoing[]): Promise<void> {
    const written = await Promise.all(
      changed.map(async (message) => {
        const proto = await protos.sealed(message)
        return { message, state: message.state, proto }
      }),
    )
    const at = clock.now()
    await database.write(async (tx) => {
      const tally = new TallyChange()
      await writeState.runMany(
        tx,
        written.map(({ message, state, proto }) => ({
          messageId: message.messageId,
          state: state.at,
          attempts: 'attempts' in state ? state.attempts : 0,
          failure: state.at === 'failed' ? JSON.stringify(state.failure) : null,
          proto,
          settledAt: isSettled(state) ? at : null,
        })),
      )
      const told = await progress(tx, written, tally, at)
      await tally.write(tx)
      if (told.length > 0) await events.append(tx, told)
    })
    // A change of it since then is written by the next round.
    for (const { message, state } of written) if (message.state === state) release(message, state)
  }

  function release(message: Outgoing, state: OutboundState): void {
    if (!isSettled(state)) return
    onSettled(message)
    open.letGo(message, state)
  }

  /** Moves the statuses of messages that were settled; answers `message.sent` and `message.failed`, each once. */
  async function progress(
    tx: Tx,
    written: readonly { message: Outgoing; state: OutboundState }[],
    tally: TallyChange,
    at: number,
  ): Promise<readonly NewEvent[]> {
    const settled = written.filter(({ message, state }) => isSettled(state) && message.proven !== true)
    if (settled.length === 0) return []
    const shown = await chats.addresses.shown(
      tx,
      settled.map(({ message }) => ({ sessionId: message.sessionId, jid: message.chat })),
    )
    const told: (NewEvent | undefined)[] = await Promise.all(
      settled.map(async ({ message, state }) => {
        const { messageId: id, sessionId, whatsappId } = message
        const chatId = shown(sessionId, message.chat)
        if (state.at === 'failed') {
          const stored = await moveStatus.first(tx, { id, from: 'pending', to: 'failed' })
          if (stored === undefined) return undefined
          tally.move(stored, 'pending', 'failed')
          // Of an album its pictures are told of.
          if (isFrame(stored.type)) return undefined
          return failedEvent(message, chatId, state.failure.reason, at)
        }
        for (const from of ['pending', 'failed'] as const) {
          const stored = await moveStatus.first(tx, { id, from, to: 'sent' })
          if (stored === undefined) continue
          if (isDeedKind(stored.type)) {
            await deedDone(tx, id)
            return undefined
          }
          tally.move(stored, from, 'sent')
          if (isFrame(stored.type)) return undefined
          return progressEvent({ id, session_id: sessionId, whatsapp_id: whatsappId }, 'sent', chatId, at, at)
        }
        return undefined // a receipt was faster
      }),
    )
    return told.filter((event) => event !== undefined)
  }

  /** WhatsApp took a message that we had given up. */
  async function believeLateAck(key: string): Promise<void> {
    const at = clock.now()
    const [session = '', whatsappId = ''] = key.split(' ')
    const sessionId = Number(session)
    await database.write(async (tx) => {
      const row = await tx.db
        .selectFrom('outbound')
        .innerJoin('message', 'message.id', 'outbound.message_id')
        .selectAll('message')
        .where('outbound.session_id', '=', sessionId)
        .where('outbound.whatsapp_id', '=', whatsappId)
        .where('outbound.state', '=', 'failed')
        .executeTakeFirst()
      if (row === undefined) return
      await confirmSent.run(tx, { messageId: row.id, now: at })
      const stored = await moveStatus.first(tx, { id: row.id, from: 'failed', to: 'sent' })
      if (stored === undefined) return
      if (isDeedKind(stored.type)) return deedDone(tx, row.id)
      if (isFrame(stored.type)) return
      const tally = new TallyChange()
      tally.move(stored, 'failed', 'sent')
      await tally.write(tx)
      // A column that only canonical addresses are written to.
      const chat = row.chat_jid as Jid
      const shown = await chats.addresses.shown(tx, [{ sessionId, jid: chat }])
      await events.append(tx, [progressEvent(row, 'sent', shown(sessionId, chat), at, at)])
    })
  }

  return {
    note(message) {
      unwritten.add(message)
      write()
    },
    noteLateAck(sessionId, whatsappId) {
      lateAcks.add(keyOf(sessionId, whatsappId))
      write()
    },
    forget: (message) => void unwritten.delete(message),
    async written() {
      await writing
    },
  }
}
