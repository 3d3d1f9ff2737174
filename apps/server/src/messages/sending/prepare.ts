import { HubError } from '@inbox-hub/contract'
import type { Jid, OutgoingContent } from '@inbox-hub/whatsapp'

import type { MessageFinder } from '../find-message.ts'
import type { MessageRow } from '../message-rows.ts'

/** What a request asks to say. */
export interface Asked {
  content: OutgoingContent
  mentions: readonly Jid[]
  /** The message it answers, in any of the API's forms. */
  quotedId: string | undefined
}

/** The same with everything looked up that it names: nothing of it can fail any more but the store and WhatsApp. */
export interface Prepared {
  content: OutgoingContent
  mentions: readonly Jid[]
  quoted: MessageRow | undefined
}

/** Looks up what a request names, before anything of it is stored. Throws the `HubError` of what is wrong with it. */
export type Prepare = (sessionId: number, asked: Asked) => Promise<Prepared>

export function createPrepare({ finder }: { finder: MessageFinder }): Prepare {
  return async (sessionId, { content, mentions, quotedId }) => {
    const quoted = quotedId === undefined ? undefined : await finder.find([sessionId], quotedId)
    if (quotedId !== undefined && quoted === undefined) {
      throw new HubError('MESSAGE_NOT_FOUND', { quotedMessageId: quotedId })
    }
    return { content, mentions, quoted }
  }
}
