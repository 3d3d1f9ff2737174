import type { BinaryNode, WASocket } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { isLid, isPn, tryParseJid, userOf, withoutDevice } from '@inbox-hub/whatsapp'
import { isMissing } from '../missing.ts'

/** What WhatsApp says about one number; `exists` undefined = it did not say. */
export interface NumberAnswer {
  digits: string
  exists: boolean | undefined
  pn: Jid | undefined
  lid: Jid | undefined
}

/**
 * Asks in one query whether numbers exist and which LIDs hide them. baileys' own `onWhatsApp` answers neither which
 * number an answer is for (WhatsApp may correct a Brazilian or Mexican one) nor the LID.
 */
export async function askNumbers(
  sock: WASocket,
  numbers: readonly string[],
): Promise<readonly NumberAnswer[]> {
  if (numbers.length === 0) return []
  const answer: unknown = await sock.query({
    tag: 'iq',
    attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'usync' },
    content: [
      {
        tag: 'usync',
        attrs: {
          context: 'interactive',
          mode: 'query',
          sid: sock.generateMessageTag(),
          last: 'true',
          index: '0',
        },
        content: [
          {
            tag: 'query',
            attrs: {},
            content: [
              { tag: 'contact', attrs: {} },
              { tag: 'lid', attrs: {} },
            ],
          },
          {
            tag: 'list',
            attrs: {},
            content: numbers.map((digits) => ({
              tag: 'user',
              attrs: {},
              content: [{ tag: 'contact', attrs: {}, content: `+${digits}` }],
            })),
          },
        ],
      },
    ],
  })
  // A query that timed out resolves with undefined (Socket/socket.js:107): WhatsApp did not say.
  return answersIn(answer as BinaryNode | undefined, numbers)
}

/** Pure: the answers in the order of `numbers`. */
export function answersIn(
  answer: BinaryNode | undefined,
  numbers: readonly string[],
): readonly NumberAnswer[] {
  const usync = answer && getBinaryNodeChild(answer, 'usync')
  const list = usync && getBinaryNodeChild(usync, 'list')
  const users = list === undefined ? [] : getBinaryNodeChildren(list, 'user')
  const inOrder = users.length === numbers.length
  return numbers.map((digits, index) => {
    const user =
      users.find((node) => askedFor(node) === digits) ??
      users.find((node) => addressOf(node, isPn)?.startsWith(`${digits}@`) === true) ??
      (inOrder && askedFor(users[index]) === undefined ? users[index] : undefined)
    if (user === undefined) return { digits, exists: undefined, pn: undefined, lid: undefined }
    const type = getBinaryNodeChild(user, 'contact')?.attrs['type']
    const exists = type === undefined || type === '' ? undefined : type === 'in'
    const pn = addressOf(user, isPn)
    const lidText = getBinaryNodeChild(user, 'lid')?.attrs['val']
    const lid = lidText === undefined ? addressOf(user, isLid) : tryParseJid(lidText)
    return exists === true ? { digits, exists, pn, lid } : { digits, exists, pn: undefined, lid: undefined }
  })
}

/** The number that an answer repeats, in digits. */
function askedFor(user: BinaryNode | undefined): string | undefined {
  const content = user && getBinaryNodeChild(user, 'contact')?.content
  if (isMissing(content) || Array.isArray(content)) return undefined
  const digits = Buffer.from(content).toString('utf8').replaceAll(/\D/g, '')
  return digits === '' ? undefined : digits
}

function addressOf(user: BinaryNode, is: (jid: Jid) => boolean): Jid | undefined {
  const jid = tryParseJid(user.attrs['jid'] ?? '')
  return jid !== undefined && is(jid) && userOf(jid) !== '' ? withoutDevice(jid) : undefined
}
