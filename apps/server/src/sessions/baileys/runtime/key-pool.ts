import { generateKeyPairSync } from 'node:crypto'

import { WorkerOnDemand } from '../../../platform/worker-on-demand.ts'

/** One X25519 key pair: 32 bytes each, without libsignal's type byte. */
export interface RawKeyPair {
  readonly publicKey: Buffer
  readonly privateKey: Buffer
}

/** Public key, then private key. */
const PAIR_BYTES = 64

/** The first login of a session takes 812 at once (baileys `INITIAL_PREKEY_COUNT`): three logins' worth wait ready. */
const CAPACITY = 2560
const BATCH = 640

/**
 * Key pairs made ahead of need. A first login asks for 812 pre-keys in one go, which would block the event loop for
 * 140 ms; each turn of a conversation asks for one. A worker thread makes them, and they wait packed: 64 bytes each.
 * Taking from an empty pool makes the pair on the spot.
 */
export class KeyPool {
  readonly #batches: Buffer[] = []
  #taken = 0
  #requested = 0
  readonly #worker = new WorkerOnDemand<number, Uint8Array>(
    new URL('key-pool-worker', import.meta.url).href,
    'key-pool',
  )
  readonly #capacity: number

  constructor(capacity: number = CAPACITY) {
    this.#capacity = capacity
  }

  /** How many pairs are ready. */
  get ready(): number {
    return this.#batches.reduce((sum, batch) => sum + batch.length / PAIR_BYTES, 0) - this.#taken
  }

  take(): RawKeyPair {
    const batch = this.#batches[0]
    if (batch === undefined) {
      this.fill()
      return generateRawKeyPair()
    }
    const at = this.#taken * PAIR_BYTES
    this.#taken += 1
    // Copies: a view would keep the whole batch alive, and the pool forgets what it gave away.
    const publicKey = Buffer.from(batch.subarray(at, at + 32))
    const privateKey = Buffer.from(batch.subarray(at + 32, at + PAIR_BYTES))
    batch.fill(0, at, at + PAIR_BYTES)
    if (this.#taken * PAIR_BYTES >= batch.length) {
      this.#batches.shift()
      this.#taken = 0
      this.fill()
    }
    return { publicKey, privateKey }
  }

  /** Asks the worker for what is missing. */
  fill(): void {
    while (this.ready + this.#requested + BATCH <= this.#capacity) {
      this.#requested += BATCH
      this.#worker.ask(BATCH).then(
        (batch) => {
          this.#requested -= BATCH
          this.#batches.push(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength))
        },
        // Without the worker, take() makes each pair itself: slower, never wrong.
        () => {
          this.#requested -= BATCH
        },
      )
    }
  }

  async close(): Promise<void> {
    await this.#worker[Symbol.asyncDispose]()
  }
}

/** One pair now, about 50 µs. */
export function generateRawKeyPair(): RawKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  // The last 32 bytes of both encodings are the key itself (RFC 8410).
  return {
    publicKey: Buffer.from(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)),
    privateKey: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32)),
  }
}

/** `count` pairs, packed. */
export function generatePacked(count: number): Buffer {
  const packed = Buffer.allocUnsafeSlow(count * PAIR_BYTES)
  for (let index = 0; index < count; index += 1) {
    const { publicKey, privateKey } = generateRawKeyPair()
    publicKey.copy(packed, index * PAIR_BYTES)
    privateKey.copy(packed, index * PAIR_BYTES + 32)
  }
  return packed
}
