import { z } from 'zod'

import { isoSchema } from './answers.ts'
import type { Endpoint } from './endpoint.ts'
import { type ErrorCode, errorCodes } from './errors/index.ts'

/** The body of every failure. */
export const errorSchema = z
  .object({
    success: z.literal(false),
    error: z.string().meta({ description: 'What happened.' }),
    message: z.string().meta({ description: 'The same.' }),
    code: z.enum(errorCodes()),
    remedy: z.string().meta({ description: 'What to do about it.' }),
    requestId: z.string(),
    timestamp: isoSchema,
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .optional()
      .meta({ description: 'Of a VALIDATION_ERROR: what is wrong with each field.' }),
    data: z.looseObject({}).optional(),
  })
  .meta({ id: 'Error' })

/** The body of an operation's success. */
export function successSchema(endpoint: Endpoint): z.ZodObject {
  const { data, envelope } = endpoint.success
  const head = { success: z.literal(true), message: z.string().optional() }
  const tail = { timestamp: isoSchema }
  return envelope === 'flat'
    ? z.object({ ...head, ...shapeOf(data), ...tail })
    : z.object({ ...head, data, ...tail })
}

/** The body of an operation's failure with a code. */
export function failureSchema(endpoint: Endpoint, code: ErrorCode): z.ZodObject {
  const data = endpoint.errorData[code]
  return data === undefined
    ? errorSchema
    : errorSchema.omit({ data: true }).extend({ data }).meta({ id: undefined })
}

/** The fields of an object schema; the contract's are all plain objects, refined at most. */
function shapeOf(schema: z.ZodType<object>): Record<string, z.ZodType> {
  if (schema instanceof z.ZodObject) return schema.shape
  throw new TypeError('a flat answer needs a plain object schema')
}
