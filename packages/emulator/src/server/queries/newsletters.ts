import { child, children, node } from '../../stanza.ts'
import type { Account } from '../account.ts'
import { fullNode, type Newsletters, type StoredNewsletter } from '../newsletters.ts'
import { forbidden, notFound, type Queries, type QueryError } from './query.ts'

/** Variables of a GraphQL query, as far as those below read them. */
interface Variables {
  newsletter_id?: string
  input?: { key?: string; type?: string; name?: string; description?: string | null; picture?: string }
  updates?: { name?: string; description?: string; picture?: string }
}

/** Answers a `w:mex` query: the `data` of the answer, or an error inside of it. */
export type MexAnswer = (account: Account, variables: Variables) => object | QueryError

/** GraphQL about newsletters, by query id (`QueryIds` of baileys; the list: whatsmeow newsletter.go). */
export function newsletterMex(newsletters: Newsletters): Readonly<Record<string, MexAnswer>> {
  const on =
    (
      answer: (newsletter: StoredNewsletter, account: Account, variables: Variables) => object | QueryError,
    ): MexAnswer =>
    (account, variables) => {
      const newsletter = newsletters.find(variables.newsletter_id ?? '')
      return newsletter === undefined ? notFound : answer(newsletter, account, variables)
    }
  const ofOwner = (answer: Parameters<typeof on>[0]): MexAnswer =>
    on((newsletter, account, variables) =>
      newsletter.owner === account ? answer(newsletter, account, variables) : forbidden,
    )
  const muting = (path: string, muted: boolean): MexAnswer =>
    on((newsletter, account) => {
      const follower = newsletter.followers.get(account)
      if (follower === undefined) return forbidden
      follower.muted = muted
      newsletters.tellChange(account, newsletter.jid, 'mute_change')
      return { [path]: { id: newsletter.jid } }
    })
  return {
    '6388546374527196': (account) => ({
      xwa2_newsletter_subscribed: newsletters.followedBy(account).map((each) => each.describe(account)),
    }),
    '6563316087068696': (account, { input }) => {
      const { key = '', type } = input ?? {}
      const found = type === 'INVITE' ? newsletters.invitedBy(key) : newsletters.find(key)
      return { xwa2_newsletter: found?.describe(account) ?? null }
    },
    '8823471724422422': (account, { input }) => {
      const made = newsletters.create(account, input?.name ?? '')
      made.description = input?.description ?? ''
      made.picture = (input?.picture ?? '') !== ''
      return { xwa2_newsletter_create: made.describe(account) }
    },
    '24250201037901610': ofOwner((newsletter, account, { updates = {} }) => {
      const { name, description, picture } = updates
      if (name !== undefined) newsletter.name = name
      if (description !== undefined) newsletter.description = description
      if (picture !== undefined) newsletter.picture = picture !== ''
      newsletters.tellFollowers(newsletter)
      return { xwa2_newsletter_update: newsletter.describe(account) }
    }),
    '24404358912487870': on((newsletter, account) => {
      if (!newsletter.followers.has(account)) newsletter.followers.set(account, { muted: false })
      return { xwa2_newsletter_join_v2: { id: newsletter.jid } }
    }),
    '9767147403369991': on((newsletter, account) => {
      if (newsletter.owner === account) return forbidden
      newsletter.followers.delete(account)
      return { xwa2_newsletter_leave_v2: { id: newsletter.jid } }
    }),
    '29766401636284406': muting('xwa2_newsletter_mute_v2', true),
    '9864994326891137': muting('xwa2_newsletter_unmute_v2', false),
    '30062808666639665': ofOwner((newsletter) => {
      newsletters.delete(newsletter)
      return { xwa2_newsletter_delete_v2: { id: newsletter.jid } }
    }),
  }
}

/** `newsletter`: messages of newsletters, and what became of them. */
export function newsletterQueries(newsletters: Newsletters): Queries {
  return {
    'newsletter get messages': (iq) => {
      const { jid = '', count = '50', before = '' } = child(iq, 'messages')?.attrs ?? {}
      const newsletter = newsletters.find(jid)
      if (newsletter === undefined) return notFound
      const end = before === '' ? Infinity : Number(before)
      const posts = newsletter.posts.filter(({ serverId }) => serverId < end).slice(-Number(count))
      return [node('messages', { jid, t: '0' }, posts.map(fullNode))]
    },
    'newsletter set live_updates': (iq) =>
      newsletters.find(iq.attrs['to'] ?? '') === undefined
        ? notFound
        : [node('live_updates', { duration: '300' }, [...children(child(iq, 'live_updates'))])],
  }
}
