import { HubError, issueText, type Language } from '@inbox-hub/contract'

import { StoreFault } from '../database/index.ts'
import { BadBody } from './body.ts'

/** What a thrown thing is to the caller. What nobody foresaw is INTERNAL_ERROR, its cause kept for the log. */
export function failureOf(error: unknown, language: Language, maxBodyBytes: number): HubError {
  if (error instanceof HubError) return error
  if (error instanceof StoreFault)
    return new HubError('STORE_UNAVAILABLE', {}, { cause: error, retryAfterMs: 5000 })
  if (error instanceof BadBody)
    return new HubError(
      'VALIDATION_ERROR',
      { body: issueText(error.issue, language, error.values) },
      { cause: error },
    )
  switch (codeOf(error)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HubError(
        'PAYLOAD_TOO_LARGE',
        {},
        { cause: error, values: { maxKiB: Math.floor(maxBodyBytes / 1024) } },
      )
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HubError('UNSUPPORTED_MEDIA_TYPE', {}, { cause: error })
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new HubError('VALIDATION_ERROR', { body: issueText('invalid', language) }, { cause: error })
    case 'FST_ERR_BAD_URL':
      return new HubError(
        'VALIDATION_ERROR',
        { path: issueText('malformed_path', language) },
        { cause: error },
      )
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HubError('URI_TOO_LONG', {}, { cause: error })
    default:
      return new HubError('INTERNAL_ERROR', {}, { cause: error })
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** The error of Node's HTTP parser, before there is a request. */
export function failureOfConnection(error: unknown): HubError {
  switch (codeOf(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return new HubError('HEADERS_TOO_LARGE', {}, { cause: error })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HubError('REQUEST_TIMEOUT', {}, { cause: error })
    default:
      return new HubError('VALIDATION_ERROR', { request: 'HTTP/1.1' }, { cause: error })
  }
}
