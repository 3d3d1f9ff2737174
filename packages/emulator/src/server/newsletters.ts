import { createHash } from 'node:crypto'

import type { BinaryNode } from '../baileys.ts'
import { proto } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import { bytesOf, child, node } from '../stanza.ts'
import type { Account } from './account.ts'
import { newId, type Router } from './router.ts'

/** A message of a newsletter, as the server keeps it: unsealed, for everybody. */
export interface Post {
  readonly serverId: number
  readonly id: string
  readonly type: string
  readonly plaintext: Uint8Array
  /** What its stanza named its upload by. */
  readonly mediaId?: string | undefined
  /** Unix seconds. */
  readonly at: number
  views: number
  readonly reactions: Map<Account, string>
  deleted: boolean
}

/** A newsletter as the server keeps it. */
export class StoredNewsletter {
  readonly jid: string
  readonly owner: Account
  /** Unix seconds. */
  readonly createdAt: number
  readonly invite: string
  readonly posts: Post[] = []
  /** Everybody who follows it, the owner too, and who muted it. */
  readonly followers = new Map<Account, { muted: boolean }>()
  name: string
  description: string
  picture: boolean

  constructor(jid: string, owner: Account, name: string, createdAt: number) {
    this.jid = jid
    this.owner = owner
    this.name = name
    this.description = ''
    this.picture = false
    this.createdAt = createdAt
    this.invite = createHash('sha256').update(jid).digest('base64url').slice(0, 22).replaceAll(/[-_]/g, 'a')
    this.followers.set(owner, { muted: false })
  }

  post(serverId: number): Post | undefined {
    return this.posts.find((post) => post.serverId === serverId && !post.deleted)
  }

  /** What GraphQL answers about it; `viewer` is who asks. */
  describe(viewer: Account): object {
    const follower = this.followers.get(viewer)
    const role = viewer === this.owner ? 'OWNER' : follower === undefined ? 'GUEST' : 'SUBSCRIBER'
    return {
      id: this.jid,
      state: { type: 'ACTIVE' },
      thread_metadata: {
        creation_time: String(this.createdAt),
        name: { id: '1', text: this.name, update_time: '0' },
        description: { id: '1', text: this.description, update_time: '0' },
        invite: this.invite,
        subscribers_count: String(this.followers.size),
        verification: 'UNVERIFIED',
        picture: this.picture ? { id: '1', type: 'IMAGE', direct_path: `/v/t61/${this.invite}` } : null,
      },
      viewer_metadata: { role, mute: follower?.muted === true ? 'ON' : 'OFF' },
    }
  }
}

/** All newsletters there are: who may do what to them, and who is told. */
export class Newsletters {
  readonly #byJid = new Map<string, StoredNewsletter>()
  readonly #router: Router
  readonly #clock: Clock

  constructor(router: Router, clock: Clock) {
    this.#router = router
    this.#clock = clock
  }

  find(jid: string): StoredNewsletter | undefined {
    return this.#byJid.get(jid)
  }

