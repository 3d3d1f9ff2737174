/** What an API key looks like: `ihk_<id>_<secret><check>`, so that secret scanners, our redactor and people recognise one. */
import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const idLength = 10
/** 43 characters of 62 hold 256 bits. */
const secretLength = 43
const checkLength = 6
const shape = new RegExp(`^ihk_([\\da-zA-Z]{${idLength}})_[\\da-zA-Z]{${secretLength + checkLength}}$`)

/** A new key. It exists here and at its holder only: what is stored is its hash. */
export function makeKey(): { id: string; key: string } {
  const id = randomBase62(idLength)
  const start = `ihk_${id}_${randomBase62(secretLength)}`
  return { id, key: `${start}${checkOf(start)}` }
}

/**
 * Where to look a key up: the id it carries, or for a key that was given to us (any text), one derived from it. Undefined for a key of
 * our form with a wrong check, which nobody was ever given.
 */
export function idOf(key: string, pepper: KeyObject): string | undefined {
  const id = shape.exec(key)?.[1]
  if (id === undefined)
    return `given-${createHmac('sha256', pepper).update(`id ${key}`).digest('hex').slice(0, 16)}`
  const start = key.slice(0, -checkLength)
  return checkOf(start) === key.slice(-checkLength) ? id : undefined
}

/** What is stored of a key. Keys are long and random, so one HMAC does; the pepper is outside the database. */
export function hashOf(key: string, pepper: KeyObject): Buffer {
  return createHmac('sha256', pepper).update(key).digest()
}

/** Compares without telling by its duration how much agreed; a key nobody knows costs the same as a wrong one. */
export function matches(hash: Buffer, stored: Buffer | undefined): boolean {
  return timingSafeEqual(hash, stored ?? nobody) && stored !== undefined
}

const nobody = Buffer.alloc(32)

/** Whether a key that someone made up is easy to guess: too short, or a few characters over and over. */
export function isWeak(key: string): boolean {
  const distinct = new Set(key).size
  // Bits, had each character been drawn from the distinct ones there are.
  return key.length * Math.log2(Math.max(distinct, 1)) < 96 || distinct < 10
}

function checkOf(start: string): string {
  let rest = crc32(start)
  let check = ''
  for (let i = 0; i < checkLength; i++) {
    check = `${alphabet.charAt(rest % 62)}${check}`
    rest = Math.floor(rest / 62)
  }
  return check
}

function randomBase62(length: number): string {
  let text = ''
  while (text.length < length) {
    // Bytes from 248 on would make the first characters likelier.
    for (const byte of randomBytes(length)) {
      if (byte < 248 && text.length < length) text += alphabet.charAt(byte % 62)
    }
  }
  return text
}
