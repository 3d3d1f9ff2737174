import type { Endpoint } from './endpoint.ts'

/** What was asked cannot be done; `status` is HTTP's. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = code
  }
}

/** What a method and a path name. @throws {Refusal} Nothing, or not with this method. */
export function route(
  endpoints: readonly Endpoint[],
  method: string,
  pathname: string,
): { each: Endpoint; params: Record<string, string> } {
  const matching = endpoints.flatMap((each) => {
    const params = matched(each.path, pathname)
    return params === undefined ? [] : [{ each, params }]
  })
  if (matching.length === 0)
    throw new Refusal(404, 'NOT_FOUND', `There is nothing at ${pathname}. GET / lists what there is.`)
  const found = matching.find(({ each }) => each.method === method)
  if (found !== undefined) return found
  const methods = matching.map(({ each }) => each.method).join(', ')
  throw new Refusal(405, 'METHOD_NOT_ALLOWED', `${pathname} takes ${methods}.`)
}

/** The values of a path's `:names`; undefined if it does not fit. */
function matched(pattern: string, pathname: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const given = pathname.split('/')
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = decodeURIComponent(given[index] ?? '')
    if (part.startsWith(':')) params[part.slice(1)] = value
    else if (part !== value) return undefined
  }
  return params
}
