import { endpoints } from '@inbox-hub/contract'

import { type HubOptions, hubOf } from '../hub.ts'
import { print, printJson, type Terminal } from '../terminal.ts'

export interface SendOptions extends HubOptions {
  quote?: string
  idempotencyKey?: string
}

export async function send(
  { session, to, text }: { session: string; to: string; text: string },
  options: SendOptions,
  terminal: Terminal,
): Promise<void> {
  const answer = await hubOf(options, terminal).call(endpoints.sendMessage, {
    params: { sessionId: session },
    body: { to, message: text, quotedMessageId: options.quote },
    ...(options.idempotencyKey === undefined
      ? {}
      : { headers: { 'idempotency-key': options.idempotencyKey } }),
  })
  if (options.json === true) {
    printJson(terminal, answer)
    return
  }
  const { messageId, status, chatId } = answer
  print(
    terminal,
    status === 'pending'
      ? `${messageId} to ${chatId}: accepted; WhatsApp has not taken it yet. It is sent as soon as it does.`
      : `${messageId} to ${chatId}: ${status}`,
  )
}
