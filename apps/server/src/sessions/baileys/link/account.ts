import type { BinaryNode, WASocket } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import { usync } from './people.ts'

/** Privacy settings by WhatsApp's names: `last`, `online`, `profile`, `status`, `readreceipts`, `groupadd`, `calladd`, `messages`, … */
export type PrivacyCategories = Readonly<Record<string, string>>

/** What the account shows of itself, but for its name, which is app state. Rejections are those of `PeopleCalls`. */
export interface AccountCalls {
  setAbout(text: string): Promise<void>
  /** A square JPEG of at most 640 pixels; undefined takes the picture away. `group`: that group's, else our own. Answers the new id. */
  setPicture(jpeg: Uint8Array | undefined, group: Jid | undefined): Promise<string | undefined>
  privacy(): Promise<PrivacyCategories>
  /** One request per category. */
  setPrivacy(category: string, value: string): Promise<void>
  /** How long messages of new chats stay, seconds; 0: for good. */
  disappearing(): Promise<number>
  setDisappearing(seconds: number): Promise<void>
  /** Shows the account as online, or not. Throws `WHATSAPP_ERROR` (`NO_NAME_YET`) before the account's name is known. */
  appear(isAvailable: boolean): Promise<void>
}

const server = 's.whatsapp.net'

export interface AccountDeps {
  ask: (node: BinaryNode, withinMs?: number) => Promise<BinaryNode>
  connected: () => WASocket
  me: () => { pn: Jid; lid: Jid | undefined } | undefined
}

export function accountCalls({ ask, connected, me }: AccountDeps): AccountCalls {
  const set = (xmlns: string, content: BinaryNode[] | undefined, more: BinaryNode['attrs'] = {}) =>
    ask({
      tag: 'iq',
      attrs: { to: server, type: 'set', xmlns, ...more },
      ...(content === undefined ? {} : { content }),
    })

  return {
    async setAbout(text) {
      await set('status', [{ tag: 'status', attrs: {}, content: Buffer.from(text) }])
    },
    async setPicture(jpeg, group) {
      const content =
        jpeg === undefined ? undefined : [{ tag: 'picture', attrs: { type: 'image' }, content: jpeg }]
      const answer = await set('w:profile:picture', content, group === undefined ? {} : { target: group })
      return getBinaryNodeChild(answer, 'picture')?.attrs['id']
    },
    async privacy() {
      const answer = await ask({
        tag: 'iq',
        attrs: { xmlns: 'privacy', to: server, type: 'get' },
        content: [{ tag: 'privacy', attrs: {} }],
      })
      const list = getBinaryNodeChild(answer, 'privacy')
      const categories = list === undefined ? [] : getBinaryNodeChildren(list, 'category')
      return Object.fromEntries(categories.map(({ attrs }) => [attrs['name'] ?? '', attrs['value'] ?? '']))
    },
    async setPrivacy(name, value) {
      const category = { tag: 'category', attrs: { name, value } }
      await set('privacy', [{ tag: 'privacy', attrs: {}, content: [category] }])
    },
    async disappearing() {
      const self = me()
      if (self === undefined) throw new HubError('SESSION_NOT_CONNECTED')
      const answer = await ask(usync(connected(), 'disappearing_mode', [self.pn]))
      const list = getBinaryNodeChild(getBinaryNodeChild(answer, 'usync'), 'list')
      const [user] = list === undefined ? [] : getBinaryNodeChildren(list, 'user')
      const mode = user === undefined ? undefined : getBinaryNodeChild(user, 'disappearing_mode')
      const seconds = Number(mode?.attrs['duration'] ?? 0)
      return Number.isSafeInteger(seconds) && seconds > 0 ? seconds : 0
    },
    async setDisappearing(seconds) {
      await set('disappearing_mode', [{ tag: 'disappearing_mode', attrs: { duration: String(seconds) } }])
    },
    async appear(isAvailable) {
      const sock = connected()
      // baileys says nothing at all then (Socket/chats.js, `sendPresenceUpdate`).
      if (!sock.authState.creds.me?.name) throw new HubError('WHATSAPP_ERROR', { reason: 'NO_NAME_YET' })
      await sock.sendPresenceUpdate(isAvailable ? 'available' : 'unavailable')
    },
  }
}
