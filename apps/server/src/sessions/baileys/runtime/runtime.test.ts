import { execFile } from 'node:child_process'
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { originalCrypto, originalCurve } from './index.ts'
import { generatePacked, KeyPool } from './key-pool.ts'
import { libsignalAnswers } from './libsignal-answers.ts'
import { assertBaileysVersion, BAILEYS_VERSION } from './version.ts'

test('another baileys than the one we read is refused at start-up', () => {
  expect(() => assertBaileysVersion()).not.toThrow()
  for (const other of ['7.0.0-rc15', '7.0.0', '6.17.16', ''])
    expect(() => assertBaileysVersion(other)).toThrow(BAILEYS_VERSION)
})

test('the answers that the start-up compares with are those of the installed libsignal', () => {
  const { privateKey, publicKey, message, signature, peer, secret } = libsignalAnswers
  expect(originalCurve.verifySignature(publicKey, message, signature)).toBe(true)
  expect(originalCurve.calculateAgreement(peer, privateKey)).toEqual(secret)
  const anew = originalCurve.calculateSignature(privateKey, message)
  expect(originalCurve.verifySignature(publicKey, message, anew)).toBe(true)
})

test('keyed functions answer the same for bytes, text and key objects', () => {
  const key = randomBytes(32)
  const iv = randomBytes(16)
  const mac = (given: Parameters<typeof createHmac>[1]): string =>
    createHmac('sha256', given).update('text').digest('hex')
  expect(mac(key)).toBe(mac(createSecretKey(key)))
  expect(mac(new Uint8Array(key))).toBe(mac(key))
  expect(mac('text key')).toBe(mac(Buffer.from('text key')))
  const original = originalCrypto.createHmac('sha256', key) as ReturnType<typeof createHmac>
  expect(mac(key)).toBe(original.update('text').digest('hex'))
  // An empty key is legal for HMAC and cannot be a KeyObject everywhere.
  expect(() => mac(Buffer.alloc(0))).not.toThrow()
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const sealed = Buffer.concat([cipher.update('text'), cipher.final()])
  const decipher = createDecipheriv('aes-256-cbc', key, iv)
  expect(Buffer.concat([decipher.update(sealed), decipher.final()]).toString()).toBe('text')
})

test('wrong keys are refused in the same words', () => {
  const refusals = [createCipheriv, originalCrypto.createCipheriv].map((create) => {
    try {
      create('aes-256-gcm', randomBytes(31), randomBytes(12))
      return 'taken'
    } catch (error) {
      return String(error)
    }
  })
  expect(refusals[0]).toBe(refusals[1])
  expect(refusals[0]).not.toBe('taken')
})

test('a GCM key whose bytes change in place is not taken for the old one', () => {
  const key = randomBytes(32)
  const iv = randomBytes(12)
  const seal = (): Buffer => {
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    return Buffer.concat([cipher.update('text'), cipher.final(), cipher.getAuthTag()])
  }
  const before = seal()
  randomBytes(32).copy(key)
  expect(seal()).not.toEqual(before)
})

test('an empty pool still gives keys, and a worker fills it', async () => {
  const pool = new KeyPool(640)
  const first = pool.take()
  expect(first.publicKey).toHaveLength(32)
  while (pool.ready === 0) await new Promise((resolve) => setImmediate(resolve))
  const taken = new Set([pool.take(), pool.take()].map(({ privateKey }) => privateKey.toString('hex')))
  expect(taken.size).toBe(2)
  expect(pool.ready).toBe(638)
  await pool.close()
})

test('packed pairs are pairs', () => {
  const packed = generatePacked(3)
  expect(packed).toHaveLength(192)
  expect(new Set([0, 1, 2].map((index) => packed.toString('hex', index * 64, index * 64 + 64))).size).toBe(3)
})

const run = promisify(execFile)
const here = import.meta.url

/** What libsignal does when it closes a session, in a process of its own. */
const closesASession = `
const { createRequire } = await import('node:module')
const { SessionRecord } = createRequire(${JSON.stringify(here)})('libsignal')
const record = new SessionRecord()
const session = { indexInfo: { baseKey: Buffer.from('secret key material'), closed: -1 } }
record.setSession(session)
record.closeSession(session)
record.closeSession(session)
record.openSession(session)
console.log('ours is printed')`

test('libsignal prints nothing, and everybody else does', async () => {
  const quiet = await run(process.execPath, [
    '--conditions=source',
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '-e',
    `await import(${JSON.stringify(new URL('index.ts', here).href)});${closesASession}`,
  ])
  expect(quiet.stdout).toBe('ours is printed\n')
  expect(quiet.stderr).toBe('')

  // As published: key material on the console.
  const stock = await run(process.execPath, ['--input-type=module', '-e', closesASession])
  expect(stock.stdout + stock.stderr).toContain('Closing session')
})
