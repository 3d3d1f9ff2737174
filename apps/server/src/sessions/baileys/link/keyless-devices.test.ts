import { expect, test } from 'vitest'

import { parseJid } from '@inbox-hub/whatsapp'

import type { BinaryNode, FullJid, WASocket } from '../baileys.ts'
import { encodeBigEndian } from '../baileys.ts'
import { Peer } from '../testing/peer.ts'
import { leaveOutKeylessDevices } from './keyless-devices.ts'

const to = parseJid('99@lid')
const self = parseJid('88@lid')

function bundle(jid: string): BinaryNode {
  const { identityKey, signedPreKey, registrationId } = new Peer().bundle()
  const child = (tag: string, content: Uint8Array): BinaryNode => ({ tag, attrs: {}, content })
  return {
    tag: 'user',
    attrs: { jid },
    content: [
      child('registration', encodeBigEndian(registrationId)),
      child('identity', identityKey.slice(1)),
      {
        tag: 'skey',
        attrs: {},
        content: [
          child('id', encodeBigEndian(signedPreKey.keyId, 3)),
          child('value', signedPreKey.publicKey.slice(1)),
          child('signature', signedPreKey.signature),
        ],
      },
    ],
  }
}

test('a device without keys is left out, and the sessions of the others are made', async () => {
  const injected: string[] = []
  const asked: unknown[] = []
  const devices: FullJid[] = [
    { user: '99', server: 'lid', device: 0 },
    { user: '99', server: 'lid', device: 5 },
  ]
  const lists = new Map<string, readonly FullJid[]>([['99', devices]])
  // The members of a socket that are used.
  const sock = {
    getUSyncDevices: async () =>
      [
        ['99@lid', false],
        ['99:5@lid', false],
        ['88:2@lid', true],
      ].map(([jid]) => ({ jid })),
    signalRepository: {
      validateSession: async (jid: string) => ({ exists: jid.startsWith('88') }),
      injectE2ESession: async ({ jid }: { jid: string }) => void injected.push(jid),
    },
    query: async (node: BinaryNode) => {
      asked.push(node.content)
      const keyless = { tag: 'error', attrs: { code: '404', text: 'item-not-found' } }
      return {
        tag: 'iq',
        attrs: {},
        content: [
          {
            tag: 'list',
            attrs: {},
            content: [bundle('99@lid'), { tag: 'user', attrs: { jid: '99:5@lid' }, content: [keyless] }],
          },
        ],
      }
    },
  } as unknown as WASocket
  const cache = {
    get: async (user: string) => lists.get(user),
    change: async (user: string, list: readonly FullJid[]) => void lists.set(user, list),
  }
  expect(await leaveOutKeylessDevices(sock, cache, { to, self, audience: [] })).toBe(1)
  expect(injected).toEqual(['99@lid'])
  expect(lists.get('99')).toEqual([devices[0]])
  expect(asked).toHaveLength(1)
})
