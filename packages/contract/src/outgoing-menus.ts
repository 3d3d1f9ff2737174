import { type MenuPart, numberedText, type OutgoingMessage } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { bool, issue, maybe, text } from './fields.ts'

/* Menus: buttons and lists. They go out as numbered text, unless somebody wants to try WhatsApp's own form. */

const option = z.object({
  id: maybe(text(1, 200)).meta({ description: 'What the choice is told as; its number when left out.' }),
  title: text(1, 80),
  description: maybe(text(1, 200)),
})
const common = {
  text: text(1, 2048),
  footer: maybe(text(1, 200)),
  experimental: maybe(bool()).meta({
    description:
      "true sends WhatsApp's own buttons or list. Apps show them from business accounts only, so that many recipients see nothing.",
  }),
}

const buttonsForm = z
  .object({ kind: z.literal('buttons'), ...common, options: z.array(option).min(1).max(10) })
  .refine(({ options }) => distinct(options), { path: ['options'], ...issue('not_distinct') })
  .meta({
    id: 'SendButtons',
    description:
      'Up to 10 options, as numbered text. Loosely: `{"text": "…", "buttons": [{"buttonId": "y", "buttonText": {"displayText": "Yes"}}]}`.',
  })

const listForm = z
  .object({
    kind: z.literal('list'),
    ...common,
    button: maybe(text(1, 40)).meta({ description: 'What opens the list, in the experimental form.' }),
    sections: z
      .array(z.object({ title: maybe(text(1, 80)), options: z.array(option).min(1).max(50) }))
      .min(1)
      .max(20),
  })
  .refine(({ sections }) => distinct(sections.flatMap(({ options }) => options)), {
    path: ['sections'],
    ...issue('not_distinct'),
  })
  .meta({
    id: 'SendList',
    description:
      'Options in sections, as numbered text. Loosely: `{"text": "…", "sections": [{"title": "…", "rows": [{"rowId": "s", "title": "Small"}]}]}`.',
  })

export const menuForms = [buttonsForm, listForm] as const
type Form = z.output<(typeof menuForms)[number]>

function distinct(options: readonly { id?: string | undefined }[]): boolean {
  const ids = options.flatMap(({ id }) => (id === undefined ? [] : [id]))
  return new Set(ids).size === ids.length
}

type Loose = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A string is an option by its title; baileys and others have several names for the rest. */
function optionOf(value: unknown): unknown {
  if (!isObject(value)) return { title: value }
  const { buttonText } = value
  return {
    id: value['id'] ?? value['buttonId'] ?? value['rowId'],
    title:
      value['title'] ??
      value['text'] ??
      value['displayText'] ??
      (isObject(buttonText) ? buttonText['displayText'] : buttonText),
    description: value['description'],
  }
}

const optionsIn = (value: unknown): unknown => (Array.isArray(value) ? value.map(optionOf) : value)

function sharedBy(message: Loose): Loose {
  return {
    text: message['text'] ?? message['body'] ?? message['description'] ?? message['title'],
    footer: message['footer'] ?? message['footerText'],
    experimental: message['experimental'],
  }
}

function listOf(sections: unknown, message: Loose): unknown {
  return {
    ...sharedBy(message),
    kind: 'list',
    button: message['button'] ?? message['buttonText'],
    sections: Array.isArray(sections)
      ? sections.map((section: unknown) =>
          isObject(section)
            ? {
                title: section['title'],
                options: optionsIn(section['options'] ?? section['rows']),
              }
            : section,
        )
      : sections,
  }
}

/** What each key of a loose form stands for. */
export const looseMenus: Readonly<Record<string, (value: unknown, message: Loose) => unknown>> = {
  buttons: (value, message) => ({ ...sharedBy(message), kind: 'buttons', options: optionsIn(value) }),
  sections: listOf,
  list: (value, message) =>
    isObject(value)
      ? listOf(value['sections'] ?? [{ options: value['options'] ?? value['rows'] }], {
          ...message,
          ...value,
        })
      : { kind: 'list' },
}

export function menuOf(form: Form): Extract<OutgoingMessage, { kind: 'buttons' | 'list' }> {
  const parts: readonly { title?: string | undefined; options: readonly z.output<typeof option>[] }[] =
    form.kind === 'buttons' ? [{ options: form.options }] : form.sections
  let number = 0
  const numbered: MenuPart[] = parts.map(({ title, options }) => ({
    title,
    options: options.map(({ id, title: name, description }) => {
      number += 1
      return { id: id ?? String(number), title: name, ...(description !== undefined && { description }) }
    }),
  }))
  const { kind, text: question, footer, experimental } = form
  const options = numbered.flatMap((part) => part.options)
  const menu = { kind, options, ...(footer !== undefined && { footer }) }
  if (experimental !== true) {
    return { ...menu, text: numberedText({ text: question, parts: numbered, footer }), numbered: true }
  }
  return {
    ...menu,
    text: question,
    ...(form.kind === 'list' && form.button !== undefined && { button: form.button }),
  }
}
