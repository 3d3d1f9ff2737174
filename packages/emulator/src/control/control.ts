import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { z } from 'zod'

import type { Emulator } from '../emulator.ts'
import { PairingError } from '../line.ts'
import { QrError } from '../phone/linking-qr.ts'
import { WrongCodeError } from '../phone/pairing-code.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { historyEndpoints } from './history-endpoints.ts'
import { messageEndpoints } from './message-endpoints.ts'
import { personEndpoints } from './person-endpoints.ts'
import { phoneEndpoints } from './phone-endpoints.ts'
import { Phones } from './phones.ts'
import { Refusal, route } from './route.ts'
import { serverEndpoints } from './server-endpoints.ts'
import { settingsEndpoints } from './settings-endpoints.ts'

export interface ControlOptions {
  /** Port on 127.0.0.1; default 0, a free one. */
  port?: number
}

/** The control API while it runs. */
export interface Control extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
}

const maxBodyBytes = 1_000_000

/**
 * Opens the HTTP control API of an emulator (docs/protocol/emulator.md): JSON, on loopback, for whoever cannot
 * call the emulator's methods. Refuses everything that is not from this machine, and browsers.
 */
export async function startControl(emulator: Emulator, { port = 0 }: ControlOptions = {}): Promise<Control> {
  const endpoints = controlEndpoints(emulator)
  const server = createServer((request, response) => void answer(endpoints, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  // A listening TCP server has an address of this kind.
  const { port: listening } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${listening}`, [Symbol.asyncDispose]: () => closed(server) }
}

/** Everything the API can do. */
export function controlEndpoints(emulator: Emulator): Endpoint[] {
  const phones = new Phones(emulator)
  const endpoints = [
    ...phoneEndpoints(phones),
    ...messageEndpoints(phones),
    ...personEndpoints(phones),
    ...settingsEndpoints(phones),
    ...historyEndpoints(phones),
    ...serverEndpoints(emulator),
  ]
  const about: Endpoint = endpoint('GET /', {
    about: 'Where clients connect, whom they trust, and what this API can do.',
    handle: () => ({
      url: emulator.url,
      rootKey: emulator.rootKey,
      environment: emulator.environment,
      endpoints: [about, ...endpoints].map(({ method, path, about, takes }) => ({
        method,
        path,
        about,
        takes,
      })),
    }),
  })
  return [about, ...endpoints]
}

async function answer(
  endpoints: readonly Endpoint[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const hungUp = new AbortController()
  response.once('close', () => hungUp.abort(new Error('The caller hung up.')))
  try {
    const result = await handled(endpoints, request, hungUp.signal)
    reply(response, 200, result ?? { done: true })
  } catch (error) {
    const { status, ...body } = explained(error)
    reply(response, status, { error: body })
  }
}

async function handled(
  endpoints: readonly Endpoint[],
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<unknown> {
  refuseForeigners(request)
  const { method = 'GET' } = request
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const { each, params } = route(endpoints, method, url.pathname)
  const query = Object.fromEntries(url.searchParams)
  const body = method === 'GET' ? undefined : await readJson(request)
  return each.handle({ params, query, body, signal })
}

/** Nobody but programs on this machine: no other host, and no web page that a browser here shows. */
function refuseForeigners(request: IncomingMessage): void {
  const { remoteAddress } = request.socket
  const host = request.headers.host?.replace(/:\d+$/, '')
  const isLocal = remoteAddress === '127.0.0.1' || remoteAddress === '::ffff:127.0.0.1'
  if (!isLocal || (host !== '127.0.0.1' && host !== 'localhost') || request.headers.origin !== undefined) {
    throw new Refusal(403, 'FORBIDDEN', 'This API answers programs on this machine only.')
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    // Without an encoding set, what a request yields are buffers.
    const bytes = chunk as Buffer
    length += bytes.length
    if (length > maxBodyBytes)
      throw new Refusal(413, 'TOO_LARGE', `A body has at most ${maxBodyBytes} bytes.`)
    chunks.push(bytes)
  }
  if (length === 0) return {}
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw new Refusal(400, 'INVALID_JSON', 'The body is not JSON.', { cause })
  }
}

interface Explanation {
  status: number
  code: string
  message: string
  /** What is wrong with which field. */
  fields?: readonly { path: string; message: string }[]
}

function explained(error: unknown): Explanation {
  if (error instanceof Refusal) return { status: error.status, code: error.code, message: error.message }
  if (error instanceof z.ZodError) {
    const fields = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
    return { status: 400, code: 'INVALID_REQUEST', message: 'The request is not what it should be.', fields }
  }
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof QrError) return { status: 400, code: 'NOT_A_LINKING_QR', message }
  if (error instanceof WrongCodeError) return { status: 422, code: 'WRONG_CODE', message }
  if (error instanceof PairingError) return { status: 409, code: error.refusal.toUpperCase(), message }
  if (error instanceof RangeError) return { status: 404, code: 'NO_SUCH_THING', message }
  if (error instanceof Error && error.name === 'TimeoutError')
    return { status: 408, code: 'NOT_IN_TIME', message }
  return { status: 500, code: 'FAILED', message }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return
  const json = JSON.stringify(body, asJson)
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${json}\n`)
}

/** Errors, which JSON would leave out. */
function asJson(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
