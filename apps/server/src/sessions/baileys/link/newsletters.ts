import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren, proto, QueryIds, XWAPaths } from '../baileys.ts'

import { HubError, type NewsletterRole, newsletterRoles } from '@inbox-hub/contract'
import { isNewsletter, type Jid, type MessageContent, tryParseJid } from '@inbox-hub/whatsapp'

import { QueryRefused } from '../../query-refused.ts'
import { contentOf } from '../journal/content.ts'
import { addressIn } from '../journal/envelope.ts'
import { isMissing } from '../missing.ts'
import { acknowledged, type AckParts, newMessageId } from './acknowledged.ts'

/**
 * What can be asked about newsletters. Rejects with `QueryRefused` when WhatsApp says no (404: there is none), with `HubError
 * WHATSAPP_ERROR` (`NO_ANSWER`) when there is no answer within 20 s that we understand.
 */
export interface NewsletterCalls {
  /** All that the account follows or owns. */
  all(): Promise<readonly NewsletterMetadata[]>
  find(newsletter: Jid): Promise<NewsletterMetadata>
  invited(code: string): Promise<NewsletterMetadata>
  /** `picture`: a JPEG, base64. */
  create(wish: {
    name: string
    description: string | undefined
    picture: string | undefined
  }): Promise<NewsletterMetadata>
  /** Only what is given changes; '' takes description and picture away. */
  update(
    newsletter: Jid,
    updates: Partial<Readonly<Record<'name' | 'description' | 'picture', string>>>,
  ): Promise<void>
  act(newsletter: Jid, action: 'follow' | 'unfollow' | 'mute' | 'unmute' | 'delete'): Promise<void>
  /** The newest, or those before a `serverId`. */
  messages(
    newsletter: Jid,
    which: { count: number; before: number | undefined },
  ): Promise<readonly NewsletterPost[]>
  /** Answers how long WhatsApp tells views and reactions from now on, seconds. */
  live(newsletter: Jid): Promise<number>
  /** An empty emoji takes the reaction back. */
  react(newsletter: Jid, serverId: number, emoji: string): Promise<void>
  /** Takes the message that was posted under `id` back. */
  revoke(newsletter: Jid, id: string): Promise<void>
}

/** A newsletter as WhatsApp describes it. Times are Unix ms. */
export interface NewsletterMetadata {
  jid: Jid
  name: string
  description: string | undefined
  invite: string | undefined
  picture: string | undefined
  createdAt: number | undefined
  subscribers: number
  verified: boolean
  /** `active`, `suspended`, … */
  state: string
  /** undefined when the answer does not say: one about what we changed tells nothing of us. */
  role: NewsletterRole | undefined
  muted: boolean | undefined
}

export interface NewsletterReaction {
  emoji: string
  count: number
}

/** A message of a newsletter. Times are Unix ms. */
export interface NewsletterPost {
  serverId: number
  id: string
  sentAt: number
  /** undefined when the stanza has only what became of it. */
  content: MessageContent | undefined
  /** undefined when it was not told. */
  views: number | undefined
  reactions: readonly NewsletterReaction[] | undefined
  /** Taken back by an admin. */
  isDeleted: boolean
}

/** What WhatsApp tells of a newsletter. */
export type NewsletterNews =
  | { is: 'message'; post: NewsletterPost; receivedAt: number }
  | { is: 'counts'; posts: readonly NewsletterPost[]; at: number }
  /** A message of ours has got its number. */
  | { is: 'posted'; id: string; serverId: number }
  /** It changed, or what we are in it: to be read anew. */
  | { is: 'changed' }

/** `WAWebMexFetchAllNewsletters`: baileys has no name for it. Source: whatsmeow newsletter.go (`querySubscribedNewsletters`). */
const SUBSCRIBED = { id: '6388546374527196', path: 'xwa2_newsletter_subscribed' }
const UPDATED = 'xwa2_newsletter_update'
/** The `edit` attribute of a stanza by which an admin takes a message back (whatsmeow: `EditAttributeAdminRevoke`). */
const ADMIN_REVOKE = '8'

/** A message stanza of a newsletter; undefined when it is none. Pure. */
export function newsletterMessageIn(
  node: BinaryNode,
  receivedAt: number,
): { jid: Jid; news: NewsletterNews } | undefined {
  const jid = addressIn(node.attrs, 'from')
  if (jid === undefined || !isNewsletter(jid)) return undefined
  const post = postIn(node, receivedAt)
  return post && { jid, news: { is: 'message', post, receivedAt } }
}

/** What a `newsletter` notification tells: how often messages were seen, and the reactions to them. Pure. */
export function newsletterCountsIn(
  node: BinaryNode,
  at: number,
): { jid: Jid; news: NewsletterNews } | undefined {
  const jid = addressIn(node.attrs, 'from')
  const live = getBinaryNodeChild(node, 'live_updates')
  const list = live && getBinaryNodeChild(live, 'messages')
  if (jid === undefined || !isNewsletter(jid) || list === undefined) return undefined
  return { jid, news: { is: 'counts', posts: postsIn(list, at), at } }
}

