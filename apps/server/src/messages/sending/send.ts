import { HubError, issueText, type Language } from '@inbox-hub/contract'
import type { Jid, OutgoingContent } from '@inbox-hub/whatsapp'

import type { Clock } from '../../platform/clock.ts'
import { type Database, statement } from '../../platform/database/index.ts'
import type { OutboundContent } from '../../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../../sessions/index.ts'
import { sentContentOf } from '../content.ts'
import type { MessageFinder } from '../find-message.ts'
import { type MessageRow, moveStatus } from '../message-rows.ts'
import type { Outbox } from '../outbound/outbox.ts'
import type { Outgoing } from '../outbound/outgoing.ts'
import { askAgain, findOutbound } from '../outbound/outbound-rows.ts'
import { queued } from '../outbound/outbound-state.ts'
import type { Own } from '../own.ts'
import type { ScheduledRow } from '../scheduling/scheduled-rows.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { TallyChange } from '../tally.ts'
import type { MessageKey } from './album.ts'
import type { Awaiting, SentAlbum } from './awaiting.ts'
import { outboundContent } from './compose.ts'
import type { TakenAlbum, TakenContent } from './files.ts'
import type { Prepare, Prepared } from './prepare.ts'
import type { Recipients } from './recipients.ts'
import { refusal } from './refusal.ts'
import type { Repeats } from './repeats.ts'
import { fingerprintOf, whatsappIdOf } from './send-key.ts'
import type { OutgoingStore } from './storing.ts'

/** One message to one chat, parsed. */
export interface SendRequest {
  to: Jid
  content: OutgoingContent | TakenContent | TakenAlbum
  mentions: readonly Jid[]
  /** Everybody in the group. */
  mentionsEveryone?: boolean | undefined
  /** The message it answers, in any of the API's forms. */
  quotedId: string | undefined
  /** When it is to go out, Unix ms; at once when left out. */
  sendAt?: number | undefined
  /** Makes the request the same as an earlier one: a repeat answers the first result. */
  idempotencyKey: string | undefined
}

export interface CallOptions {
  language: Language
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal | undefined
}

/** How one request fared. */
export type SendOutcome = { request: SendRequest } & Outcome

type Outcome = { row: MessageRow; album?: SentAlbum } | { scheduled: ScheduledRow } | { error: unknown }

export interface Sender {
  /** Sends each request; one that fails does not stop the others. Throws what concerns all: the session is not connected, a key was used otherwise. */
  send(
    session: SessionView,
    requests: readonly SendRequest[],
    call: CallOptions,
  ): Promise<readonly SendOutcome[]>
  /** Sends a message that failed once more, under the same id. */
  retry(session: SessionView, row: MessageRow, call: CallOptions): Promise<MessageRow>
  /** What to send for a message that is read back from the store; undefined when it was deleted. */
  outgoingContent(message: Pick<Outgoing, 'messageId' | 'sessionId'>): Promise<OutboundContent | undefined>
}

export interface SenderDeps {
  database: Database
  sessions: Pick<Sessions, 'link' | 'linkWithin'>
  outbox: Pick<Outbox, 'now' | 'take' | 'adopt'>
  store: Pick<OutgoingStore, 'store' | 'schedule'>
  prepare: Prepare
  recipients: Recipients
  repeats: Repeats
  awaiting: Awaiting
  finder: MessageFinder
  scheduler: Pick<Scheduler, 'expect' | 'caughtUp'>
  own: (sessionId: number) => Own
  clock: Clock
}

/** A session that is just reconnecting is worth waiting for. */
const linkWithinMs = 10_000
const maxRetries = 3
/** A leap year: whoever says "in a year" means it. */
const maxAheadMs = 366 * 86_400_000

const byId = statement((db, p: { id: number }) => db.selectFrom('message').selectAll().where('id', '=', p.id))

/** A request, and what its message is known by. */
type Keyed = { request: SendRequest } & MessageKey

const isKeyed = ({ idempotencyKey }: SendRequest): boolean => idempotencyKey !== undefined

