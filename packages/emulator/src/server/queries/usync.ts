import type { BinaryNode } from '../../baileys.ts'
import { parseUser } from '../../jid.ts'
import { child, childrenOf, children, node, textOf } from '../../stanza.ts'
import type { Account, Accounts, LinkedDevice } from '../account.ts'
import type { Queries } from './query.ts'

/** `usync`: who is on WhatsApp, under which addresses, with which devices. */
export function usyncQueries({ accounts }: { accounts: Accounts }): Queries {
  return {
    'usync get usync': (iq, device) => {
      const usync = child(iq, 'usync')
      const protocols = children(child(usync, 'query')).map(({ tag }) => tag)
      const users = childrenOf(child(usync, 'list'), 'user').flatMap((user) => {
        const asked = user.attrs['jid'] ?? textOf(child(user, 'contact'))
        const jid = parseUser(asked ?? '')
        const account = jid === undefined ? undefined : accounts.at(jid)
        // A LID nobody has: no answer for it, as from the real server.
        if (asked === undefined || account === undefined) return []
        // Answered in the form that was asked: clients file what they get under that address.
        const answered = asked.endsWith('@lid') ? account.lid : account.pn
        return [node('user', { jid: answered }, protocolAnswers(protocols, account, answered, device))]
      })
      return [node('usync', usync?.attrs ?? {}, [node('list', {}, users)])]
    },
  }
}

function protocolAnswers(
  protocols: readonly string[],
  account: Account,
  answered: string,
  asker: LinkedDevice,
): BinaryNode[] {
  return protocols.flatMap((protocol): BinaryNode[] => {
    switch (protocol) {
      case 'devices': {
        account.watchers.add(asker.account)
        const devices = account.devices.map((device) =>
          // Devices without a key index are ignored by clients, except the phone.
          node('device', { id: String(device), ...(device > 0 && { 'key-index': String(device) }) }),
        )
        return [node('devices', {}, [node('device-list', {}, devices)])]
      }
      case 'lid':
        return account.registered && answered === account.pn ? [node('lid', { val: account.lid })] : []
      case 'contact':
        return [node('contact', { type: account.registered ? 'in' : 'out' })]
      case 'status':
        account.viewers.add(asker.account)
        if (account !== asker.account && account.privacy.get('status') === 'none')
          return [node('status', { code: '401', t: '0' })]
        return [
          node(
            'status',
            { t: String(Math.floor(account.profile.about.at / 1000)) },
            account.profile.about.text,
          ),
        ]
      case 'disappearing_mode':
        return [
          node('disappearing_mode', {
            duration: String(account.profile.disappearing.seconds),
            t: String(Math.floor(account.profile.disappearing.at / 1000)),
          }),
        ]
      default:
        return [] // Protocols nobody here has anything to say on (username, bot, business).
    }
  })
}