/** The newsletters that a `mex` notification names: somebody changed them. Pure. */
export function changedNewslettersIn(node: BinaryNode): readonly Jid[] {
  const update = getBinaryNodeChild(node, 'update')
  const text = textIn(update)
  if (text === undefined || !text.includes('xwa2_notify_newsletter')) return []
  const { data } = objectIn(parsed(text))
  return Object.entries(objectIn(data)).flatMap(([name, value]) => {
    const jid = name.startsWith('xwa2_notify_newsletter') ? jidIn(objectIn(value)['id']) : undefined
    return jid === undefined ? [] : [jid]
  })
}

/**
 * What can be asked about newsletters: GraphQL in `w:mex` queries, whose ids are baileys' own. baileys wraps them too (Socket/newsletter.js),
 * but reads its answers as they come, and a refusal only as text.
 * @param ask Rejects with `QueryRefused` for an `<error>`, and when there is no answer.
 */
export function newsletterCalls({
  ask,
  send,
  acks,
  now,
}: {
  ask: (node: BinaryNode) => Promise<BinaryNode>
  send: (node: BinaryNode) => Promise<void>
  acks: AckParts
  now: () => number
}): NewsletterCalls {
  async function mex(queryId: string, path: string, variables: object): Promise<unknown> {
    const query = {
      tag: 'query',
      attrs: { query_id: queryId },
      content: Buffer.from(JSON.stringify({ variables })),
    }
    const attrs = { type: 'get', xmlns: 'w:mex', to: 's.whatsapp.net' }
    const answer = await ask({ tag: 'iq', attrs, content: [query] })
    const { data, errors } = objectIn(parsed(textIn(getBinaryNodeChild(answer, 'result')) ?? ''))
    const [error] = Array.isArray(errors) ? errors : []
    if (error !== undefined) {
      const code = Number(objectIn(objectIn(error)['extensions'])['error_code'])
      throw new QueryRefused(Number.isSafeInteger(code) ? code : 400)
    }
    return objectIn(data)[path]
  }

  async function described(answer: Promise<unknown>): Promise<NewsletterMetadata> {
    const value = await answer
    // WhatsApp answers null for one that is not there (any more).
    if (value === null || value === undefined) throw new QueryRefused(404)
    const metadata = metadataIn(value)
    if (metadata === undefined)
      throw new HubError(
        'WHATSAPP_ERROR',
        { reason: 'NO_ANSWER' },
        { cause: new Error('the answer describes no newsletter') },
      )
    return metadata
  }

  const find = (key: string, type: 'INVITE' | 'JID'): Promise<NewsletterMetadata> =>
    described(
      mex(QueryIds.METADATA, XWAPaths.xwa2_newsletter_metadata, {
        fetch_creation_time: true,
        fetch_full_image: true,
        fetch_viewer_metadata: true,
        input: { key, type },
      }),
    )

  const actions = {
    follow: [QueryIds.FOLLOW, XWAPaths.xwa2_newsletter_join_v2],
    unfollow: [QueryIds.UNFOLLOW, XWAPaths.xwa2_newsletter_leave_v2],
    mute: [QueryIds.MUTE, XWAPaths.xwa2_newsletter_mute_v2],
    unmute: [QueryIds.UNMUTE, XWAPaths.xwa2_newsletter_unmute_v2],
    delete: [QueryIds.DELETE, XWAPaths.xwa2_newsletter_delete_v2],
  } as const

  return {
    async all() {
      const answer = await mex(SUBSCRIBED.id, SUBSCRIBED.path, {})
      if (!Array.isArray(answer)) throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' })
      return answer.map(metadataIn).filter((metadata) => metadata !== undefined)
    },
    find: (jid) => find(jid, 'JID'),
    invited: (code) => find(code, 'INVITE'),
    create: ({ name, description, picture }) =>
      described(
        mex(QueryIds.CREATE, XWAPaths.xwa2_newsletter_create, {
          input: { name, description: description ?? null, ...(picture !== undefined && { picture }) },
        }),
      ),
    async update(jid, updates) {
      const variables = { newsletter_id: jid, updates: { ...updates, settings: null } }
      await described(mex(QueryIds.UPDATE_METADATA, UPDATED, variables))
    },
    async act(jid, action) {
      const [id, path] = actions[action]
      if (isMissing(await mex(id, path, { newsletter_id: jid }))) throw new QueryRefused(404)
    },
    async messages(jid, { count, before }) {
      const attrs = {
        type: 'jid',
        jid,
        count: String(count),
        ...(before !== undefined && { before: String(before) }),
      }
      const answer = await ask({
        tag: 'iq',
        attrs: { type: 'get', xmlns: 'newsletter', to: 's.whatsapp.net' },
        content: [{ tag: 'messages', attrs }],
      })
      const list = getBinaryNodeChild(answer, 'messages')
      return list === undefined ? [] : postsIn(list, now())
    },
    async live(jid) {
      const answer = await ask({
        tag: 'iq',
        attrs: { type: 'set', xmlns: 'newsletter', to: jid },
        content: [{ tag: 'live_updates', attrs: {}, content: [] }],
      })
      return numberIn(getBinaryNodeChild(answer, 'live_updates')?.attrs['duration']) ?? 0
    },
    async react(jid, serverId, emoji) {
      const id = newMessageId()
      await acknowledged(acks, id, () =>
        send({
          tag: 'message',
          attrs: {
            to: jid,
            id,
            type: 'reaction',
            server_id: String(serverId),
            ...(emoji === '' && { edit: '7' }),
          },
          content: [{ tag: 'reaction', attrs: emoji === '' ? {} : { code: emoji } }],
        }),
      )
    },
    async revoke(jid, id) {
      await acknowledged(acks, id, () =>
        send({
          tag: 'message',
          attrs: { to: jid, id, type: 'text', edit: ADMIN_REVOKE },
          content: [{ tag: 'plaintext', attrs: {}, content: Buffer.alloc(0) }],
        }),
      )
    },
  }
}

