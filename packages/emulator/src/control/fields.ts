import { z } from 'zod'

export const number = z.string().regex(/^\+?\d{5,15}$/, 'a number like +12025550123')
/** A number, a JID or a group. */
export const address = z.string().min(5)
export const text = z.string().min(1).max(65_536)
export const addressing = z.enum(['lid', 'pn'])
export const device = z.int().min(0)
export const base64 = z.base64().transform((encoded) => Buffer.from(encoded, 'base64'))
export const messageId = z.string().min(1).max(64)

/** A message of a protobuf, from its JSON. */
export function fromJson<Message extends object>(
  type: { fromObject(json: Record<string, unknown>): Message },
  json: Record<string, unknown>,
  context: z.RefinementCtx,
): Message {
  try {
    const content = type.fromObject(json)
    if (Object.keys(content).length > 0) return content
  } catch {
    // A field of another type than WhatsApp's.
  }
  context.addIssue({ code: 'custom', input: json, message: 'no message of WhatsApp’s protobuf' })
  return z.NEVER
}

/** Without the fields that were left out. */
export function present<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  // Only undefined values are gone, as the type says.
  return Object.fromEntries(entries) as { [Name in keyof Fields]: Exclude<Fields[Name], undefined> }
}
