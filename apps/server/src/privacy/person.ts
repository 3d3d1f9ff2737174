import { isLid, isPn, type Jid, pnOf, userOf, withoutDevice } from '@inbox-hub/whatsapp'

import { type Chats, findContact } from '../chats/index.ts'
import type { Database } from '../platform/database/index.ts'

/** Somebody a session deals with, by all their addresses. */
export interface Person {
  readonly sessionId: number
  /** LID and number, without device. */
  readonly jids: readonly Jid[]
  /** What of these stands in texts: digits. */
  readonly digits: readonly string[]
}

export async function personOf(
  database: Database,
  { addresses }: Pick<Chats, 'addresses'>,
  { sessionId, jid }: { sessionId: number; jid: Jid },
): Promise<Person> {
  const asked = withoutDevice(jid)
  const address = [{ sessionId, jid: asked }]
  const canonical = (await addresses.canonical(database, address))(sessionId, asked)
  const shown = (await addresses.shown(database, address))(sessionId, asked)
  const number = (await findContact.first(database, { sessionId, jid: canonical }))?.number
  const all = [asked, canonical, shown, ...(typeof number === 'string' ? [pnOf(number)] : [])]
  const jids = [...new Set(all)].filter((each) => isLid(each) || isPn(each))
  return { sessionId, jids, digits: jids.map(userOf) }
}

/** Whether a text has one of the addresses of `person` in it. */
export function names({ digits }: Person, text: string): boolean {
  return digits.some((each) => text.includes(each))
}

/** What stands in the place of an address that was taken out: digits still, so that what reads addresses can read it. */
export const nobody = '0'

/** The text without the addresses of `person`. */
export function withoutPerson({ digits }: Person, text: string): string {
  return digits.reduce((rest, each) => rest.replaceAll(each, nobody), text)
}

/** The same of JSON, where also what they are quoted with, and cards that carry their number, are emptied. */
export function jsonWithoutPerson(person: Person, json: string): string {
  return names(person, json) ? withoutPerson(person, JSON.stringify(emptied(person, JSON.parse(json)))) : json
}

function emptied(person: Person, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => emptied(person, each))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const { sender } = value as { sender?: unknown }
  const isTheirs =
    (typeof sender === 'string' && names(person, sender)) ||
    entries.some(([, text]) => typeof text === 'string' && /BEGIN:VCARD/i.test(text) && names(person, text))
  return Object.fromEntries(
    entries.map(([key, each]) => [
      key,
      isTheirs && typeof each === 'string' && key !== 'id' && key !== 'kind' && key !== 'sender'
        ? ''
        : emptied(person, each),
    ]),
  )
}
