import type {
  AuthenticationCreds,
  ConnectionState,
  UserFacingSocketConfig,
  WAMessage,
  WASocket,
} from '../baileys.ts'
import { BufferJSON, initAuthCreds, makeWASocket } from '../baileys.ts'

import type { Emulator } from '@inbox-hub/emulator'

import { silentLogger } from '../runtime/index.ts'

/**
 * Baileys as it is published, with a key store in memory: what our traps are measured against. A version that behaves
 * better makes a test fail, and a decision due.
 */
export class StockClient implements AsyncDisposable {
  readonly creds: AuthenticationCreds
  readonly updates: Partial<ConnectionState>[] = []
  readonly messages: { message: WAMessage; type: string }[] = []
  readonly #emulator: Emulator
  readonly #keys = new Map<string, string>()
  readonly #waiting = new Set<() => void>()
  /** Called before each write of keys; what it throws or waits for happens to the write. */
  beforeWrite: (() => Promise<void> | void) | undefined
  sock: WASocket | undefined

  constructor(emulator: Emulator, creds: AuthenticationCreds = initAuthCreds()) {
    this.#emulator = emulator
    this.creds = creds
  }

  connect(config: Partial<UserFacingSocketConfig> = {}): WASocket {
    this.updates.length = 0
    const sock = makeWASocket({
      waWebSocketUrl: this.#emulator.url,
      logger: silentLogger,
      auth: {
        creds: this.creds,
        keys: {
          get: (type, ids) => {
            const found: Record<string, never> = {}
            for (const id of ids) {
              const json = this.#keys.get(`${type}|${id}`)
              if (json !== undefined) found[id] = JSON.parse(json, BufferJSON.reviver) as never
            }
            return found
          },
          set: async (data) => {
            await this.beforeWrite?.()
            for (const [type, values] of Object.entries(data))
              for (const [id, value] of Object.entries(values))
                if (value === null) this.#keys.delete(`${type}|${id}`)
                else this.#keys.set(`${type}|${id}`, JSON.stringify(value, BufferJSON.replacer))
          },
        },
      },
      ...config,
    })
    this.sock = sock
    sock.ev.on('connection.update', (update) => {
      this.updates.push(update)
      this.#changed()
    })
    sock.ev.on('messages.upsert', ({ messages, type }) => {
      for (const message of messages) this.messages.push({ message, type })
      this.#changed()
    })
    return sock
  }

  /** Links to the number and waits until it is open with nothing left to take. */
  async link(number: string, config: Partial<UserFacingSocketConfig> = {}): Promise<WASocket> {
    this.connect()
    await this.until(() => this.updates.some(({ qr }) => qr !== undefined))
    await this.#emulator.phone(number).scan(this.updates.flatMap(({ qr }) => qr ?? [])[0] ?? '')
    await this.until(() => this.updates.some(({ connection }) => connection === 'close'))
    const sock = this.connect({ shouldSyncHistoryMessage: () => false, ...config })
    await this.until(() => this.updates.some((update) => update.receivedPendingNotifications === true))
    return sock
  }

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`not within 15 s: ${condition.toString()}`))
      }, 15_000)
      const look = (): void => {
        if (!condition()) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
    })
  }

  #changed(): void {
    for (const look of this.#waiting) look()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sock?.end(undefined)
  }
}
