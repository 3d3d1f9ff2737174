import { partsOf, tryParseJid } from '@inbox-hub/whatsapp'

/** The parts of a user's address. `device` 0 is the phone. */
export interface UserJid {
  readonly user: string
  readonly device: number
  readonly server: 's.whatsapp.net' | 'lid'
}

/**
 * Reads the address of a user: `+12025550123`, `12025550123`, `12025550123:1@s.whatsapp.net`, `…@c.us`,
 * `…:1@lid`. Undefined for anything else (groups, broadcasts, the server).
 */
export function parseUser(address: string): UserJid | undefined {
  const known = parsed.get(address)
  if (known !== undefined) return known
  const jid = parse(address)
  if (jid === undefined) return undefined
  // The same few thousand addresses come with every stanza.
  if (parsed.size >= maxParsed) parsed.clear()
  parsed.set(address, jid)
  return jid
}
const parsed = new Map<string, UserJid>()
const maxParsed = 20_000

function parse(address: string): UserJid | undefined {
  const jid = tryParseJid(address.includes('@') ? address : `${address.replace('+', '')}@s.whatsapp.net`)
  if (jid === undefined) return undefined
  const { user, device = 0, server } = partsOf(jid)
  if (server !== 's.whatsapp.net' && server !== 'lid') return undefined
  // Shorter and longer ones are no telephone numbers (E.164), and no LIDs that we give out.
  return /^\d{5,15}$/.test(user) ? { user, device, server } : undefined
}

/** The address of a device; of a phone it is the bare address. */
export function deviceJid(user: string, device: number, server: UserJid['server']): string {
  return device === 0 ? `${user}@${server}` : `${user}:${device}@${server}`
}

export function isGroup(jid: string): boolean {
  return jid.endsWith('@g.us')
}

/** Where statuses are sent, to whom their author chose. */
export const statusBroadcast = 'status@broadcast'

/** A chat whose messages name their author beside it. */
export function namesAuthors(jid: string): boolean {
  return isGroup(jid) || jid === statusBroadcast
}

/** Where stanzas for the server itself go to and come from: an address without a user. */
export const serverJid = '@s.whatsapp.net'
