import { child, children, childrenOf, node, textOf } from '../../stanza.ts'
import type { Truth } from '../../truth.ts'
import type { Clock } from '../../clock.ts'
import type { MediaHost } from '../../media/index.ts'
import type { MexAnswer } from './newsletters.ts'
import { notFound, type Queries } from './query.ts'

/** A server-side experiment flag clients read. Off: privacy tokens are not attached to messages. */
const abProps = [node('prop', { config_code: '10518', config_value: 'false' })]

/** `w:mex` queries by id (`QueryIds` of baileys), with what they are answered. */
const mexAnswers: Readonly<Record<string, MexAnswer>> = {
  '23983697327930364': ({ reachoutTimelock }) => ({ xwa2_fetch_account_reachout_timelock: reachoutTimelock }),
  '24503548349331633': () => ({
    xwa2_message_capping_info: {
      capping_status: 'NONE',
      total_quota: 500,
      used_quota: 0,
      cycle_start_timestamp: '0',
      cycle_end_timestamp: '0',
      ote_status: 'NOT_ELIGIBLE',
      mv_status: 'NOT_ELIGIBLE',
    },
  }),
}

/** What an account sets and asks about itself, and what clients ask around the login. */
export function settingsQueries({
  truth,
  media,
  clock,
  mex,
}: {
  truth: Truth
  media: MediaHost
  clock: Clock
  /** More of `w:mex`, by query id. */
  mex: Readonly<Record<string, MexAnswer>>
}): Queries {
  return {
    'w:p get ping': () => [],
    'w:p get ': () => [],
    'passive set active': () => [],
    'passive set passive': () => [],

    'abt get props': () => [node('props', { protocol: '1', hash: 'emulator', ab_key: 'emulator' }, abProps)],
    // What clients before 7.0 ask, with an empty hash.
    'w get props': () => [node('props', { protocol: '2', hash: 'emulator' }, [])],

    'privacy set tokens': (iq, { pn: by }) => {
      for (const { attrs } of childrenOf(child(iq, 'tokens'), 'token')) {
        truth.privacyTokens.add({ by, to: attrs['jid'] ?? '', at: clock.now() })
      }
      return []
    },
    'w:m set media_conn': () => {
      const { auth, ttl } = media.takeAuth()
      const attrs = { auth, ttl: String(ttl), auth_ttl: String(ttl), max_buckets: '12', id: '1' }
      return [node('media_conn', attrs, [node('host', { hostname: media.host, type: 'primary' })])]
    },

    'bot get bot': () => [node('bot', { v: '2' }, [])],

    'urn:xmpp:whatsapp:dirty set clean': () => [],
    'w:stats set add': () => [],
    // Baileys sends its statistics without a type.
    'w:stats  add': () => [],

    'w:mex get query': (iq, { account }) => {
      const query = children(iq)[0]
      const id = query?.attrs['query_id'] ?? ''
      const answer = mexAnswers[id] ?? mex[id]
      const text = textOf(query)
      if (text === undefined || answer === undefined) return notFound
      const { variables = {} } = JSON.parse(text) as { variables?: object }
      const data = answer(account, variables)
      // GraphQL says no inside of its answer.
      const told =
        'code' in data && 'text' in data
          ? { data: null, errors: [{ message: data.text, extensions: { error_code: data.code } }] }
          : { data }
      return [node('result', {}, Buffer.from(JSON.stringify(told)))]
    },
  }
}
