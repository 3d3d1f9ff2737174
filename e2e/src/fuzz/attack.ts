import { Agent, request } from 'node:http'

import type { Endpoint } from '@inbox-hub/contract'
import fc from 'fast-check'

import { type FuzzRequest, type Known, requestsFor } from './requests.ts'
import { type FuzzAnswer, faultOf } from './verdict.ts'

export interface Attack {
  url: string
  endpoints: readonly Endpoint[]
  known: Known
  /** How many requests, over all operations. */
  size: number
  /** The same seed makes the same requests. */
  seed: number
  /** Told now and then how many were answered. */
  progress?: (answered: number) => void
}

/** What one request was answered that it should not have been. */
export interface Fault {
  fault: string
  request: string
  answer: string
}

/** How many requests of each operation are made at once: few enough to forget them, many enough to make them cheaply. */
const perRound = 50
const atOnce = 16
/** Asked a tenth as often: they hash passwords, which is slow on purpose, or write pages that are the same each time. */
const slow: ReadonlySet<string> = new Set([
  'beginTotp',
  'changePassword',
  'docs',
  'login',
  'metrics',
  'openapi',
  'removeTotp',
  'resetPassword',
])

/** Sends the requests, some at a time, and tells what was wrong with the answers. */
export async function attack({ url, endpoints, known, size, seed, progress }: Attack): Promise<{
  faults: readonly Fault[]
  /** How many answers had each status. */
  statuses: Readonly<Record<number, number>>
}> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const faults: Fault[] = []
  const statuses: Record<number, number> = {}
  const requests = rounds({ endpoints, known, size, seed })
  let answered = 0
  const worker = async (): Promise<void> => {
    for (const one of requests) {
      const answer = await send(agent, url, one)
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
      answered += 1
      if (answered % 10_000 === 0) progress?.(answered)
      const fault = faultOf(one, answer, endpoints)
      if (fault !== undefined && faults.length < 20)
        faults.push({
          fault: `${one.endpoint.id} ${fault}`,
          request: described(one),
          answer: answer.body.slice(0, 500),
        })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  agent.destroy()
  return { faults, statuses }
}

/** Operations alternate, so that each meets what the others left behind. */
function* rounds({ endpoints, known, size, seed }: Omit<Attack, 'url' | 'progress'>): Generator<FuzzRequest> {
  const arbitraries = endpoints.map((endpoint) => requestsFor(endpoint, known))
  let left = size
  for (let round = 0; left > 0; round += 1) {
    const numRuns = Math.min(perRound, Math.ceil(left / endpoints.length))
    const batches = arbitraries.map((arbitrary, index) =>
      fc.sample(arbitrary, { numRuns, seed: (seed + index + round * endpoints.length) | 0 }),
    )
    for (let turn = 0; turn < numRuns; turn += 1)
      for (const batch of batches) {
        const one = batch[turn]
        if (one === undefined || left === 0) continue
        if (slow.has(one.endpoint.id) && turn % 10 !== 0) continue
        left -= 1
        yield one
      }
  }
}

function send(
  agent: Agent,
  base: string,
  { endpoint, method, url, headers, body }: FuzzRequest,
): Promise<FuzzAnswer> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    // The path goes out as it is: a URL object would tidy away the very tricks.
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const outgoing = request(
      { agent, hostname, port, method, path: url, headers: { ...headers, ...length } },
      (incoming) => {
        const { statusCode: status = 0, headers: answered } = incoming
        if (endpoint.endless && status === 200) {
          incoming.destroy()
          resolve({ status, headers: answered, body: '' })
          return
        }
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () =>
          resolve({
            status,
            headers: answered,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** A request as one would type it to see the fault again. */
function described({ method, url, headers, body }: FuzzRequest): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value.slice(0, 80)}`)
  const shown =
    body === undefined ? '' : typeof body === 'string' ? body.slice(0, 500) : `<${body.length} bytes>`
  return [`${method} ${url.slice(0, 500)}`, ...lines, '', shown].join('\n')
}
