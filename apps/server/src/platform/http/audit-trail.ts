import { type Endpoint, isAudited } from '@inbox-hub/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Grant } from './grant.ts'
import type { Answer, Audited } from './http.ts'

/** What is known of an audited request while it is under way. */
interface Trace {
  action: string
  ownerId: number
  userId: number | undefined
  keyId: string | undefined
  sessionNumber: number | undefined
}

/** Follows requests to audited operations from their arrival to what they are answered, and tells of each once. */
export interface AuditTrail {
  arrives(request: FastifyRequest, endpoint: Endpoint): void
  isOf(request: FastifyRequest, caller: { grant: Grant } | { person: { userId: number } }): void
  succeeds(request: FastifyRequest, reply: FastifyReply, said: Answer<Endpoint>['audit']): void
  fails(request: FastifyRequest, status: number, code: string): void
}

/** Calls that were refused for being too many did nothing, and must not become many entries. */
const notTold: ReadonlySet<string> = new Set(['RATE_LIMIT_EXCEEDED', 'MESSAGE_RATE_LIMIT_EXCEEDED'])

export function createAuditTrail(
  tell: ((request: Audited) => void) | undefined,
  sessionNumber: (ownerId: number, ref: string) => number | undefined,
): AuditTrail {
  const traces = new WeakMap<FastifyRequest, Trace>()

  function numberOf(ownerId: number, session: string | undefined): number | undefined {
    return session === undefined ? undefined : sessionNumber(ownerId, session)
  }

  function conclude(request: FastifyRequest, outcome: Partial<Audited> & { status: number }): void {
    const trace = traces.get(request)
    if (trace === undefined) return
    traces.delete(request)
    const { ownerId = trace.ownerId } = outcome
    const session = sessionIn(request)
    tell?.({
      code: undefined,
      ...trace,
      // What was made is there only now; what was deleted was there only before.
      sessionNumber: trace.sessionNumber ?? numberOf(ownerId, session),
      session,
      ip: request.ip,
      requestId: request.id,
      ...outcome,
    })
  }

  return {
    arrives(request, endpoint) {
      if (tell === undefined || !isAudited(endpoint)) return
      const none = { ownerId: 0, userId: undefined, keyId: undefined, sessionNumber: undefined }
      traces.set(request, { action: endpoint.id, ...none })
    },
    isOf(request, caller) {
      const trace = traces.get(request)
      if (trace === undefined) return
      if ('grant' in caller) {
        trace.ownerId = caller.grant.ownerId
        trace.keyId = caller.grant.keyId
        trace.userId = caller.grant.userId
        trace.sessionNumber = numberOf(trace.ownerId, sessionIn(request))
        return
      }
      trace.userId = caller.person.userId
    },
    succeeds(request, { statusCode: status }, said) {
      conclude(request, {
        status,
        ...(said?.userId === undefined ? {} : { userId: said.userId }),
        ...(said?.organizationId === undefined ? {} : { ownerId: said.organizationId }),
      })
    },
    fails(request, status, code) {
      if (notTold.has(code)) traces.delete(request)
      else conclude(request, { status, code })
    },
  }
}

/** What a request calls its session, in the path or, when that is to be made, in the body. */
function sessionIn({ params, body }: FastifyRequest): string | undefined {
  // Fastify makes objects of both; the fields are checked here.
  const { ref, sessionId } = {
    ...(isObject(body) ? body : {}),
    ...(isObject(params) ? params : {}),
  } as Record<string, unknown>
  const named = ref ?? sessionId
  return typeof named === 'string' && named !== '' ? named : undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
