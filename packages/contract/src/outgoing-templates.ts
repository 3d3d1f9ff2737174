import { z } from 'zod'

import { int, issue, maybe, numberAsText, text } from './fields.ts'

/** The most names a template may have. */
export const mostVariables = 50

const value = z
  .preprocess((given) => {
    if (given === null) return undefined
    return typeof given === 'boolean' ? String(given) : numberAsText(given)
  }, z.string().max(1024).optional())
  .meta({ type: 'string' })

/** Values by name; a list is of `{{1}}`, `{{2}}`, … Also as JSON text. */
export const variableValues = z
  .preprocess(
    (given) => {
      const parsed = typeof given === 'string' ? jsonOf(given) : given
      return Array.isArray(parsed)
        ? Object.fromEntries(parsed.map((each: unknown, index) => [String(index + 1), each]))
        : parsed
    },
    z.record(z.string().max(64), value),
  )
  .refine((values) => Object.keys(values).length <= mostVariables, issue('too_many_variables'))
  .meta({
    description: 'Values by name; a list is of `{{1}}`, `{{2}}`, …',
    example: { name: 'Ana', order: '1042' },
  })
export type VariableValues = z.output<typeof variableValues>

function jsonOf(text: string): unknown {
  if (text.trim() === '') return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    return parsed
  } catch {
    return text
  }
}

/** A send that names a template. */
export const templateForm = z
  .object({
    kind: z.literal('template'),
    id: maybe(int(1, 2 ** 31 - 1)),
    name: maybe(text(1, 100)),
    variables: maybe(variableValues),
  })
  .refine(({ id, name }) => (id === undefined) !== (name === undefined), {
    path: ['id'],
    ...issue('one_name'),
  })
  .meta({
    id: 'SendTemplate',
    description:
      'An approved template of the organization, by `id` or by `name`, filled with `variables`. Loosely: `{"template": {"name": "welcome", "variables": {"name": "Ana"}}}`.',
  })

/** A message that is written in a template. */
export interface AskedTemplate {
  kind: 'template'
  template: { id: number } | { name: string }
  variables: VariableValues
}

export function askedTemplate({
  id,
  name = '',
  variables = {},
}: z.output<typeof templateForm>): AskedTemplate {
  return { kind: 'template', template: id === undefined ? { name } : { id }, variables }
}

/** A string is a name, a number an id. */
export const looseTemplates: Readonly<Record<string, (value: unknown) => unknown>> = {
  template: (given) => {
    if (typeof given === 'number') return { kind: 'template', id: given }
    if (typeof given === 'string') return { kind: 'template', name: given }
    return typeof given === 'object' ? { ...given, kind: 'template' } : { kind: 'template' }
  },
}
