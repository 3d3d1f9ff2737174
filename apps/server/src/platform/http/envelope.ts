import type { ErrorDetails, HubError, Language } from '@inbox-hub/contract'

/** The contract's body of a success. */
export function successBody(
  data: object,
  { message, flat, now }: { message: string | undefined; flat: boolean; now: number },
): object {
  const timestamp = new Date(now).toISOString()
  const head = message === undefined ? { success: true } : { success: true, message }
  return flat ? { ...head, ...data, timestamp } : { ...head, data, timestamp }
}

/**
 * The contract's body of a failure. The text stands in `error` and in `message`, because half of the clients read
 * one and half the other; `remedy` and `requestId` are ours.
 */
export function errorBody(
  error: HubError,
  { language, requestId, now }: { language: Language; requestId: string; now: number },
): object {
  const text = error.messageIn(language)
  // Whoever reports a fault of ours needs the id in what they copy, so it is in the details too.
  const details: ErrorDetails = error.status >= 500 ? { ...error.details, requestId } : error.details
  return {
    success: false,
    error: text,
    message: text,
    code: error.code,
    remedy: error.remedyIn(language),
    requestId,
    timestamp: new Date(now).toISOString(),
    ...(Object.keys(details).length === 0 ? {} : { details }),
    ...(error.data === undefined ? {} : { data: error.data }),
  }
}
