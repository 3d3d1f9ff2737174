import type { Endpoint, Language } from '@inbox-hub/contract'
import { z } from 'zod'

/** What a call may carry. Blank fields are left out. */
export interface CallOptions {
  params?: Readonly<Record<string, string | number>>
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  body?: object
  headers?: Readonly<Record<string, string>>
  signal?: AbortSignal
  /** Gives up after so long, ms. */
  timeoutMs?: number
}

/** The API of a hub, seen from outside: every operation of the contract, answers checked against their schema. */
export interface ApiClient {
  readonly url: string
  /** Throws `ApiError` for what the hub refused, `HubUnreachable` when nobody answered. */
  call<E extends Endpoint>(endpoint: E, options?: CallOptions): Promise<z.output<E['success']['data']>>
  /** The answer as it is, for pictures and text. */
  raw(endpoint: Endpoint, options?: CallOptions): Promise<Response>
}

export interface ApiClientOptions {
  /** Where the hub listens, as in `http://localhost:8084`. */
  url: string
  key: string | undefined
  language?: Language
}

/** A failure the hub reported: its code, and what to do about it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly code: string
  readonly remedy: string | undefined
  readonly requestId: string | undefined
  readonly details: Readonly<Record<string, unknown>>
  readonly data: unknown
  constructor(status: number, body: z.output<typeof failure>) {
    super(body.message)
    this.status = status
    this.code = body.code
    this.remedy = body.remedy
    this.requestId = body.requestId
    this.details = body.details ?? {}
    this.data = body.data
  }
}

/** Nobody answered at the hub's address, or somebody who is no hub. */
export class HubUnreachable extends Error {
  override readonly name = 'HubUnreachable'
}

const failure = z.object({
  message: z.string(),
  code: z.string(),
  remedy: z.string().optional(),
  requestId: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
  data: z.unknown().optional(),
})

export function createApiClient({ url, key, language = 'en' }: ApiClientOptions): ApiClient {
  const base = url.replace(/\/+$/, '')

  async function raw(endpoint: Endpoint, options: CallOptions = {}): Promise<Response> {
    const { body, headers, signal, timeoutMs = 30_000 } = options
    const limit = AbortSignal.timeout(timeoutMs)
    let response: Response
    try {
      response = await fetch(base + pathOf(endpoint, options), {
        method: endpoint.method,
        headers: {
          'accept-language': language,
          ...(key === undefined ? {} : { 'x-api-key': key }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      })
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason
      throw new HubUnreachable(`No hub answers at ${base}.`, { cause: error })
    }
    if (!response.ok) throw await failureOf(response, base)
    return response
  }

  return {
    url: base,
    raw,
    async call(endpoint, options) {
      const response = await raw(endpoint, options)
      const { envelope, data } = endpoint.success
      const answer: unknown = await response.json()
      const told = envelope === 'flat' ? answer : z.object({ data: z.unknown() }).parse(answer).data
      // The endpoint's own schema has just checked it.
      return data.parse(told) as z.output<(typeof endpoint)['success']['data']>
    },
  }
}

async function failureOf(response: Response, base: string): Promise<Error> {
  const text = await response.text()
  try {
    return new ApiError(response.status, failure.parse(JSON.parse(text)))
  } catch (error) {
    return new HubUnreachable(`What answers at ${base} is no Inbox Hub (HTTP ${response.status}).`, {
      cause: error,
    })
  }
}

function pathOf({ path }: Endpoint, { params = {}, query = {} }: CallOptions): string {
  const filled = path.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined) throw new TypeError(`${path} needs a value for ${name}.`)
    return encodeURIComponent(value)
  })
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  return search.size === 0 ? filled : `${filled}?${search.toString()}`
}
