import type { ErrorFacts } from './error-facts.ts'
import { type Language, say, type TextValues } from '../language.ts'
import { requestErrors } from './request-errors.ts'
import { accessErrors } from './access-errors.ts'
import { sessionErrors } from './session-errors.ts'
import { chatErrors } from './chat-errors.ts'
import { messageErrors } from './message-errors.ts'
import { templateErrors } from './template-errors.ts'
import { mediaErrors } from './media-errors.ts'
import { groupErrors } from './group-errors.ts'
import { webhookErrors } from './webhook-errors.ts'
import { accountErrors } from './account-errors.ts'

/**
 * Every failure the API can report. The reference page, the OpenAPI document and the texts of the user interface
 * read this table; a test holds docs/reference/errors.md against it in both directions.
 *
 * No text may contain "content is required" or "message content": one client takes those words for success.
 */
export const errors = {
  ...requestErrors,
  ...accessErrors,
  ...sessionErrors,
  ...chatErrors,
  ...messageErrors,
  ...templateErrors,
  ...mediaErrors,
  ...groupErrors,
  ...webhookErrors,
  ...accountErrors,
} as const satisfies Record<string, ErrorFacts>

export type ErrorCode = keyof typeof errors

/** Every code, in the order of the table. */
export function errorCodes(): readonly ErrorCode[] {
  // Object.keys forgets the type of the keys; the table is frozen by `as const`.
  return Object.keys(errors) as ErrorCode[]
}

/** The facts about a code, typed as what all have in common. */
export function factsOfError(code: ErrorCode): ErrorFacts {
  return errors[code]
}

/** Facts that are safe to show: which field is wrong and why, `reason`, `requestId`. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

export interface HubErrorOptions {
  /** For the log only: it may hold anything. */
  cause?: unknown
  /** Goes beside the error as `data` (the state of a session whose QR is not ready; the session that exists already). */
  data?: object
  /** Answered as `Retry-After`, rounded up to seconds. */
  retryAfterMs?: number
  /** Sent with the answer: what HTTP wants beside a status (`Content-Range` beside 416). */
  headers?: Readonly<Record<string, string>>
  /** Values that the texts of this code name, e.g. `seconds`. */
  values?: TextValues
}

/** A failure its reader can act on. `details` is safe to show; `cause` is for the log only. */
export class HubError extends Error {
  override readonly name = 'HubError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly data: object | undefined
  readonly retryAfterMs: number | undefined
  readonly values: TextValues
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, details: ErrorDetails = {}, options: HubErrorOptions = {}) {
    super(
      say(errors[code].message, 'en', options.values),
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    this.details = details
    this.data = options.data
    this.retryAfterMs = options.retryAfterMs
    this.values = options.values ?? {}
    this.headers = options.headers ?? {}
  }

  /** HTTP status. */
  get status(): number {
    return errors[this.code].status
  }

  /** What happened, in the reader's language. */
  messageIn(language: Language): string {
    return say(errors[this.code].message, language, this.values)
  }

  /** What the reader can do, in the reader's language. */
  remedyIn(language: Language): string {
    return say(errors[this.code].remedy, language, this.values)
  }
}
