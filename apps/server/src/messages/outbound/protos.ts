import type { Database } from '../../platform/database/index.ts'
import type { Sealer } from '../../platform/secrets/index.ts'
import { findProto } from './outbound-rows.ts'
import type { OpenMessages, Outgoing } from './outgoing.ts'

/** Messages encoded as they were sent, for retry receipts; sealed in the store. */
export interface Protos {
  /** Of a message that is about to go out; stored with what becomes of it. */
  keep(message: Outgoing, proto: Uint8Array): void
  /** For the store; null when the message was not encoded here. */
  sealed(message: Outgoing): Promise<Uint8Array | null>
  find(sessionId: number, whatsappId: string): Promise<Uint8Array | undefined>
}

export interface ProtosDeps {
  database: Database
  open: OpenMessages
  /** Seals what is kept of a session at rest. */
  sealerOf: (sessionId: number) => Promise<Sealer>
}

export function createProtos({ database, open, sealerOf }: ProtosDeps): Protos {
  const protos = new WeakMap<Outgoing, Uint8Array>()
  return {
    keep: (message, proto) => void protos.set(message, proto),
    async sealed(message) {
      const proto = protos.get(message)
      if (proto === undefined) return null
      const { sessionId, whatsappId } = message
      return (await sealerOf(sessionId)).seal(proto, sealContext(sessionId, whatsappId))
    },
    async find(sessionId, whatsappId) {
      const message = open.get(sessionId, whatsappId)
      const known = message === undefined ? undefined : protos.get(message)
      if (known !== undefined) return known
      const row = await findProto.first(database, { sessionId, whatsappId })
      if (row?.proto === undefined || row.proto === null) return undefined
      return (await sealerOf(sessionId)).open(row.proto, sealContext(sessionId, whatsappId))
    },
  }
}

const sealContext = (sessionId: number, whatsappId: string): string => `${sessionId}|outbound|${whatsappId}`
