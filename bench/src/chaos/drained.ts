import { endpoints } from '@inbox-hub/contract'

import type { Inbound } from './inbound.ts'
import type { Outbound } from './outbound.ts'
import { keyOf } from './receiver.ts'
import { pause, type World } from './world.ts'

/** A run that makes no headway for so long is over, ms. */
const patienceMs = 60_000

/** Waits until nobody owes anybody anything, as long as there is headway. Whoever judges sees what was left. */
export async function drained(
  world: World,
  { inbound, outbound, numbers }: { inbound: Inbound; outbound: Outbound; numbers: readonly string[] },
  progress: (text: string) => void,
): Promise<void> {
  const untold = new Set(inbound.written.map(({ session, id }) => keyOf(session, id)))
  let least = Number.POSITIVE_INFINITY
  let since = performance.now()
  for (;;) {
    for (const key of untold) if (world.receiver.messages.has(key)) untold.delete(key)
    const owed = numbers.reduce((sum, number) => sum + world.emulator.account(number).owed, 0)
    const asked = outbound.open + outbound.waiting
    const left = owed + untold.size + asked
    const backlog = left === 0 ? await webhookBacklog(world) : undefined
    if (backlog === 0) return
    const now = left + (backlog ?? 1_000_000)
    if (now < least) since = performance.now()
    least = Math.min(least, now)
    progress(`owed by WhatsApp ${owed}, to the CRM ${untold.size + (backlog ?? 0)}, to clients ${asked}`)
    if (performance.now() - since > patienceMs) return
    await pause(100)
  }
}

/** Deliveries that the hub says it owes. */
async function webhookBacklog({ api }: World): Promise<number> {
  const { checks } = await api.get(endpoints.ready)
  return Number.parseInt(checks?.find(({ name }) => name === 'webhooks')?.message ?? '', 10)
}
