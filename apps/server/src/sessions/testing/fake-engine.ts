import type { Jid } from '@inbox-hub/whatsapp'

import type { DialOptions, Engine, Journal, Link, LinkEvent } from '../baileys/index.ts'

/** One dial that a session made: the test tells what WhatsApp says on it. */
export interface FakeDial {
  readonly options: DialOptions
  /** Has been closed by us, or by `hangUp`. */
  closed: boolean
  loggedOut: boolean
  readonly codesAskedFor: string[]
  say(event: LinkEvent): void
  showQr(index?: number): void
  /** Ends the socket as WhatsApp or the network would. */
  hangUp(cause: Extract<LinkEvent, { type: 'closed' }>['cause']): void
}

/** A door to Baileys without Baileys: sessions are tested on what it is told to say. */
export interface FakeEngine extends Engine {
  readonly dials: readonly FakeDial[]
  readonly forgotten: readonly { sessionId: number; cause: string }[]
  /** The newest dial of a session, once there are `count`. */
  dialOf(sessionId: number, count?: number): Promise<FakeDial>
  /** Makes the next dials fail with this. */
  failDials(error: Error | undefined): void
  sweeps: number
}

/** Our own JID when a phone has scanned. */
export const linkedAs = { pn: '12025550123:4@s.whatsapp.net' as Jid, lid: '998877:4@lid' as Jid }

const journal: Journal = {
  onEntries: () => ({ [Symbol.dispose]: () => {} }),
  owing: () => Promise.resolve([]),
  owed: () => Promise.resolve([]),
  settle: () => Promise.resolve(),
  projectWith: () => {},
}

export function createFakeEngine({ now }: { now: () => number }): FakeEngine {
  const dials: FakeDial[] = []
  const forgotten: { sessionId: number; cause: string }[] = []
  let failure: Error | undefined
  const nothing = { [Symbol.dispose]: () => {} }

  const engine: FakeEngine = {
    dials,
    forgotten,
    sweeps: 0,
    dial(options) {
      if (failure !== undefined) return Promise.reject(failure)
      const codesAskedFor: string[] = []
      const dial: FakeDial = {
        options,
        closed: false,
        loggedOut: false,
        codesAskedFor,
        say: (event) => options.onEvent(event),
        showQr(index = 1) {
          const text = `https://wa.me/settings/linked_devices#secret-${options.sessionId}-${index}`
          options.onEvent({
            type: 'qr',
            text,
            index,
            of: 6,
            expiresAt: now() + (index === 1 ? 60_000 : 20_000),
          })
        },
        hangUp(cause) {
          dial.closed = true
          options.onEvent({ type: 'closed', cause })
        },
      }
      dials.push(dial)
      const link: Partial<Link> = {
        generation: options.generation,
        lease: options.lease,
        close() {
          if (!dial.closed) dial.hangUp({ origin: 'local', reason: 'asked', code: 0, message: '' })
          return Promise.resolve()
        },
        async logout() {
          dial.loggedOut = true
          await link.close?.()
        },
        requestPairingCode(phone) {
          codesAskedFor.push(phone)
          const expiresAt = now() + 160_000
          options.onEvent({ type: 'pairing_code', code: 'ABCD1234', expiresAt })
          return Promise.resolve({ code: 'ABCD1234', expiresAt })
        },
      }
      // Sessions call no other method of a link.
      return Promise.resolve(link as Link)
    },
    credentialsKind: () => Promise.resolve('none'),
    forget(lease, cause) {
      forgotten.push({ sessionId: lease.sessionId, cause })
      return Promise.resolve()
    },
    sweep() {
      engine.sweeps += 1
      return Promise.resolve()
    },
    journal,
    onPassing: () => nothing,
    onAcquaintances: () => {},
    takeHistoryWith: () => {},
    answerRetriesWith: () => {},
    async dialOf(sessionId, count = 1) {
      for (;;) {
        const own = dials.filter(({ options }) => options.sessionId === sessionId)
        const newest = own.at(-1)
        if (newest !== undefined && own.length >= count) return newest
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    failDials(error) {
      failure = error
    },
    async [Symbol.asyncDispose]() {},
  }
  return engine
}
