import { HubError, type Language, say, sendFailures, type SendFailureReason } from '@inbox-hub/contract'

/** What a caller is told about a message that does not go out. */
export function refusal(reason: SendFailureReason, language: Language, ackError?: number): HubError {
  const { message, remedy } = sendFailures[reason]
  return new HubError('WHATSAPP_ERROR', {
    reason,
    explanation: say(message, language),
    remedy: say(remedy, language),
    ...(ackError === undefined ? {} : { ackError }),
  })
}
