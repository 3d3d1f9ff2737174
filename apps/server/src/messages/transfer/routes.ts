import { endpoints, HubError, issueText } from '@inbox-hub/contract'
import { isGroup, isLid, isPn } from '@inbox-hub/whatsapp'

import type { Http } from '../../platform/http/index.ts'
import type { Sessions } from '../../sessions/index.ts'
import { createTransfer, type TransferDeps } from './transfer.ts'

/** Chats go from one session to another. */
export function transferRoutes(
  http: Pick<Http, 'serve'>,
  { sessions, ...deps }: TransferDeps & { sessions: Pick<Sessions, 'find'> },
): void {
  const transfer = createTransfer(deps)

  http.serve(endpoints.transferChat, async ({ params, body, ownerId, language }) => {
    const to = sessions.find(ownerId, params.sessionId, 'name_first')
    const from = sessions.find(ownerId, body.fromSessionId, 'name_first')
    if (from.id === to.id)
      throw new HubError('VALIDATION_ERROR', { fromSessionId: issueText('another_session', language) })
    const wanted = [...(body.chatId === undefined ? [] : [body.chatId]), ...(body.chatIds ?? [])]
    // Statuses and channels belong to an account, not to a conversation.
    if (!wanted.every((jid) => isPn(jid) || isLid(jid) || isGroup(jid)))
      throw new HubError('VALIDATION_ERROR', { chatId: issueText('not_a_chat', language) })
    const moved = await transfer(from, to, wanted)
    return {
      data: {
        fromSessionId: from.sessionId,
        transferred: moved.length,
        chats: moved.map(({ chat, messages }) => ({ chatId: chat, messages })),
      },
      message: 'chats_transferred',
    }
  })
}
