import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import { Readable } from 'node:stream'

import cors from '@fastify/cors'
import { type Endpoint, endpoints, HubError, issueText, type Language, roleOf } from '@inbox-hub/contract'
import Fastify, { type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify'
import { Histogram, type Registry } from 'prom-client'

import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { createAuditTrail } from './audit-trail.ts'
import { createAnswers, json, languageOf } from './answers.ts'
import { serveApiDocs } from './api-docs.ts'
import { addBodyParsers } from './body-parsers.ts'
import { createBrowser } from './browser.ts'
import { bytesOf, discard, takeNoBody, takeNoForm } from './byte-body.ts'
import { errorBody } from './envelope.ts'
import { failureOfConnection } from './failure.ts'
import {
  type CallersOptions,
  createCallers,
  nobody,
  type Person,
  refuseOtherOrganization,
} from './callers.ts'
import {
  type Grant,
  refuseBelowRole,
  refuseBeyondGrant,
  refuseOtherSessions,
  refuseWithoutSession,
} from './grant.ts'
import type { ApiRequest, Audited, FormReader, Handler, Http } from './http.ts'
import { openApiDocument } from './openapi.ts'
import { Pacing } from './pacing.ts'
import { parseRequest } from './parse-request.ts'
import { type RateLimits, usualRateLimits } from './rate-limits.ts'
import { securityHeaders } from './security-headers.ts'
import { UnderWay } from './under-way.ts'
import { createUpgrades } from './upgrades.ts'

export interface HttpOptions extends CallersOptions {
  log: Log
  clock: Clock
  /** Where the request figures go. */
  metrics: Registry
  /**
   * The number of the session that a path names, so that both of its names count as one; undefined when there is
   * none. Without it the name as written counts.
   */
  sessionNumber?: (ownerId: number, ref: string) => number | undefined
  /** Told once of every request to an audited operation, when its answer is known. Must not throw. */
  audit?: (request: Audited) => void
  /** How clients reach this server, for the reference; undefined = wherever the page came from. */
  publicUrl?: string | undefined
  rateLimits?: RateLimits
  /** Reverse proxies whose `X-Forwarded-For` is believed: addresses, networks, `loopback`. */
  trustedProxies?: readonly string[]
  /** The most JSON in one request, bytes. */
  maxBodyBytes?: number
}

/** How long the body of a request may take to arrive, ms. */
const jsonTimeoutMs = 30_000
/** The same for a file: 100 MiB over a line of 0.5 Mbit/s. */
const uploadTimeoutMs = 30 * 60_000
/** An upload that sends nothing for so long is given up, ms. */
const uploadSilenceMs = 30_000
/**
 * The HTTP edge. Nothing but this folder knows Fastify: routes are functions of the contract's operations.
 * What it promises beside the handlers: the envelope, one error body for every failure, a request id, limits.
 */
export function createHttp({
  log,
  clock,
  metrics,
  sessionNumber,
  audit,
  publicUrl,
  rateLimits = usualRateLimits,
  trustedProxies = [],
  maxBodyBytes = 256 * 1024,
  ...credentials
}: HttpOptions): Http {
  const browser = createBrowser(publicUrl)
  const secure = securityHeaders({ isHttps: publicUrl?.startsWith('https:') === true })
  const callers = createCallers(credentials, browser)
  const served = new Map<string, Endpoint>()
  const pacing = new Pacing(rateLimits, clock)
  const trail = createAuditTrail(audit, (ownerId, ref) => sessionNumber?.(ownerId, ref))
  const answers = createAnswers({ log, clock, trail, maxBodyBytes })
  const underWay = new UnderWay(clock)

  const durations = new Histogram({
    name: 'inbox_hub_http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30],
    registers: [metrics],
  })

  const upgrades = createUpgrades(() => [...served.values()].map(({ path }) => path))
  const app = Fastify({
    logger: false,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: maxBodyBytes,
    // Of the slowest upload; requests that carry no file have `jsonTimeoutMs`.
    requestTimeout: uploadTimeoutMs,
    // Longer than the 60 s that reverse proxies keep idle connections, so that they never write into a closed one.
    keepAliveTimeout: 65_000,
    forceCloseConnections: true,
    http: { maxHeaderSize: 16 * 1024, headersTimeout: 15_000, shouldUpgradeCallback: upgrades.isWanted },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 300 },
    // Routes have no schemas for Fastify: the contract's check what comes in and goes out. Without this, Fastify loads two compilers
    // of JSON schemas with the server (7 % of a cold start).
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    frameworkErrors: (error, request, reply) => {
      greet(request, reply)
      answers.refuse(error, request, reply)
    },
    clientErrorHandler(error, socket) {
      if (!socket.writable) return
      const failure = failureOfConnection(error)
      const requestId = randomUUID()
      const body = JSON.stringify(errorBody(failure, { language: 'es', requestId, now: clock.now() }))
      socket.end(
        `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? ''}\r\ncontent-type: ${json}\r\nx-request-id: ${requestId}\r\n` +
          Object.entries(secure)
            .map(([name, value]) => `${name}: ${value}\r\n`)
            .join('') +
          `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      )
    },
  })

  upgrades.follow(app)
  addBodyParsers(app)
  /** What every answer carries, whatever becomes of the request. */
  function greet(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers({ ...secure, 'x-request-id': request.id, 'cache-control': 'no-store' })
    pacing.greet(request.ip, reply)
  }

  app.addHook('onRequest', (request, reply, done) => {
    underWay.begins(reply.raw)
    greet(request, reply)
    done()
  })

  // After the hook above: what this answers by itself (preflights) carries the same headers.
  void app.register(cors, {
    origin: true,
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: [
      'X-Request-Id',
      'Retry-After',
      'RateLimit-Policy',
      'RateLimit-Limit',
      'RateLimit-Remaining',
      'RateLimit-Reset',
      'X-RateLimit-Limit',
      'X-RateLimit-Remaining',
      'X-RateLimit-Reset',
    ],
    maxAge: 86_400,
    strictPreflight: false,
  })

  app.addHook('onResponse', (request, reply, done) => {
    const { method, id: requestId } = request
    const { statusCode: status, elapsedTime } = reply
    const route = request.routeOptions.url ?? 'none'
    durations.observe({ method, route, status }, elapsedTime / 1000)
    log.debug({ method, route, status, durationMs: Math.round(elapsedTime), requestId }, 'request answered')
    done()
  })

  app.setErrorHandler((error, request, reply) => answers.refuse(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.replace(/\?.*$/s, '')
    const methods = [...served.values()]
      .filter((endpoint) => pathMatches(endpoint.path, path))
      .map(({ method }) => method)
    if (methods.length === 0) {
      answers.refuse(new HubError('NOT_FOUND'), request, reply)
      return
    }
    reply.header('allow', [...new Set(methods)].sort().join(', '))
    answers.refuse(new HubError('METHOD_NOT_ALLOWED'), request, reply)
  })

  function serve<E extends Endpoint, File extends AsyncDisposable | undefined = undefined>(
    endpoint: E,
    handler: Handler<E, File>,
    readForm?: FormReader<File>,
  ): void {
    if (served.has(endpoint.id)) throw new Error(`operation ${endpoint.id} is served twice`)
    served.set(endpoint.id, endpoint)
    // Of one that nobody said who may ask for, this throws.
    if (endpoint.auth !== 'none') roleOf(endpoint)
    const grants = new WeakMap<FastifyRequest, Grant>()
    const people = new WeakMap<FastifyRequest, Person>()

    const route: RouteOptions = {
      method: endpoint.method,
      url: endpoint.path,
      ...(endpoint.maxBodyBytes === undefined ? {} : { bodyLimit: endpoint.maxBodyBytes }),
      errorHandler: (error, request, reply) => answers.refuse(error, request, reply, endpoint),
      onRequest: async (request, reply) => {
        trail.arrives(request, endpoint)
        if (request.url.includes('%00'))
          throw new HubError('VALIDATION_ERROR', {
            path: issueText('forbidden_character', languageOf(request)),
          })
        if (!isStreamed(endpoint, request) && hasBody(request)) expectBody(request, reply)
        const isForAll = endpoint.auth === 'none'
        if (isForAll && endpoint.bucket === 'none') return
        if (underWay.isDraining) {
          reply.header('connection', 'close')
          throw new HubError('SERVICE_UNAVAILABLE', {}, { retryAfterMs: 2000 })
        }
        if (endpoint.bucket === 'auth') pacing.arrive('auth', `ip ${request.ip}`, reply)
        if (isForAll) return
        const known = await callers.identify(request, endpoint)
        trail.isOf(request, known)
        if ('person' in known) people.set(request, known.person)
        const grant = 'grant' in known ? known.grant : await callers.admit(known.person, request, endpoint)
        trail.isOf(request, { grant })
        refuseOtherOrganization(grant, request)
        refuseBelowRole(grant, endpoint)
        refuseBeyondGrant(grant, endpoint, request.ip)
        grants.set(request, grant)
        const { ownerId } = grant
        refuseOtherSessions(grant, request.params, (ref) => sessionNumber?.(ownerId, ref))
        if (endpoint.bucket === 'auth') return
        pacing.arrive(endpoint.bucket, `${nameOf(grant)} ${sessionOf(request.params, ownerId)}`, reply)
      },
      handler: async (request, reply) => {
        const language = languageOf(request)
        const grant = grants.get(request) ?? noGrant
        const { ownerId } = grant
        const streamed = isStreamed(endpoint, request)
        const bytes = streamed ? bytesOf(request.raw, uploadSilenceMs) : Readable.from([])
        const isForm = streamed && endpoint.input === 'json_or_form'
        // The body of a form is known when its file has been read, which is not before it may proceed.
        let parsed = isForm ? undefined : parsedOf(endpoint, request, language, streamed ? {} : request.body)
        let ended: AbortSignal | undefined
        const signal = () => (ended ??= underWay.endOf(reply.raw))
        // A session that is being made is named in the body.
        const session = sessionOf({ ...parsed?.body, ...(request.params as object) }, ownerId)
        await pacing.proceed(endpoint.bucket, `${ownerId} ${session}`, signal, reply)
        const contentType = request.headers['content-type'] ?? ''
        const contentLength = lengthOf(request)
        await using files = new AsyncDisposableStack()
        let file: File | undefined
        if (parsed === undefined) {
          try {
            const form = await readForm?.({ bytes, contentType, contentLength, language, signal: signal() })
            file = form?.file
            files.use(file)
            parsed = parsedOf(endpoint, request, language, form?.body)
          } finally {
            discard(request.raw)
          }
        }
        for (const part of [parsed.query, parsed.body])
          refuseOtherSessions(grant, part, (ref) => sessionNumber?.(ownerId, ref))
        refuseWithoutSession(grant, endpoint, [parsed.params, parsed.query, parsed.body])
        const api: ApiRequest<E, File> = {
          ...parsed,
          ownerId,
          grant,
          user: people.get(request) ?? nobody,
          language,
          browserToken: () => browser.refreshToken(request),
          isAbout: (person) => trail.isOf(request, { person }),
          requestId: request.id,
          bytes,
          file,
          contentType,
          contentLength,
          baseUrl: publicUrl ?? `${request.protocol}://${request.host}`,
          get signal() {
            return signal()
          },
        }
        let answer
        try {
          answer = await handler(api)
        } finally {
          // Answered without reading it all: the client goes on sending until it has the answer.
          if (endpoint.input === 'bytes') discard(request.raw)
        }
        if ('browser' in answer && answer.browser !== undefined) {
          if (answer.browser === 'forget') browser.forget(request, reply)
          else browser.keep(reply, answer.browser)
        }
        if ('upgrade' in answer) return upgrades.accept(request, reply, answer)
        const sent =
          'raw' in answer
            ? answers.sendRaw(request, reply, answer)
            : answers.send(endpoint, reply, answer, language)
        trail.succeeds(request, reply, 'raw' in answer ? undefined : answer.audit)
        return sent
      },
    }
    if (endpoint.input === 'json') app.route(route)
    else {
      // Within a scope of its own, where nothing reads bodies, or not those of forms.
      void app.register(async (scope) => {
        if (endpoint.input === 'bytes') takeNoBody(scope)
        else takeNoForm(scope)
        scope.route(route)
      })
    }
  }

  /** Ends a request whose body does not arrive in time. The server's own limit is that of uploads. */
  function expectBody(request: FastifyRequest, reply: FastifyReply): void {
    const timer = clock.after(jsonTimeoutMs, () => {
      if (reply.sent || request.raw.complete) return
      reply.header('connection', 'close')
      answers.refuse(new HubError('REQUEST_TIMEOUT'), request, reply)
    })
    reply.raw.once('close', () => timer[Symbol.dispose]())
    request.raw.once('end', () => timer[Symbol.dispose]())
  }

  /** Whether the body is read by the operation itself, while it arrives. */
  function isStreamed(endpoint: Endpoint, request: FastifyRequest): boolean {
    if (endpoint.input !== 'json_or_form') return endpoint.input === 'bytes'
    return /^\s*multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')
  }

  function parsedOf<E extends Endpoint>(
    endpoint: E,
    { params, query, headers }: FastifyRequest,
    language: Language,
    body: unknown,
  ) {
    return parseRequest(endpoint, { params, query, headers, body }, language)
  }

  /** What stands for the session in the names of limits. */
  function sessionOf(fields: unknown, ownerId: number): string {
    // Path parameters and bodies; both are plain objects, and the fields are checked here.
    const { ref, sessionId } = fields as { ref?: unknown; sessionId?: unknown }
    const named = typeof ref === 'string' ? ref : typeof sessionId === 'string' ? sessionId : undefined
    if (named === undefined) return '-'
    const number = sessionNumber?.(ownerId, named)
    return number === undefined ? `named ${named}` : String(number)
  }

  serveApiDocs(app, serve, () => {
    const inOrder = Object.values<Endpoint>(endpoints).filter(({ id }) => served.has(id))
    return JSON.stringify(openApiDocument(inOrder, { publicUrl }))
  })

  return {
    serve: (endpoint, handler) => serve(endpoint, handler),
    serveForm: (endpoint, readForm, handler) => serve(endpoint, handler, readForm),
    async listen({ host, port }) {
      await app.listen({ host, port })
      const address = app.server.address()
      if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
      const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
      return { host: address.address, port: address.port, url: `http://${shown}:${address.port}` }
    },
    drain: (maxMs) => underWay.drain(maxMs),
    async [Symbol.asyncDispose]() {
      underWay.stop()
      await app.close()
    },
  }
}

const noGrant: Grant = { ownerId: 0 }

/** Who is counted: a person, or a key. */
function nameOf({ ownerId, userId, keyId }: Grant): string {
  if (userId !== undefined) return `user ${userId}`
  return keyId === undefined ? `owner ${ownerId}` : `key ${keyId}`
}

function noCompiler(): never {
  throw new Error('A route with a schema for Fastify: schemas belong in the contract.')
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || (lengthOf({ headers }) ?? 0) > 0
}

function lengthOf({ headers }: Pick<FastifyRequest, 'headers'>): number | undefined {
  const given = headers['content-length']
  return given === undefined ? undefined : Number(given)
}

/** Whether a path is one of a route's, parameters aside. */
function pathMatches(route: string, path: string): boolean {
  const parts = route.split('/')
  const given = path.replace(/(.)\/$/, '$1').split('/')
  return (
    parts.length === given.length &&
    parts.every((part, index) => part.startsWith(':') || part === given[index])
  )
}
