import { z } from 'zod'

import type { BinaryNode } from '../baileys.ts'
import { type Action, type Disconnect, disconnects, type Fault } from '../faults.ts'
import type { MediaFault } from '../media/index.ts'
import type { DeliveryFault, MessageFault, QueryFault } from '../server/account-faults.ts'

// What can be made to go wrong, as JSON. The compiler sees to it that no schema lets anything else through,
// and the test's types that no fault is without one.

const attrs = z.record(z.string(), z.string())
const milliseconds = z.int().min(0).max(600_000)

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)

const stanza: z.ZodType<BinaryNode, BinaryNode> = z.lazy(() =>
  z.strictObject({
    tag: z.string().min(1),
    attrs,
    content: z.union([z.string(), z.array(stanza), bytes]).exactOptional(),
  }),
)

const actions = [
  z.strictObject({ do: z.literal('delay'), ms: milliseconds }),
  z.strictObject({ do: z.literal('reset') }),
  z.strictObject({ do: z.literal('close') }),
  z.strictObject({ do: z.literal('end_stream') }),
  z.strictObject({ do: z.literal('silence') }),
  z.strictObject({ do: z.literal('garbage') }),
  z.strictObject({ do: z.literal('malformed'), plaintext: bytes.exactOptional() }),
  z.strictObject({ do: z.literal('companion_reg_refresh') }),
  z.strictObject({ do: z.literal('passkey_prologue') }),
  z.strictObject({
    do: z.literal('http'),
    status: z.int().min(100).max(599),
    location: z.string().exactOptional(),
    keepOpen: z.boolean().exactOptional(),
  }),
  z.strictObject({
    do: z.literal('certificate'),
    flaw: z.enum(['unknown_root', 'forged_leaf', 'wrong_issuer', 'other_key', 'missing_leaf']),
  }),
  z.strictObject({
    do: z.literal('failure'),
    reason: z.union([z.int(), z.string()]),
    attrs: attrs.exactOptional(),
  }),
  z.strictObject({
    do: z.literal('stream_error'),
    code: z.int().exactOptional(),
    child: z.strictObject({ tag: z.string(), attrs: attrs.exactOptional() }).exactOptional(),
  }),
  z.strictObject({ do: z.literal('stanza'), stanza }),
] as const

const stages = ['tcp', 'upgrade', 'noise', 'payload', 'qr', 'login', 'open'] as const

export const action = z.discriminatedUnion('do', actions) satisfies z.ZodType<Action>

export const when = z.object({ at: z.enum(stages), afterMs: milliseconds.exactOptional() })

/** An action, and when on the way of a connection it happens. */
export const fault: z.ZodType<Fault> = z
  .looseObject({})
  .transform(({ at, afterMs, ...rest }) => ({
    when: { at, ...(afterMs !== undefined && { afterMs }) },
    rest,
  }))
  .pipe(z.object({ when, rest: action }))
  .transform(({ when, rest }) => ({ ...when, ...rest }))

export const disconnect = z.enum(
  // The keys of a constant object, which its type lists.
  Object.keys(disconnects) as [Disconnect, ...Disconnect[]],
)

const to = z.string().exactOptional()

export const messageFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('nack'), error: z.int(), to }),
  z.strictObject({ kind: z.literal('lost'), to }),
  z.strictObject({ kind: z.literal('unacknowledged'), to }),
  z.strictObject({ kind: z.literal('slow'), delayMs: milliseconds, to }),
]) satisfies z.ZodType<MessageFault>

export const deliveryFault = z.strictObject({
  kind: z.enum(['corrupt', 'withheld', 'compressed']),
}) satisfies z.ZodType<DeliveryFault>

const byteCount = z.int().min(0)

export const mediaFault = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(300).max(599),
    location: z.string().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('corrupt'), where: z.enum(['middle', 'mac']) }),
  z.strictObject({ kind: z.literal('cut'), afterBytes: byteCount.exactOptional() }),
  z.strictObject({ kind: z.literal('short'), afterBytes: byteCount.exactOptional() }),
  z.strictObject({ kind: z.literal('endless') }),
  z.strictObject({ kind: z.literal('drip'), bytes: z.int().min(1), everyMs: milliseconds }),
  z.strictObject({ kind: z.literal('slow'), delayMs: milliseconds }),
  z.strictObject({ kind: z.literal('silence') }),
]) satisfies z.ZodType<MediaFault>

export const queryFault = z.strictObject({
  query: z.string().min(1),
  answer: z.union([
    z.literal('never'),
    z.strictObject({ code: z.int(), text: z.string() }),
    z.strictObject({ delayMs: milliseconds }),
  ]),
}) satisfies z.ZodType<QueryFault>
