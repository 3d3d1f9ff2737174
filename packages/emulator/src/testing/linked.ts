import type { UserFacingSocketConfig } from 'baileys/lib/index.js'
import type { Emulator } from '../emulator.ts'
import { BaileysClient } from './baileys-client.ts'

/** Links a client to a number by its QR code, and waits until it is open and has what its phone tells a new device. */
export async function linked(
  emulator: Emulator,
  number: string,
  config: Partial<UserFacingSocketConfig> = {},
): Promise<BaileysClient> {
  const client = new BaileysClient(emulator, config)
  client.connect()
  await emulator.phone(number).scan(await client.qr())
  await client.closed()
  await reconnected(client)
  await client.until(() => (client.creds.accountSyncCounter ?? 0) > 0)
  await emulator.truth.until((truth) => truth.owed(number).length === 0)
  return client
}

/** Connects a client again, and waits until it is open with nothing left to take. */
export async function reconnected(client: BaileysClient): Promise<void> {
  client.forget()
  client.connect()
  await client.until(() => client.updates.some(({ connection }) => connection === 'open'))
  await client.until(() => client.updates.some((update) => update.receivedPendingNotifications === true))
}
