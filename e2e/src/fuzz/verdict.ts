import { isDeepStrictEqual } from 'node:util'

import {
  type Endpoint,
  type ErrorCode,
  errorCodes,
  errorSchema,
  errorsOf,
  factsOfError,
  failureSchema,
  successSchema,
} from '@inbox-hub/contract'

import type { FuzzRequest } from './requests.ts'

export interface FuzzAnswer {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: string
}

/** Codes of the edge itself, before a request has reached an operation. */
const edgeCodes: readonly ErrorCode[] = [
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'URI_TOO_LONG',
  'VALIDATION_ERROR',
  'UNSUPPORTED_MEDIA_TYPE',
  'PAYLOAD_TOO_LARGE',
]
const edge: ReadonlySet<ErrorCode> = new Set(edgeCodes)

/** What is wrong with an answer; undefined when it is what the contract says. */
export function faultOf(
  { method, url }: FuzzRequest,
  { status, headers, body }: FuzzAnswer,
  endpoints: readonly Endpoint[],
): string | undefined {
  if (status >= 500) return `answered ${status}`
  if (headers['x-request-id'] === undefined) return 'has no request id'
  if (headers['ratelimit-limit'] === undefined) return 'says nothing about limits'
  if (method === 'OPTIONS' && status === 204) return undefined
  const endpoint = operationOf(endpoints, method, url)
  const type = String(headers['content-type'])
  const isSuccess = endpoint !== undefined && status === endpoint.success.status
  if (isSuccess && (!endpoint.json || !type.startsWith('application/json'))) {
    const media = type.replace(/;.*$/, '')
    return endpoint.alternatives.some((alternative) => alternative.type === media)
      ? undefined
      : `answered with ${type}`
  }
  if (!type.startsWith('application/json')) return `answered ${status} as ${type}`
  const answer: unknown = JSON.parse(body)
  if (isSuccess) return differs(successOf(endpoint), answer)
  const code = codeOf(answer)
  if (code === undefined) return `answered ${status} without a known code`
  if (factsOfError(code).status !== status) return `answered ${code} with ${status}`
  const allowed = endpoint === undefined ? edge : allowedCodes(endpoint)
  if (!allowed.has(code)) return `answered ${code}, which the contract does not name for it`
  return differs(endpoint === undefined ? errorSchema : failuresOf(endpoint)(code), answer)
}

/** Which operation a request really meets: with another method, or a word of ours in a parameter, it is not the one meant. */
function operationOf(endpoints: readonly Endpoint[], method: string, url: string): Endpoint | undefined {
  const given = url.replace(/\?.*$/s, '').split('/')
  const paths = pathsOf(endpoints).get(`${method} ${given.length}`)
  return paths?.find(({ parts }) =>
    parts.every((part, index) => (part === undefined ? given[index] !== '' : part === given[index])),
  )?.endpoint
}

interface Path {
  endpoint: Endpoint
  /** Undefined where a parameter stands. */
  parts: readonly (string | undefined)[]
}

/** Operations by method and length of their path, those that name more of it first. */
const pathsOf = remembered((endpoints: readonly Endpoint[]): ReadonlyMap<string, readonly Path[]> => {
  const paths = endpoints.map((endpoint) => ({
    endpoint,
    parts: endpoint.path.split('/').map((part) => (part.startsWith(':') ? undefined : part)),
  }))
  const names = ({ parts }: Path): number => parts.filter((part) => part !== undefined).length
  return Map.groupBy(
    paths.toSorted((left, right) => names(right) - names(left)),
    ({ endpoint, parts }) => `${endpoint.method} ${parts.length}`,
  )
})

const codes: ReadonlySet<string> = new Set(errorCodes())

function codeOf(answer: unknown): ErrorCode | undefined {
  if (typeof answer !== 'object' || answer === null || !('code' in answer)) return undefined
  // As the set above says.
  return codes.has(String(answer.code)) ? (answer.code as ErrorCode) : undefined
}

// A schema is compiled when it first parses, which costs a hundred answers' checking.
const successOf = remembered(successSchema)
const failuresOf = remembered((endpoint: Endpoint) =>
  remembered((code: string) => failureSchema(endpoint, code as ErrorCode)),
)
const allowedCodes = remembered(
  (endpoint: Endpoint): ReadonlySet<ErrorCode> => new Set([...errorsOf(endpoint), ...edgeCodes]),
)

/** `make` called once for each argument. */
function remembered<A, T>(make: (argument: A) => T): (argument: A) => T {
  const made = new Map<A, T>()
  return (argument) => {
    let found = made.get(argument)
    if (found === undefined) made.set(argument, (found = make(argument)))
    return found
  }
}

/** Whether an answer fails its schema, or carries a field that is not in it. */
function differs(schema: ReturnType<typeof successSchema>, answer: unknown): string | undefined {
  const parsed = schema.safeParse(answer)
  if (!parsed.success) return `does not match its schema: ${parsed.error.message}`
  return isDeepStrictEqual(parsed.data, answer) ? undefined : 'carries fields that are not in its schema'
}
