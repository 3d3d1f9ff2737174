import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Events } from '../../events/index.ts'
import type { Media } from '../../media/index.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { Sealer } from '../../platform/secrets/index.ts'
import type { OutboundContent } from '../../sessions/baileys/index.ts'
import type { Sessions } from '../../sessions/index.ts'
import type { MessageRow } from '../message-rows.ts'
import type { Pacer } from '../pacing/pacers.ts'
import type { Receipts } from '../receipts.ts'
import { createLanes, type Lanes } from './lanes.ts'
import { confirmSent } from './outbound-rows.ts'
import { isSettled } from './outbound-state.ts'
import { createOutcomes } from './outcomes.ts'
import { OpenMessages, type Outgoing, type Settled } from './outgoing.ts'
import { createProtos } from './protos.ts'
import { createRecovery, type Recovery } from './recovery.ts'
import { type Waiting, waitingOf } from './waiting.ts'

export interface Outbox extends Receipts, Omit<Recovery, 'close'>, AsyncDisposable {
  /** Unix ms that never jump, whatever becomes of the wall clock: what states of messages are told in. */
  now(): number
  /** Whether a new message to the chat would be handed to the socket next: it may be stored as on the wire at once. */
  isOpen(sessionId: number, chat: Jid): boolean
  /** Takes on a message whose rows are committed; one that failed already is stored and told as such. */
  take(message: Outgoing): void
  /** Resolves when WhatsApp has the message or it failed, and that is stored; undefined when it is not by `maxMs`, or was before. */
  settled(sessionId: number, whatsappId: string, maxMs: number): Promise<Settled | undefined>
  /** Takes a message back if nothing of it was written yet. */
  cancel(sessionId: number, whatsappId: string): void
  /** The same for a caller who must know: false when it may be on the wire, or is settled. Resolves when that is stored. */
  takeBack(sessionId: number, whatsappId: string): Promise<boolean>
  /** What a message still waits for; undefined when it is on its way, or not here. */
  waiting(sessionId: number, whatsappId: string): Waiting | undefined
  /** An account's chat has another address from now on. */
  rename(sessionId: number, from: Jid, to: Jid): void
  /** The encoded message as it was sent, for retry receipts. */
  proto(sessionId: number, whatsappId: string): Promise<Uint8Array | undefined>
  /** Forgets a session that has ended for good. */
  forget(sessionId: number): void
  /** Messages not settled yet. */
  backlog(): number
}

export interface OutboxDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'link' | 'view' | 'onOnline'>
  chats: Pick<Chats, 'addresses'>
  media: Pick<Media, 'find' | 'open'>
  /** Seals what is kept of a session at rest. */
  sealerOf: (sessionId: number) => Promise<Sealer>
  clock: Clock
  log: Log
  /** What to send, from the message's row; undefined when it was deleted. */
  contentOf: (message: Outgoing) => Promise<OutboundContent | undefined>
  /** WhatsApp took what we do to another message, by the number of the deed's row. */
  deedDone: (tx: Tx, messageId: number) => Promise<void>
  /** How fast a session may send, if somebody limited it. */
  pacerOf: (sessionId: number) => Pacer | undefined
}

/**
 * Sends what is stored: per session one message at a time, first in, first out per chat. What happens to a message is decided by
 * `after`; the lanes own the lines, the acks and the clock; what they find out is written in batches.
 */
