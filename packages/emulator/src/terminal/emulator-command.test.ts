import { PassThrough } from 'node:stream'

import { expect, test } from 'vitest'

import { help, parseCommand } from './command.ts'
import { runEmulatorCommand } from './emulator-command.ts'
import { BaileysClient } from '../testing/baileys-client.ts'
import { reconnected } from '../testing/linked.ts'

/** A terminal whose keyboard and screen are in the test's hands. */
class Terminal implements AsyncDisposable {
  readonly #input = new PassThrough()
  readonly #out = new PassThrough()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #screen = ''
  #changed = Promise.withResolvers<void>()

  constructor(options: { interactive: boolean }) {
    this.#out.on('data', (chunk: Buffer) => {
      this.#screen += chunk.toString()
      this.#changed.resolve()
      this.#changed = Promise.withResolvers()
    })
    this.#running = runEmulatorCommand({
      ...options,
      signal: this.#stop.signal,
      out: this.#out,
      input: this.#input,
    })
  }

  types(line: string): void {
    this.#input.write(`${line}\n`)
  }

  /** Waits until the screen shows it; gives the match. */
  async shows(what: RegExp): Promise<string> {
    for (;;) {
      const match = what.exec(this.#screen)
      if (match !== null) return match[1] ?? match[0]
      await this.#changed.promise
    }
  }

  /** Waits until the command has ended. */
  ended(): Promise<void> {
    return this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

test('a person at the terminal links a client and talks to it from two phones', async () => {
  await using terminal = new Terminal({ interactive: true })
  const url = await terminal.shows(/WHATSAPP_URL=(\S+)/)
  const rootKey = await terminal.shows(/WHATSAPP_ROOT_KEY=(\w+)/)
  await using client = new BaileysClient({ url, rootKey })
  client.connect()
  terminal.types(`scan ${await client.qr()}`)
  await terminal.shows(/Linked Mac OS as device 1/)
  await client.closed()
  await reconnected(client)
  terminal.types('use +12025550123')
  terminal.types('name Ana')
  terminal.types('say +12025550100 Are you open today?')
  const { message } = await client.until(() =>
    client.messages.find(({ message }) => message.message?.conversation === 'Are you open today?'),
  )
  expect(message.pushName).toBe('Ana')
  await client.socket.sendMessage(message.key.remoteJid ?? '', { text: 'Until six.' })
  await terminal.shows(/\+12025550100: Until six\./)
  terminal.types('read')
  await client.until(() =>
    client.stanzas.some(({ tag, attrs }) => tag === 'receipt' && attrs['type'] === 'read'),
  )
  terminal.types('frobnicate')
  await terminal.shows(/There is no "frobnicate"/)
  terminal.types('say')
  await terminal.shows(/That needs a number/)
  terminal.types('use +12025550100')
  terminal.types('status')
  await terminal.shows(/1 Mac OS online/)
  terminal.types('inbox')
  await terminal.shows(/to \+12025550123: Until six/)
  terminal.types('quit')
  await terminal.ended()
})

test('whatever the control API can do can be typed, for the phone in hand', async () => {
  await using terminal = new Terminal({ interactive: true })
  terminal.types('do groups subject="Old friends" members=["+12025550123"]')
  await terminal.shows(/There is nothing at \/phones\/\+12025550100\/groups/)
  terminal.types('do /groups subject="Old friends" members=["+12025550100","+12025550123"]')
  const group = await terminal.shows(/"jid": "([^"]*@g\.us)"/)
  terminal.types(`do /groups/${group}/members actor=+12025550100 change=promote people=["+12025550123"]`)
  await terminal.shows(/"admin": "admin"/)
  terminal.types('use +12025550123')
  terminal.types(`say ${group} Hello`)
  terminal.types('inbox')
  const id = await terminal.shows(/you: Hello {2}(\w+)/)
  terminal.types(`do PATCH messages/${id} text="See you at six"`)
  terminal.types(`do reactions messageId=${id} emoji=👍`)
  terminal.types(`do GET messages/${id}`)
  await terminal.shows(/"text": "See you at six"/)
  terminal.types('do PUT labels/4 name="New order" color=3')
  await terminal.shows(/Done\./)
  terminal.types('do PUT labels/4 color=red')
  await terminal.shows(/name: .*color: .*can lists what each takes/)
  terminal.types('can quick')
  expect(await terminal.shows(/do PUT quick-replies\/:id (\S+)/)).toBe('reply')
})

test('without a person the command runs until it is told to end', async () => {
  const terminal = new Terminal({ interactive: false })
  const control = await terminal.shows(/Control API: (\S+)/)
  const answer = await fetch(control)
  expect(await answer.json()).toMatchObject({ url: await terminal.shows(/WHATSAPP_URL=(\S+)/) })
  await terminal[Symbol.asyncDispose]()
  await expect(fetch(control)).rejects.toThrow('fetch failed')
})

test('every command in the help can be typed', () => {
  const words = help()
    .split('\n')
    .map((line) => line.trim().split(' ')[0] ?? '')
  expect(words).toContain('say')
  for (const word of words) {
    expect(parseCommand(`${word} +12025550123 some=thing`).do).toBe(word)
  }
})
