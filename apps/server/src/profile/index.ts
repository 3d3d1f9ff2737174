import { HubError, issueText, type Language } from '@inbox-hub/contract'
import { type Jid, withoutDevice } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { Media } from '../media/index.ts'
import type { KnownAbout, KnownBusiness, People, PersonFacts } from '../people/index.ts'
import type { Draft } from '../platform/blobs/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { BusinessProfile, Link } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import { type AccountSettings, categories, purgeSettings, readSettings, writeSettings } from './settings.ts'

export { profileRoutes } from './routes.ts'

/** Where a picture comes from: one of the three. */
export interface GivenPicture {
  url?: string | undefined
  base64?: string | undefined
  mediaId?: string | undefined
}

export interface PrivacyChange {
  readonly categories: Readonly<Partial<Record<keyof typeof categories, string>>>
  /** Seconds. */
  readonly disappearing: number | undefined
}

/** What is known of an account's own profile. */
export interface KnownProfile {
  about: KnownAbout
  picture: { id: string; mediaId: string } | undefined
  business: KnownBusiness
  appearsOnline: boolean
}

/** What accounts show of themselves, and to whom. Everything that asks WhatsApp throws `SESSION_NOT_CONNECTED`, `WHATSAPP_ERROR`. */
export interface Profiles {
  /** From the store when it is fresh. */
  read(session: SessionView, options: { refresh: boolean }): Promise<KnownProfile>
  /** From the store alone; what is missing or old is looked up behind it while the session is online. */
  glance(session: SessionView): Promise<PersonFacts>
  update(session: SessionView, wish: { name: string | undefined; about: string | undefined }): Promise<void>
  /** `group`: that group's picture, else the account's. `given` undefined takes it away. Answers the new id. */
  setPicture(
    session: SessionView,
    group: Jid | undefined,
    given: GivenPicture | undefined,
    call: { language: Language; signal: AbortSignal },
  ): Promise<string | undefined>
  /** Throws `NOT_A_BUSINESS`. */
  updateBusiness(session: SessionView, changes: Partial<BusinessProfile>): Promise<void>
  settings(session: SessionView): Promise<AccountSettings>
  setSettings(session: SessionView, change: PrivacyChange): Promise<AccountSettings>
}

export interface ProfilesDeps {
  database: Database
  sessions: Pick<Sessions, 'link' | 'linkWithin' | 'whilePurging'>
  chats: Pick<Chats, 'addresses'>
  people: People
  media: Pick<Media, 'fetch' | 'receive' | 'receiveBase64' | 'find' | 'open' | 'profilePicture'>
  clock: Clock
  log: Log
}

const freshForMs = 86_400_000
/** Of the 30 s that clients wait, what fetching and converting a picture may take. */
const pictureWithinMs = 15_000

