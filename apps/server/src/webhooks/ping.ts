import { randomBytes } from 'node:crypto'

import type { Clock } from '../platform/clock.ts'
import type { GuardedFetch } from '../platform/guarded-fetch/index.ts'
import { keysOf, redact, type WebhookEndpoint } from './endpoint.ts'
import { shownHeaders, shownUrl } from './shown.ts'
import { presets } from './presets/index.ts'
import { replyOf } from './reply.ts'
import { judge } from './verdict.ts'

/** How much of the answer is shown, characters. */
const answerShown = 1024

/** What a test is to hold. */
export interface PingContent {
  event: string
  sessionName: string
  sessionNumber: number
  data: object
}

/** What came of a test. */
export interface Pong {
  delivered: boolean
  statusCode: number | null
  durationMs: number
  responseBody: string
  error: string | null
  request: { url: string; headers: Record<string, string>; body: string }
}

/** Calls an endpoint once, past its queue, and answers what it said; nothing is stored. */
export function createPinger({
  outbound,
  clock,
}: {
  outbound: Pick<GuardedFetch, 'send'>
  clock: Clock
}): (endpoint: WebhookEndpoint, content: PingContent, signal: AbortSignal) => Promise<Pong> {
  return (endpoint, { event, sessionName, sessionNumber, data }, signal) => {
    const preset = presets[endpoint.preset]
    const now = clock.now()
    const id = `msg_test${randomBytes(12).toString('base64url')}`
    const told = preset.ping({ type: event, id, sessionName, sessionNumber, at: now, data })
    const body = Buffer.from(told)
    const own = preset.headers({ id, eventType: event, sessionName, body, keys: keysOf(endpoint, now), now })
    const { url, chosenBy, timeoutMs, check, ordered } = endpoint
    const started = clock.monotonic()
    return new Promise((resolve) => {
      outbound.send(
        {
          method: 'POST',
          url,
          headers: { ...endpoint.headers, ...own },
          body,
          timeoutMs,
          chosenBy,
          maxBytes: 64 * 1024,
          beyond: 'cut',
          signal,
        },
        (outcome) => {
          const reply = replyOf(outcome, clock.now())
          const verdict = judge(reply, check, ordered)
          resolve({
            delivered: verdict.at === 'delivered',
            statusCode: reply.status ?? null,
            durationMs: Math.round(clock.monotonic() - started),
            responseBody:
              reply.status === undefined ? '' : redact(reply.body, endpoint).slice(0, answerShown),
            error: verdict.at === 'delivered' ? null : redact(verdict.error, endpoint),
            request: { url: shownUrl(endpoint), headers: shownHeaders(endpoint, own), body: told },
          })
        },
      )
    })
  }
}
