import type { Text } from '../language.ts'

/** What is known about one failure. */
export interface ErrorFacts {
  /** HTTP status. */
  status: number
  /** What happened. Clients match some of the Spanish ones: those are the contract's, word for word. */
  message: Text
  /** What the reader can do about it. */
  remedy: Text
}
