import type { BinaryNode } from '../../baileys.ts'
import type { LinkedDevice } from '../account.ts'

/** An `<error>` instead of a result. */
export interface QueryError {
  code: number
  text: string
}

/** Answers one kind of `<iq>`: with what the result holds, or with an error. */
export type QueryHandler = (iq: BinaryNode, device: LinkedDevice) => readonly BinaryNode[] | QueryError

/** Handlers by `<xmlns> <type> <first child>`. */
export type Queries = Readonly<Record<string, QueryHandler>>

export const notFound: QueryError = { code: 404, text: 'item-not-found' }
export const notAuthorized: QueryError = { code: 401, text: 'not-authorized' }
export const forbidden: QueryError = { code: 403, text: 'forbidden' }
/** Somebody is what they want to become. */
export const conflict: QueryError = { code: 409, text: 'conflict' }
/** It was there, and was taken back. */
export const gone: QueryError = { code: 410, text: 'gone' }
export const notAcceptable: QueryError = { code: 406, text: 'not-acceptable' }
export const full: QueryError = { code: 419, text: 'resource-limit' }
export const badRequest: QueryError = { code: 400, text: 'bad-request' }
