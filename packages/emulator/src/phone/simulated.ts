/**
 * The devices one emulator simulates. What passes between two of them needs no encryption: nobody is
 * tested by it, and a large group would spend all its time on signatures.
 */
export class Simulated {
  /** By Signal address. */
  readonly #devices = new Set<string>()
  /** Ciphertext of a simulated sender → what it says. */
  readonly #plaintexts = new WeakMap<Uint8Array, Uint8Array>()

  add(address: string): void {
    this.#devices.add(address)
  }

  has(address: string): boolean {
    return this.#devices.has(address)
  }

  /** Notes what a group ciphertext says, for the members simulated here. */
  wrote(ciphertext: Uint8Array, plaintext: Uint8Array): void {
    this.#plaintexts.set(ciphertext, plaintext)
  }

  plaintextOf(ciphertext: Uint8Array): Uint8Array | undefined {
    return this.#plaintexts.get(ciphertext)
  }
}