export function createOutbox(deps: OutboxDeps): Outbox {
  const { database, sessions, clock, log, deedDone, pacerOf } = deps
  const clockOffset = clock.now() - clock.monotonic()
  const now = (): number => Math.round(clockOffset + clock.monotonic())
  const closing = new AbortController()
  const open = new OpenMessages()
  const protos = createProtos({ ...deps, open })
  const outcomes = createOutcomes({
    ...deps,
    open,
    protos,
    onSettled: (message) => lanes.dropUpload(message),
    closing: closing.signal,
  })
  const lanes: Lanes = createLanes({ ...deps, now, open, outcomes, protos, closing: closing.signal })
  const recovery = createRecovery({
    database,
    open,
    log,
    now,
    pacerOf,
    admit: (message) => lanes.admit(message),
  })

  function waiting(sessionId: number, whatsappId: string): Waiting | undefined {
    const message = open.get(sessionId, whatsappId)
    const lane = lanes.find(sessionId)
    if (message === undefined || lane === undefined) return undefined
    return waitingOf(message, lane, {
      at: now(),
      link: sessions.link(sessionId),
      isUploading: lanes.isUploading(message),
      pacer: pacerOf(sessionId),
    })
  }

  return {
    now,
    recover: (since) => recovery.recover(since),
    adopt: (sessionId, whatsappId) => recovery.adopt(sessionId, whatsappId),
    isOpen(sessionId, chat) {
      const lane = lanes.find(sessionId)
      return (
        lane !== undefined &&
        lane.link !== undefined &&
        lane.link === sessions.link(sessionId) &&
        pacerOf(sessionId) === undefined &&
        now() >= lane.quietUntil &&
        !lane.queue.has(chat)
      )
    },
    take(message) {
      // A repeat of its call, faster than the call itself, may have adopted it.
      if (!open.has(message.sessionId, message.whatsappId)) lanes.admit(message)
    },
    async settled(sessionId, whatsappId, maxMs) {
      const message = open.get(sessionId, whatsappId)
      if (message === undefined || maxMs <= 0) return undefined
      const pacer = pacerOf(sessionId)
      if (pacer !== undefined) {
        await pacer.newChats.learn(message.chat)
        const { state } = message
        // Let go while the store was asked.
        if (open.get(sessionId, whatsappId) !== message) return isSettled(state) ? state : undefined
        // Nobody need be kept waiting for what is known not to come.
        const wait = waiting(sessionId, whatsappId)
        const isPaced = wait?.for === 'pacing' || wait?.for === 'new_chats'
        if (isPaced && (wait.expectedAt ?? Infinity) > now() + maxMs) return undefined
      }
      return await new Promise((resolve) => {
        const telling = open.onGone(message, done)
        const timer = clock.after(maxMs, () => done(undefined))
        function done(state: Settled | undefined): void {
          timer[Symbol.dispose]()
          telling[Symbol.dispose]()
          resolve(state)
        }
      })
    },
    cancel(sessionId, whatsappId) {
      const message = open.get(sessionId, whatsappId)
      if (message !== undefined) lanes.apply(message, { type: 'cancel' })
    },
    async takeBack(sessionId, whatsappId) {
      const message = open.get(sessionId, whatsappId)
      if (message === undefined || isSettled(message.state)) return false
      lanes.apply(message, { type: 'cancel' })
      if (!isSettled(message.state)) return false
      const stored = await new Promise<Settled | undefined>((resolve) => void open.onGone(message, resolve))
      // Proof that it went out, or the end of its session, may have come before the failure was stored.
      return stored?.at === 'failed'
    },
    waiting,
    deedDone,
    rename(sessionId, from, to) {
      const lane = lanes.find(sessionId)
      if (lane === undefined) return
      lane.queue.rename(from, to)
      for (const message of lane.inFlight.values()) if (message.chat === from) message.chat = to
    },
    async confirm(tx: Tx, messages: readonly Pick<MessageRow, 'id' | 'session_id' | 'whatsapp_id'>[]) {
      await confirmSent.runMany(
        tx,
        messages.map(({ id }) => ({ messageId: id, now: clock.now() })),
      )
      tx.afterCommit(() => {
        for (const { session_id: sessionId, whatsapp_id: whatsappId } of messages) {
          const message = open.get(sessionId, whatsappId)
          if (message === undefined) continue
          message.proven = true
          lanes.apply(message, { type: 'acked' })
        }
      })
    },
    proto: (sessionId, whatsappId) => protos.find(sessionId, whatsappId),
    forget(sessionId) {
      for (const message of open.all()) {
        if (message.sessionId !== sessionId) continue
        outcomes.forget(message)
        lanes.dropUpload(message)
        open.letGo(message, undefined)
      }
      lanes.forget(sessionId)
    },
    backlog: () => open.size,
    async [Symbol.asyncDispose]() {
      closing.abort()
      await lanes[Symbol.asyncDispose]()
      await outcomes.written()
      await recovery.close()
    },
  }
}
