import type { Companion } from '../line.ts'
import type { Phone } from '../phone/phone.ts'
import type { PhoneMessage } from '../phone/phone-message.ts'

export function viewOfPhone(phone: Phone): object {
  const { number, pn, lid, pushName, online, receipts, addressing, devices } = phone
  const companions = phone.companions().map(viewOfCompanion)
  return { number, pn, lid, pushName, online, receipts, addressing, devices, companions }
}

export function viewOfCompanion({ device, pn, lid, platform, online }: Companion): object {
  return { device, pn, lid, platform, online }
}

export function viewOfMessage(message: PhoneMessage): object {
  const { id, chat, from, fromMe, text, pushName, at, device } = message
  return { id, chat, from, fromMe, text: text ?? null, pushName: pushName ?? null, at, device }
}
