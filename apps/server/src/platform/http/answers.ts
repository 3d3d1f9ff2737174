import { Readable } from 'node:stream'

import { type Endpoint, HubError, type Language, languageFor, textIn } from '@inbox-hub/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { AuditTrail } from './audit-trail.ts'
import { givenOut } from './byte-body.ts'
import { errorBody, successBody } from './envelope.ts'
import { failureOf } from './failure.ts'
import type { Answer, RawAnswer } from './http.ts'

export const json = 'application/json; charset=utf-8'

/** Writes what handlers answer, and what they throw, as the contract's bodies. */
export interface Answers {
  /** Answers with the failure that `thrown` is; of `endpoint`, when it is known. */
  refuse(thrown: unknown, request: FastifyRequest, reply: FastifyReply, endpoint?: Endpoint): void
  /** As the contract's envelope. Throws when the data is not what the contract promises. */
  send<E extends Endpoint>(
    endpoint: E,
    reply: FastifyReply,
    answer: Answer<E>,
    language: Language,
  ): FastifyReply
  /** As it is. */
  sendRaw(request: FastifyRequest, reply: FastifyReply, answer: RawAnswer): FastifyReply
}

export function createAnswers({
  log,
  clock,
  trail,
  maxBodyBytes,
}: {
  log: Log
  clock: Clock
  trail: AuditTrail
  /** Of operations that do not name their own. */
  maxBodyBytes: number
}): Answers {
  /** The failure with only as much `data` as its operation's contract allows. */
  function withContractData(failure: HubError, endpoint: Endpoint | undefined, requestId: string): HubError {
    if (failure.data === undefined) return failure
    const { code, details, retryAfterMs, values, cause } = failure
    const allowed = endpoint?.errorData[code]?.safeParse(failure.data)
    if (allowed?.success === false)
      log.error({ requestId, code, error: allowed.error }, 'data of an error does not match the contract')
    return new HubError(code, details, {
      cause,
      values,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(allowed?.success === true ? { data: allowed.data } : {}),
    })
  }

  return {
    refuse(thrown, request, reply, endpoint) {
      const language = languageOf(request)
      const failure = failureOf(thrown, language, endpoint?.maxBodyBytes ?? maxBodyBytes)
      if (failure.status >= 500 && failure.code !== 'SERVICE_UNAVAILABLE' && failure.code !== 'NOT_READY') {
        const { method, id: requestId, routeOptions } = request
        const { code, status, cause } = failure
        log.error(
          { code, status, method, route: routeOptions.url, requestId, error: cause ?? failure },
          'request failed',
        )
      }
      trail.fails(request, failure.status, failure.code)
      if (failure.retryAfterMs !== undefined)
        reply.header('retry-after', String(Math.max(1, Math.ceil(failure.retryAfterMs / 1000))))
      const shown = withContractData(failure, endpoint, request.id)
      void reply
        .code(failure.status)
        .headers(failure.headers)
        .header('content-language', language)
        .type(json)
        .send(JSON.stringify(errorBody(shown, { language, requestId: request.id, now: clock.now() })))
    },

    send(endpoint, reply, { data, message, status, headers }, language) {
      // Parsing strips what is not in the contract. It costs half a microsecond per message of a list: less than
      // JSON.stringify does, and a compiled serializer would check nothing.
      const shown = endpoint.success.data.parse(data)
      const body = successBody(shown, {
        message: textOf(message, language),
        flat: endpoint.success.envelope === 'flat',
        now: clock.now(),
      })
      if (headers !== undefined) reply.headers(headers)
      return reply
        .code(status ?? endpoint.success.status)
        .header('content-language', language)
        .type(json)
        .send(JSON.stringify(body))
    },

    sendRaw(request, reply, { raw, type, status = 200, headers }) {
      if (headers !== undefined) reply.headers(headers)
      reply.code(status)
      // A 304 has no body, and so no type.
      if (status !== 304) reply.type(type)
      if (!(raw instanceof Readable)) return reply.send(raw)
      if (request.method !== 'HEAD') return reply.send(givenOut(raw))
      // Only what its headers say is wanted, not that the file is read.
      raw.destroy()
      return reply.send(Readable.from([]))
    },
  }
}

/** The language that whoever asks reads. */
export function languageOf(request: FastifyRequest): Language {
  return languageFor(request.headers['accept-language'])
}

function textOf(message: Answer<Endpoint>['message'], language: Language): string | undefined {
  if (message === undefined) return undefined
  return typeof message === 'string'
    ? textIn(message, language)
    : textIn(message.key, language, message.values)
}
