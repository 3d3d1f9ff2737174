import { Readable } from 'node:stream'

import { endpoints, HubError, isoOf } from '@inbox-hub/contract'
import { isPerson, type Jid, withoutDevice } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { Media } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions } from '../sessions/index.ts'
import { eraseContact, type EraseDeps } from './erase.ts'
import { exportContact } from './export.ts'
import { type Person, personOf } from './person.ts'

export interface PrivacyDeps extends EraseDeps {
  chats: EraseDeps['chats'] & Pick<Chats, 'addresses'>
  media: EraseDeps['media'] & Pick<Media, 'links' | 'settings'>
  sessions: Pick<Sessions, 'find'>
  clock: Clock
}

/** What a session holds about one person: to hand over, and to erase. */
export function privacyRoutes(http: Pick<Http, 'serve'>, deps: PrivacyDeps): void {
  const { database, sessions, chats, media, clock } = deps

  async function found(ownerId: number, ref: string, jid: Jid): Promise<Person> {
    const { id, mePn, meLid } = sessions.find(ownerId, ref, 'name_first')
    const person = await personOf(database, chats, { sessionId: id, jid })
    const isOwn = person.jids.some((each) => each === accountOf(mePn) || each === accountOf(meLid))
    // The account itself stands in everything: it goes with its session.
    if (!isPerson(jid) || isOwn) throw new HubError('CONTACT_NOT_FOUND')
    return person
  }

  http.serve(endpoints.exportContact, async ({ ownerId, params, baseUrl, signal }) => {
    const person = await found(ownerId, params.sessionId, params.contactId)
    const until = clock.now() + media.settings.linkMs
    async function* lines(): AsyncGenerator<string> {
      for await (const line of exportContact(database, person, (id) =>
        media.links.linkTo(baseUrl, id, until),
      )) {
        if (signal.aborted) return
        yield `${JSON.stringify(line)}\n`
      }
    }
    return {
      raw: Readable.from(lines(), { objectMode: false }),
      type: 'application/x-ndjson; charset=utf-8',
      headers: {
        'content-disposition': 'attachment; filename="contact.ndjson"',
        'cache-control': 'no-store',
      },
    }
  })

  http.serve(endpoints.eraseContact, async ({ ownerId, params, body }) => {
    const person = await found(ownerId, params.sessionId, params.contactId)
    if (body.confirm === undefined || !person.jids.includes(body.confirm))
      throw new HubError('ERASURE_NOT_CONFIRMED')
    const now = clock.now()
    return { data: { erased: await eraseContact(deps, person, now), erasedAt: isoOf(now) } }
  })
}

const accountOf = (jid: Jid | undefined): Jid | undefined =>
  jid === undefined ? undefined : withoutDevice(jid)
