import { type JsonSchema, jsonSchemaOf } from '@inbox-hub/contract'
import type { z } from 'zod'

import { code } from './markdown.ts'

/** A field of a schema, as a row of a table. */
export interface Field {
  name: string
  type: string
  required: boolean
  description: string
}

/** The fields of an object schema: what a request may hold, or what an answer holds, one level deep in lists and objects. */
export function fieldsOf(schema: z.ZodType, io: 'input' | 'output'): Field[] {
  return rows(jsonSchemaOf(schema, io), '', 0)
}

function rows(schema: JsonSchema, prefix: string, depth: number): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const full = `${prefix}${name}`
    const inner = innerObject(property)
    return [
      {
        name: full,
        type: typeOf(property),
        required: schema.required?.includes(name) === true,
        description: property.description ?? '',
      },
      ...(inner === undefined || depth > 1 ? [] : rows(inner.schema, `${full}${inner.path}.`, depth + 1)),
    ]
  })
}

function innerObject(schema: JsonSchema): { schema: JsonSchema; path: string } | undefined {
  if (schema.properties !== undefined) return { schema, path: '' }
  if (schema.items?.properties !== undefined) return { schema: schema.items, path: '[]' }
  const object = schema.anyOf?.find(({ properties }) => properties !== undefined)
  return object === undefined ? undefined : { schema: object, path: '' }
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum !== undefined)
    return schema.enum.length > 13
      ? 'one of a table'
      : schema.enum.map((value) => code(String(value))).join(' ')
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeOf))].join(' or ')
  if (Array.isArray(schema.type)) return schema.type.join(' or ')
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'anything' : typeOf(schema.items)}`
  if (schema.type === 'string' && schema.format !== undefined) return schema.format
  if (schema.type === 'string' && schema.maxLength !== undefined)
    return `string ${schema.minLength ?? 0}–${schema.maxLength}`
  return schema.type ?? 'anything'
}
