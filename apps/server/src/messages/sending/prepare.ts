import { HubError, issueText } from '@inbox-hub/contract'
import {
  type FileContent,
  isDeedKind,
  type Jid,
  type MessageContent,
  type OutgoingContent,
  type OutgoingDeed,
  type OutgoingForward,
  type OwnDeed,
} from '@inbox-hub/whatsapp'

import { contentOf } from '../content.ts'
import type { MessageFinder } from '../find-message.ts'
import type { MessageRow } from '../message-rows.ts'
import type { Previews } from '../previews/previews.ts'
import type { Files, TakenAlbum, TakenContent } from './files.ts'
import { forwarded } from './forward.ts'
import type { CallOptions } from './send.ts'

/** What a request asks to say. */
export interface Asked {
  to: Jid
  content: OutgoingContent | TakenContent | TakenAlbum
  mentions: readonly Jid[]
  /** Everybody in the group. */
  mentionsEveryone?: boolean | undefined
  /** The message it answers, in any of the API's forms. */
  quotedId: string | undefined
}

/** The same with everything looked up that it names: nothing of it can fail any more but the store and WhatsApp. */
export interface Prepared {
  content: MessageContent | OwnDeed
  /** Of an album: what follows the first picture. */
  rest?: readonly FileContent[]
  mentions: readonly Jid[]
  mentionsEveryone?: boolean | undefined
  quoted: MessageRow | undefined
}

/** Looks up what a request names, before anything of it is stored. Throws the `HubError` of what is wrong with it. */
export type Prepare = (
  session: { id: number; ownerId: number },
  asked: Asked,
  call: CallOptions,
) => Promise<Prepared>

export interface PrepareDeps {
  finder: MessageFinder
  files: Pick<Files, 'ready' | 'readyAlbum'>
  previews: Previews
  /** Whether two addresses are one chat. */
  isSameChat: (sessionId: number, one: Jid, other: Jid) => Promise<boolean>
  /** Throws the `HubError` of what may not be done. */
  deed: (
    sessionId: number,
    target: MessageRow,
    deed: OutgoingDeed,
    mentions: readonly Jid[],
  ) => Promise<OwnDeed>
}

export function createPrepare({ finder, files, previews, isSameChat, deed }: PrepareDeps): Prepare {
  async function found(sessionId: number, id: string, as: string): Promise<MessageRow> {
    const row = await finder.find([sessionId], id)
    if (row === undefined) throw new HubError('MESSAGE_NOT_FOUND', { [as]: id })
    return row
  }

  return async (session, { to, content, mentions, mentionsEveryone, quotedId }, { language, signal }) => {
    const sessionId = session.id
    if (isDeed(content)) {
      const target = await found(sessionId, content.messageId, 'messageId')
      // A column that only canonical addresses are written to.
      if (!(await isSameChat(sessionId, to, target.chat_jid as Jid))) {
        throw new HubError('VALIDATION_ERROR', { to: issueText('not_its_chat', language) })
      }
      return {
        content: await deed(sessionId, target, content, mentions),
        mentions: [],
        quoted: undefined,
      }
    }
    const quoted = quotedId === undefined ? undefined : await found(sessionId, quotedId, 'quotedMessageId')
    if (content.kind === 'forward') {
      const source = await found(sessionId, content.messageId, 'messageId')
      return { content: forwarded(contentOf(source)), mentions, mentionsEveryone, quoted }
    }
    if (content.kind === 'album') {
      const [first, ...rest] = await files.readyAlbum(content, session, signal)
      // The contract lets no empty one through.
      if (first === undefined) throw new HubError('FILE_EMPTY')
      return { content: first, rest, mentions, mentionsEveryone, quoted }
    }
    return { content: await ready(content, session, signal), mentions, mentionsEveryone, quoted }
  }

  async function ready(
    content: Exclude<Asked['content'], OutgoingDeed | OutgoingForward | TakenAlbum>,
    session: { id: number; ownerId: number },
    signal: AbortSignal | undefined,
  ): Promise<MessageContent> {
    if ('file' in content) return files.ready(content, session, signal)
    if (!('linkPreview' in content)) return content
    const preview = await previews.of(content, signal)
    const { kind, text } = content
    return { kind, text, ...(preview && { preview }) }
  }
}

function isDeed(content: Asked['content']): content is OutgoingDeed {
  return isDeedKind(content.kind)
}
