/** Samples per second that the waveform is drawn from: loudness needs no more. */
export const waveformRate = 8000
/** What WhatsApp draws below a voice note. */
const bars = 64
/** Loudness kept at once; when a sound is longer, two become one, so memory does not grow with it. */
const maxBuckets = 4096

/** Takes signed 16 bit little endian samples of one channel as they come, and knows how long and how loud the sound was. */
export class Waveform {
  #samples = 0
  #sums: number[] = []
  /** Samples in a bucket: 20 ms at first. */
  #width = waveformRate / 50
  #sum = 0
  #inBucket = 0
  /** The first half of a sample whose second is in the next chunk. */
  #half: number | undefined

  add(chunk: Buffer): void {
    let at = 0
    if (this.#half !== undefined && chunk.length > 0) {
      this.#addSample(Buffer.from([this.#half, chunk[0] ?? 0]).readInt16LE())
      this.#half = undefined
      at = 1
    }
    for (; at + 1 < chunk.length; at += 2) this.#addSample(chunk.readInt16LE(at))
    if (at < chunk.length) this.#half = chunk[at]
  }

  #addSample(sample: number): void {
    this.#samples++
    this.#sum += Math.abs(sample)
    if (++this.#inBucket < this.#width) return
    this.#sums.push(this.#sum)
    this.#sum = 0
    this.#inBucket = 0
    if (this.#sums.length < maxBuckets) return
    this.#width *= 2
    this.#sums = Array.from(
      { length: maxBuckets / 2 },
      (_, i) => (this.#sums[2 * i] ?? 0) + (this.#sums[2 * i + 1] ?? 0),
    )
  }

  /** Seconds. */
  get duration(): number {
    return this.#samples / waveformRate
  }

  /** 64 bytes of 0 to 100, the loudest moment being 100; all 0 for silence. */
  bars(): Buffer {
    const sums = this.#sums.length > 0 ? this.#sums : [this.#sum]
    const means = Array.from({ length: bars }, (_, bar) => {
      const from = Math.floor((bar * sums.length) / bars)
      const to = Math.max(from + 1, Math.floor(((bar + 1) * sums.length) / bars))
      const part = sums.slice(from, to)
      return part.reduce((sum, value) => sum + value, 0) / part.length
    })
    const loudest = Math.max(...means)
    return Buffer.from(means.map((mean) => (loudest === 0 ? 0 : Math.round((100 * mean) / loudest))))
  }
}
