import type { Hub } from '../support/hub.ts'
import { sessionName } from '../support/receiver.ts'
import { hubIn, linkHub, openScene } from '../support/scene.ts'
import { median } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'

/** What one send cost the hub: until the API answered, which is after WhatsApp's ack, and in CPU time until then. */
interface Cost {
  ms: number
  cpuMs: number
}

/**
 * Sends to a group that nobody wrote to before: the first has to learn every device, fetch its keys and make a Signal session with it, to
 * hand it the sender key; the next ones only encrypt once.
 */
export async function bigGroup({
  members = 1000,
  next = 20,
}: { members?: number; next?: number } = {}): Promise<Figure[]> {
  await using scene = await openScene()
  await using hub = await hubIn(scene)
  await linkHub(scene, hub, [0])
  const group = await scene.emulator.ask<string>('group', { sessions: 1, customers: members - 1 })
  const send = async (text: string): Promise<Cost> => {
    const { cpuMs } = hub.usage()
    const began = performance.now()
    await hub.call('POST', `/api/messages/${sessionName(0)}/send`, { to: group, message: text })
    return { ms: performance.now() - began, cpuMs: hub.usage().cpuMs - cpuMs }
  }
  /** Everybody has the message, and the hub their receipts: what they cost is not the next send's. */
  const settled = (sends: number): Promise<void> =>
    scene.emulator.ask('everybodyHas', { messages: sends, members: members - 1 })

  const others = new AbortController()
  const waited = longestWait(hub, others.signal)
  const first = await send('first')
  others.abort()
  const longest = await waited
  await settled(1)
  const later: Cost[] = []
  for (let count = 0; count < next; count += 1) {
    later.push(await send(`next ${count}`))
    await settled(count + 2)
  }
  const ms = median(later.map((cost) => cost.ms))
  return [
    atMost(`hub: first send to a group of ${members}, ms until the API answers`, first.ms, 5000, 'ms'),
    measured('hub: CPU of that send until then', first.cpuMs, 'ms'),
    measured('hub: the longest that another request waited meanwhile', longest, 'ms'),
    atMost(`hub: next sends to it, ms until the API answers (median of ${next})`, ms, 100, 'ms'),
    measured('hub: CPU of a next send until then (median)', median(later.map((cost) => cost.cpuMs)), 'ms'),
  ]
}

/** Asks for the sessions again and again until it is told to stop; answers the longest that an answer took, ms. */
async function longestWait(hub: Hub, stop: AbortSignal): Promise<number> {
  let longest = 0
  while (!stop.aborted) {
    const began = performance.now()
    await hub.call('GET', '/api/sessions')
    longest = Math.max(longest, performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return longest
}
