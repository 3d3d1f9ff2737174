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
}

/** What one request was answered that it should not have been. */
export interface Fault {
  fault: string
  request: string
  answer: string
}

/** Sends the requests, eight at a time, and tells what was wrong with the answers. */
export async function attack({ url, endpoints, known, size, seed }: Attack): Promise<{
  faults: readonly Fault[]
  /** How many answers had each status. */
  statuses: Readonly<Record<number, number>>
}> {
  const perEndpoint = Math.ceil(size / endpoints.length)
  const requests = endpoints
    .map((endpoint, index) =>
      fc.sample(requestsFor(endpoint, known), { numRuns: perEndpoint, seed: seed + index }),
    )
    // Operations alternate, so that each meets what the others left behind.
    .reduce<FuzzRequest[][]>((turns, batch) => {
      batch.forEach((one, turn) => (turns[turn] ??= []).push(one))
      return turns
    }, [])
    .flat()
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const faults: Fault[] = []
  const statuses: Record<number, number> = {}
  let next = 0
  const worker = async (): Promise<void> => {
    for (let one = requests[next++]; one !== undefined; one = requests[next++]) {
      const answer = await send(agent, url, one)
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
      const fault = faultOf(one, answer, endpoints)
      if (fault !== undefined && faults.length < 20)
        faults.push({
          fault: `${one.endpoint.id} ${fault}`,
          request: described(one),
          answer: answer.body.slice(0, 500),
        })
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  agent.destroy()
  return { faults, statuses }
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
