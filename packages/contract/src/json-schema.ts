import { z } from 'zod'

/** The part of JSON Schema that zod writes for our schemas. */
export interface JsonSchema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: JsonSchema[]
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: string[]
  format?: string
  description?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  maxItems?: number
}

/** A schema of the contract as JSON Schema without references: what may come in, or what goes out. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  // Only the keywords above are written for the kinds of schema that the contract uses.
  return z.toJSONSchema(schema, { io, reused: 'inline', unrepresentable: 'any' }) as JsonSchema
}
