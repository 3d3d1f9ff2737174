import { endpoints, type EventType } from '@inbox-hub/contract'

import { type HubOptions, hubOf } from '../hub.ts'
import { print, printJson, styled, type Terminal } from '../terminal.ts'

export interface TailOptions extends HubOptions {
  session?: string
  types?: string
  since?: number
}

/** How long one call waits for something to happen, ms: as long as the hub lets it. */
const waitMs = 25_000

/** Prints events until Ctrl-C. */
export async function tail(options: TailOptions, terminal: Terminal): Promise<void> {
  const hub = hubOf(options, terminal)
  const { signal } = terminal
  const filter = { sessionId: options.session, types: options.types }
  // A place beyond the newest event is answered with the newest: that is where "now" is.
  let after =
    options.since ??
    (await hub.call(endpoints.listEvents, { query: { ...filter, after: Number.MAX_SAFE_INTEGER }, signal }))
      .next
  while (!signal.aborted) {
    const page = await hub.call(endpoints.listEvents, {
      query: { ...filter, after, limit: 1000, wait: waitMs },
      timeoutMs: waitMs + 10_000,
      signal,
    })
    for (const event of page.events) {
      if (options.json === true) printJson(terminal, event)
      else print(terminal, line(event, terminal))
    }
    after = page.next
  }
}

interface ShownEvent {
  seq: number
  type: EventType
  sessionId: string
  timestamp: string
  data: Readonly<Record<string, unknown>>
}

function line({ seq, type, sessionId, timestamp, data }: ShownEvent, terminal: Terminal): string {
  return [
    styled(terminal, 'dim', `${timestamp.slice(11, 23)}  ${String(seq).padStart(6)}`),
    sessionId,
    styled(terminal, 'bold', type),
    gist(type, data),
  ].join('  ')
}

type Said = (name: string) => string

/** The few fields that tell one event from the next at a glance. */
const gists: Readonly<Record<EventType, (said: Said) => string>> = {
  'message.received': (said) => `${said('pushName') || said('from')}: ${said('text') || `[${said('type')}]`}`,
  'message.undecryptable': (said) =>
    `${said('pushName') || said('from')}: could not be decrypted (${said('reason')})`,
  'message.reaction': (said) =>
    `${said('from')}: ${said('emoji') || 'no reaction any more'} on ${said('messageId')}`,
  'message.edited': (said) => `${said('messageId')}: ${said('text')}`,
  'message.deleted': (said) => `${said('messageId')} by ${said('from')}`,
  'message.pinned': progress,
  'message.kept': progress,
  'message.poll_vote': (said) => `${said('from')} on ${said('messageId')}`,
  'message.event_answer': (said) => `${said('from')}: ${said('answer')} to ${said('messageId')}`,
  'session.sync': (said) => `${said('state')}, ${said('percent')} %`,
  'message.sent': progress,
  'message.delivered': progress,
  'message.read': progress,
  'message.played': (said) => `${said('messageId')} by ${said('from')}`,
  'message.failed': (said) => `${progress(said)}: ${said('error')}`,
  'media.downloaded': (said) => `${said('messageId')}: ${said('mimetype')}, ${said('filesize')} bytes`,
  'media.failed': (said) => `${said('messageId')}: ${said('reason')}`,
  'session.state': (said) => `${said('status')} (${said('state')})`,
  'session.connected': (said) => `+${said('phoneNumber')}`,
  'session.disconnected': (said) => said('reason'),
  'session.qr': (said) => `code ${said('index')}`,
  'contact.merged': (said) => `${said('name')} ${said('contactId')}`,
  'contact.updated': (said) => `${said('name')} ${said('contactId')}`,
  'contact.blocked': (said) => said('contactId'),
  'contact.unblocked': (said) => said('contactId'),
  'contact.picture': (said) => `${said('contactId')} ${said('pictureId') || 'none'}`,
  'contact.about': (said) => `${said('contactId')}: ${said('about')}`,
  'presence.update': (said) => `${said('contactId')} ${said('state')}`,
  'chat.archived': (said) => said('chatId'),
  'chat.unarchived': (said) => said('chatId'),
  'status.received': (said) => `${said('pushName') || said('from')}: ${said('text') || `[${said('type')}]`}`,
  'status.posted': (said) => said('statusId'),
  'status.failed': (said) => `${said('statusId')}: ${said('error')}`,
  'status.viewed': (said) => `${said('statusId')} by ${said('from')}`,
  'status.reaction': (said) =>
    `${said('from')}: ${said('emoji') || 'no reaction any more'} on ${said('statusId')}`,
  'status.deleted': (said) => `${said('statusId')} by ${said('from')}`,
  'chat.updated': (said) => said('chatId'),
  'chat.cleared': (said) => `${said('chatId')}: ${said('messages')} messages`,
  'chat.transferred': (said) => `${said('chatId')} from ${said('fromSessionId')} to ${said('toSessionId')}`,
  'chat.deleted': (said) => `${said('chatId')}: ${said('messages')} messages`,
  'label.updated': (said) => `${said('labelId')} ${said('name')}`,
  'label.deleted': (said) => said('labelId'),
  'label.assigned': labelled,
  'label.unassigned': labelled,
  'quick_reply.updated': (said) => `/${said('shortcut')}: ${said('text')}`,
  'quick_reply.deleted': (said) => said('replyId'),
  'newsletter.message': (said) => `${said('newsletterId')}: ${said('text') || `[${said('type')}]`}`,
  'newsletter.counts': (said) => `${said('serverId')} in ${said('newsletterId')}: ${said('views')} views`,
  'newsletter.posted': (said) => `${said('messageId')} in ${said('newsletterId')}`,
  'newsletter.failed': (said) => `${said('messageId')} in ${said('newsletterId')}: ${said('error')}`,
  'newsletter.updated': (said) => said('newsletterId'),
  'group.joined': (said) => `${said('subject')} ${said('groupId')}`,
  'group.updated': (said) => said('groupId'),
  'group.participants': (said) => `${said('action')} ${said('groupId')}`,
  'group.join_request': (said) => `${said('action')} ${said('groupId')}`,
  'call.received': caller,
  'call.accepted': caller,
  'call.rejected': (said) => `${caller(said)} by ${said('by')}`,
  'call.missed': caller,
  'call.ended': (said) => `${caller(said)} after ${said('durationSeconds')} s`,
  'webhook.disabled': (said) => `${said('name')} at ${said('host')}: ${said('reason')}`,
}

function progress(said: Said): string {
  return `${said('messageId')} in ${said('chatId')}`
}

function labelled(said: Said): string {
  return `${said('name') || said('labelId')}: ${said('chatId')} ${said('messageId')}`.trimEnd()
}

function caller(said: Said): string {
  return `${said('from')} (${said('callId')})`
}

export function gist(type: EventType, data: Readonly<Record<string, unknown>>): string {
  return gists[type]((name) => {
    const value = data[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  })
}
