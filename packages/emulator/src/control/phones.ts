import type { Emulator } from '../emulator.ts'
import type { Phone } from '../phone/phone.ts'
import type { PhoneMessage } from '../phone/phone-message.ts'
import { number } from './fields.ts'

/** The phones that requests name. */
export class Phones {
  readonly #emulator: Emulator
  readonly #known = new Set<string>()

  constructor(emulator: Emulator) {
    this.#emulator = emulator
  }

  /** The phones that were mentioned. */
  get all(): readonly Phone[] {
    return [...this.#known].map((each) => this.#emulator.phone(each))
  }

  /** The phone that a path names; it is made when first mentioned. @throws {z.ZodError} It is no number. */
  named(params: Readonly<Record<string, string>>): Phone {
    const made = this.#emulator.phone(number.parse(params['number']))
    this.#known.add(made.number)
    return made
  }
}

/** A message as its own phone has it. @throws {RangeError} It has none. */
export function messageOf(phone: Phone, id: string): PhoneMessage {
  const message = phone.messages.find((each) => each.id === id && each.device === 0)
  if (message === undefined) throw new RangeError(`${phone.number} has no message ${id}.`)
  return message
}
