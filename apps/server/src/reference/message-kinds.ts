import { deedMatrix, kindMatrix } from '@inbox-hub/contract'

import { code, page, table } from './markdown.ts'

/** Which kinds go which way. Each cell is a round trip that `e2e` makes with a real server and a phone. */
export function messageKindsPage(): string {
  return page(
    'Kinds of messages',
    'What the hub sends to a phone (`message` of `POST /api/messages/:sessionId/send`, as it is tested), and what it reads when a phone sends it. Every row with a mark is a round trip in the tests, on SQLite and PostgreSQL.',
    '## Messages',
    table(
      ['Message', 'Phone → hub', '`kind`', '`type`', 'Hub → phone'],
      Object.entries(kindMatrix).map(([name, row]) => [
        name,
        row.phone ? '✓' : '',
        code(row.kind),
        code(row.type),
        'hub' in row ? example(row.hub) : '',
      ]),
    ),
    '## What is done to a message',
    'It shows on the message, in both directions, and is no message of its own.',
    table(
      ['Deed', 'Phone → hub', '`kind`', 'Hub → phone'],
      Object.entries(deedMatrix).map(([name, row]) => [name, '✓', code(row.kind), example(row.hub)]),
    ),
  )
}

function example(message: unknown): string {
  return `✓ ${code(JSON.stringify(message))}`
}
