import { isPossiblePhoneNumber, parsePhoneNumberFromString } from 'libphonenumber-js/min'

import { type Jid, kindOf, tryParseJid, withoutDevice } from './jid.ts'

/** A phone number as people and CRMs write it, understood. */
export interface Phone {
  /** Country code and number, digits only: `12025550123`. */
  digits: string
  /** With the plus sign: `+12025550123`. */
  e164: string
  /** ISO 3166 country, when the numbering plan says which. */
  country: string | undefined
  /** Grouped for reading: `+1 202 555 0123`. */
  international: string
}

/** Marks of writing direction: address books put them around numbers, and copying takes them along. */
const invisible = /[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * The digits of an international number written in any usual way (`+1 (202) 555-0123`, `001202…`, `1.202.555.0123`);
 * undefined when it cannot be one (letters, under 7 or over 15 digits, a leading zero). Whether somebody has the
 * number, and in which of a country's spellings, only WhatsApp can say: nothing is rewritten here.
 */
export function phoneDigits(written: string): string | undefined {
  if (written.length > 40) return undefined
  // Full-width digits and plus signs come from East Asian keyboards.
  const ascii = written.normalize('NFKC').replace(invisible, '')
  if (!/^\s*\+?[\d\s().\-‐–/]+$/.test(ascii)) return undefined
  let digits = ascii.replace(/\D/g, '')
  if (!ascii.includes('+') && digits.startsWith('00')) digits = digits.slice(2)
  return /^[1-9]\d{6,14}$/.test(digits) ? digits : undefined
}

/** The number in `written`, with what the world's numbering plans know about it; undefined when it cannot be a number. */
export function parsePhone(written: string): Phone | undefined {
  const digits = phoneDigits(written)
  if (digits === undefined) return undefined
  const e164 = `+${digits}`
  const known = parsePhoneNumberFromString(e164)
  return { digits, e164, country: known?.country, international: known?.formatInternational() ?? e164 }
}

/** Whether the number has a length that its country uses. A hint for forms: WhatsApp decides. */
export function isPossiblePhone(written: string): boolean {
  const digits = phoneDigits(written)
  return digits !== undefined && isPossiblePhoneNumber(`+${digits}`)
}

/**
 * The chat that an API caller means: international digits in any usual writing, or an address (`@c.us`,
 * `@s.whatsapp.net`, `@lid`, `@g.us`, `@newsletter`, `@broadcast`, also with `@` as `%40`). Devices are dropped:
 * one writes to an account. Undefined when it is none of these.
 */
export function parseChatAddress(input: string): Jid | undefined {
  const text = input.trim().replace(/%40/i, '@')
  const at = text.indexOf('@')
  if (at === -1) {
    const digits = phoneDigits(text)
    return digits === undefined ? undefined : tryParseJid(`${digits}@s.whatsapp.net`)
  }
  const server = text.slice(at + 1).toLowerCase()
  if (server === 'c.us' || server === 's.whatsapp.net') {
    const plain = tryParseJid(text)
    if (plain !== undefined) return userIsNumber(plain) ? withoutDevice(plain) : undefined
    const digits = phoneDigits(text.slice(0, at)) // `+1 202 555 0123@c.us`
    return digits === undefined ? undefined : tryParseJid(`${digits}@s.whatsapp.net`)
  }
  const jid = tryParseJid(text)
  return jid === undefined || kindOf(jid) === 'other' ? undefined : withoutDevice(jid)
}

function userIsNumber(jid: Jid): boolean {
  return kindOf(jid) !== 'pn' || /^[1-9]\d{4,14}@|^[1-9]\d{4,14}:/.test(jid)
}
