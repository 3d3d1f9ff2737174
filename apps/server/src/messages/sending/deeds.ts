import { HubError } from '@inbox-hub/contract'
import {
  type FileBody,
  type FileContent,
  isGroup,
  type Jid,
  type MessageContent,
  type OutgoingDeed,
  type OwnDeed,
  type OwnDeedTarget,
  secretOf,
} from '@inbox-hub/whatsapp'

import type { Clock } from '../../platform/clock.ts'
import type { Database } from '../../platform/database/index.ts'
import { changesOf } from '../change-rows.ts'
import { contentOf } from '../content.ts'
import type { MessageRow } from '../message-rows.ts'
import type { Own } from '../own.ts'
import { authorOf } from './compose.ts'
import type { PrepareDeps } from './prepare.ts'

/** WhatsApp's own limits: what comes later is dropped by the recipients' phones without a word. */
export const editableForMs = 15 * 60_000
export const deletableForMs = 60 * 3_600_000

export interface DeedRules {
  database: Database
  own: (sessionId: number) => Own
  /** Whether the session's account administers a group. Throws `NOT_IN_GROUP`, `GROUP_NOT_FOUND`. */
  isAdmin: (sessionId: number, group: Jid) => Promise<boolean>
  /** Whether it is a community's group for announcements. */
  isAnnouncementGroup: (sessionId: number, group: Jid) => Promise<boolean>
  clock: Clock
}

/** What may be done to which message, by WhatsApp's rules: it would take most of these, and no phone would show them. */
export function createDeeds({
  database,
  own,
  isAdmin,
  isAnnouncementGroup,
  clock,
}: DeedRules): PrepareDeps['deed'] {
  async function refuseDeleted(row: MessageRow): Promise<void> {
    const changes = await changesOf.all(database, { ids: [row.id] })
    if (changes.some(({ kind }) => kind === 'revoke')) throw new HubError('MESSAGE_DELETED')
  }

  async function mayRevoke(sessionId: number, row: MessageRow): Promise<void> {
    // A column that only canonical addresses are written to.
    const chat = row.chat_jid as Jid
    if (row.from_me === 0) {
      if (!isGroup(chat)) throw new HubError('NOT_OWN_MESSAGE')
      if (!(await isAdmin(sessionId, chat))) throw new HubError('NOT_GROUP_ADMIN')
    }
    if (clock.now() > row.sent_at + deletableForMs) throw new HubError('DELETE_TOO_LATE')
  }

  /** What a reaction to it is sealed with, if it is: WhatsApp Web does in groups for announcements. */
  async function sealOf(sessionId: number, row: MessageRow): Promise<{ secret?: string }> {
    // A column that only canonical addresses are written to.
    const chat = row.chat_jid as Jid
    const secret = isGroup(chat) ? secretOf(contentOf(row)) : undefined
    return secret !== undefined && (await isAnnouncementGroup(sessionId, chat)) ? { secret } : {}
  }

  return async (sessionId, row, deed, mentions) => {
    const author = authorOf(row, own(sessionId))
    // A message that failed is on no phone.
    if (row.status === 'failed' || author === undefined) throw new HubError('MESSAGE_NOT_SENT')
    await refuseDeleted(row)
    const target: OwnDeedTarget = { id: row.whatsapp_id, fromMe: row.from_me === 1, author }
    const made = { target, at: clock.now() }
    switch (deed.kind) {
      case 'reaction':
        return { ...made, kind: 'reaction', emoji: deed.emoji, ...(await sealOf(sessionId, row)) }
      case 'edit':
        return { ...made, kind: 'edit', text: deed.text, mentions, ...edited(row, clock.now()) }
      case 'revoke':
        await mayRevoke(sessionId, row)
        return { ...made, kind: 'revoke' }
      case 'pin':
        return { ...made, kind: 'pin', pinned: deed.pinned, forS: deed.forS }
      case 'keep': {
        const content = contentOf(row)
        if (content.kind === 'undecryptable' || content.expiresInS === undefined) {
          throw new HubError('MESSAGE_NOT_DISAPPEARING')
        }
        return { ...made, kind: 'keep', kept: deed.kept }
      }
      case 'vote':
        break
    }
    return { ...made, kind: 'vote', ...voteIn(row, deed) }
  }
}

/** What an edit names beside the new words: nothing of a text, the file of a caption. Throws when the message may not be edited. */
function edited(row: MessageRow, now: number): { file?: FileBody } {
  if (row.from_me === 0) throw new HubError('NOT_OWN_MESSAGE')
  const content = contentOf(row)
  if (content.kind !== 'text' && !hasCaption(content)) throw new HubError('KIND_NOT_EDITABLE')
  if (now > row.sent_at + editableForMs) throw new HubError('EDIT_TOO_LATE')
  if (!hasCaption(content)) return {}
  const { kind, text, media } = content
  // WhatsApp does not have it yet.
  if (media.source === undefined) throw new HubError('MESSAGE_NOT_SENT')
  return { file: { kind, text, media } }
}

const captioned: ReadonlySet<MessageContent['kind']> = new Set(['image', 'video', 'gif', 'document'])

/** Phones let what is shown once go, whatever is written of it. */
function hasCaption(content: MessageContent): content is FileContent {
  return captioned.has(content.kind) && 'media' in content && content.viewOnce !== true
}

function voteIn(
  row: MessageRow,
  { chosen }: Extract<OutgoingDeed, { kind: 'vote' }>,
): Pick<Extract<OwnDeed, { kind: 'vote' }>, 'chosen' | 'secret'> {
  const content = contentOf(row)
  if (content.kind !== 'poll' || content.poll.secret === undefined) throw new HubError('NOT_A_POLL')
  const { options, selectable, secret } = content.poll
  const unknown = chosen.find((option) => !options.includes(option))
  if (unknown !== undefined) throw new HubError('POLL_OPTION_NOT_FOUND', { option: unknown })
  if (selectable > 0 && chosen.length > selectable)
    throw new HubError('POLL_TOO_MANY_OPTIONS', { selectable })
  // In the poll's order, as everybody's votes are told.
  return { chosen: options.filter((option) => chosen.includes(option)), secret }
}
