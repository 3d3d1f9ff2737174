import { isGroup, isPerson, type Jid, parseChatAddress, phoneDigits, tryParseJid } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import type { TextValues } from './language.ts'

/*
 * Fields of requests. Clients send form values as text, numbers as strings and `null` or '' for "not given"
 * (Frappe does all three): what can be understood is, what cannot is an issue that names the field.
 */

/** Issues of our own; their texts in every language are in issue-texts.ts. */
export type OwnIssue =
  | 'required'
  | 'not_a_chat'
  | 'not_a_phone'
  | 'not_a_date'
  | 'not_a_url'
  | 'not_a_status'
  | 'not_a_session_id'
  | 'reserved_session_id'
  | 'unknown_kind'
  | 'one_source'
  | 'not_in_album'
  | 'text_or_file'
  | 'not_a_vcard'
  | 'card_incomplete'
  | 'not_distinct'
  | 'more_than_options'
  | 'end_before_begin'
  | 'not_base64'
  | 'not_a_newsletter'
  | 'not_a_colour'
  | 'not_an_emoji'
  | 'not_a_pin_time'
  | 'not_its_chat'
  | 'not_for_later'
  | 'end_before_start'
  | 'not_in_future'
  | 'below_minimum'
  | 'too_far_ahead'
  | 'not_a_proxy'
  | 'not_a_group'
  | 'not_a_person'
  | 'not_an_invite'
  | 'not_a_timer'
  | 'unknown_placeholder'
  | 'unknown_event'
  | 'preset_reserved'
  | 'reserved_header'
  | 'not_a_header'
  | 'not_a_secret'
  | 'weak_password'
  | 'not_a_network'
  | 'not_a_variable'
  | 'too_many_variables'
  | 'one_name'
  | 'one_file_source'

/** The `params` of an issue of our own, with what its text names. */
export function issue(
  key: OwnIssue,
  values?: TextValues,
): { params: { key: OwnIssue; values?: TextValues } } {
  return { params: values === undefined ? { key } : { key, values } }
}

const trimmed = (value: unknown): unknown => (typeof value === 'string' ? value.trim() : value)
export const numberAsText = (value: unknown): unknown => (typeof value === 'number' ? String(value) : value)
const blank = (value: unknown): boolean => value === undefined || value === null || value === ''

/** The field may be missing, null or blank; all three mean "not given". */
export function maybe<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (blank(trimmed(value)) ? undefined : value), schema.optional()).optional()
}

/** Text of `min` to `max` characters; a number is taken as its digits. */
export function text(min: number, max: number) {
  return z.preprocess(numberAsText, z.string().min(min).max(max))
}

/** A whole number, also written as text. */
export function int(min: number, max: number) {
  return z.preprocess(numeric, z.int().min(min).max(max))
}

/** A number, also written as text. */
export function real(min: number, max: number) {
  return z.preprocess(numeric, z.number().min(min).max(max))
}

function numeric(value: unknown): unknown {
  if (typeof value !== 'string') return value
  const written = value.trim()
  return /^[+-]?\d{1,18}(\.\d{1,18})?$/.test(written) ? Number(written) : value
}

/** True or false, also as `"true"`, `"1"`, `"yes"`, `"on"`, `1` and their opposites. */
export function bool() {
  return z.preprocess((value) => {
    if (value === 1) return true
    if (value === 0) return false
    if (typeof value !== 'string') return value
    const word = value.trim().toLowerCase()
    if (['true', '1', 'yes', 'on', 'si', 'sí'].includes(word)) return true
    if (['false', '0', 'no', 'off'].includes(word)) return false
    return value
  }, z.boolean())
}

/** A list, also as JSON text or separated by commas. */
export function list<Item extends z.ZodType>(item: Item, max: number) {
  return z.preprocess((value) => {
    if (typeof value !== 'string') return value
    const written = value.trim()
    if (written === '') return []
    if (written.startsWith('[')) {
      try {
        const parsed: unknown = JSON.parse(written)
        return parsed
      } catch {
        return value
      }
    }
    return written.split(',').map((part) => part.trim())
  }, z.array(item).max(max))
}

/** Page number, from 1. */
export const page = maybe(int(1, 1_000_000)).transform((value) => value ?? 1)

/** Page size. More than 1000 is taken as 1000: clients ask for more than the documents allow, and never for page 2. */
export function limit(usual: number) {
  return maybe(z.preprocess(numeric, z.int().min(1).max(Number.MAX_SAFE_INTEGER)))
    .transform((value) => Math.min(value ?? usual, 1000))
    .meta({ description: `1 to 1000, ${usual} when not given; more is taken as 1000.` })
}

/** A session by number or by name. Which of the two is looked up first depends on the route. */
export const sessionRef = z.string().min(1).max(100).meta({
  description: 'The numeric `id` or the `sessionId` of a session.',
  example: 'support',
})

