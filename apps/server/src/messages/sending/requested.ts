import {
  type AskedTemplate,
  type DataOf,
  type endpoints,
  HubError,
  issueText,
  type Language,
  type MessageStatus,
  type RequestOf,
} from '@inbox-hub/contract'
import {
  type AskedFile,
  isBroadcastList,
  isNewsletter,
  isStatus,
  type Jid,
  type OutgoingContent,
} from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { MessageLinks } from '../../media/index.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database } from '../../platform/database/index.ts'
import type { Answer } from '../../platform/http/index.ts'
import type { Sessions, SessionView } from '../../sessions/index.ts'
import type { Messages, MessageRow } from '../index.ts'
import type { Own } from '../own.ts'
import { rowOfScheduled, type ScheduledRow } from '../scheduling/scheduled-rows.ts'
import { addressesIn, messageWire, nothingYet, scheduledWire, type WireContext } from '../wire.ts'
import { fileLinksAt, type WireReader } from '../wires.ts'
import type { SentAlbum } from './awaiting.ts'
import type { TakenFile } from './files.ts'
import type { SendRequest } from './send.ts'

type SendBody = RequestOf<typeof endpoints.sendMessage>['body']

/** What a client asks to have sent, and to whom. */
export type AskedSend = Pick<SendBody, 'message'> &
  Partial<
    Pick<SendBody, 'to' | 'mentions' | 'mentionsEveryone' | 'quotedMessageId' | 'quotedMsgId' | 'sendAt'>
  > & { idempotencyKey: string | undefined }

/** Who is answered. */
interface Asker extends WireReader {
  signal: AbortSignal
  /** The file of a form. */
  upload: TakenFile | undefined
}

type SendAnswer = DataOf<typeof endpoints.retryMessage> & Pick<DataOf<typeof endpoints.sendMessage>, 'album'>

/** Sends what clients ask for, and answers as contract §5 says. */
export interface RequestedSends {
  /** Throws what `Messages.send` and taking a file throw; of several recipients, only when all failed. */
  send(session: SessionView, asked: AskedSend, asker: Asker): Promise<Answer<typeof endpoints.sendMessage>>
  /** What is told of a message that is stored. `to`: as its recipient was named. */
  answer(
    stored: { row: MessageRow; album?: SentAlbum } | { scheduled: ScheduledRow },
    to: string,
    reader: WireReader,
  ): Promise<SendAnswer>
}

