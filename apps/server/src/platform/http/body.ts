import { isUtf8 } from 'node:buffer'

import type { IssueKey, TextValues } from '@inbox-hub/contract'

/** Levels of objects and lists in a body: more than any of ours has, and few enough to walk. */
export const maxDepth = 32

/** A body that is not what it says; becomes `details.body` of a VALIDATION_ERROR. */
export class BadBody extends Error {
  override readonly name = 'BadBody'
  readonly issue: IssueKey
  readonly values: TextValues

  constructor(issue: IssueKey, values: TextValues = {}, options?: ErrorOptions) {
    super(issue, options)
    this.issue = issue
    this.values = values
  }
}

/**
 * The JSON in a request's body; `{}` when there is none. Refuses what could change objects' prototypes and what is
 * nested so deep that walking it would be an attack. @throws {BadBody}
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new BadBody('malformed_json', { reason: 'UTF-8' })
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new BadBody('malformed_json', { reason: whereJsonBreaks(error) }, { cause: error })
  }
  inspect(value, 0)
  return value
}

/** Where JSON.parse gave up, without the text around it: it may hold a secret. */
function whereJsonBreaks(error: unknown): string {
  const message = error instanceof Error ? error.message : ''
  const position = /at position (\d+)/.exec(message)?.[1]
  return position === undefined ? 'syntax' : `position ${position}`
}

function inspect(value: unknown, depth: number): void {
  // PostgreSQL cannot store it, and nobody writes it.
  if (typeof value === 'string' && value.includes('\0')) throw new BadBody('forbidden_character')
  if (typeof value !== 'object' || value === null) return
  if (depth >= maxDepth) throw new BadBody('too_deep', { maximum: maxDepth })
  if (Array.isArray(value)) {
    for (const item of value) inspect(item, depth + 1)
    return
  }
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__' || (key === 'constructor' && typeof item === 'object'))
      throw new BadBody('forbidden_key')
    inspect(item, depth + 1)
  }
}

/**
 * The fields of a form body. Clients that forget to name the media type (`curl -d '{}'`) send JSON under this name:
 * what starts like an object is read as one. @throws {BadBody}
 */
export function parseFormBody(bytes: Buffer): unknown {
  if (/^\s*\{/.test(bytes.subarray(0, 64).toString('latin1'))) return parseJsonBody(bytes)
  const fields: Record<string, string | string[]> = {}
  for (const [name, value] of new URLSearchParams(bytes.toString('utf8'))) {
    if (name === '__proto__' || name === 'constructor') throw new BadBody('forbidden_key')
    inspect(value, 0)
    const before = fields[name]
    fields[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
  }
  return fields
}
