import type { AuthenticationCreds, BinaryNode, WASocket } from '../baileys.ts'
import { downloadContentFromMessage, getBinaryNodeChild, getBinaryNodeChildren, proto } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'

import type { Clock } from '../../../platform/clock.ts'
import type { Log } from '../../../platform/log.ts'
import { QueryRefused } from '../../query-refused.ts'
import type { Acquaintance } from '../acquaintances.ts'
import type { HistoryTaker } from '../history/taker.ts'
import type { AppStateCalls } from '../link/app-state.ts'
import type { Self } from '../journal/envelope.ts'
import { valueCodecs } from '../signal/value-codecs.ts'
import type { SignalStore } from '../signal/store.ts'
import { type AppStateChange, factsOf, mutationsOf, pushNameIn, unarchivingIn } from './actions.ts'
import {
  type Collection,
  type CollectionState,
  collections,
  type KeyRing,
  keysOf,
  MissingKey,
  type Mutation,
  MutationKeys,
  NotGenuine,
  nothingKnown,
  OpenCollection,
} from './collection.ts'

/** A change that others overtake so often is given up: they are at it right now. */
const MAX_CONFLICTS = 5
/** Answers of one sync, each with what did not fit into the one before. */
const MAX_ANSWERS = 100
/** The phone shares its keys right after linking: who asks before that waits for them. */
const KEY_MS = 10_000
/** More than any account has; a bomb ends here. */
const MAX_EXTERNAL_BYTES = 128 * 1024 * 1024

export interface AppStateDeps {
  sessionId: number
  sock: WASocket
  /** Rejects with `QueryRefused` when WhatsApp says no, with `HubError` when it says nothing. */
  ask: (query: BinaryNode) => Promise<BinaryNode>
  store: SignalStore
  creds: AuthenticationCreds
  /** Keeps which LID has which number, where messages are sent from. */
  keepPairs: (pairs: readonly { lid: string; pn: string }[]) => Promise<void>
  /** Our own addresses. */
  self: () => Self
  /** What is wanted of before the session was linked: of app state that is read for the first time. */
  past: () => ReturnType<HistoryTaker['wants']>
  mediaHost: string
  fetchOptions: RequestInit
  clock: Clock
  log: Log
}

/** What the server has of one collection beyond what we said to have. */
interface Answered {
  name: Collection
  error: number | undefined
  snapshot: proto.SyncdSnapshot | undefined
  patches: readonly proto.SyncdPatch[]
  hasMore: boolean
}

/**
 * The app state of one session, kept in step with its other devices. What a patch tells is stored in the transaction that stores that we
 * have it: after a crash between the two there is nothing to miss, the same patch is fetched again. One thing at a time.
 */
export class AppState implements AppStateCalls {
  readonly #deps: AppStateDeps
  readonly #keys = new Map<string, MutationKeys>()
  /** Collections that wait for a key. */
  readonly #blocked = new Set<Collection>()
  readonly #firstKey = Promise.withResolvers<void>()
  #tail: Promise<unknown> = Promise.resolve()

  constructor(deps: AppStateDeps) {
    this.#deps = deps
  }

  get isBusiness(): boolean | undefined {
    // What the phone said when it was linked: `smba` and `smbi` are WhatsApp Business, `android` and `iphone` are not.
    const { platform = '' } = this.#deps.creds
    if (platform.startsWith('smb')) return true
    return platform === 'android' || platform === 'iphone' ? false : undefined
  }

  async change(change: AppStateChange): Promise<void> {
    const { creds, clock } = this.#deps
    if (creds.myAppStateKeyId === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      using _limit = clock.after(KEY_MS, resolve)
      await Promise.race([this.#firstKey.promise, promise])
    }
    await this.#inTurn(() => this.#change(change))
  }

  async sync({ afresh }: { afresh: boolean }): Promise<void> {
    await this.#inTurn(() => this.#sync(collections, afresh))
  }

  /** Fetches what a `server_sync` notification tells of, before it is acknowledged: it comes again when this fails. */
  async follow(notification: BinaryNode): Promise<void> {
    const named = getBinaryNodeChildren(notification, 'collection').flatMap(({ attrs }) =>
      collections.filter((name) => name === attrs['name']),
    )
    if (named.length > 0) await this.#inTurn(() => this.#sync(named, false))
  }

  /** The phone has shared keys. */
  async keysCame(): Promise<void> {
    this.#firstKey.resolve()
    const waiting = [...this.#blocked]
    this.#blocked.clear()
    if (waiting.length > 0) await this.#inTurn(() => this.#sync(waiting, false))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work)
    this.#tail = done.catch(() => {})
    return done
  }

  async #change(change: AppStateChange): Promise<void> {
    const { creds, clock } = this.#deps
    const { collection: name, mutations } = mutationsOf(change, clock.now())
    if (creds.myAppStateKeyId === undefined) throw new HubError('APP_STATE_NOT_READY')
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
      let state = await this.#stateOf(name)
      // From nothing it would be a conflict for certain.
      if (attempt > 0 || state === undefined) {
        await this.#sync([name], false)
        state = await this.#stateOf(name)
      }
      if (this.#blocked.has(name)) throw new HubError('APP_STATE_NOT_READY')
      const ring = await this.#ring([Buffer.from(creds.myAppStateKeyId, 'base64')])
      const keys = ring(Buffer.from(creds.myAppStateKeyId, 'base64'))
      const from = state ?? nothingKnown
      const open = new OpenCollection(name, from, ring)
      const patch = open.write(mutations, keys)
      const [answer] = await this.#ask([
        {
          tag: 'collection',
          attrs: { name, version: String(from.version), return_snapshot: 'false' },
          content: [{ tag: 'patch', attrs: {}, content: patch }],
        },
      ])
      if (answer?.error === undefined) return this.#keep(name, open.state, mutations)
      if (answer.error !== 409) throw new QueryRefused(answer.error)
    }
    throw new HubError('APP_STATE_CONFLICT')
  }

