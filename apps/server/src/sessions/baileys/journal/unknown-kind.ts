import { proto } from '../baileys.ts'

import type { MessageContent } from '@inbox-hub/whatsapp'
import { maxRawBytes } from './content.ts'

/**
 * A message of a kind that is newer than our protobuf, kept whole under the number of its field: `field 150`. Undefined when it has no
 * field that we do not know.
 *
 * @param encoded - as it came; `message` is what we could read of it
 */
export function unknownKind(encoded: Uint8Array, message: proto.IMessage): MessageContent | undefined {
  const known = new Set(fieldsIn(proto.Message.encode(message).finish()))
  const field = fieldsIn(encoded).find((number) => !known.has(number))
  if (field === undefined) return undefined
  return {
    kind: 'unsupported',
    name: `field ${field}`,
    text: '',
    ...(encoded.length <= maxRawBytes && { raw: Buffer.from(encoded).toString('base64') }),
  }
}

/** The numbers of the fields at the top of an encoded message, in order; those before the first that cannot be read. */
function fieldsIn(encoded: Uint8Array): readonly number[] {
  const fields: number[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; at < encoded.length && shift < 70; shift += 7) {
      const byte = encoded[at] ?? 0
      at += 1
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    return Number.NaN
  }
  while (at < encoded.length) {
    const tag = varint()
    const wireType = tag % 8
    if (wireType === 0) varint()
    else if (wireType === 1) at += 8
    else if (wireType === 2) {
      // Not `at +=`: reading the length moves `at`.
      const length = varint()
      at += length
    } else if (wireType === 5) at += 4
    else break
    // NaN too: a length that was cut off.
    if (!(at <= encoded.length)) break
    fields.push(Math.floor(tag / 8))
  }
  return fields
}
