import type { Jid } from '@inbox-hub/whatsapp'
import { tryParseJid } from '@inbox-hub/whatsapp'

/*
 * Fields of WhatsApp's protobuf as we keep them. A sender may write anything: what is no sensible value is absent.
 */

/** Of a number that protobuf gives as a `Long` when it has 64 bits. */
export type Numeric = number | { toNumber(): number } | null | undefined

export function textIn(value: string | null | undefined): string | undefined {
  return value === null || value === undefined || value === '' ? undefined : value
}

/** A whole number from 0. */
export function countOf(value: Numeric): number | undefined {
  const number = typeof value === 'object' ? value?.toNumber() : value
  return number !== undefined && Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

export function realOf(value: number | null | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** Unix ms of Unix s. */
export function momentOf(seconds: Numeric): number | undefined {
  const count = countOf(seconds)
  return count === undefined || count === 0 || count > 8_640_000_000_000 ? undefined : count * 1000
}

export function base64Of(bytes: Uint8Array | null | undefined): string | undefined {
  return bytes === null || bytes === undefined || bytes.length === 0
    ? undefined
    : Buffer.from(bytes).toString('base64')
}

export function jidIn(value: string | null | undefined): Jid | undefined {
  return tryParseJid(value ?? '')
}

/** Without the fields that are undefined. */
export function present<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  // Only undefined values are gone, as the type says.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>
  }
}
