import type { Endpoint } from '@inbox-hub/contract'
import { Agent, request } from 'undici'

/** What a call may carry. */
export interface CallOptions {
  params?: Readonly<Record<string, string | number>>
  query?: Readonly<Record<string, string | number | boolean>>
  body?: object
  headers?: Readonly<Record<string, string>>
  /** Default 30,000. */
  timeoutMs?: number
}

/** What the hub answered, as a CRM sees it: a status, and `data` or a failure. */
export interface Answer<Data> {
  status: number
  data: Data | undefined
  failure: Failure | undefined
  /** From the first byte sent to the last byte read. */
  tookMs: number
}

export interface Failure {
  code: string
  message: string
  remedy: string | undefined
  data: unknown
}

/** The connection broke, or nobody listened: what became of the call is unknown. */
export class Unheard extends Error {
  override readonly name = 'Unheard'
}

/** An answer that a client has to read as "the server is broken". */
export interface Breakage {
  call: string
  status: number
  code: string
  /** In the run, ms. */
  at: number
}

/** The hub's API over HTTP. Answers are checked against the schema of their operation, and counted. */
export interface Api extends AsyncDisposable {
  /** @throws {Unheard} @throws {Error} the answer is not what the contract says */
  ask<E extends Endpoint>(endpoint: E, options?: CallOptions): Promise<Answer<DataIn<E>>>
  /** As `ask`, for calls that have to succeed. @throws {Error} the hub refused */
  get<E extends Endpoint>(endpoint: E, options?: CallOptions): Promise<DataIn<E>>
  /** Every answer of 500 and above, but 503 when it says what to do: then the store or the process is away. */
  readonly breakages: readonly Breakage[]
  readonly calls: number
}

type DataIn<E extends Endpoint> = ReturnType<E['success']['data']['parse']>

export function apiOf(hub: { readonly url: string }, key: string): Api {
  const agent = new Agent({ connections: 512, keepAliveTimeout: 10_000, bodyTimeout: 0, headersTimeout: 0 })
  const breakages: Breakage[] = []
  let calls = 0

  async function ask<E extends Endpoint>(
    endpoint: E,
    { params = {}, query = {}, body, headers = {}, timeoutMs = 30_000 }: CallOptions = {},
  ): Promise<Answer<DataIn<E>>> {
    const path = endpoint.path.replaceAll(/:(\w+)/g, (_, name: string) =>
      encodeURIComponent(String(params[name])),
    )
    const search = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    )
    const began = performance.now()
    let status: number
    let text: string
    try {
      const answer = await request(`${hub.url}${path}${search.size === 0 ? '' : `?${search.toString()}`}`, {
        dispatcher: agent,
        method: endpoint.method,
        headers: {
          'x-api-key': key,
          'accept-language': 'en',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      })
      status = answer.statusCode
      text = await answer.body.text()
    } catch (cause) {
      throw new Unheard(`${endpoint.id}: no answer`, { cause })
    }
    const tookMs = performance.now() - began
    calls += 1
    const answered: unknown = JSON.parse(text)
    if (status >= 200 && status < 300) {
      const told =
        endpoint.success.envelope === 'flat'
          ? answered
          : (answered as { data?: unknown } | null)?.data /* the schema below says whether it is one */
      // What parse answers; the schema is typed too widely in a generic endpoint to say so.
      const data = endpoint.success.data.parse(told) as DataIn<E>
      return { status, data, failure: undefined, tookMs }
    }
    const failure = failureIn(answered)
    if (status >= 500 && (status !== 503 || failure.remedy === undefined))
      breakages.push({ call: endpoint.id, status, code: failure.code, at: Math.round(began) })
    return { status, data: undefined, failure, tookMs }
  }

  return {
    ask,
    async get(endpoint, options) {
      const { status, data, failure } = await ask(endpoint, options)
      if (data === undefined)
        throw new Error(`${endpoint.id} answered ${status} ${failure?.code}: ${failure?.message}`)
      return data
    },
    breakages,
    get calls() {
      return calls
    },
    async [Symbol.asyncDispose]() {
      await agent.destroy()
    },
  }
}

function failureIn(answer: unknown): Failure {
  const { code, message, remedy, data } = (
    typeof answer === 'object' && answer !== null ? answer : {}
  ) as Partial<Record<string, unknown>> // each field is looked at below
  return {
    code: String(code),
    message: String(message),
    remedy: typeof remedy === 'string' ? remedy : undefined,
    data,
  }
}
