import { bytesOf, child, childrenOf, node, textOf } from '../../stanza.ts'
import { isGroup } from '../../jid.ts'
import type { Accounts } from '../account.ts'
import type { Groups } from '../groups.ts'
import type { Profiles } from '../profiles.ts'
import type { Picture } from '../profile.ts'
import { badRequest, forbidden, notAcceptable, notAuthorized, notFound, type Queries } from './query.ts'

/** The most bytes of a picture; WhatsApp's own are much smaller. */
const maxPictureBytes = 1_000_000

/** `w:profile:picture`, `status`, `privacy`, `blocklist`, `disappearing_mode`: what people show of themselves, and to whom. */
export function peopleQueries({
  accounts,
  groups,
  profiles,
}: {
  accounts: Accounts
  groups: Groups
  profiles: Profiles
}): Queries {
  const setPicture: Queries[string] = (iq, { account, device }) => {
    const { target } = iq.attrs
    const given = child(iq, 'picture')
    const jpeg = bytesOf(given)
    if (given !== undefined) {
      if (jpeg === undefined || jpeg.readUInt16BE(0) !== 0xffd8) return badRequest
      if (jpeg.length > maxPictureBytes) return notAcceptable
    }
    let picture: Picture | undefined
    if (target !== undefined && isGroup(target)) {
      const group = groups.find(target)
      if (group === undefined) return notFound
      if (!group.members.has(account)) return forbidden
      if (group.settings.locked && !group.isAdmin(account)) return forbidden
      picture = profiles.setGroupPicture(group, account, jpeg)
    } else picture = profiles.setPicture(account, jpeg, device)
    return picture === undefined ? [] : [node('picture', { id: picture.id })]
  }

  return {
    'w:profile:picture get picture': (iq, asker) => {
      const target = iq.attrs['target'] ?? ''
      if (isGroup(target)) {
        const group = groups.find(target)
        if (group === undefined) return notFound
        if (!group.members.has(asker.account)) return forbidden
        return group.picture === undefined ? notFound : [pictureNode(group.picture)]
      }
      const account = accounts.find(target)
      if (account === undefined || !account.registered) return notFound
      account.viewers.add(asker.account)
      if (account !== asker.account && account.privacy.get('profile') === 'none') return notAuthorized
      return account.profile.picture === undefined ? notFound : [pictureNode(account.profile.picture)]
    },
    'w:profile:picture set picture': setPicture,
    'w:profile:picture set ': setPicture,
    'status set status': (iq, { account, device }) => {
      profiles.setAbout(account, textOf(child(iq, 'status')) ?? '', device)
      return []
    },

    'blocklist get ': (_, { account }) => [
      node(
        'list',
        {},
        [...account.blocked].map((jid) => node('item', { jid })),
      ),
    ],
    'blocklist set item': (iq, { account, device }) => {
      const { jid, action } = child(iq, 'item')?.attrs ?? {}
      if (jid === undefined) return badRequest
      profiles.setBlocked(account, jid, action === 'block', device)
      return []
    },

    'privacy get privacy': (_, { account }) => [
      node(
        'privacy',
        {},
        [...account.privacy].map(([name, value]) => node('category', { name, value })),
      ),
    ],
    'privacy set privacy': (iq, { account, device }) => {
      const categories = childrenOf(child(iq, 'privacy'), 'category')
      for (const { attrs } of categories)
        profiles.setPrivacy(account, attrs['name'] ?? '', attrs['value'] ?? '', device)
      return [node('privacy', {}, categories)]
    },
    'disappearing_mode set disappearing_mode': (iq, { account, device }) => {
      const seconds = Number(child(iq, 'disappearing_mode')?.attrs['duration'])
      if (![0, 86_400, 604_800, 7_776_000].includes(seconds)) return badRequest
      profiles.setDisappearing(account, seconds, device)
      return []
    },
  }
}

function pictureNode({ id, url }: Picture) {
  return node('picture', { id, url, type: 'image', direct_path: new URL(url).pathname })
}
