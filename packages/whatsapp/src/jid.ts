/**
 * A WhatsApp address in normal form: `12025550123@s.whatsapp.net`, `99887766:3@lid`, `120363000000000000@g.us`,
 * `status@broadcast`. Made by this file only, so that two equal addresses are two equal strings.
 */
export type Jid = string & { readonly __jid: unique symbol }

/** What an address points at. `other` is a server we do not know: kept, never dropped. */
export type JidKind =
  | 'pn'
  | 'lid'
  | 'hosted_pn'
  | 'hosted_lid'
  | 'group'
  | 'status'
  | 'broadcast'
  | 'newsletter'
  | 'bot'
  | 'other'

/** The parts of an address; `device` is undefined for the account itself (its phone is device 0, which is the same). */
export interface JidParts {
  user: string
  server: string
  device: number | undefined
}

/** The text is not an address. Its message does not repeat the text: it may be a customer's number. */
export class InvalidJid extends Error {
  override readonly name = 'InvalidJid'
  constructor() {
    super('not a WhatsApp address')
  }
}

/** `user[_agent][:device]@server`. The agent is an old way to name the server; WhatsApp's codec still writes it. */
const shape = /^([^@:/\s_]+|[^@:/\s]+?)(?:_(\d{1,3}))?(?::(\d{1,5}))?@([a-z][a-z\d.-]*)$/i

const digits = /^\d{1,20}$/
const groupUser = /^\d{5,25}(?:-\d{5,20})?$/

/** Server names of agents, as WhatsApp's binary codec numbers them (WAJIDDomains in Baileys, `types/jid.go` in whatsmeow). */
const serverOfAgent: Readonly<Record<string, string>> = { '1': 'lid', '128': 'hosted', '129': 'hosted.lid' }

/** The address in `text`, as WhatsApp writes it or as older libraries do (`@c.us`); undefined when it is none. */
export function tryParseJid(text: string): Jid | undefined {
  if (text.length > 160) return undefined
  const match = shape.exec(text)
  if (match === null) return undefined
  const [, rawUser = '', agent, rawDevice, rawServer = ''] = match
  let server = rawServer.toLowerCase()
  if (server === 'c.us') server = 's.whatsapp.net'
  let user = rawUser
  if (agent !== undefined) {
    // Only people's addresses carry agents; elsewhere an underscore belongs to the name.
    if (server === 's.whatsapp.net') server = serverOfAgent[agent] ?? server
    else if (server !== 'lid' && server !== 'hosted' && server !== 'hosted.lid') user = `${rawUser}_${agent}`
  }
  return jidOf({ user, server, device: rawDevice === undefined ? undefined : Number(rawDevice) })
}

/** The address in `text`. @throws {InvalidJid} */
export function parseJid(text: string): Jid {
  const jid = tryParseJid(text)
  if (jid === undefined) throw new InvalidJid()
  return jid
}

/** The address with these parts; undefined when they make none. */
function jidOf({ user, server, device }: JidParts): Jid | undefined {
  const kind = kindOfParts(user, server)
  if (kind === undefined) return undefined
  const hasDevices = kind === 'pn' || kind === 'lid' || kind === 'hosted_pn' || kind === 'hosted_lid'
  if (device !== undefined && device !== 0 && (!hasDevices || device > 65_535)) return undefined
  // The one place where text becomes a Jid: the parts were checked above.
  return (device ? `${user}:${device}@${server}` : `${user}@${server}`) as Jid
}

function kindOfParts(user: string, server: string): JidKind | undefined {
  switch (server) {
    case 's.whatsapp.net':
      // `server@s.whatsapp.net` and `0@…` are WhatsApp itself.
      return digits.test(user) || user === 'server' ? 'pn' : undefined
    case 'lid':
      return digits.test(user) ? 'lid' : undefined
    case 'hosted':
      return digits.test(user) ? 'hosted_pn' : undefined
    case 'hosted.lid':
      return digits.test(user) ? 'hosted_lid' : undefined
    case 'g.us':
      return groupUser.test(user) ? 'group' : undefined
    case 'broadcast':
      if (user === 'status') return 'status'
      return digits.test(user) ? 'broadcast' : undefined
    case 'newsletter':
      return digits.test(user) ? 'newsletter' : undefined
    case 'bot':
      return digits.test(user) ? 'bot' : undefined
    default:
      return 'other'
  }
}