  async #sync(names: readonly Collection[], afresh: boolean): Promise<void> {
    const left = new Map(names.map((name) => [name, { whole: afresh, hasFailed: false }]))
    for (let answers = 0; left.size > 0 && answers < MAX_ANSWERS; answers++) {
      const states = new Map<Collection, CollectionState>()
      for (const [name, { whole }] of left) {
        states.set(name, (whole ? undefined : await this.#stateOf(name)) ?? nothingKnown)
      }
      const answered = await this.#ask(
        [...states].map(([name, { version }]) => ({
          tag: 'collection',
          attrs: { name, version: String(version), return_snapshot: String(version === 0) },
        })),
      )
      for (const [name, from] of states) {
        const answer = answered.find((told) => told.name === name)
        const asked = left.get(name)
        if (answer === undefined || asked === undefined || answer.error !== undefined) {
          left.delete(name)
          if (answer?.error !== undefined) this.#warn(name, `the server answered ${answer.error}`)
          continue
        }
        try {
          await this.#take(answer, from)
          asked.whole = false
          if (!answer.hasMore) left.delete(name)
        } catch (error) {
          if (error instanceof MissingKey) {
            left.delete(name)
            await this.#waitForKey(name, error.keyId)
          } else if (error instanceof NotGenuine && !asked.hasFailed) {
            // What we have may be what is wrong.
            left.set(name, { whole: true, hasFailed: true })
          } else if (error instanceof NotGenuine) {
            left.delete(name)
            // Not stored, so nothing is built on it: the next notification tries again.
            this.#warn(name, error.message)
          } else throw error
        }
      }
    }
  }

  async #take({ name, snapshot, patches }: Answered, from: CollectionState): Promise<void> {
    if (snapshot === undefined && patches.length === 0) return
    const needed = [snapshot ?? {}, ...patches].flatMap(keysOf)
    const open = new OpenCollection(name, from, await this.#ring(needed))
    const taken = snapshot === undefined ? [] : open.restore(snapshot)
    for (const patch of patches) taken.push(...open.take(patch))
    await this.#keep(name, open.state, taken, from.version === 0)
  }

