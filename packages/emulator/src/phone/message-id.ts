import { randomBytes } from 'node:crypto'

/** As an Android phone makes them. */
export function newId(): string {
  return `AC${randomBytes(15).toString('hex').toUpperCase()}`
}
