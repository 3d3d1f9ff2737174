import type { z } from 'zod'

/** A request as its handler sees it: checked. */
interface Request<Body, Query> {
  /** What stands in place of `:number` and the like. */
  params: Readonly<Record<string, string>>
  body: Body
  query: Query
  /** Aborts when the caller hangs up. */
  signal: AbortSignal
}

/** One thing the control API does. */
export interface Endpoint {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/phones/:number/messages` */
  path: string
  /** What it does, in a line, for whoever asks the API what it can do. */
  about: string
  /** Names of the fields it takes, `?` behind those that may be left out. */
  takes: readonly string[]
  /** @throws {z.ZodError} the request is not what it should be */
  handle(request: Request<unknown, unknown>): unknown
}

interface Definition<Body extends z.ZodObject, Query extends z.ZodObject> {
  about: string
  body?: Body
  query?: Query
  handle: (request: Request<z.output<Body>, z.output<Query>>) => unknown
}

/** @param route - method and path, `POST /phones` */
export function endpoint<Body extends z.ZodObject, Query extends z.ZodObject>(
  route: `${Endpoint['method']} /${string}`,
  { about, body, query, handle }: Definition<Body, Query>,
): Endpoint {
  const space = route.indexOf(' ')
  return {
    // The template type says what the parts are.
    method: route.slice(0, space) as Endpoint['method'],
    path: route.slice(space + 1),
    about,
    takes: [...fieldsOf(query), ...fieldsOf(body)],
    handle: (request) =>
      handle({
        ...request,
        // Without a schema nothing of it is looked at.
        body: body?.parse(request.body) as z.output<Body>,
        query: query?.parse(request.query) as z.output<Query>,
      }),
  }
}

function fieldsOf(schema: z.ZodObject | undefined): string[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) =>
    // Every field of ours is a whole schema; the type speaks of zod's inner ones.
    (field as z.ZodType).safeParse(undefined).success ? `${name}?` : name,
  )
}
