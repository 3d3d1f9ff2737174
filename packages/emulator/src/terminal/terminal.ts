import { readFile, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'

import { controlEndpoints } from '../control/control.ts'
import type { Endpoint } from '../control/endpoint.ts'
import type { Emulator } from '../emulator.ts'
import { mediaFromFile, mediaOf } from '../media/index.ts'
import type { Phone } from '../phone/phone.ts'
import type { PhoneMessage } from '../phone/phone-message.ts'
import { type Command, help, parseCommand } from './command.ts'
import { canLines, doLine } from './control-line.ts'

export interface TerminalOptions {
  /** The phone in hand at first. */
  number: string
  input: Readable
  out: Writable
  signal: AbortSignal
}

/**
 * A phone in a terminal: reads commands until `quit`, the end of the input or the signal, and shows messages
 * as they come.
 */
export async function runTerminal(
  emulator: Emulator,
  { number, input, out, signal }: TerminalOptions,
): Promise<void> {
  const ended = new AbortController()
  const until = AbortSignal.any([signal, ended.signal])
  const endpoints = controlEndpoints(emulator)
  let phone = emulator.phone(number)
  const lines = createInterface({ input, output: out, prompt: prompt(phone), signal: until })
  const print = (text: string): void => {
    out.write(`\r${text}\n`)
    if (!until.aborted) lines.prompt()
  }
  const shown = showArrivals(emulator, () => phone, print, until)
  // In raw mode Ctrl-C is a key like any other.
  lines.on('SIGINT', () => lines.close())
  print('A phone of the emulator. help lists what it can do.')
  try {
    for await (const line of lines) {
      if (line.trim() === '') {
        lines.prompt()
        continue
      }
      try {
        const command = parseCommand(line)
        if (command.do === 'quit') break
        if (command.do === 'use') {
          phone = emulator.phone(command.number)
          lines.setPrompt(prompt(phone))
        }
        print(await perform({ emulator, endpoints, phone, signal: until }, command))
      } catch (error) {
        print(error instanceof Error ? error.message : String(error))
      }
    }
  } finally {
    ended.abort()
    lines.close()
    await shown
  }
}

/** Does it, and says what came of it. */
async function perform(
  {
    emulator,
    endpoints,
    phone,
    signal,
  }: { emulator: Emulator; endpoints: readonly Endpoint[]; phone: Phone; signal: AbortSignal },
  command: Command,
): Promise<string> {
  switch (command.do) {
    case 'scan':
    case 'code': {
      const { device, platform } = await (command.do === 'scan'
        ? phone.scan(command.qr)
        : phone.enterCode(command.code))
      return `Linked ${platform} as device ${device}.`
    }
    case 'say':
      phone.sends(command.to, command.text)
      return 'Sent.'
    case 'file': {
      const { to, path, caption } = command
      const content = mediaFromFile(path, await readFile(path))
      phone.sendsMedia(to, { ...content, ...(caption !== undefined && { caption }) })
      return `Sent as ${content.media}.`
    }
    case 'save': {
      const last = phone.inbox.findLast(({ message }) => mediaOf(message) !== undefined)
      if (last === undefined) return 'No file has come.'
      const bytes = await phone.downloads(last)
      await writeFile(command.path, bytes, { flag: 'wx' })
      return `Wrote ${bytes.length} bytes to ${command.path}.`
    }
    case 'post':
      phone.postsStatus(command.text, command.audience)
      return 'Posted.'
    case 'read':
      for (const chat of command.chat === undefined ? chatsOf(phone) : [command.chat]) phone.reads(chat)
      return 'Read.'
    case 'type':
      phone.types(command.to)
      return 'Typing.'
    case 'about':
      phone.profile.about(command.text)
      return 'Written.'
    case 'block':
    case 'unblock':
      phone.profile.block(command.number, command.do === 'block')
      return command.do === 'block' ? 'Blocked.' : 'Not blocked any more.'
    case 'call':
      return `It rings: ${phone.calls(command.to, { video: command.video })}`
    case 'hangup':
      phone.hangsUp(command.to, command.callId)
      return 'Over.'
    case 'name':
      phone.setsPushName(command.name)
      return `Now called ${phone.pushName}.`
    case 'use':
      return `This is ${phone.number}.`
    case 'group':
      return `Made ${emulator.group(command.subject, [phone.number, ...command.members]).jid}.`
    case 'do':
      return doLine(endpoints, phone.number, command, signal)
    case 'can':
      return canLines(endpoints, command.word)
    case 'unlink':
      phone.unlink()
      return 'Unlinked.'
    case 'drop':
      emulator.account(phone.number).disconnect()
      return 'Dropped.'
    case 'offline':
      phone.goOffline()
      return 'Offline: what comes now waits.'
    case 'online':
      phone.goOnline()
      return 'Online.'
    case 'inbox': {
      const latest = [...phone.messages].slice(-20)
      return latest.length === 0
        ? 'No messages.'
        : latest.map((message) => `${lineOf(message)}  ${message.id}`).join('\n')
    }
    case 'status': {
      const clients = phone
        .companions()
        .map(({ device, platform, online }) => `  ${device} ${platform} ${online ? 'online' : 'offline'}`)
      return [`${phone.number} ${phone.pushName}, ${phone.online ? 'online' : 'offline'}`, ...clients].join(
        '\n',
      )
    }
    case 'help':
    case 'quit':
      break
  }
  return help()
}

/** Prints what the phone in hand receives, until the signal. */
async function showArrivals(
  emulator: Emulator,
  inHand: () => Phone,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const seen = new WeakMap<Phone, number>()
  const arrived = (): { phone: Phone; fresh: PhoneMessage[] } | undefined => {
    const phone = inHand()
    const { total } = phone.messages
    const known = seen.get(phone) ?? 0
    seen.set(phone, total)
    const fresh = total === known ? [] : [...phone.messages].slice(known - total)
    const others = fresh.filter(({ from }) => from !== phone.pn)
    return others.length === 0 ? undefined : { phone, fresh: others }
  }
  while (!signal.aborted) {
    try {
      const { fresh } = await emulator.truth.until(arrived, { timeoutMs: maxTimeoutMs, signal })
      for (const message of fresh) print(lineOf(message))
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}
/** The longest time a timer of node can wait: 24 days. */
const maxTimeoutMs = 2 ** 31 - 1

function chatsOf(phone: Phone): string[] {
  return [...new Set(phone.inbox.map(({ chat }) => chat))]
}

function prompt(phone: Phone): string {
  return `${phone.number}> `
}

function lineOf(message: PhoneMessage): string {
  const { chat, from, fromMe, pushName, at } = message
  const time = new Date(at).toISOString().slice(11, 19)
  const other = `+${chat.slice(0, chat.indexOf('@'))}`
  const who = chat.endsWith('@g.us')
    ? `${chat} ${fromMe ? 'you' : (pushName ?? from)}`
    : fromMe
      ? `to ${other}`
      : `${pushName ?? ''} ${other}`.trim()
  return `${time} ${who}: ${what(message)}`
}

/** What the line of a message shows of it. */
function what({ text, message }: PhoneMessage): string {
  const media = mediaOf(message)
  if (media === undefined) return text ?? '(no text)'
  return `[${media.kind}, ${media.reference.fileLength} bytes] ${text ?? ''}`.trim()
}
