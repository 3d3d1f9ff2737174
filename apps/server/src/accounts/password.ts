import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(argon2)

/** OWASP's first choice for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane; some 40 ms. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 }
const tagLength = 32
const shape = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([\w+/-]{1,100})\$([\w+/-]{1,200})$/

/** The hash of a password as a PHC string, with its cost and a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const tag = await oneByOne(() => tagOf(password, salt, cost, tagLength))
  const { memory, passes, parallelism } = cost
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`
}

/** Whether it is the password; takes as long when there is no hash to compare with. */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [, memory, passes, parallelism, salt = '', tag = ''] = shape.exec(hash ?? (await nobodys())) ?? []
  const stored = Buffer.from(tag, 'base64')
  const asked = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  const made = await oneByOne(() => tagOf(password, Buffer.from(salt, 'base64'), asked, stored.length))
  return timingSafeEqual(made, stored) && hash !== undefined
}

let nobody: Promise<string> | undefined
/** The hash of a password that nobody has. */
function nobodys(): Promise<string> {
  nobody ??= hashPassword(randomBytes(32).toString('hex'))
  return nobody
}

function tagOf(message: string, nonce: Buffer, parameters: typeof cost, length: number): Promise<Buffer> {
  return derive('argon2id', { message, nonce, ...parameters, tagLength: length })
}

let last: Promise<unknown> = Promise.resolve()
/** One at a time: the threads that hash are those that sync the store. */
function oneByOne<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work, work)
  last = mine.catch(() => {})
  return mine
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')
