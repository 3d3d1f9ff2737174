import { type OutboundAnswer, OutboundError } from '../platform/guarded-fetch/index.ts'
import { maxAskedMs } from './patience.ts'
import type { Reply } from './verdict.ts'

/** A call's outcome as its judge reads it. `now` is Unix ms. */
export function replyOf(outcome: OutboundAnswer | OutboundError, now: number): Reply {
  if (outcome instanceof OutboundError) {
    return { status: undefined, error: outcome.message, because: because[outcome.because] }
  }
  const { status, headers, body } = outcome
  const { location, 'content-type': type } = headers
  return {
    status,
    type: typeof type === 'string' ? type : undefined,
    retryAfterMs: Math.min(retryAfterMs(headers['retry-after'], now), maxAskedMs),
    location: typeof location === 'string' ? location : undefined,
    body: Buffer.from(body.buffer, body.byteOffset, body.length).toString(),
  }
}

const because = {
  forbidden: 'forbidden',
  unreachable: 'away',
  reset: 'silent',
  timeout: 'silent',
  too_large: 'silent',
  aborted: 'silent',
} as const satisfies Record<OutboundError['because'], (Reply & { status: undefined })['because']>

/** Retry-After, in seconds or as a date; 0 when it says nothing we understand. */
function retryAfterMs(value: string | string[] | undefined, now: number): number {
  if (typeof value !== 'string') return 0
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? 0 : Math.max(0, at - now)
}
