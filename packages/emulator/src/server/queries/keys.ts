import type { BinaryNode } from '../../baileys.ts'
import type { KeyBundle } from '../../line.ts'
import { parseUser, serverJid } from '../../jid.ts'
import { bytesOf, child, childrenOf, node, numberBytes, numberOf } from '../../stanza.ts'
import type { Accounts, LinkedDevice } from '../account.ts'
import type { Router } from '../router.ts'
import { badRequest, type Queries } from './query.ts'

/** The type byte of Curve25519 keys. */
const curveType = Buffer.from([5])
/** Below this many one-time keys a client is told to upload more; it looks at the number itself (baileys: 5). */
const lowPreKeys = 5

/** `encrypt`: the Signal keys of devices, their upload and their handing out. */
export function keyQueries({ accounts, router }: { accounts: Accounts; router: Router }): Queries {
  return {
    'encrypt get count': (_, device) => [node('count', { value: String(device.preKeys.length) })],

    'encrypt get digest': (_, { keys, preKeys }) => [
      node('digest', {}, [
        node('registration', {}, numberBytes(keys.registrationId, 4)),
        node('type', {}, curveType),
        node('identity', {}, keys.identityKey),
        signedPreKeyNode(keys.signedPreKey),
        node(
          'list',
          {},
          preKeys.map(({ id }) => node('id', {}, numberBytes(id, 3))),
        ),
      ]),
    ],

    'encrypt set registration': (iq, device) => {
      const registrationId = numberOf(child(iq, 'registration'))
      const identityKey = bytesOf(child(iq, 'identity'))
      const signedPreKey = signedPreKeyOf(child(iq, 'skey'))
      if (registrationId === undefined || identityKey?.length !== 32 || signedPreKey === undefined)
        return badRequest
      device.keys = { ...device.keys, registrationId, identityKey, signedPreKey }
      for (const key of childrenOf(child(iq, 'list'), 'key')) {
        const preKey = preKeyOf(key)
        if (preKey !== undefined) device.preKeys.push(preKey)
      }
      device.toldPreKeysLow = false
      return []
    },

    'encrypt set rotate': (iq, device) => {
      const signedPreKey = signedPreKeyOf(child(child(iq, 'rotate'), 'skey'))
      if (signedPreKey === undefined) return badRequest
      device.keys = { ...device.keys, signedPreKey }
      return []
    },

    'encrypt get key': (iq) => {
      const users = childrenOf(child(iq, 'key'), 'user').map(({ attrs: { jid = '' } }) => {
        const parsed = parseUser(jid)
        const account = parsed === undefined ? undefined : accounts.at(parsed)
        const bundle = parsed === undefined ? undefined : account?.takeBundle(parsed.device)
        const linked = parsed === undefined ? undefined : account?.linked.get(parsed.device)
        if (linked !== undefined) tellIfPreKeysLow(linked, router)
        if (bundle === undefined) {
          return node('user', { jid }, [node('error', { code: '404', text: 'item-not-found' })])
        }
        return node('user', { jid }, bundleNodes(bundle))
      })
      return [node('list', {}, users)]
    },
  }
}

/** Tells a client, once, that others have used up its one-time keys. */
export function tellIfPreKeysLow(device: LinkedDevice, router: Router): void {
  if (device.toldPreKeysLow || device.preKeys.length >= lowPreKeys) return
  device.toldPreKeysLow = true
  const attrs = { type: 'encrypt', from: serverJid }
  router.notifyDevice(device, attrs, [node('count', { value: String(device.preKeys.length) })])
}

function bundleNodes({ registrationId, identityKey, signedPreKey, preKey }: KeyBundle): BinaryNode[] {
  return [
    node('registration', {}, numberBytes(registrationId, 4)),
    node('type', {}, curveType),
    node('identity', {}, identityKey),
    signedPreKeyNode(signedPreKey),
    ...(preKey === undefined
      ? []
      : [node('key', {}, [node('id', {}, numberBytes(preKey.id, 3)), node('value', {}, preKey.publicKey)])]),
  ]
}

function signedPreKeyNode({ id, publicKey, signature }: KeyBundle['signedPreKey']): BinaryNode {
  return node('skey', {}, [
    node('id', {}, numberBytes(id, 3)),
    node('value', {}, publicKey),
    node('signature', {}, signature),
  ])
}

function preKeyOf(key: BinaryNode | undefined): { id: number; publicKey: Buffer } | undefined {
  const id = numberOf(child(key, 'id'))
  const publicKey = bytesOf(child(key, 'value'))
  return id === undefined || publicKey?.length !== 32 ? undefined : { id, publicKey }
}

function signedPreKeyOf(skey: BinaryNode | undefined): KeyBundle['signedPreKey'] | undefined {
  const key = preKeyOf(skey)
  const signature = bytesOf(child(skey, 'signature'))
  return key === undefined || signature?.length !== 64 ? undefined : { ...key, signature }
}