  invitedBy(code: string): StoredNewsletter | undefined {
    return [...this.#byJid.values()].find(({ invite }) => invite === code)
  }

  followedBy(account: Account): StoredNewsletter[] {
    return [...this.#byJid.values()].filter(({ followers }) => followers.has(account))
  }

  create(owner: Account, name: string): StoredNewsletter {
    const jid = `1203631${String(this.#byJid.size + 1).padStart(11, '0')}@newsletter`
    const made = new StoredNewsletter(jid, owner, name, this.#now)
    this.#byJid.set(jid, made)
    return made
  }

  delete({ jid, followers }: StoredNewsletter): void {
    this.#byJid.delete(jid)
    for (const account of followers.keys()) this.tellChange(account, jid, 'state_change')
  }

  /** A `<message>` to a newsletter: something posted, a reaction, something taken back. Answers what the ack says. */
  take(account: Account, stanza: BinaryNode): BinaryNode['attrs'] {
    const { to = '', id = newId(), type = 'text', server_id, edit, media_id: mediaId } = stanza.attrs
    const newsletter = this.find(to)
    if (newsletter === undefined) return { error: '404' }
    if (type === 'reaction') {
      const post = newsletter.post(Number(server_id))
      if (post === undefined) return { error: '404' }
      this.react(newsletter, account, post, child(stanza, 'reaction')?.attrs['code'] ?? '')
      return {}
    }
    if (newsletter.owner !== account) return { error: '403' }
    if (edit === '8') {
      const post = newsletter.posts.find((each) => each.id === id && !each.deleted)
      if (post === undefined) return { error: '404' }
      this.revoke(newsletter, post)
      return {}
    }
    const plaintext = bytesOf(child(stanza, 'plaintext'))
    if (plaintext === undefined) return { error: '400' }
    const known = newsletter.posts.find((each) => each.id === id)
    const post = known ?? this.post(newsletter, { id, type, plaintext, mediaId }, account)
    return { server_id: String(post.serverId) }
  }

  /** Posts for everybody who follows it but the poster. */
  post(
    newsletter: StoredNewsletter,
    {
      id = newId(),
      type = 'text',
      plaintext,
      mediaId,
    }: Partial<Pick<Post, 'id' | 'type' | 'mediaId'>> & Pick<Post, 'plaintext'>,
    by: Account = newsletter.owner,
  ): Post {
    const post: Post = {
      serverId: newsletter.posts.length + 100,
      id,
      type,
      plaintext,
      mediaId,
      at: this.#now,
      views: 0,
      reactions: new Map(),
      deleted: false,
    }
    newsletter.posts.push(post)
    this.#toFollowers(newsletter, by, messageNode(post, { from: newsletter.jid, t: String(post.at) }))
    return post
  }

  postText(newsletter: StoredNewsletter, text: string): Post {
    return this.post(newsletter, { plaintext: proto.Message.encode({ conversation: text }).finish() })
  }

  revoke(newsletter: StoredNewsletter, post: Post): void {
    post.deleted = true
    const attrs = { from: newsletter.jid, t: String(this.#now) }
    this.#toFollowers(newsletter, newsletter.owner, messageNode(post, attrs))
  }

  react(newsletter: StoredNewsletter, by: Account, post: Post, emoji: string): void {
    if (emoji === '') post.reactions.delete(by)
    else post.reactions.set(by, emoji)
    this.#tellCounts(newsletter, post)
  }

  view(newsletter: StoredNewsletter, post: Post, times: number): void {
    post.views += times
    this.#tellCounts(newsletter, post)
  }

  /** Something about a newsletter, or about us in it, changed: clients are told that, and ask. */
  tellChange(account: Account, jid: string, what: 'metadata_update' | 'mute_change' | 'state_change'): void {
    const data = { [`xwa2_notify_newsletter_on_${what}`]: { id: jid } }
    const update = node(
      'update',
      { op_name: 'NotificationNewsletterUpdate' },
      Buffer.from(JSON.stringify({ data })),
    )
    this.#router.notify(account, { type: 'mex', from: 's.whatsapp.net' }, [update])
  }

  tellFollowers({ jid, followers }: StoredNewsletter): void {
    for (const account of followers.keys()) this.tellChange(account, jid, 'metadata_update')
  }

  #tellCounts(newsletter: StoredNewsletter, post: Post): void {
    const messages = node('messages', { t: String(this.#now) }, [countsNode(post)])
    for (const account of newsletter.followers.keys()) {
      this.#router.notify(account, { type: 'newsletter', from: newsletter.jid }, [
        node('live_updates', {}, [messages]),
      ])
    }
  }

  #toFollowers(newsletter: StoredNewsletter, by: Account, stanza: BinaryNode): void {
    for (const account of newsletter.followers.keys()) {
      // Of simulated phones nobody asks what they read in newsletters.
      if (account !== by)
        for (const device of account.linked.keys()) this.#router.deliver({ account, device }, stanza)
    }
  }

  get #now(): number {
    return Math.floor(this.#clock.now() / 1000)
  }
}

/** A message with all that is known of it, as `newsletter` queries answer it. */
export function fullNode(post: Post): BinaryNode {
  const { content } = countsNode(post)
  const whole = messageNode(post, { t: String(post.at) })
  return { ...whole, content: [...(whole.content as BinaryNode[]), ...(content as BinaryNode[])] } // both made below
}

function messageNode(
  { id, type, serverId, plaintext, deleted }: Post,
  attrs: BinaryNode['attrs'],
): BinaryNode {
  return node('message', { ...attrs, id, type, server_id: String(serverId), ...(deleted && { edit: '8' }) }, [
    node('plaintext', {}, deleted ? Buffer.alloc(0) : plaintext),
  ])
}

function countsNode({ id, type, serverId, at, views, reactions }: Post): BinaryNode {
  const counts = new Map<string, number>()
  for (const emoji of reactions.values()) counts.set(emoji, (counts.get(emoji) ?? 0) + 1)
  const attrs = { id, type, server_id: String(serverId), t: String(at) }
  return node('message', attrs, [
    node('views_count', { count: String(views) }),
    node(
      'reactions',
      {},
      [...counts].map(([code, count]) => node('reaction', { code, count: String(count) })),
    ),
  ])
}