/** A chat: a number in any usual writing, or an address. */
export const chatAddress = z
  .preprocess(
    numberAsText,
    z
      .string()
      .max(160)
      .transform((value, context): Jid => {
        const jid = parseChatAddress(value)
        if (jid !== undefined) return jid
        context.addIssue({ code: 'custom', input: value, ...issue('not_a_chat') })
        return z.NEVER
      }),
  )
  .meta({
    description:
      'Digits with country code (also with `+`), or a JID: `@c.us`, `@s.whatsapp.net`, `@lid`, `@g.us`.',
    example: '12025550123',
  })

/** A group: its JID, with or without `@g.us`. */
export const groupAddress = z
  .string()
  .max(160)
  .transform((value, context): Jid => {
    const written = value.trim()
    const jid = tryParseJid(written.includes('@') ? written : `${written}@g.us`)
    if (jid !== undefined && isGroup(jid)) return jid
    context.addIssue({ code: 'custom', input: value, ...issue('not_a_group') })
    return z.NEVER
  })
  .meta({ description: 'A JID `…@g.us`, or its digits.', example: '120363000000000001@g.us' })

/** Somebody: a number in any usual writing, or an address that is no group. */
export const personAddress = z
  .preprocess(
    numberAsText,
    z
      .string()
      .max(160)
      .transform((value, context): Jid => {
        const jid = parseChatAddress(value)
        if (jid !== undefined && isPerson(jid)) return jid
        context.addIssue({ code: 'custom', input: value, ...issue('not_a_person') })
        return z.NEVER
      }),
  )
  .meta({
    description: 'Digits with country code (also with `+`), or a JID: `@c.us`, `@s.whatsapp.net`, `@lid`.',
    example: '12025550123',
  })

/** The code of an invitation to a group, alone or as the link that people share. */
export const inviteCode = z
  .string()
  .max(200)
  .transform((value, context): string => {
    const code = /^(?:(?:https?:\/\/)?chat\.whatsapp\.com\/(?:invite\/)?)?([\w-]{10,40})(?:\?.*)?$/.exec(
      value.trim(),
    )?.[1]
    if (code !== undefined) return code
    context.addIssue({ code: 'custom', input: value, ...issue('not_an_invite') })
    return z.NEVER
  })
  .meta({
    description: 'The code, or the link `https://chat.whatsapp.com/…`.',
    example: 'Abc123Def456Ghi789Jkl0',
  })

/** Digits of an international phone number; `+`, spaces, dots and dashes are cleaned away. */
export const phone = z
  .preprocess(
    numberAsText,
    z
      .string()
      .max(60)
      .transform((value, context): string => {
        const digits = phoneDigits(value.replace(/@.*$/s, ''))
        if (digits !== undefined) return digits
        context.addIssue({ code: 'custom', input: value, ...issue('not_a_phone') })
        return z.NEVER
      }),
  )
  .meta({ description: 'With country code, e.g. `12025550123`.', example: '12025550123' })

/** A moment: ISO 8601 with or without time, or Unix seconds or milliseconds. Becomes Unix ms. */
export function moment(dateOnly: 'start_of_day' | 'end_of_day') {
  return z
    .union([z.string().max(40), z.number()])
    .transform((value, context): number => {
      const at = parseMoment(value, dateOnly)
      if (at !== undefined) return at
      context.addIssue({ code: 'custom', input: value, ...issue('not_a_date') })
      return z.NEVER
    })
    .meta({ description: 'ISO 8601, or Unix seconds or milliseconds.', example: '2026-01-31' })
}

function parseMoment(value: string | number, dateOnly: 'start_of_day' | 'end_of_day'): number | undefined {
  const written = String(value).trim()
  if (/^\d{1,14}$/.test(written)) {
    const count = Number(written)
    return count < 100_000_000_000 ? count * 1000 : count // seconds until the year 5138
  }
  if (!/^\d{4}-\d{2}-\d{2}([T ][\d:.]{4,15}(Z|[+-]\d{2}:?\d{2})?)?$/i.test(written)) return undefined
  const day = written.length === 10
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/i.test(written.slice(10))
  const at = Date.parse(day || zoned ? written.replace(' ', 'T') : `${written.replace(' ', 'T')}Z`)
  if (Number.isNaN(at)) return undefined
  return day && dateOnly === 'end_of_day' ? at + 86_399_999 : at
}

/** An http or https address. */
export const webUrl = z
  .string()
  .trim()
  .max(2048)
  .refine((value) => {
    const url = URL.parse(value)
    return (
      url !== null &&
      (url.protocol === 'http:' || url.protocol === 'https:') &&
      url.username === '' &&
      url.password === ''
    )
  }, issue('not_a_url'))
  .meta({ format: 'uri', example: 'https://crm.example.com/hooks/whatsapp' })

/** Where a session's traffic with WhatsApp goes through. User and password are kept sealed and never answered. */
export const proxyUrl = z
  .string()
  .trim()
  .max(1024)
  .refine((value) => {
    const url = URL.parse(value)
    return (
      url !== null &&
      url.hostname !== '' &&
      ['http:', 'https:', 'socks:', 'socks5:', 'socks5h:'].includes(url.protocol)
    )
  }, issue('not_a_proxy'))
  .meta({ example: 'socks5://user:password@proxy.example.com:1080' })
