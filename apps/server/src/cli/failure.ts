import { ApiError, HubUnreachable } from '../client/index.ts'
import { StoreFault } from '../platform/database/index.ts'
import { OperatorError } from '../platform/operator-error.ts'

/** A command cannot do what it was asked; the message says what to do about it. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly remedy: string | undefined
  constructor(message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options)
    this.remedy = remedy
  }
}

/** What went wrong, what to do about it, and the code for who reports it. */
export interface Explanation {
  message: string
  remedy: string | undefined
  code: string | undefined
}

/** The failures a command can meet, in words. Undefined for a bug of ours, whose stack is worth more than words. */
export function explain(error: unknown): Explanation | undefined {
  if (error instanceof CommandFailure)
    return { message: error.message, remedy: error.remedy, code: undefined }
  if (error instanceof HubUnreachable) {
    return {
      message: error.message,
      remedy: 'Start the hub (npm start), or say where it is with --url.',
      code: undefined,
    }
  }
  if (error instanceof ApiError) {
    const details = Object.entries(error.details).map(([field, text]) => `${field}: ${String(text)}`)
    return {
      message: [error.message, ...details].join('\n  '),
      remedy: remedyOf(error),
      code: error.requestId === undefined ? error.code : `${error.code}, request ${error.requestId}`,
    }
  }
  if (error instanceof OperatorError || error instanceof StoreFault) {
    return { message: error.message, remedy: undefined, code: undefined }
  }
  return undefined
}

/** The API speaks to whoever writes requests; at a terminal the remedy for a key is an option. */
function remedyOf({ code, remedy }: ApiError): string | undefined {
  switch (code) {
    case 'MISSING_API_KEY':
      return 'Give a key with --key or in INBOX_HUB_API_KEY. The first start of the hub printed one; with the hub stopped, "inbox-hub keys create" makes another.'
    case 'INVALID_API_KEY':
      return 'Check the key in --key or INBOX_HUB_API_KEY. With the hub stopped, "inbox-hub keys create" makes another.'
    default:
      return remedy
  }
}
