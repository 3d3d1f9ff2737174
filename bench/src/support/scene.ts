import { type Child, startChild } from './child.ts'
import { type Hub, startHub } from './hub.ts'
import { type Receiver, sessionName, startReceiver } from './receiver.ts'
import type { Traffic } from '../processes/emulator.ts'

/** Where the emulator is, and what a hub needs in its environment to take it for WhatsApp. */
interface Address {
  url: string
  rootKey: string
  environment: Record<string, string>
}

/** A WhatsApp of our own and a webhook receiver: what hub and yardstick are both measured against. */
export interface Scene extends AsyncDisposable {
  readonly whatsapp: Address
  readonly receiver: Receiver
  readonly emulator: Child
  scan(session: number, qr: string): Promise<void>
  traffic(traffic: Traffic): Promise<void>
}

export async function openScene(): Promise<Scene> {
  await using opened = new AsyncDisposableStack()
  const emulator = opened.use(startChild(new URL('../processes/emulator.ts', import.meta.url)))
  const receiver = opened.use(await startReceiver())
  const whatsapp = await emulator.ask<Address>('address')
  const resources = opened.move()
  return {
    whatsapp,
    receiver,
    emulator,
    scan: (session, qr) => emulator.ask('scan', { session, qr }),
    traffic: (traffic) => emulator.ask('traffic', traffic),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** The hub before that WhatsApp. */
export const hubIn = ({ whatsapp }: Scene, env: NodeJS.ProcessEnv = {}): Promise<Hub> =>
  startHub({ ...whatsapp.environment, ...env })

/** Baileys before that WhatsApp, storing nothing; with `tricks`, as fast as we can make it. */
export async function rawIn({ whatsapp, receiver }: Scene, { tricks }: { tricks: boolean }): Promise<Child> {
  const raw = startChild(new URL('../processes/raw-gateway.ts', import.meta.url), {
    args: tricks ? ['--tricks'] : [],
  })
  await raw.ask('configure', { ...whatsapp, webhook: receiver.url })
  return raw
}

/** Links sessions of the hub one after another. */
export async function linkHub(scene: Scene, hub: Hub, sessions: readonly number[]): Promise<void> {
  for (const index of sessions) {
    await createSession(scene, hub, index)
    await connectHub(hub, index)
    const qr = await qrOfHub(hub, index)
    await Promise.all([scene.receiver.connected(index), scene.scan(index, qr)])
  }
}

export async function createSession({ receiver }: Scene, hub: Hub, index: number): Promise<void> {
  await hub.call('POST', '/api/sessions', {
    sessionId: sessionName(index),
    webhookUrl: receiver.url,
    // Connected: told to the receiver as to any client, instead of asking for it again and again.
    webhookEvents: ['message.received', 'session.connected'],
    autoConnect: false,
  })
}

export async function connectHub(hub: Hub, index: number): Promise<void> {
  await hub.call('POST', `/api/sessions/${sessionName(index)}/connect`)
}

export async function qrOfHub(hub: Hub, index: number): Promise<string> {
  const { qr } = await hub.call<{ qr: string }>('GET', `/api/sessions/${sessionName(index)}/qr`)
  return qr
}

/** Links sessions of raw Baileys one after another. */
export async function linkRaw(scene: Scene, raw: Child, sessions: readonly number[]): Promise<void> {
  for (const index of sessions) {
    const qr = await raw.ask<string>('qr', { index })
    await Promise.all([raw.ask('online', { index }), scene.scan(index, qr)])
  }
}

export const indices = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, index) => from + index)
