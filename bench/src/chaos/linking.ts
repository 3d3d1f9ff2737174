import { endpoints } from '@inbox-hub/contract'

import { percentile } from '../support/statistics.ts'
import { measured } from '../support/table.ts'
import { sessionNumber } from './numbers.ts'
import { type Random, randomOf } from './random.ts'
import { type ChaosOptions, Findings, type Report } from './scenario.ts'
import { eventually, pause, startWorld, type World } from './world.ts'

const full = { links: 60 }
/** How long after the scan the hub is killed at most, ms. The phone is answered within a few, the login follows within a few hundred. */
const killedWithinMs = [3, 10, 30, 100, 400]
/** Until a session shows a QR or is online again after a start, ms. */
const backWithinMs = 60_000

/**
 * A phone scans, and the hub is killed somewhere between the scan and its first login. Whatever was done by then, phone and hub agree
 * afterwards: linked, or not, and then a QR waits. No device is left on the phone that nobody has the keys of.
 */
export async function linking(options: ChaosOptions): Promise<Report> {
  const { scale, seed, progress } = options
  const random = randomOf(seed)
  const findings = new Findings()
  await using world = await startWorld(options)
  const links = Math.max(3, Math.round(full.links * scale))
  const found: Found = { ghosts: [], stuck: [], stopped: [], linkedMs: [], atOnce: 0 }
  for (let index = 0; index < links; index += 1) {
    progress(`linking: ${index}/${links}, ${found.atOnce} of them linked in spite of the kill`)
    await linkedInSpite(world, index, random, found)
  }
  findings.none('devices on the phone that the hub has no keys of', found.ghosts)
  findings.none('neither online nor a QR after the next start', found.stuck)
  findings.none('final states that nobody asked for', found.stopped)
  findings.none(
    'answers of 500',
    world.api.breakages.map(({ call, status, code }) => `${call} ${status} ${code}`),
  )
  findings.equal('sessions online in the end', world.emulator.online().length, links)
  findings.speed(measured('linked in spite of the kill', `${found.atOnce} of ${links}`))
  findings.speed(measured('start → online or a QR, p95', percentile(found.linkedMs, 0.95), 'ms'))
  return findings.report('Linking, killed in the middle')
}

interface Found {
  ghosts: string[]
  stuck: string[]
  stopped: string[]
  linkedMs: number[]
  /** Links that the kill came too late for, or that were finished by the next start. */
  atOnce: number
}

async function linkedInSpite(world: World, index: number, random: Random, found: Found): Promise<void> {
  const { api, emulator, hub } = world
  const ref = `link-${index}`
  const params = { ref }
  const number = sessionNumber(index)
  const phone = emulator.phone(number)
  const shown = async (): Promise<string> =>
    (await api.get(endpoints.getQr, { params, query: { wait: 25_000 } })).qr

  await api.get(endpoints.createSession, { body: { sessionId: ref } })
  const scanned = phone.scan(await shown()).then(
    () => true,
    () => false,
  )
  await pause(random.next() * random.pick(killedWithinMs))
  await hub.kill()
  const accepted = await scanned
  const began = performance.now()
  await hub.start()
  const state = await eventually(async () => {
    const { data } = await api.ask(endpoints.getSessionStatus, { params })
    if (data !== undefined && ['disconnected', 'error'].includes(data.status)) {
      found.stopped.push(
        `${ref}: ${data.state} ${data.reason?.code}, the phone had ${accepted ? '' : 'not '}accepted`,
      )
      await api.ask(endpoints.connectSession, { params })
    }
    return data?.state === 'online' || data?.state === 'pairing' ? data.state : undefined
  }, backWithinMs)
  if (state === undefined) {
    found.stuck.push(ref)
    return
  }
  found.linkedMs.push(performance.now() - began)
  if (state === 'online') {
    found.atOnce += 1
    return
  }
  if (phone.companions().length > 0)
    found.ghosts.push(`${ref}: the phone had ${accepted ? '' : 'not '}accepted`)
  phone.unlink()
  await phone.scan(await shown())
  if (!(await world.online([number], backWithinMs))) found.stuck.push(`${ref}, scanned again`)
}