export function createRequestedSends({
  database,
  sessions,
  chats,
  messages,
  fillTemplate,
  links,
  clock,
}: {
  database: Database
  sessions: Pick<Sessions, 'view'>
  chats: Pick<Chats, 'addresses'>
  messages: Pick<Messages, 'send' | 'files' | 'finder' | 'waiting'>
  /** What a template of the owner's becomes. */
  fillTemplate: (
    ownerId: number,
    asked: AskedTemplate,
    language: Language,
  ) => Promise<OutgoingContent | AskedFile>
  links: MessageLinks
  clock: Clock
}): RequestedSends {
  const waiting: WireContext['waiting'] = (sessionId, whatsappId) => messages.waiting(sessionId, whatsappId)
  const own = (sessionId: number): Own => {
    const view = sessions.view(sessionId)
    return { pn: view?.mePn, lid: view?.meLid }
  }

  const answer: RequestedSends['answer'] = async (stored, to, { language, baseUrl }) => {
    const now = clock.now()
    const row = 'row' in stored ? stored.row : rowOfScheduled(stored.scheduled, now)
    // The message is out: nothing that fails from here on may make its sender send it again.
    const shown = await chats.addresses
      .shown(database, addressesIn(row))
      .catch(() => (_: number, jid: Jid) => jid)
    const fileLinks = fileLinksAt(links, baseUrl)
    const context = { shown, own, ...nothingYet, waiting, now, language, fileLinks }
    const message =
      'row' in stored ? messageWire(row, context) : scheduledWire(stored.scheduled, now, context)
    const { messageId, whatsappMessageId, dbId, chatId, type, status, timestamp, body: text } = message
    const { waitingFor, position, expectedAt } = message
    return {
      messageId,
      whatsappMessageId,
      dbId,
      to,
      chatId,
      type,
      status,
      timestamp,
      text,
      waitingFor,
      position,
      expectedAt,
      message,
      ...('album' in stored && stored.album && { album: albumWire(stored.album, language) }),
    }
  }

  /** What is to be sent, with the bytes that came in the request out of memory. */
  async function contentIn(
    message: Exclude<AskedSend['message'], { kind: 'template' }>,
    taken: AsyncDisposableStack,
    options: Parameters<Messages['files']['take']>[2],
  ): Promise<SendRequest['content']> {
    if ('file' in message) return messages.files.take(message, taken, options)
    if (message.kind === 'album') return messages.files.takeAlbum(message, taken, options)
    return message
  }

  /** Where something is done that does not say to whom: in the chat of the message it is done to. */
  async function chatOf(sessionId: number, content: SendRequest['content']) {
    const row =
      'messageId' in content ? await messages.finder.find([sessionId], content.messageId) : undefined
    if (row === undefined) throw new HubError('MESSAGE_NOT_FOUND')
    // A column that only canonical addresses are written to.
    const jid = row.chat_jid as Jid
    const shown = await chats.addresses.shown(database, [{ sessionId, jid }])
    return { many: false, recipients: [{ input: shown(sessionId, jid), jid }] }
  }

  return {
    answer,
    async send(session, asked, { language, baseUrl, signal, upload }) {
      // Whatever came of the request: bytes that were not kept are gone with its answer.
      await using taken = new AsyncDisposableStack()
      const message =
        asked.message.kind === 'template'
          ? await fillTemplate(session.ownerId, asked.message, language)
          : asked.message
      const common = {
        content: await contentIn(message, taken, {
          signal,
          upload,
          notBase64: () => new HubError('VALIDATION_ERROR', { message: issueText('not_base64', language) }),
        }),
        mentions: asked.mentions ?? [],
        mentionsEveryone: asked.mentionsEveryone,
        quotedId: asked.quotedMessageId ?? asked.quotedMsgId,
        sendAt: asked.sendAt,
        idempotencyKey: asked.idempotencyKey,
      }
      const to = asked.to ?? (await chatOf(session.id, common.content))
      const requests = new Map<Jid, SendRequest>()
      for (const { jid } of to.recipients) {
        if (jid !== undefined && canBeWrittenTo(jid)) requests.set(jid, { to: jid, ...common })
      }
      // Made when needed: an error takes down its stack, which costs as much as the rest of this route.
      const notAChat = (): HubError =>
        new HubError('VALIDATION_ERROR', { to: issueText('not_a_chat', language) })
      if (requests.size === 0) throw notAChat()
      const outcomes = await messages.send(session, [...requests.values()], { language, signal })
      const answers = new Map<Jid, SendAnswer | HubError>()
      for (const outcome of outcomes) {
        if (!('error' in outcome))
          answers.set(outcome.request.to, await answer(outcome, outcome.request.to, { language, baseUrl }))
        else if (outcome.error instanceof HubError) answers.set(outcome.request.to, outcome.error)
        else throw outcome.error
      }
      const results = to.recipients.map(({ input, jid }) => ({
        to: input,
        answer: (jid === undefined ? undefined : answers.get(jid)) ?? notAChat(),
      }))
      const first = results.find((result) => !(result.answer instanceof HubError))
      if (first === undefined || first.answer instanceof HubError) {
        throw results.map((result) => result.answer).find((each) => each instanceof HubError) ?? notAChat()
      }
      const said = saidOf(first.answer.status)
      const data = { ...first.answer, to: first.to }
      if (!to.many) return { data, message: said }
      const told = results.map(({ to: input, answer: each }) =>
        each instanceof HubError
          ? { to: input, success: false, code: each.code, error: explained(each, language) }
          : { to: input, success: true, messageId: each.messageId, status: each.status },
      )
      const sent = told.filter(({ success }) => success).length
      return { data: { ...data, results: told, sent, failed: told.length - sent }, message: said }
    },
  }
}

/** What people are told of a message, by where it stands. */
export function saidOf(status: MessageStatus): 'message_scheduled' | 'message_accepted' | 'message_sent' {
  if (status === 'scheduled') return 'message_scheduled'
  return status === 'pending' ? 'message_accepted' : 'message_sent'
}

/** People and groups. Statuses, channels and broadcast lists have sends of their own. */
function canBeWrittenTo(jid: Jid): boolean {
  return !isStatus(jid) && !isNewsletter(jid) && !isBroadcastList(jid)
}

function albumWire({ id, pictures }: SentAlbum, language: Language): SendAnswer['album'] {
  return {
    messageId: id,
    items: pictures.map(({ row, error }) => ({
      messageId: row.whatsapp_id,
      dbId: row.id,
      status: row.status,
      ...(error && { code: reasonIn(error), error: explained(error, language) }),
    })),
  }
}

/** Why WhatsApp did not take it, where that is known, else the code of the failure. */
function reasonIn({ code, details }: HubError): string {
  return typeof details['reason'] === 'string' ? details['reason'] : code
}

/** Why one of several recipients got nothing, as precisely as it is known. */
function explained(error: HubError, language: Language): string {
  const { explanation } = error.details
  return typeof explanation === 'string' ? explanation : error.messageIn(language)
}