export function createProfiles({
  database,
  sessions,
  chats,
  people,
  media,
  clock,
  log,
}: ProfilesDeps): Profiles {
  /** Sessions whose profile is being looked up behind an answer. */
  const looking = new Set<number>()

  people.onSettings(async (tx, sessionId, notice) => {
    const known = await readSettings(tx, sessionId)
    if (known === undefined) return
    const change = notice.is === 'privacy' ? { readAt: 0 } : { disappearing: notice.seconds }
    await writeSettings(tx, sessionId, { ...known, ...change })
  })
  sessions.whilePurging(purgeSettings)

  async function selfOf({ id: sessionId, mePn, meLid }: SessionView): Promise<Jid> {
    const own = mePn ?? meLid
    // Never linked: there is no account to speak of.
    if (own === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    const jid = withoutDevice(own)
    return (await chats.addresses.canonical(database, [{ sessionId, jid }]))(sessionId, jid)
  }

  const ask = <T>(session: SessionView, call: (link: Link) => Promise<T>): Promise<T> =>
    askWhatsApp(sessions, session.id, call)

  async function read(session: SessionView, options: { refresh: boolean }): Promise<KnownProfile> {
    const self = await selfOf(session)
    const [about, picture, business, appearsOnline] = await Promise.all([
      people.about(session, self, options),
      people.pictures.of(session, self, options),
      people.business(session, self, options),
      people.presence.appears(session),
    ])
    return {
      about,
      picture:
        picture.is === 'shown' ? { id: picture.picture.id, mediaId: picture.picture.media.id } : undefined,
      business,
      appearsOnline,
    }
  }

  /** Names what was done before something was refused. */
  async function inSteps(steps: readonly { name: string; run: () => Promise<void> }[]): Promise<void> {
    const applied: string[] = []
    for (const { name, run } of steps) {
      try {
        await run()
      } catch (error) {
        if (!(error instanceof HubError) || applied.length === 0) throw error
        throw new HubError(
          error.code,
          { ...error.details, applied: applied.join(', ') },
          { cause: error, values: error.values },
        )
      }
      applied.push(name)
    }
  }

  /** The bytes that somebody gives, on the disk. */
  async function draftOf(
    { ownerId }: SessionView,
    { url, base64, mediaId }: GivenPicture,
    { language, signal }: { language: Language; signal: AbortSignal },
  ): Promise<{ draft: Draft; declaredType: string | undefined }> {
    const given = [url, base64, mediaId].filter((source) => source !== undefined)
    if (given.length !== 1)
      throw new HubError('VALIDATION_ERROR', { url: issueText('one_picture_source', language) })
    if (url !== undefined) return media.fetch(url, { signal, timeoutMs: pictureWithinMs })
    if (mediaId !== undefined) {
      const row = await media.find(ownerId, mediaId)
      return {
        draft: await media.receive(await media.open(row, { signal }), { signal }),
        declaredType: row.mimetype,
      }
    }
    const received = await media.receiveBase64(base64 ?? '', { signal })
    if (received === undefined)
      throw new HubError('VALIDATION_ERROR', { base64: issueText('not_base64', language) })
    return { draft: received.draft, declaredType: received.type }
  }

  async function settings(session: SessionView): Promise<AccountSettings> {
    const known = await readSettings(database, session.id)
    if (known !== undefined) {
      const isFresh = clock.now() - known.readAt < freshForMs
      if (isFresh || sessions.link(session.id) === undefined) return known
    }
    return people.questions.ask(session.id, 'settings', async () => {
      const [privacy, disappearing] = await ask(session, (link) =>
        Promise.all([link.account.privacy(), link.account.disappearing()]),
      )
      const read = { privacy, disappearing, readAt: clock.now() }
      await database.write((tx) => writeSettings(tx, session.id, read))
      return read
    })
  }

  return {
    read,
    async glance(session) {
      if (session.mePn === undefined && session.meLid === undefined)
        return (await people.facts(session.id, []))('')
      const self = await selfOf(session)
      const known = (await people.facts(session.id, [self]))(self)
      if (sessions.link(session.id) !== undefined && !looking.has(session.id)) {
        looking.add(session.id)
        read(session, { refresh: false })
          .catch((error: unknown) =>
            log.info({ error, sessionId: session.id }, 'the profile of an account could not be read'),
          )
          .finally(() => looking.delete(session.id))
      }
      return known
    },
    async update(session, { name, about }) {
      const steps = []
      if (name !== undefined) {
        const setName = () => ask(session, (link) => link.appState.change({ set: 'push_name', to: name }))
        steps.push({ name: 'name', run: setName })
      }
      if (about !== undefined) {
        steps.push({
          name: 'about',
          async run() {
            await ask(session, (link) => link.account.setAbout(about))
            const now = clock.now()
            await people.learn(session, await selfOf(session), {
              about: about === '' ? 'none' : 'shown',
              about_text: about === '' ? null : about,
              about_set_at: about === '' ? null : now,
              about_read_at: now,
            })
          },
        })
      }
      await inSteps(steps)
    },
    async setPicture(session, group, given, call) {
      let jpeg: Buffer | undefined
      if (given !== undefined) {
        const late = new AbortController()
        using _timer = clock.after(pictureWithinMs, () =>
          late.abort(new HubError('MEDIA_CONVERSION_TOO_SLOW')),
        )
        const signal = AbortSignal.any([call.signal, late.signal])
        const { draft, declaredType } = await draftOf(session, given, { ...call, signal })
        jpeg = await media.profilePicture(draft, declaredType, signal)
      }
      const id = await askWhatsApp(
        sessions,
        session.id,
        (link) => link.account.setPicture(jpeg, group),
        (status) => {
          if (group === undefined) return undefined
          if (status === 404) return 'GROUP_NOT_FOUND'
          return status === 401 || status === 403 ? 'NOT_GROUP_ADMIN' : undefined
        },
      )
      await people.learn(session, group ?? (await selfOf(session)), { picture_read_at: 0 })
      return id
    },
    async updateBusiness(session, changes) {
      const self = await selfOf(session)
      const { profile } = await people.business(session, self, { refresh: false })
      if (profile === undefined) throw new HubError('NOT_A_BUSINESS')
      await ask(session, (link) => link.business.update(changes))
      await people.learn(session, self, { business_read_at: 0 })
    },
    settings,
    async setSettings(session, { categories: wanted, disappearing }) {
      const steps = Object.entries(wanted).map(([name, value]) => ({
        name,
        // Its keys are those of the table.
        run: () =>
          ask(session, (link) => link.account.setPrivacy(categories[name as keyof typeof categories], value)),
      }))
      if (disappearing !== undefined) {
        const run = () => ask(session, (link) => link.account.setDisappearing(disappearing))
        steps.push({ name: 'defaultDisappearingSeconds', run })
      }
      try {
        await inSteps(steps)
      } finally {
        // What was done shows in the next answer, also when something was refused.
        await database.write(async (tx) => {
          const known = await readSettings(tx, session.id)
          if (known !== undefined) await writeSettings(tx, session.id, { ...known, readAt: 0 })
        })
      }
      return settings(session)
    },
  }
}
