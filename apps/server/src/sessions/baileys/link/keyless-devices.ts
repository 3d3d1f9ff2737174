import { isGroup, isStatus, type Jid } from '@inbox-hub/whatsapp'

import type { BinaryNode, WASocket } from '../baileys.ts'
import {
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidDecode,
  parseAndInjectE2ESessions,
} from '../baileys.ts'
import type { DeviceLists } from '../signal/device-lists.ts'

/**
 * Makes the sessions that a message needs, leaving out devices that WhatsApp has no keys of (a phone that was never opened
 * again, say): one such device makes baileys give up the whole message (Utils/signal.js, parseAndInjectE2ESessions).
 * They are taken off the remembered list, so that the next attempt does not ask for them. Answers how many.
 */
export async function leaveOutKeylessDevices(
  sock: WASocket,
  lists: Pick<DeviceLists, 'get' | 'change'>,
  { to, self, audience }: { to: Jid; self: Jid; audience: readonly Jid[] },
): Promise<number> {
  const people = isGroup(to)
    ? (await sock.groupMetadata(to)).participants.map(({ id }) => id)
    : isStatus(to)
      ? [...audience, self]
      : [to, self]
  const devices = await sock.getUSyncDevices(people, true, false)
  const missing: string[] = []
  for (const { jid } of devices)
    if (!(await sock.signalRepository.validateSession(jid)).exists) missing.push(jid)
  if (missing.length === 0) return 0
  const answer: unknown = await sock.query({
    tag: 'iq',
    attrs: { xmlns: 'encrypt', type: 'get', to: 's.whatsapp.net' },
    content: [{ tag: 'key', attrs: {}, content: missing.map((jid) => ({ tag: 'user', attrs: { jid } })) }],
  })
  // A query that timed out resolves with undefined.
  const list = answer === undefined ? undefined : getBinaryNodeChild(answer as BinaryNode, 'list')
  const users = list === undefined ? [] : getBinaryNodeChildren(list, 'user')
  const [keyless, whole] = partition(users, (user) => getBinaryNodeChild(user, 'error') !== undefined)
  await parseAndInjectE2ESessions(
    { tag: 'iq', attrs: {}, content: [{ tag: 'list', attrs: {}, content: whole }] },
    sock.signalRepository,
  )
  for (const { attrs } of keyless) {
    const { user, device = 0 } = jidDecode(attrs['jid']) ?? { user: '' }
    const known = await lists.get(user)
    if (known !== undefined)
      await lists.change(
        user,
        known.filter((one) => (one.device ?? 0) !== device),
      )
  }
  return keyless.length
}

function partition<T>(list: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  const yes: T[] = []
  const no: T[] = []
  for (const item of list) (test(item) ? yes : no).push(item)
  return [yes, no]
}