  /** Stores that we have it together with what it tells. */
  async #keep(
    name: Collection,
    state: CollectionState,
    mutations: readonly Mutation[],
    isPast = false,
  ): Promise<void> {
    const { sessionId, store, keepPairs, sock, creds, self, past } = this.#deps
    // The last word on an entry is what counts; one that is gone is told all the same.
    const latest = new Map(mutations.map((mutation) => [JSON.stringify(mutation.index), mutation]))
    const { messages: isWanted, since = 0 } = isPast ? past() : { messages: true, since: 0 }
    const facts: readonly Acquaintance[] = [...latest.values()]
      .flatMap((mutation) => factsOf(sessionId, mutation, self()))
      .filter((fact) => fact.type !== 'past_call' || (isWanted && fact.call.startedAt >= since))
    const pairs = facts.filter((fact) => fact.type === 'lid_mapping')
    if (pairs.length > 0) await keepPairs(pairs.map(({ lid, pn }) => ({ lid, pn })))
    const bytes = valueCodecs['app-state-sync-version'].encode(state)
    await store.commit([{ type: 'app-state-sync-version', id: name, bytes }], [], facts)
    const pushName = pushNameIn(mutations)
    if (pushName !== undefined && creds.me !== undefined && creds.me.name !== pushName)
      sock.ev.emit('creds.update', { me: { ...creds.me, name: pushName } })
    const unarchiveChats = unarchivingIn(mutations)
    if (unarchiveChats !== undefined)
      sock.ev.emit('creds.update', { accountSettings: { ...creds.accountSettings, unarchiveChats } })
  }

  async #stateOf(name: Collection): Promise<CollectionState | undefined> {
    const bytes = await this.#deps.store.readOne('app-state-sync-version', name)
    return bytes === undefined ? undefined : valueCodecs['app-state-sync-version'].decode(bytes)
  }

  async #ring(needed: readonly Uint8Array[]): Promise<KeyRing> {
    const ids = new Set(needed.map((id) => Buffer.from(id).toString('base64')))
    const missing = [...ids].filter((id) => !this.#keys.has(id))
    if (missing.length > 0) {
      for (const [id, bytes] of await this.#deps.store.read('app-state-sync-key', missing)) {
        const { keyData } = valueCodecs['app-state-sync-key'].decode(bytes)
        if (keyData) this.#keys.set(id, new MutationKeys(Buffer.from(id, 'base64'), keyData))
      }
    }
    return (keyId) => {
      const keys = this.#keys.get(Buffer.from(keyId).toString('base64'))
      if (keys === undefined) throw new MissingKey(keyId)
      return keys
    }
  }

  /** Asks the phone for a key it has not shared; the collection is read on when it comes. baileys waits for it without asking. */
  async #waitForKey(name: Collection, keyId: Uint8Array): Promise<void> {
    const { sock, creds } = this.#deps
    this.#blocked.add(name)
    this.#warn(name, 'it is encrypted with a key that the phone has not shared; the phone was asked for it')
    const self = creds.me?.id.replace(/:\d+@/, '@')
    if (self === undefined) return
    const type = proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_REQUEST
    await sock
      .relayMessage(
        self,
        { protocolMessage: { type, appStateSyncKeyRequest: { keyIds: [{ keyId }] } } },
        { additionalAttributes: { category: 'peer', push_priority: 'high_force' } },
      )
      .catch((error: unknown) => this.#deps.log.warn({ error }, 'the phone could not be asked for a key'))
  }

  async #ask(content: BinaryNode[]): Promise<readonly Answered[]> {
    const attrs = { to: '@s.whatsapp.net', xmlns: 'w:sync:app:state', type: 'set' }
    const answer = await this.#deps.ask({ tag: 'iq', attrs, content: [{ tag: 'sync', attrs: {}, content }] })
    const nodes = getBinaryNodeChildren(getBinaryNodeChild(answer, 'sync'), 'collection')
    return (await Promise.all(nodes.map((node) => this.#answered(node)))).filter((told) => told !== undefined)
  }

  async #answered(node: BinaryNode): Promise<Answered | undefined> {
    const { attrs } = node
    const name = collections.find((known) => known === attrs['name'])
    if (name === undefined) return undefined
    const error =
      attrs['type'] === 'error' ? Number(getBinaryNodeChild(node, 'error')?.attrs['code'] ?? 500) : undefined
    const hasMore = attrs['has_more_patches'] === 'true'
    // What comes with a refusal is fetched with the next request, from the version we have then.
    if (error !== undefined) return { name, error, snapshot: undefined, patches: [], hasMore }
    const reference = bytesOf(getBinaryNodeChild(node, 'snapshot'))
    const snapshot =
      reference === undefined
        ? undefined
        : proto.SyncdSnapshot.decode(await this.#external(proto.ExternalBlobReference.decode(reference)))
    const patches = await Promise.all(
      getBinaryNodeChildren(getBinaryNodeChild(node, 'patches'), 'patch').map((patch) =>
        this.#patchIn(bytesOf(patch) ?? Buffer.alloc(0)),
      ),
    )
    return { name, error, snapshot, patches, hasMore }
  }

  async #patchIn(bytes: Uint8Array): Promise<proto.SyncdPatch> {
    const patch = proto.SyncdPatch.decode(bytes)
    const { externalMutations } = patch
    if (externalMutations)
      patch.mutations.push(...proto.SyncdMutations.decode(await this.#external(externalMutations)).mutations)
    return patch
  }

  /** What was too long for the answer lies at WhatsApp's media host: only there, whatever address is named. */
  async #external({ directPath, mediaKey }: proto.IExternalBlobReference): Promise<Buffer> {
    const { mediaHost: host, fetchOptions: options } = this.#deps
    if (!directPath || !/^\/[\w\-./?=&%~+:]+$/.test(directPath))
      throw new NotGenuine('app state lies under a path that we would not follow')
    const reference = { mediaKey: mediaKey ?? null, directPath }
    const stream = await downloadContentFromMessage(reference, 'md-app-state', { host, options })
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength
      if (bytes > MAX_EXTERNAL_BYTES) throw new NotGenuine('app state is larger than any account has')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  #warn(name: Collection, reason: string): void {
    const { log, sessionId } = this.#deps
    log.warn({ sessionId, name, reason }, 'a collection of app state could not be read')
  }
}

function bytesOf(node: BinaryNode | undefined): Uint8Array | undefined {
  return node?.content instanceof Uint8Array ? node.content : undefined
}