/** The parts of an address. */
export function partsOf(jid: Jid): JidParts {
  const at = jid.lastIndexOf('@')
  const colon = jid.indexOf(':')
  return colon === -1
    ? { user: jid.slice(0, at), server: jid.slice(at + 1), device: undefined }
    : { user: jid.slice(0, colon), server: jid.slice(at + 1), device: Number(jid.slice(colon + 1, at)) }
}

export function kindOf(jid: Jid): JidKind {
  const { user, server } = partsOf(jid)
  return kindOfParts(user, server) ?? 'other'
}

/** `12025550123` of `12025550123:4@s.whatsapp.net`. */
export function userOf(jid: Jid): string {
  return partsOf(jid).user
}

/** `s.whatsapp.net` of `12025550123:4@s.whatsapp.net`. */
export function serverOf(jid: Jid): string {
  return jid.slice(jid.lastIndexOf('@') + 1)
}

/** The device number; 0, the phone, when the address names none. */
export function deviceOf(jid: Jid): number {
  return partsOf(jid).device ?? 0
}

/** The account's address, whichever of its devices `jid` names. */
export function withoutDevice(jid: Jid): Jid {
  const colon = jid.indexOf(':')
  // Cutting the device out of a normal form leaves a normal form.
  return colon === -1 ? jid : (`${jid.slice(0, colon)}${jid.slice(jid.lastIndexOf('@'))}` as Jid)
}

/** The address of one device of the account. @throws {InvalidJid} when `jid` has no devices. */
export function withDevice(jid: Jid, device: number): Jid {
  const { user, server } = partsOf(jid)
  const result = jidOf({ user, server, device })
  if (result === undefined) throw new InvalidJid()
  return result
}

/** Whether both name the same account, device aside. A PN and a LID are never the same to this function. */
export function sameAccount(left: Jid, right: Jid): boolean {
  return left === right || withoutDevice(left) === withoutDevice(right)
}

/** The phone-number address of international digits. @throws {InvalidJid} */
export function pnOf(internationalDigits: string): Jid {
  return parseJid(`${internationalDigits}@s.whatsapp.net`)
}

/** The LID address of its digits. @throws {InvalidJid} */
export function lidOf(lidDigits: string): Jid {
  return parseJid(`${lidDigits}@lid`)
}

export const isPn = (jid: Jid): boolean => jid.endsWith('@s.whatsapp.net') || jid.endsWith('@hosted')
export const isLid = (jid: Jid): boolean => jid.endsWith('@lid') || jid.endsWith('@hosted.lid')
/** A person or a business: what has a number or hides one. */
export const isPerson = (jid: Jid): boolean => isPn(jid) || isLid(jid)
export const isGroup = (jid: Jid): boolean => jid.endsWith('@g.us')
export const isStatus = (jid: Jid): boolean => jid === 'status@broadcast'
/** A broadcast list of ours; the status feed is not one. */
export const isBroadcastList = (jid: Jid): boolean => jid.endsWith('@broadcast') && !isStatus(jid)
export const isNewsletter = (jid: Jid): boolean => jid.endsWith('@newsletter')
export const isBot = (jid: Jid): boolean => jid.endsWith('@bot')

/** The feed of everybody's statuses. */
export const statusJid: Jid = parseJid('status@broadcast')

/** The form that older libraries use for people, which CRMs keep in their tables: `12025550123@c.us`. Other addresses stay as they are. */
export function toCus(jid: Jid): string {
  return jid.endsWith('@s.whatsapp.net') ? `${jid.slice(0, -'s.whatsapp.net'.length)}c.us` : jid
}
