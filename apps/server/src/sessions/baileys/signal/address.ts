import { jidDecode, WAJIDDomains } from '../baileys.ts'

/** A device as libsignal names it: `12025550123.0`, `99887766_1.3` (the number after `_` is the server). */
export interface SignalAddress {
  /** `12025550123` or `99887766_1`. */
  readonly user: string
  readonly device: number
  /** `user.device`: the id of the record in the store. */
  readonly id: string
}

/** The same names that baileys gives (Signal/libsignal.js, jidToSignalProtocolAddress). Throws on an address without a user. */
export function signalAddressOf(jid: string): SignalAddress {
  const decoded = jidDecode(jid)
  if (decoded === undefined || decoded.user === '')
    throw new Error('a JID without a user has no Signal address')
  const { user, device, server, domainType } = decoded
  if (device === 99 && server !== 'hosted' && server !== 'hosted.lid')
    throw new Error('device 99 exists on hosted accounts only')
  return addressOf(domainType === WAJIDDomains.WHATSAPP ? user : `${user}_${domainType}`, device ?? 0)
}

export function addressOf(user: string, device: number): SignalAddress {
  return { user, device, id: `${user}.${device}` }
}

/** `12025550123` of the phone-number forms (also hosted ones); undefined for a LID. */
export function pnUserOf({ user }: SignalAddress): string | undefined {
  const [digits = '', domain = '0'] = user.split('_')
  return domain === String(WAJIDDomains.LID) || domain === String(WAJIDDomains.HOSTED_LID)
    ? undefined
    : digits
}

/** The LID form of a phone-number address: hosted numbers have hosted LIDs. */
export function lidAddressOf({ user, device }: SignalAddress, lidUser: string): SignalAddress {
  const isHosted = user.endsWith(`_${WAJIDDomains.HOSTED}`)
  return addressOf(`${lidUser}_${isHosted ? WAJIDDomains.HOSTED_LID : WAJIDDomains.LID}`, device)
}
