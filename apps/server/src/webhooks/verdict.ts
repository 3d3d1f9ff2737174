import type { Patience } from './patience.ts'

/** What came of one call to a receiver. */
export type Reply =
  | {
      status: number
      /** Retry-After in ms, 0 when absent. */
      retryAfterMs: number
      /** Where a 3xx points to. */
      location: string | undefined
      /** Its content-type. */
      type?: string | undefined
      /** The first 64 KB, as text. */
      body: string
    }
  | {
      status: undefined
      /** No answer at all. */
      error: string
      /**
       * `away`: nobody took the request (refused, reset, no such host). `silent`: taken and not answered in time, which this very
       * message may have caused. `forbidden`: our own guard does not call that address, and no further attempt can change that.
       */
      because: 'away' | 'silent' | 'forbidden'
    }

/** What to do with a delivery after one attempt. `error` is short, and safe to show to the session's owner. */
export type Verdict =
  | { at: 'delivered' }
  | { at: 'refused'; error: string }
  | {
      at: 'failed'
      error: string
      patience: Patience
      askedMs: number
      /**
       * Who is to blame. A receiver that is `away` is probed and the delivery keeps its attempts; a `faulty` one may be so because of
       * this delivery, which spends them; a `working` one refused this delivery and will take the next.
       */
      receiver: 'working' | 'faulty' | 'away'
    }

/** How the answers of an endpoint are read: by their status alone, or as Frappe answers, which hides refusals under HTTP 200. */
export type ResponseCheck = 'status' | 'frappe'

/** What a reply means to an endpoint. One whose deliveries wait for each other gives up within minutes, so that the next ones come. */
export function judge(reply: Reply, check: ResponseCheck, ordered: boolean): Verdict {
  const patience = ordered ? 'contract' : 'standard'
  return check === 'frappe' ? judgeFrappe(reply, patience) : judgeStatus(reply, patience)
}

/**
 * Standard Webhooks 1.0: 2xx is success and nothing else is, redirects are not followed, 410 means never again.
 * What every check makes of a reply before anybody reads its body.
 */
export function judgeStatus(reply: Reply, patience: Patience): Verdict {
  if (reply.status === undefined) {
    return reply.because === 'forbidden'
      ? { at: 'refused', error: reply.error }
      : {
          at: 'failed',
          error: reply.error,
          patience,
          askedMs: 0,
          receiver: reply.because === 'away' ? 'away' : 'faulty',
        }
  }
  const { status } = reply
  if (status >= 200 && status < 300) return { at: 'delivered' }
  if (status === 410) return { at: 'refused', error: 'HTTP 410: the receiver wants no more deliveries' }
  const error =
    status >= 300 && status < 400
      ? `HTTP ${status}: redirects are not followed; set the webhook URL to ${shorten(reply.location ?? 'the final address')}`
      : `HTTP ${status}${reply.body === '' ? '' : `: ${shorten(reply.body)}`}`
  const away = status === 429 || status === 502 || status === 503
  return {
    at: 'failed',
    error,
    patience,
    askedMs: away ? reply.retryAfterMs : 0,
    receiver: away ? 'away' : status >= 500 ? 'faulty' : 'working',
  }
}

/** Statuses that say the request itself is wrong: the same bytes will not be right later. Frappe's validation error is 417. */
const permanent = new Set([400, 409, 413, 414, 415, 417, 422])

/**
 * The contract's rule (§7): Frappe wraps the handler's result as `{"message": …}` under HTTP 200 even when the handler refused,
 * so the body decides. "Session not found" and "Message not found" heal by themselves: the CRM stores its session at the end of
 * its create call (up to 40 s later) and a sent message after the send answer.
 */
export function judgeFrappe(reply: Reply, patience: Patience = 'contract'): Verdict {
  if (reply.status !== undefined && permanent.has(reply.status)) {
    return { at: 'failed', error: frappeError(reply), patience: 'few', askedMs: 0, receiver: 'working' }
  }
  const verdict = judgeStatus(reply, patience)
  if (verdict.at !== 'delivered' || reply.status === undefined) return verdict
  const refusal = softFailure(reply.body)
  if (refusal === undefined) return verdict
  if (/invalid signature|unknown event/i.test(refusal)) return { at: 'refused', error: shorten(refusal) }
  const healing = /session not found/i.test(refusal)
    ? 'contract'
    : /message not found/i.test(refusal)
      ? 'briefly'
      : 'few'
  return { at: 'failed', error: shorten(refusal), patience: healing, askedMs: 0, receiver: 'working' }
}

/** The handler's refusal inside an HTTP 200, as text; undefined when it accepted, or is not Frappe. */
function softFailure(body: string): string | undefined {
  if (!body.includes('false')) return undefined
  const answer = parsed(body)
  const result = property(answer, 'message')
  const processed = property(result, 'processed')
  if (property(result, 'success') !== false && property(processed, 'processed') !== false) return undefined
  return JSON.stringify(result)
}

/** Frappe hides the reason of a refusal in `_server_messages`, JSON within JSON. */
function frappeError(reply: Reply & { status: number }): string {
  const messages = parsed(property(parsed(reply.body), '_server_messages'))
  const first: unknown = Array.isArray(messages) ? messages[0] : undefined
  const text = property(parsed(first), 'message')
  return `HTTP ${reply.status}: ${shorten(typeof text === 'string' ? text : reply.body)}`
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined // not JSON: the receiver is not Frappe, or a proxy answered for it
  }
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 299)}…` : line
}
