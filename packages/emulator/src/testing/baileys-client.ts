import {
  type AuthenticationCreds,
  type BinaryNode,
  BufferJSON,
  type ConnectionState,
  DEFAULT_CONNECTION_CONFIG,
  initAuthCreds,
  makeWASocket,
  type SignalDataTypeMap,
  type UserFacingSocketConfig,
  WA_CERT_DETAILS,
  type WAMessage,
  type WASocket,
} from 'baileys/lib/index.js'
import { proto } from '../baileys.ts'
import type { Emulator } from '../emulator.ts'

// The client that every wire test uses: Baileys as it is published, told only where to connect and whom to trust.

const silent = {
  level: 'silent',
  child: () => silent,
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
}

// libsignal prints Signal sessions, private keys included, whenever it closes one.
Object.assign(globalThis.console, { info: () => {}, warn: () => {} })

/** A client with credentials that outlive its sockets, as a gateway's session would. */
export class BaileysClient implements AsyncDisposable {
  creds: AuthenticationCreds = initAuthCreds()
  readonly store = new Map<string, string>()
  readonly updates: Partial<ConnectionState>[] = []
  readonly messages: { message: WAMessage; type: string }[] = []
  readonly stanzas: BinaryNode[] = []
  readonly #emulator: Pick<Emulator, 'url' | 'rootKey'>
  readonly #config: Partial<UserFacingSocketConfig>
  readonly #waiting = new Set<() => void>()
  #socket: WASocket | undefined

  constructor(emulator: Pick<Emulator, 'url' | 'rootKey'>, config: Partial<UserFacingSocketConfig> = {}) {
    this.#emulator = emulator
    this.#config = config
  }

  get socket(): WASocket {
    if (this.#socket === undefined) throw new Error('The client was never connected.')
    return this.#socket
  }

  /** Dials, without waiting for anything. */
  connect(config: Partial<UserFacingSocketConfig> = {}): WASocket {
    // Mutable, and the only way to make Baileys trust another root.
    Object.assign(WA_CERT_DETAILS, { PUBLIC_KEY: Buffer.from(this.#emulator.rootKey, 'hex') })
    const socket = makeWASocket({
      ...DEFAULT_CONNECTION_CONFIG,
      waWebSocketUrl: this.#emulator.url,
      auth: { creds: this.creds, keys: this.#keys() },
      logger: silent,
      markOnlineOnConnect: false,
      ...this.#config,
      ...config,
    })
    this.#socket = socket
    socket.ev.on('creds.update', (update) => {
      Object.assign(this.creds, update)
      this.#changed()
    })
    socket.ev.on('connection.update', (update) => {
      this.updates.push(update)
      this.#changed()
    })
    socket.ev.on('messages.upsert', ({ messages, type }) => {
      for (const message of messages) this.messages.push({ message, type })
      this.#changed()
    })
    for (const event of [
      'CB:ack',
      'CB:notification',
      'CB:presence',
      'CB:chatstate',
      'CB:receipt',
      'CB:message',
      'CB:ib',
    ]) {
      socket.ws.on(event, (stanza: BinaryNode) => {
        this.stanzas.push(stanza)
        this.#changed()
      })
    }
    return socket
  }

  /** The QR code it shows: the first after the call, unless it shows one already. */
  async qr(index = 0): Promise<string> {
    return this.until(() => this.updates.flatMap(({ qr }) => qr ?? [])[index])
  }

  /** Waits until `ask` gives something, asked again after each event. */
  async until<T>(ask: () => T | undefined | false, timeoutMs = 15_000): Promise<T> {
    const first = ask()
    if (first !== undefined && first !== false) return first
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check)
        reject(new Error(`Not so within ${timeoutMs} ms: ${ask.toString()}`))
      }, timeoutMs)
      const check = (): void => {
        const answer = ask()
        if (answer === undefined || answer === false) return
        clearTimeout(timer)
        this.#waiting.delete(check)
        resolve(answer)
      }
      this.#waiting.add(check)
    })
  }

  /** How the current socket ended. */
  async closed(): Promise<{ code: number; message: string; data: unknown }> {
    const from = this.updates.length
    const close = (): Partial<ConnectionState> | undefined =>
      this.updates.slice(Math.max(from - 50, 0)).findLast(({ connection }) => connection === 'close')
    const { lastDisconnect } = await this.until(close)
    // Baileys ends sockets with a Boom, which carries its code in `output`.
    const error = lastDisconnect?.error as Error & { output?: { statusCode: number }; data?: unknown }
    return { code: error.output?.statusCode ?? 0, message: error.message, data: error.data }
  }

  /** Ends the socket, as a gateway that is restarted in good order. */
  async end(): Promise<void> {
    const socket = this.#socket
    if (socket === undefined) return
    await socket.end(undefined)
    this.forget()
  }

  /** Forgets what it was told, for the next connection. */
  forget(): void {
    this.updates.length = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.ev.removeAllListeners('connection.update')
    // Unawaited by Baileys too: on a dead peer the close takes its time.
    void this.#socket?.end(undefined)
    // The field exists although it is not in the type.
    const { socket } = (this.#socket?.ws ?? {}) as { socket?: { terminate(): void } | null }
    socket?.terminate()
  }

  #keys() {
    const { store } = this
    return {
      get: async <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
        const found: Record<string, SignalDataTypeMap[T]> = {}
        for (const id of ids) {
          const value = store.get(`${type} ${id}`)
          if (value === undefined) continue
          const parsed = JSON.parse(value, BufferJSON.reviver)
          // Protobuf objects turn their bytes into strings when they become JSON.
          const isProtobuf = type === 'app-state-sync-key'
          found[id] = isProtobuf ? proto.Message.AppStateSyncKeyData.fromObject(parsed) : parsed
        }
        return found
      },
      set: async (data: Partial<Record<string, Record<string, unknown>>>) => {
        for (const [type, entries] of Object.entries(data)) {
          for (const [id, value] of Object.entries(entries ?? {})) {
            if (value === null || value === undefined) store.delete(`${type} ${id}`)
            else store.set(`${type} ${id}`, JSON.stringify(value, BufferJSON.replacer))
          }
        }
      },
    }
  }

  #changed(): void {
    for (const check of this.#waiting) check()
  }
}
