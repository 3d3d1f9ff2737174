import { endpoints } from '@inbox-hub/contract'

import { type Api, Unheard } from './api.ts'
import type { Linked, People } from './inbound.ts'
import type { Random } from './random.ts'
import { pause } from './world.ts'

/** A message that a client asked the hub to send, under one key, until it had an answer. */
export interface Asked {
  session: Linked
  /** Digits, or a group's JID. */
  to: string
  key: string
  text: string
  /** Whether its chat's client waits for each answer before it asks for the next message. */
  inTurn: boolean
  /** How often the call was made: more than once when its answer was lost, or the hub said "not now". */
  tries: number
  /** Set when the hub promised it. */
  promised: { messageId: string; dbId: number; status: string } | undefined
  /** The hub's final refusal, which there should not be. */
  refused: string | undefined
}

interface Chat {
  session: Linked
  to: string
  /** How many calls of this chat a client has open at once: with one, what it asked for first has to arrive first. */
  atOnce: number
}

/** Clients that send through the API and take no silence for an answer: they repeat the call, with its key, until they know. */
export class Outbound {
  readonly asked: Asked[] = []
  readonly #api: Api
  readonly #chats: readonly Chat[]
  readonly #random: Random
  readonly #total: number
  readonly #stop = new AbortController()
  #allowed = 0
  #open = 0
  #calls = 0
  #waiting: (() => void)[] = []
  #callWaiters: { at: number; resolve: () => void }[] = []
  readonly #workers: Promise<void>[]

  constructor(api: Api, linked: readonly Linked[], { peers, groups }: People, random: Random, total: number) {
    this.#api = api
    this.#random = random
    this.#total = total
    this.#chats = [
      ...linked.flatMap((session) => peers.map((peer) => ({ session, to: peer.number.slice(1) }))),
      ...groups.flatMap(({ jid, sessions }) =>
        sessions.length === 1 ? sessions.map((session) => ({ session, to: jid })) : [],
      ),
    ].map((chat, index) => ({ ...chat, atOnce: index % 2 === 0 ? 1 : 4 }))
    this.#workers =
      total === 0
        ? []
        : this.#chats.flatMap((chat) => {
            const place = { next: 0 }
            return Array.from({ length: chat.atOnce }, () => this.#work(chat, place))
          })
  }

  get left(): number {
    return this.#total - this.asked.length
  }

  /** Messages that are allowed and that no client has asked for yet. */
  get waiting(): number {
    return this.#allowed - this.asked.length
  }

  /** Messages that a client asks for, until it has an answer. */
  get open(): number {
    return this.#open
  }

  /** Lets clients ask for so many more. */
  allow(count: number): void {
    this.#allowed = Math.min(this.#allowed + count, this.#total)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when a client has just made its `count`-th call from now; false when none did in `maxMs`. */
  nextCall(count: number, maxMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), maxMs)
      const made = (): void => {
        clearTimeout(timer)
        resolve(true)
      }
      this.#callWaiters.push({ at: this.#calls + count, resolve: made })
    })
  }

  /** Nobody asks any more. */
  async end(): Promise<void> {
    this.#stop.abort()
    for (const resolve of this.#waiting.splice(0)) resolve()
    await Promise.all(this.#workers)
  }

  async #work({ session, to, atOnce }: Chat, place: { next: number }): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (this.asked.length >= this.#allowed) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
        // So that not the same chats are the first each time.
        await pause(this.#random.int(0, 20))
        continue
      }
      const index = place.next
      place.next += 1
      const asked: Asked = {
        session,
        to,
        key: `${session.session} ${to} ${index}`,
        text: `out ${session.session} ${to} ${index}`,
        inTurn: atOnce === 1,
        tries: 0,
        promised: undefined,
        refused: undefined,
      }
      this.asked.push(asked)
      this.#open += 1
      while (asked.promised === undefined && asked.refused === undefined && !this.#stop.signal.aborted)
        await this.#ask(asked)
      this.#open -= 1
    }
  }

  async #ask(asked: Asked): Promise<void> {
    asked.tries += 1
    this.#calls += 1
    for (const one of this.#callWaiters) if (one.at === this.#calls) one.resolve()
    this.#callWaiters = this.#callWaiters.filter(({ at }) => at > this.#calls)
    try {
      const { data, failure, status } = await this.#api.ask(endpoints.sendMessage, {
        params: { sessionId: asked.session.session },
        body: { to: asked.to, message: asked.text },
        headers: { 'idempotency-key': asked.key },
      })
      if (data !== undefined) {
        const { messageId, dbId, status: word } = data
        asked.promised = { messageId, dbId, status: word }
        return
      }
      const isLater = failure !== undefined && (status === 503 || failure.code === 'SESSION_NOT_CONNECTED')
      if (!isLater) {
        asked.refused = `${status} ${failure?.code}: ${failure?.message}`
        return
      }
    } catch (error) {
      if (!(error instanceof Unheard)) {
        asked.refused = String(error)
        return
      }
    }
    await pause(this.#random.int(300, 1_000))
  }
}
