import type { BinaryNode } from '../baileys.ts'
import { isGroup } from '../jid.ts'
import type { Line } from '../line.ts'
import { Log } from '../log.ts'
import { child, children, childrenOf, node } from '../stanza.ts'
import type { PhoneCalls } from './calls.ts'
import type { CompanionCare } from './companion-care.ts'
import { textOf } from './content.ts'
import type { Later } from './later.ts'
import type { Memory } from './memory.ts'
import type { Names } from './names.ts'
import type { PhoneDevice } from './phone-device.ts'
import type { PhoneMessage } from './phone-message.ts'
import type { Activity, AutomaticReceipts } from './phone-options.ts'

interface InboundParts {
  line: Line
  memory: Memory
  names: Names
  calls: PhoneCalls
  companions: CompanionCare
  /** @throws {RangeError} the phone simulates no device of that number */
  device: (number: number) => PhoneDevice
  receipts: () => AutomaticReceipts
  later: Later
}

/** What comes to a phone's devices, and what the app does about it by itself: reads, confirms, asks and writes again. */
export class Inbound {
  readonly activity: Log<Activity>
  readonly #parts: InboundParts

  constructor(parts: InboundParts) {
    this.#parts = parts
    this.activity = new Log(1000, () => parts.line.truth.touched())
  }

  take(number: number, stanza: BinaryNode): void {
    const { calls, device } = this.#parts
    switch (stanza.tag) {
      case 'message':
        return this.#takeMessage(device(number), stanza)
      case 'receipt':
        return this.#takeReceipt(device(number), stanza)
      case 'call':
        calls.hear(stanza)
        return this.#noteActivity(stanza)
      case 'chatstate':
      case 'presence':
        return this.#noteActivity(stanza)
      default: // Notifications: nothing they tell is kept here, it is asked of the server when needed.
    }
  }

  /** Sends read receipts for those that have none yet. */
  markRead(messages: readonly PhoneMessage[]): void {
    const { memory, device } = this.#parts
    const unread = memory.readNow(messages)
    const bySender = Map.groupBy(unread, ({ device, wire }) => `${device} ${wire?.from} ${wire?.participant}`)
    for (const group of bySender.values()) {
      const [first] = group
      if (first?.wire === undefined) continue
      const ids = group.map(({ id }) => id)
      device(first.device).acknowledge(first.wire, ids, 'read')
    }
  }

  /** Listens to a message, or looks at it. @throws {RangeError} it was not received */
  play({ id, device: number, wire }: PhoneMessage): void {
    if (wire === undefined) throw new RangeError(`${id} was not received.`)
    this.#parts.device(number).acknowledge(wire, [id], 'played')
  }

  #takeMessage(device: PhoneDevice, stanza: BinaryNode): void {
    const { id = '', from = '', participant, category, notify, recipient, t } = stanza.attrs
    const { line, memory, names, companions, receipts, later } = this.#parts
    const { truth, clock } = line
    const author = names.devicePn(participant ?? from)
    const reading = device.read(stanza)
    if (!reading.readable) {
      truth.decryptFailures.add({ id, by: device.pn, from: author, reason: reading.reason, at: clock.now() })
      if (reading.retry) later(() => device.askAgain(stanza))
      return
    }
    const isOwn = names.barePn(author) === line.pn
    const copy = isOwn ? reading.message.deviceSentMessage : undefined
    const message = copy?.message ?? reading.message
    const chat = isGroup(from) ? from : (recipient ?? from)
    const text = textOf(message)
    truth.decrypted.add({ id, by: device.pn, from: author, chat, text, at: clock.now() })
    if (category === 'peer') {
      if (isOwn) companions.answer(from, id, message)
      return
    }
    if (!isOwn) {
      const account = line.account(author)
      if (account !== undefined) memory.meets(account, notify)
    }
    const received: PhoneMessage = {
      id,
      chat: isGroup(chat) ? chat : names.barePn(chat),
      from: author,
      fromMe: isOwn,
      text,
      message,
      pushName: notify,
      at: Number(t) * 1000,
      device: device.number,
      wire: { from, participant },
    }
    const isNew = memory.add(received)
    if (isOwn || receipts() === 'off') return
    later(() => {
      device.acknowledge({ from, participant }, [id], undefined)
      if (isNew && receipts() === 'read') this.markRead([received])
    })
  }

  #takeReceipt(device: PhoneDevice, receipt: BinaryNode): void {
    const { line, memory, companions, later } = this.#parts
    const { id = '', from = '', participant, type } = receipt.attrs
    if (type === 'retry') {
      later(() => device.writeAgain(receipt))
      return
    }
    if (type === 'server-error') {
      later(() => companions.answerMediaRetry(receipt))
      return
    }
    const ids = [id, ...childrenOf(child(receipt, 'list'), 'item').map((item) => item.attrs['id'] ?? '')]
    for (const one of ids) memory.confirmed(one, participant ?? from, type)
    line.truth.touched()
  }

  #noteActivity(stanza: BinaryNode): void {
    const { from = '', participant, type } = stanza.attrs
    const what = stanza.tag === 'call' ? 'call' : (children(stanza)[0] ?? node(type ?? 'available'))
    const state = what === 'call' ? what : stateOf(what)
    if (state === undefined) return
    this.activity.add({ from: participant ?? from, what: state, at: this.#parts.line.clock.now() })
  }
}

function stateOf({ tag, attrs }: BinaryNode): Activity['what'] | undefined {
  if (tag === 'composing') return attrs['media'] === 'audio' ? 'recording' : 'composing'
  return tag === 'paused' || tag === 'available' || tag === 'unavailable' ? tag : undefined
}
