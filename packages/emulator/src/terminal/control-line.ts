import { z } from 'zod'

import type { Endpoint } from '../control/endpoint.ts'
import { route } from '../control/route.ts'

/**
 * Does what a line of the terminal asks of the control API. A path that does not begin with `/` is the phone's: `reactions` is
 * `/phones/+12025550123/reactions`. Fields are text; what a field does not take as text is read as JSON.
 *
 * @throws {Error} there is no such thing, or it was refused; the message says what is wrong with which field
 */
export async function doLine(
  endpoints: readonly Endpoint[],
  number: string,
  { method, path, fields }: { method: string; path: string; fields: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<string> {
  const { each, params } = route(endpoints, method, path.startsWith('/') ? path : `/phones/${number}/${path}`)
  const request = (said: Readonly<Record<string, unknown>>) =>
    each.handle({ params, query: fields, body: said, signal })
  const result = await retried(request, fields)
  return result === undefined ? 'Done.' : JSON.stringify(result, undefined, 2)
}

/** What may be asked, a line each. */
export function canLines(endpoints: readonly Endpoint[], word: string): string {
  const lines = endpoints
    .filter(({ path }) => path !== '/')
    .map(({ method, path, about, takes }) => {
      const shown = path.replace(/^\/phones\/:number\//, '')
      return `  do ${[method, shown, ...takes].join(' ')}\n      ${about}`
    })
    .filter((line) => line.toLowerCase().includes(word.toLowerCase()))
  return lines.length === 0 ? `Nothing mentions "${word}".` : lines.join('\n')
}

async function retried(
  request: (said: Readonly<Record<string, unknown>>) => unknown,
  fields: Readonly<Record<string, string>>,
): Promise<unknown> {
  try {
    return await request(fields)
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    const wrong = new Set(error.issues.map(({ path: [field] }) => field))
    const read = Object.entries(fields).map(([name, value]) => [
      name,
      wrong.has(name) ? parsed(value) : value,
    ])
    try {
      return await request(Object.fromEntries(read))
    } catch (second) {
      if (!(second instanceof z.ZodError)) throw second
      const said = second.issues.map(({ path, message }) =>
        [path.join('.'), message].filter(Boolean).join(': '),
      )
      throw new Error(`${said.join('; ')}. can lists what each takes.`, { cause: second })
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