function metadataIn(value: unknown): NewsletterMetadata | undefined {
  const { id, state, thread_metadata: thread, viewer_metadata: viewer } = objectIn(value)
  const jid = jidIn(id)
  if (jid === undefined) return undefined
  const { name, description, invite, picture, creation_time, subscribers_count, verification } =
    objectIn(thread)
  const { role, mute } = objectIn(viewer)
  const seconds = numberIn(creation_time)
  const roleWord = wordIn(role)
  const path = stringIn(objectIn(picture)['direct_path'])
  return {
    jid,
    name: stringIn(objectIn(name)['text']) ?? '',
    description: stringIn(objectIn(description)['text']),
    invite: stringIn(invite),
    picture: path === undefined ? undefined : `https://pps.whatsapp.net${path}`,
    createdAt: seconds === undefined || seconds <= 0 ? undefined : seconds * 1000,
    subscribers: Math.max(0, numberIn(subscribers_count) ?? 0),
    verified: wordIn(verification) === 'verified',
    state: wordIn(objectIn(state)['type']) ?? 'active',
    role: newsletterRoles.find((known) => known === roleWord),
    muted: mute === undefined ? undefined : wordIn(mute) === 'on',
  }
}

function postsIn(list: BinaryNode, at: number): NewsletterPost[] {
  return getBinaryNodeChildren(list, 'message')
    .map((node) => postIn(node, at))
    .filter((post) => post !== undefined)
}

function postIn(node: BinaryNode, at: number): NewsletterPost | undefined {
  const { id, server_id, t, edit } = node.attrs
  const serverId = numberIn(server_id)
  if (serverId === undefined || serverId <= 0) return undefined
  const seconds = numberIn(t)
  const reactions = getBinaryNodeChild(node, 'reactions')
  const plaintext = getBinaryNodeChild(node, 'plaintext')?.content
  return {
    serverId,
    id: id ?? String(serverId),
    sentAt: seconds === undefined || seconds <= 0 ? at : seconds * 1000,
    content: plaintext instanceof Uint8Array && plaintext.length > 0 ? contentIn(plaintext) : undefined,
    views: numberIn(getBinaryNodeChild(node, 'views_count')?.attrs['count']),
    reactions:
      reactions &&
      getBinaryNodeChildren(reactions, 'reaction').flatMap(({ attrs: { code, count } }) =>
        code === undefined ? [] : [{ emoji: code, count: numberIn(count) ?? 1 }],
      ),
    isDeleted: edit === ADMIN_REVOKE || edit === '7',
  }
}

/** Whoever posts can write anything: bytes that are no message are nothing to show. */
function contentIn(plaintext: Uint8Array): MessageContent | undefined {
  try {
    return contentOf(proto.Message.decode(plaintext))
  } catch {
    return undefined
  }
}

function textIn(node: BinaryNode | undefined): string | undefined {
  const content = node?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return typeof content === 'string' ? content : Buffer.from(content).toString('utf8')
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}

const objectIn = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
const stringIn = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
/** WhatsApp writes the same words in capitals and without. */
const wordIn = (value: unknown): string | undefined => stringIn(value)?.toLowerCase()
function numberIn(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}
function jidIn(value: unknown): Jid | undefined {
  const jid = tryParseJid(stringIn(value) ?? '')
  return jid !== undefined && isNewsletter(jid) ? jid : undefined
}
