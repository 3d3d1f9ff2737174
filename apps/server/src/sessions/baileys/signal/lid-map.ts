import type { LIDMapping } from '../baileys.ts'
import {
  isHostedPnUser,
  isLidUser,
  isPnUser,
  jidDecode,
  jidEncode,
  jidNormalizedUser,
  WAJIDDomains,
} from '../baileys.ts'

import { lidOf, pnOf, tryParseJid } from '@inbox-hub/whatsapp'

import type { Acquaintance } from '../acquaintances.ts'
import type { SignalAddress } from './address.ts'
import { lidAddressOf, pnUserOf, signalAddressOf } from './address.ts'
import type { Change, SignalStore } from './store.ts'

/** How long WhatsApp's "this number has no LID" is believed, ms. */
const UNKNOWN_FOR_MS = 10 * 60_000

/** That an account has this number now, as it is stored. Both are users. */
export function mappingOf(
  sessionId: number,
  lidUser: string,
  pnUser: string,
): { changes: readonly Change[]; facts: readonly Acquaintance[] } {
  // Strangers choose what they send: pairs that are not addresses stay out of our tables.
  const isAddressed =
    tryParseJid(`${lidUser}@lid`) !== undefined && tryParseJid(`${pnUser}@s.whatsapp.net`) !== undefined
  return {
    changes: [
      { type: 'lid-mapping', id: pnUser, bytes: Buffer.from(lidUser) },
      { type: 'lid-mapping', id: `${lidUser}_reverse`, bytes: Buffer.from(pnUser) },
    ],
    facts: isAddressed ? [{ type: 'lid_mapping', sessionId, lid: lidOf(lidUser), pn: pnOf(pnUser) }] : [],
  }
}

/**
 * Which LID hides which phone number, as baileys' LIDMappingStore answers it, without that one's timer per contact and
 * unbounded cache (Signal/lid-mapping.js:5). Each new pair is stored together with what its readers make of it.
 */
export class LidMap {
  readonly #store: SignalStore
  readonly #ask: (pns: string[]) => Promise<readonly LIDMapping[] | undefined>
  readonly #unknown: Map<string, number>
  readonly #now: () => number

  constructor(deps: {
    store: SignalStore
    /** Asks WhatsApp; only outside ratchet steps. */
    ask: (pns: string[]) => Promise<readonly LIDMapping[] | undefined>
    now: () => number
  }) {
    this.#store = deps.store
    this.#ask = deps.ask
    this.#now = deps.now
    this.#unknown = new Map()
  }

  /** The LID's address when the number has one, else the address itself. From the store alone. */
  async resolve(address: SignalAddress): Promise<SignalAddress> {
    const pnUser = pnUserOf(address)
    if (pnUser === undefined) return address
    const lidUser = await this.#text(pnUser)
    return lidUser === undefined ? address : lidAddressOf(address, lidUser)
  }

  async resolveJid(jid: string): Promise<SignalAddress> {
    return this.resolve(signalAddressOf(jid))
  }

  async storeLIDPNMappings(pairs: readonly LIDMapping[]): Promise<void> {
    const changes: Change[] = []
    const facts: Acquaintance[] = []
    for (const pair of pairs) {
      const [lid, pn] = isLidUser(pair.lid) ? [pair.lid, pair.pn] : [pair.pn, pair.lid]
      if (isLidUser(lid) !== true || isPnUser(pn) !== true) continue
      const lidUser = jidDecode(lid)?.user
      const pnUser = jidDecode(pn)?.user
      if (lidUser === undefined || pnUser === undefined) continue
      if ((await this.#text(pnUser)) === lidUser) continue
      const kept = mappingOf(this.#store.lease.sessionId, lidUser, pnUser)
      changes.push(...kept.changes)
      facts.push(...kept.facts)
    }
    if (changes.length > 0) await this.#store.commit(changes, [], facts)
  }

  async getLIDForPN(pn: string): Promise<string | null> {
    return (await this.getLIDsForPNs([pn]))?.[0]?.lid ?? null
  }

  async getLIDsForPNs(pns: string[]): Promise<LIDMapping[] | null> {
    const found: LIDMapping[] = []
    const missing: string[] = []
    for (const pn of new Set(pns)) {
      if (isPnUser(pn) !== true && isHostedPnUser(pn) !== true) continue
      const lid = await this.#lidOf(pn)
      if (lid !== undefined) found.push({ lid, pn })
      else if (!this.#isUnknown(pn)) missing.push(pn)
    }
    if (missing.length > 0) {
      const asked = [...new Set(missing.map((pn) => `${jidDecode(pn)?.user ?? ''}@s.whatsapp.net`))]
      const answers = (await this.#ask(asked)) ?? []
      await this.storeLIDPNMappings(answers)
      for (const pn of missing) {
        const lid = await this.#lidOf(pn)
        if (lid === undefined) this.#remember(pn)
        else found.push({ lid, pn })
      }
    }
    return found.length > 0 ? found : null
  }

  async getPNForLID(lid: string): Promise<string | null> {
    return (await this.getPNsForLIDs([lid]))?.[0]?.pn ?? null
  }

  async getPNsForLIDs(lids: string[]): Promise<LIDMapping[] | null> {
    const found: LIDMapping[] = []
    for (const lid of new Set(lids)) {
      const decoded = isLidUser(lid) === true ? jidDecode(lid) : undefined
      if (decoded === undefined) continue
      const pnUser = await this.#text(`${decoded.user}_reverse`)
      if (pnUser === undefined) continue
      const server = decoded.domainType === WAJIDDomains.HOSTED_LID ? 'hosted' : 's.whatsapp.net'
      // With the device even when it is 0: that is how baileys answers it.
      found.push({ lid, pn: `${pnUser}:${decoded.device ?? 0}@${server}` })
    }
    return found.length > 0 ? found : null
  }

  close(): void {
    this.#unknown.clear()
  }

  async #lidOf(pn: string): Promise<string | undefined> {
    const decoded = jidDecode(pn)
    if (decoded === undefined) return undefined
    const lidUser = await this.#text(decoded.user)
    if (lidUser === undefined) return undefined
    return jidEncode(lidUser, decoded.server === 'hosted' ? 'hosted.lid' : 'lid', decoded.device)
  }

  async #text(id: string): Promise<string | undefined> {
    const bytes = await this.#store.readOne('lid-mapping', id)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8')
  }

  #isUnknown(pn: string): boolean {
    return (this.#unknown.get(jidNormalizedUser(pn)) ?? 0) > this.#now()
  }

  #remember(pn: string): void {
    if (this.#unknown.size >= 1_000) this.#unknown.clear()
    this.#unknown.set(jidNormalizedUser(pn), this.#now() + UNKNOWN_FOR_MS)
  }
}
