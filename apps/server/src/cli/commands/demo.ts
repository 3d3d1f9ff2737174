import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { endpoints } from '@inbox-hub/contract'
import { startEmulator } from '@inbox-hub/emulator'

import { startApp } from '../../app.ts'
import { type ApiClient, createApiClient } from '../../client/index.ts'
import { readConfig } from '../../config.ts'
import { silentLog } from '../../platform/log.ts'
import { renderQr } from '../../sessions/qr/index.ts'
import { type ReceivedCall, type Receiver, startReceiver } from '../../webhooks/sample-receiver.ts'
import { print, styled, type Terminal } from '../terminal.ts'

/** The business's phone, and a customer's. Documentation numbers: nobody has them. */
const business = '+12025550100'
const customer = { number: '+12025550123', name: 'Ana' }

/** How long a step may take before the demo says that something is wrong, ms. */
const stepLimitMs = 20_000

/**
 * The whole path in a terminal: the hub beside a WhatsApp of its own and two simulated phones. The QR is scanned, a customer writes, the
 * CRM's webhook is called, the answer goes out and is read. No account, no network; nothing is left behind, Ctrl-C or not.
 */
export async function demo(terminal: Terminal): Promise<void> {
  const startedAt = performance.now()
  const { signal } = terminal
  const stop = new AbortController()
  const limit = AbortSignal.any([signal, stop.signal])
  await using opened = new AsyncDisposableStack()
  opened.defer(() => stop.abort())

  const said = teller(terminal)
  said.step('Starting a WhatsApp of our own, a CRM that takes webhooks, and the hub …')
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-demo-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const emulator = opened.use(await startEmulator())
  const crm = opened.use(await startReceiver({ secret: randomBytes(24).toString('base64url') }))
  const key = randomBytes(32).toString('base64url')
  const config = readConfig({
    PORT: '0',
    INBOX_HUB_DATA_DIR: dataDir,
    INBOX_HUB_API_KEY: key,
    ...emulator.environment,
    OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    LOG_LEVEL: 'silent',
  })
  const hub = opened.use(await startApp({ config, log: silentLog }))
  const api = createApiClient({ url: hub.url, key })
  const webhooks = expectations(crm, limit)
  said.fact(`hub at ${hub.url}, webhooks to ${crm.url}`)

  said.step('The CRM creates a session and asks for its QR.')
  said.request('POST /api/sessions', '{"sessionId":"support", "webhookUrl":"…", "webhookSecret":"…"}')
  await api.call(endpoints.createSession, {
    body: { sessionId: 'support', sessionName: 'Support', webhookUrl: crm.url, webhookSecret: crm.secret },
    signal,
  })
  said.request('GET /api/sessions/support/qr')
  const { qr } = await api.call(endpoints.getQr, {
    params: { ref: 'support' },
    query: { wait: stepLimitMs },
    signal,
  })
  print(terminal, '', renderQr({ text: qr }).terminal.trimEnd(), '')

  said.step(`The phone of ${business} scans it.`)
  const connected = webhooks.next('session.connected')
  const phone = emulator.phone(business)
  await phone.scan(qr)
  said.webhook(await connected)

  said.step(`${customer.name}, a customer, writes.`)
  const ana = emulator.phone(customer.number)
  ana.setsPushName(customer.name)
  const received = webhooks.next('message.received')
  const question = ana.sends(phone, 'Hi! Are you open today?')
  said.webhook(await received)

  said.step('The CRM answers.')
  await answer(api, question.id, said, signal)
  const read = [webhooks.next('message.sent'), webhooks.next('message.read')]
  const answered = await ana.receives(/until 18:00/, { timeoutMs: stepLimitMs, signal })
  ana.reads(answered)
  said.fact(`${customer.name} reads: “${answered.text ?? ''}”`)
  for (const webhook of read) said.webhook(await webhook)

  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  said.step(`That was the whole path, in ${seconds} s. Link a real phone:`)
  print(
    terminal,
    '    npm start',
    '    npx inbox-hub sessions create support',
    '    npx inbox-hub sessions link support',
    '',
  )
}

async function answer(api: ApiClient, questionId: string, said: Teller, signal: AbortSignal): Promise<void> {
  const message = 'Yes, until 18:00. Come by!'
  said.request(
    'POST /api/messages/support/send',
    JSON.stringify({ to: customer.number, message, quotedMessageId: questionId }),
  )
  const { messageId, status } = await api.call(endpoints.sendMessage, {
    params: { sessionId: 'support' },
    body: { to: customer.number, message, quotedMessageId: questionId },
    signal,
  })
  said.fact(`${status}: ${messageId}`)
}

/** Webhooks as they come in; one that never comes ends the demo with a word on what was missing. */
function expectations(crm: Receiver, signal: AbortSignal): { next(type: string): Promise<ReceivedCall> } {
  return {
    next(type) {
      const late = AbortSignal.timeout(stepLimitMs)
      const { promise, resolve, reject } = Promise.withResolvers<ReceivedCall>()
      const subscription = crm.onCall((call) => {
        if (call.type === type) resolve(call)
      })
      const given = AbortSignal.any([signal, late])
      given.addEventListener('abort', () =>
        reject(
          late.aborted ? new Error(`No ${type} webhook came within ${stepLimitMs / 1000} s.`) : signal.reason,
        ),
      )
      promise.catch(() => {}) // whoever awaits it hears of it; until then it is no stray
      return promise.finally(() => subscription[Symbol.dispose]())
    },
  }
}

interface Teller {
  step(text: string): void
  fact(text: string): void
  request(what: string, body?: string): void
  webhook(call: ReceivedCall): void
}

function teller(terminal: Terminal): Teller {
  const dim = (text: string): string => styled(terminal, 'dim', text)
  return {
    step: (text) => print(terminal, `${styled(terminal, 'cyan', '◆')} ${styled(terminal, 'bold', text)}`),
    fact: (text) => print(terminal, `    ${text}`),
    request: (what, body) =>
      print(terminal, `    ${styled(terminal, 'green', what)}${body === undefined ? '' : ` ${body}`}`),
    webhook({ type, verified, json }) {
      const mark = verified
        ? styled(terminal, 'green', 'signature right')
        : styled(terminal, 'red', 'signature WRONG')
      print(terminal, `    webhook ${styled(terminal, 'yellow', type)}, ${mark}`)
      print(
        terminal,
        ...JSON.stringify(json, undefined, 2)
          .split('\n')
          .map((line) => dim(`      ${line}`)),
      )
    },
  }
}
