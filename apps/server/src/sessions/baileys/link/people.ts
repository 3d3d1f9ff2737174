import type { BinaryNode, WASocket } from '../baileys.ts'
import { buildTcTokenFromJid, getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import { isLid, isPerson, type Jid, sameAccount, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import { QueryRefused } from '../../query-refused.ts'
import { addressIn } from '../journal/envelope.ts'
import type { GroupPerson } from './group-nodes.ts'

/** Where WhatsApp says that a picture lies. `id` changes with the picture. */
export interface PictureRef {
  id: string
  url: string
}

/** What somebody wrote about themselves; `setAt` is Unix ms. */
export type About =
  | { is: 'shown'; text: string; setAt: number | undefined }
  /** They keep it to others. */
  | { is: 'hidden' }
  | { is: 'none' }

/**
 * What can be asked about people. Every call is one query: it rejects with `QueryRefused` when WhatsApp says no, with `HubError
 * WHATSAPP_ERROR` (`NO_ANSWER`) when there is no answer in time that we understand.
 */
export interface PeopleCalls {
  /** The picture of somebody or of a group; undefined when there is none. Within 4 s. A hidden one is a refusal with 401. */
  picture(jid: Jid): Promise<PictureRef | undefined>
  /** The bytes of a picture, within 4 s, at most 4 MB; the way of the session's proxy. Throws `WHATSAPP_ERROR` (`PICTURE_NOT_LOADED`). */
  pictureBytes(picture: PictureRef): Promise<Uint8Array>
  about(jid: Jid): Promise<About>
  /** Everybody whom the account blocks. */
  blocked(): Promise<readonly GroupPerson[]>
  /** WhatsApp wants both addresses of whom it is to block. */
  block(person: { lid: Jid; pn: Jid }, isBlocked: boolean): Promise<void>
  /** Has WhatsApp tell when somebody comes and goes, on this connection. Resolves when it is written. */
  watchPresence(jid: Jid): Promise<void>
}

const server = 's.whatsapp.net'
/** Whoever shows a face waits no longer than 10 s for it, in all. */
const PICTURE_MS = 4_000
/** WhatsApp's own pictures are 640 pixels wide, some 100 kB. */
const PICTURE_BYTES = 4 * 1024 * 1024

export interface PeopleDeps {
  /** Rejects with `QueryRefused` for an `<error>`, and when there is no answer. */
  ask: (node: BinaryNode, withinMs?: number) => Promise<BinaryNode>
  /** Throws when the connection is closed. */
  connected: () => WASocket
  /** Our own addresses. */
  me: () => { pn: Jid; lid: Jid | undefined } | undefined
  /** Fetches from WhatsApp's own hosts alone. */
  download: (url: string, limits: { maxBytes: number; timeoutMs: number }) => Promise<Uint8Array>
}

export function peopleCalls({ ask, connected, me, download }: PeopleDeps): PeopleCalls {
  const isSelf = (jid: Jid): boolean => {
    const self = me()
    return (
      self !== undefined &&
      (sameAccount(jid, self.pn) || (self.lid !== undefined && sameAccount(jid, self.lid)))
    )
  }
  /** WhatsApp is asked for ourselves by number. */
  const named = (jid: Jid): Jid => {
    const self = me()
    return self !== undefined && isSelf(jid) ? withoutDevice(self.pn) : jid
  }

  /** Shows that they trust us, where they do; never for ourselves: WhatsApp would not answer. */
  async function tokenFor(jid: Jid): Promise<BinaryNode[] | undefined> {
    if (!isPerson(jid) || isSelf(jid)) return undefined
    const sock = connected()
    return buildTcTokenFromJid({
      authState: sock.authState,
      jid,
      getLIDForPN: (pn: string) => sock.signalRepository.lidMapping.getLIDForPN(pn),
    })
  }

  return {
    async picture(jid) {
      const content = connected().serverProps.profilePicPrivacyToken ? await tokenFor(jid) : undefined
      const picture = { tag: 'picture', attrs: { type: 'image', query: 'url' } }
      try {
        const answer = await ask(
          {
            tag: 'iq',
            attrs: { target: named(jid), to: server, type: 'get', xmlns: 'w:profile:picture' },
            content: [content === undefined ? picture : { ...picture, content }],
          },
          PICTURE_MS,
        )
        const { id, url } = getBinaryNodeChild(answer, 'picture')?.attrs ?? {}
        return id === undefined || url === undefined ? undefined : { id, url }
      } catch (error) {
        if (error instanceof QueryRefused && error.status === 404) return undefined
        throw error
      }
    },
    async pictureBytes({ url }) {
      try {
        return await download(url, { maxBytes: PICTURE_BYTES, timeoutMs: PICTURE_MS })
      } catch (error) {
        throw new HubError('WHATSAPP_ERROR', { reason: 'PICTURE_NOT_LOADED' }, { cause: error })
      }
    },
    async about(jid) {
      const answer = await ask(usync(connected(), 'status', [named(jid)]))
      const list = getBinaryNodeChild(getBinaryNodeChild(answer, 'usync'), 'list')
      const [user] = list === undefined ? [] : getBinaryNodeChildren(list, 'user')
      return aboutIn(user === undefined ? undefined : getBinaryNodeChild(user, 'status'))
    },
    async blocked() {
      const answer = await ask({ tag: 'iq', attrs: { xmlns: 'blocklist', to: server, type: 'get' } })
      const list = getBinaryNodeChild(answer, 'list')
      return list === undefined ? [] : getBinaryNodeChildren(list, 'item').flatMap(blockedIn)
    },
    async block({ lid, pn }, isBlocked) {
      // Source: baileys Socket/chats.js (`updateBlockStatus`).
      const attrs: BinaryNode['attrs'] = isBlocked
        ? { action: 'block', jid: lid, pn_jid: pn }
        : { action: 'unblock', jid: lid }
      await ask({
        tag: 'iq',
        attrs: { xmlns: 'blocklist', to: server, type: 'set' },
        content: [{ tag: 'item', attrs }],
      })
    },
    async watchPresence(jid) {
      const sock = connected()
      const content = await tokenFor(jid)
      const attrs = { to: jid, id: sock.generateMessageTag(), type: 'subscribe' }
      await sock.sendNode({ tag: 'presence', attrs, ...(content === undefined ? {} : { content }) })
    },
  }
}

/** A query about people, by one of its protocols. */
export function usync(
  sock: Pick<WASocket, 'generateMessageTag'>,
  protocol: string,
  people: readonly Jid[],
): BinaryNode {
  const attrs = {
    context: 'interactive',
    mode: 'query',
    sid: sock.generateMessageTag(),
    last: 'true',
    index: '0',
  }
  const query = { tag: 'query', attrs: {}, content: [{ tag: protocol, attrs: {} }] }
  const list = { tag: 'list', attrs: {}, content: people.map((jid) => ({ tag: 'user', attrs: { jid } })) }
  return {
    tag: 'iq',
    attrs: { to: server, type: 'get', xmlns: 'usync' },
    content: [{ tag: 'usync', attrs, content: [query, list] }],
  }
}

/** Pure. Source: baileys WAUSync/Protocols/USyncStatusProtocol.js. */
export function aboutIn(status: BinaryNode | undefined): About {
  if (status?.attrs['code'] === '401') return { is: 'hidden' }
  const text = textOf(status)
  if (text === undefined || text === '') return { is: 'none' }
  const seconds = Number(status?.attrs['t'])
  return {
    is: 'shown',
    text,
    setAt: Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : undefined,
  }
}

export function textOf(node: BinaryNode | undefined): string | undefined {
  const content = node?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return typeof content === 'string' ? content : Buffer.from(content).toString('utf8')
}

function blockedIn({ attrs }: BinaryNode): GroupPerson[] {
  const jid = addressIn(attrs, 'jid')
  if (jid === undefined || !isPerson(jid)) return []
  const other = tryParseJid(attrs[isLid(jid) ? 'pn_jid' : 'lid'] ?? '')
  return [{ jid, alt: other === undefined ? undefined : withoutDevice(other) }]
}

/** What WhatsApp tells of people, and of the account's own settings, outside messages. Times are Unix ms. */
export type PersonNotice =
  | { is: 'picture'; jid: Jid; pictureId: string | null; by: Jid | undefined; id: string; at: number }
  | { is: 'about'; jid: Jid; about: About; at: number }
  /** `changes` undefined: the list as a whole is another. */
  | {
      is: 'blocked'
      changes: readonly { person: GroupPerson; isBlocked: boolean }[] | undefined
      id: string
      at: number
    }
  | { is: 'privacy' }
  | { is: 'disappearing'; seconds: number }
  | { is: 'business'; jid: Jid }

/** Nothing for what we do not know. Pure. Source: baileys Socket/messages-recv.js (`processNotification`), whatsmeow notification.go. */
export function personNoticesIn(stanza: BinaryNode, receivedAt: number): readonly PersonNotice[] {
  const { attrs } = stanza
  const from = addressIn(attrs, 'from')
  const { id = '' } = attrs
  const seconds = Number(attrs['t'])
  const at = Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : receivedAt
  const [child] = Array.isArray(stanza.content) ? stanza.content : []
  if (from === undefined || child === undefined) return []
  switch (attrs['type']) {
    case 'picture': {
      if (child.tag !== 'set' && child.tag !== 'delete') return []
      const pictureId = child.tag === 'set' ? (child.attrs['id'] ?? '') : null
      return [{ is: 'picture', jid: from, pictureId, by: addressIn(child.attrs, 'author'), id, at }]
    }
    case 'status':
      return child.tag === 'set' ? [{ is: 'about', jid: from, about: aboutIn(child), at }] : []
    case 'business':
      return [{ is: 'business', jid: addressIn(child.attrs, 'jid') ?? from }]
    case 'account_sync':
      return accountNoticesIn(child, { id, at })
    case undefined:
    default:
      return []
  }
}

/** What the account itself changed, on another of its devices. */
function accountNoticesIn(
  child: BinaryNode,
  { id, at }: { id: string; at: number },
): readonly PersonNotice[] {
  switch (child.tag) {
    case 'blocklist': {
      const changes = getBinaryNodeChildren(child, 'item').flatMap((item) =>
        blockedIn(item).map((person) => ({ person, isBlocked: item.attrs['action'] === 'block' })),
      )
      return [{ is: 'blocked', changes: changes.length === 0 ? undefined : changes, id, at }]
    }
    case 'privacy':
      return [{ is: 'privacy' }]
    case 'disappearing_mode': {
      const duration = Number(child.attrs['duration'])
      return Number.isSafeInteger(duration) && duration >= 0
        ? [{ is: 'disappearing', seconds: duration }]
        : []
    }
    default:
      return []
  }
}
