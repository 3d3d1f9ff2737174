import { inflateSync } from 'node:zlib'
import { type BinaryNode, codecConstants, decodeDecompressedBinaryNode } from './baileys.ts'

import { serverJid } from './jid.ts'

export { encodeStanza } from './encode-stanza.ts'

/** Reads the plaintext of a frame: a flag byte (bit 1: the rest is deflated), then the binary node. */
export function decodeStanza(plaintext: Buffer): BinaryNode {
  const flags = plaintext[0] ?? 0
  const body = (flags & 2) === 0 ? plaintext.subarray(1) : inflateSync(plaintext.subarray(1))
  return decodeDecompressedBinaryNode(body, codecConstants)
}

export function children(node: BinaryNode | undefined): readonly BinaryNode[] {
  return Array.isArray(node?.content) ? node.content : []
}

export function childrenOf(node: BinaryNode | undefined, tag: string): BinaryNode[] {
  return children(node).filter((child) => child.tag === tag)
}

export function child(node: BinaryNode | undefined, tag: string): BinaryNode | undefined {
  return children(node).find((each) => each.tag === tag)
}

/** The bytes a node holds. A string counts as its UTF-8: the codec turns some byte contents into strings. */
export function bytesOf(node: BinaryNode | undefined): Buffer | undefined {
  const content = node?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return typeof content === 'string' ? Buffer.from(content) : Buffer.from(content)
}

export function textOf(node: BinaryNode | undefined): string | undefined {
  return bytesOf(node)?.toString('utf8')
}

/** A big-endian number of as many bytes as the node holds. */
export function numberOf(node: BinaryNode | undefined): number | undefined {
  const bytes = bytesOf(node)
  if (bytes === undefined || bytes.length === 0 || bytes.length > 6) return undefined
  return bytes.readUIntBE(0, bytes.length)
}

export function numberBytes(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}

export function node(
  tag: string,
  attrs: BinaryNode['attrs'] = {},
  content?: BinaryNode['content'],
): BinaryNode {
  return content === undefined ? { tag, attrs } : { tag, attrs, content }
}

/** A stanza of the server's own. */
export function serverNode(tag: string, content: BinaryNode[], attrs: BinaryNode['attrs'] = {}): BinaryNode {
  return { tag, attrs: { from: serverJid, ...attrs }, content }
}
