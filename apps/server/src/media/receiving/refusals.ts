import { HubError } from '@inbox-hub/contract'

import type { Media } from '../index.ts'
import type { FileFailure } from './download-outcome.ts'

/** Whoever asks for a file that could not be had makes us try again, but not more often than this. */
export const askAgainMs = 60_000

/** What someone is told who asks for a file that cannot be had. */
export function refusalOf(failure: FileFailure, { maxBytes, quotaBytes = 0 }: Media['settings']): HubError {
  switch (failure) {
    case 'expired':
      return new HubError('MEDIA_EXPIRED')
    case 'corrupt':
      return new HubError('MEDIA_REJECTED')
    case 'too_large':
      return new HubError('FILE_TOO_LARGE', { maxBytes })
    case 'no_room': {
      const quotaMiB = Math.floor(quotaBytes / 1024 / 1024)
      return new HubError('MEDIA_QUOTA_EXCEEDED', {}, { values: { quotaMiB } })
    }
    case 'unreachable':
      break
  }
  return new HubError('MEDIA_NOT_READY', {}, { retryAfterMs: askAgainMs })
}
