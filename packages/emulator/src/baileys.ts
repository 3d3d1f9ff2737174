/**
 * All we take from Baileys: the decoder and the tokens of binary nodes, and the protobuf definitions.
 * Handshake, pairing, Signal, routing and state are our own, so that the emulator cannot share a bug with
 * the client it tests. Imported by deep path, because the package's index loads libsignal.
 */
export { proto } from 'baileys/WAProto/index.js'
export { decodeDecompressedBinaryNode } from 'baileys/lib/WABinary/decode.js'
export * as codecConstants from 'baileys/lib/WABinary/constants.js'
export type { BinaryNode } from 'baileys/lib/WABinary/types.js'