export function createSender(deps: SenderDeps): Sender {
  const {
    database,
    sessions,
    outbox,
    store,
    prepare,
    recipients,
    repeats,
    awaiting,
    finder,
    scheduler,
    own,
    clock,
  } = deps

  function refuseMoment(sendAt: number, language: Language): void {
    const now = clock.now()
    if (sendAt <= now)
      throw new HubError('VALIDATION_ERROR', { sendAt: issueText('not_in_future', language) })
    if (sendAt > now + maxAheadMs) {
      throw new HubError('VALIDATION_ERROR', { sendAt: issueText('too_far_ahead', language) })
    }
  }

  /** What became of what a call stored, itself or before: `stored` are its rows as they were written just now. */
  async function outcome(
    sessionId: number,
    whatsappId: string,
    { content }: Pick<SendRequest, 'content'>,
    call: { began: number; language: Language },
    stored?: readonly MessageRow[],
  ): Promise<Outcome> {
    if (content.kind === 'album')
      return awaiting.album(sessionId, whatsappId, content.items.length, call, stored)
    return { row: await awaiting.message(sessionId, whatsappId, call, stored?.[0]) }
  }

  async function sendOne(
    sessionId: number,
    { request, prepared, ...key }: Keyed & { prepared: Promise<Prepared> },
    chat: Jid | null,
    began: number,
    { language, signal }: CallOptions,
  ): Promise<Outcome> {
    if (chat === null) throw refusal('NUMBER_NOT_ON_WHATSAPP', language)
    const ready = await prepared
    // From before it is stored: a commit whose success we do not hear of is one, too.
    return repeats.answered(sessionId, isKeyed(request), key, signal, async () => {
      const { whatsappId, fingerprint } = key
      const stored = await store.store(sessionId, ready, chat, key)
      if (stored !== undefined) for (const { message } of stored) outbox.take(message)
      else {
        // Inside a transaction, which sees what the other call wrote, and ends when that is durable.
        const row = await database.write((tx) => findOutbound.first(tx, { sessionId, whatsappId }))
        if (row?.fingerprint !== fingerprint) throw new HubError('IDEMPOTENCY_CONFLICT')
        await outbox.adopt(sessionId, whatsappId)
      }
      return outcome(
        sessionId,
        whatsappId,
        request,
        { began, language },
        stored?.map(({ row }) => row),
      )
    })
  }

  async function scheduleOne(
    sessionId: number,
    { request, prepared, ...key }: Keyed & { prepared: Promise<Prepared> },
    sendAt: number,
    chat: Jid | null,
    { language, signal }: CallOptions,
  ): Promise<Outcome> {
    if (chat === null) throw refusal('NUMBER_NOT_ON_WHATSAPP', language)
    const ready = await prepared
    return repeats.answered(sessionId, isKeyed(request), key, signal, async () => {
      // Before it is committed: whoever asks for the same at this moment looks for it.
      scheduler.expect(sessionId, Infinity)
      const scheduled = await store.schedule(sessionId, ready, sendAt, chat, key)
      scheduler.expect(sessionId, scheduled.send_at)
      if (scheduled.cancelled_at !== null) throw refusal('CANCELLED', language)
      return { scheduled }
    })
  }

  /** What an earlier call made of the same request. */
  async function answerAgain(
    sessionId: number,
    request: SendRequest,
    { whatsappId, scheduled }: { whatsappId: string; scheduled: ScheduledRow | undefined },
    began: number,
    { language }: CallOptions,
  ): Promise<Outcome> {
    if (scheduled === undefined) return outcome(sessionId, whatsappId, request, { began, language })
    if (scheduled.cancelled_at !== null) throw refusal('CANCELLED', language)
    return { scheduled }
  }

  /** Each begins to be made ready; what is asked for several recipients is made ready once. */
  function preparing<Each extends Keyed>(
    session: SessionView,
    all: readonly Each[],
    call: CallOptions,
  ): readonly (Each & { prepared: Promise<Prepared> })[] {
    const begun: { asked: SendRequest; prepared: Promise<Prepared> }[] = []
    return all.map((each) => {
      const { request } = each
      let same = begun.find(
        ({ asked }) => asked.content === request.content && asked.quotedId === request.quotedId,
      )
      if (same === undefined) {
        begun.push((same = { asked: request, prepared: prepare(session, request, call) }))
      }
      return { ...each, prepared: same.prepared }
    })
  }

  return {
    async send(session, requests, call) {
      const began = clock.monotonic()
      const keyed = requests.map((request): Keyed => {
        // Of several recipients each has its own message, and so its own key.
        const part = requests.length === 1 ? '' : `\n${request.to}`
        const key =
          request.idempotencyKey === undefined ? crypto.randomUUID() : `${request.idempotencyKey}${part}`
        return { request, whatsappId: whatsappIdOf(session.id, key), fingerprint: fingerprintOf(request) }
      })
      const outcomes = new Map<SendRequest, Promise<SendOutcome>>()
      // Failures become values at once: nobody awaits them before the others are under way.
      const settle = (request: SendRequest, outcome: Promise<Outcome>): void => {
        outcomes.set(
          request,
          outcome.then(
            (known) => ({ request, ...known }),
            (error: unknown) => ({ request, error }),
          ),
        )
      }
      const fresh: typeof keyed = []
      for (const each of keyed) {
        const known = await repeats.earlier(session.id, isKeyed(each.request), each)
        if (known === undefined) {
          fresh.push(each)
          continue
        }
        const { request, fingerprint } = each
        const key = { whatsappId: known.whatsappId, fingerprint }
        settle(
          request,
          repeats.answered(session.id, isKeyed(request), key, call.signal, () =>
            answerAgain(session.id, request, known, began, call),
          ),
        )
      }
      const scheduling = fresh.flatMap((each) =>
        each.request.sendAt === undefined ? [] : [{ ...each, sendAt: each.request.sendAt }],
      )
      for (const { sendAt } of scheduling) refuseMoment(sendAt, call.language)
      if (scheduling.length > 0) {
        // Asked now if WhatsApp can be: a wrong number is better told while its sender is there. Asked again when it is due.
        const link = sessions.link(session.id)
        const to = scheduling.map(({ request }) => request.to)
        const found =
          link === undefined
            ? new Map(to.map((jid): [Jid, Jid | null] => [jid, jid]))
            : await recipients.chatsFor(session.id, to, link)
        const ready = preparing(session, scheduling, call)
        await Promise.allSettled(ready.map(({ prepared }) => prepared))
        call.signal?.throwIfAborted()
        for (const each of ready) {
          const { request, sendAt } = each
          settle(request, scheduleOne(session.id, each, sendAt, found.get(request.to) ?? null, call))
        }
      } else if (fresh.length > 0) {
        const link = await sessions.linkWithin(session.id, linkWithinMs)
        if (link === undefined) throw new HubError('SESSION_NOT_CONNECTED')
        // What came due before this call goes before it.
        await scheduler.caughtUp(session.id)
        const found = await recipients.chatsFor(
          session.id,
          fresh.map(({ request }) => request.to),
          link,
        )
        const ready = preparing(session, fresh, call)
        await Promise.allSettled(ready.map(({ prepared }) => prepared))
        // Nobody waits for the answer any more, and nothing is stored: whoever asks again gets a message of their own.
        call.signal?.throwIfAborted()
        for (const each of ready) {
          const { request } = each
          settle(request, sendOne(session.id, each, found.get(request.to) ?? null, began, call))
        }
      }
      return Promise.all(outcomes.values())
    },

    async retry(session, row, { language }) {
      const began = clock.monotonic()
      const { id, session_id: sessionId, whatsapp_id: whatsappId } = row
      const outbound = await findOutbound.first(database, { sessionId, whatsappId })
      if (outbound === undefined || outbound.message_id !== id || row.status !== 'failed') {
        throw refusal('NOT_FAILED', language)
      }
      if (outbound.retries >= maxRetries) throw refusal('RETRIES_USED_UP', language)
      if ((await sessions.linkWithin(session.id, linkWithinMs)) === undefined) {
        throw new HubError('SESSION_NOT_CONNECTED')
      }
      const now = outbox.now()
      const again = await database.write(async (tx) => {
        if ((await askAgain.run(tx, { messageId: id, now })) !== 1) return false
        const tally = new TallyChange()
        const stored = await moveStatus.first(tx, { id, from: 'failed', to: 'pending' })
        if (stored !== undefined) tally.move(stored, 'failed', 'pending')
        await tally.write(tx)
        return true
      })
      if (again) {
        outbox.take({
          messageId: id,
          place: outbound.place ?? id,
          sessionId,
          whatsappId,
          // A column that only canonical addresses are written to.
          chat: row.chat_jid as Jid,
          state: queued(now),
          marked: false,
          retries: outbound.retries + 1,
          content: undefined,
        })
      }
      return awaiting.message(sessionId, whatsappId, { began, language })
    },

    async outgoingContent({ messageId, sessionId }) {
      const row = await byId.first(database, { id: messageId })
      // Removed from the hub: nothing is left of it.
      if (row === undefined || (row.shown === 0 && row.content === null)) return undefined
      const content = sentContentOf(row)
      const quotedId = row.quoted_id
      const quoted = quotedId === null ? undefined : await finder.find([sessionId], quotedId)
      return outboundContent(content, quoted, own(sessionId))
    },
  }
}
