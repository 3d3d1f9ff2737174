import {
  say,
  sendFailures,
  type MessageFailed,
  type NewsletterFailed,
  type SendFailureReason,
  type StatusFailed,
} from '@inbox-hub/contract'
import { isNewsletter, isStatus, type Jid } from '@inbox-hub/whatsapp'

import type { NewEvent } from '../../events/index.ts'
import { eventId } from '../event-ids.ts'
import type { Outgoing } from './outgoing.ts'

/** What the world is told of a message that was not sent; `chatId` is the chat as it is shown, `now` Unix ms. */
export function failedEvent(
  { messageId, sessionId, whatsappId, retries }: Outgoing,
  chatId: Jid,
  reason: SendFailureReason,
  now: number,
): NewEvent<MessageFailed | NewsletterFailed | StatusFailed> {
  const error = say(sendFailures[reason].message, 'es')
  if (isStatus(chatId)) {
    return {
      sessionId,
      type: 'status.failed',
      at: now,
      id: eventId('status.failed', sessionId, messageId, whatsappId, retries),
      data: { statusId: whatsappId, dbId: messageId, timestamp: now, reason, error },
    }
  }
  if (isNewsletter(chatId)) {
    return {
      sessionId,
      type: 'newsletter.failed',
      at: now,
      id: eventId('newsletter.failed', sessionId, messageId, whatsappId, retries),
      data: { newsletterId: chatId, messageId: whatsappId, timestamp: now, reason, error },
    }
  }
  return {
    sessionId,
    type: 'message.failed',
    at: now,
    // It can fail again after somebody asked for it again.
    id: eventId('message.failed', sessionId, messageId, whatsappId, retries),
    data: {
      messageId: whatsappId,
      dbId: messageId,
      chatId,
      timestamp: now,
      status: 'failed',
      reason,
      error,
    },
  }
}
