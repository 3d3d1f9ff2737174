import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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
 * hand it the sender key; the next ones only encrypt once, also the first after a restart.
 */
export async function bigGroup({
  members = 1000,
  next = 20,
}: { members?: number; next?: number } = {}): Promise<Figure[]> {
  await using scene = await openScene()
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-group-'))
  const env = { INBOX_HUB_DATA_DIR: dataDir }
  try {
    const group = await scene.emulator.ask<string>('group', { sessions: 1, customers: members - 1 })
    let sends = 0
    const send = async (hub: Hub): Promise<Cost> => {
      const { cpuMs } = hub.usage()
      const began = performance.now()
      await hub.call('POST', `/api/messages/${sessionName(0)}/send`, { to: group, message: `${sends}` })
      const cost = { ms: performance.now() - began, cpuMs: hub.usage().cpuMs - cpuMs }
      sends += 1
      // Everybody has the message, and the hub their receipts: what they cost is not the next send's.
      await scene.emulator.ask('everybodyHas', { messages: sends, members: members - 1 })
      return cost
    }
    const figures: Figure[] = []
    {
      await using hub = await hubIn(scene, env)
      await linkHub(scene, hub, [0])
      const others = new AbortController()
      const waited = longestWait(hub, others.signal)
      const first = await send(hub)
      others.abort()
      const later: Cost[] = []
      for (let count = 0; count < next; count += 1) later.push(await send(hub))
      const ms = median(later.map((cost) => cost.ms))
      const cpuMs = median(later.map((cost) => cost.cpuMs))
      figures.push(
        atMost(`hub: first send to a group of ${members}, ms until the API answers`, first.ms, 5000, 'ms'),
        measured('hub: CPU of that send until then', first.cpuMs, 'ms'),
        measured('hub: the longest that another request waited meanwhile', await waited, 'ms'),
        atMost(`hub: next sends to it, ms until the API answers (median of ${next})`, ms, 100, 'ms'),
        measured('hub: CPU of a next send until then (median)', cpuMs, 'ms'),
      )
    }
    await using hub = await hubIn(scene, env)
    await online(hub)
    const after = await send(hub)
    return [
      ...figures,
      atMost('hub: first send to it after a restart, ms until the API answers', after.ms, 5000, 'ms'),
      measured('hub: CPU of that send until then', after.cpuMs, 'ms'),
    ]
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** Waits until the session, which the hub connects by itself when it starts, is online again. */
async function online(hub: Hub): Promise<void> {
  for (;;) {
    const { status } = await hub.call<{ status: string }>('GET', `/api/sessions/${sessionName(0)}`)
    if (status === 'connected') return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
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
