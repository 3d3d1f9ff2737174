import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { endpoints } from '@inbox-hub/contract'
import { mediaOf } from '@inbox-hub/emulator'

import { measured } from '../support/table.ts'
import { peerNumber, sessionNumber } from './numbers.ts'
import { keyOf } from './receiver.ts'
import { type ChaosOptions, Findings, type Report } from './scenario.ts'
import { eventually, pause, startWorld, type World } from './world.ts'

const full = { largeBytes: 2 ** 31, tiny: 10_000 }
const sessions = 4
/** What the hub may grow by while the large file passes, in and out. */
const growthMiB = 64
const largeWithinMs = 30 * 60_000
const tinyWithinMs = 30 * 60_000
const mebibyte = 1024 * 1024

/**
 * T16 at full size: a file of 2 GB is received, checked and given out again, in memory that does not grow with it; then 10,000 tiny ones
 * arrive at once, and the hub is killed in the middle of fetching them.
 */
export async function media(options: ChaosOptions): Promise<Report> {
  const findings = new Findings()
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-chaos-'))
  try {
    await using world = await startWorld(options, dataDir, {
      MEDIA_MAX_MB: '4096',
      MEDIA_AUTO_DOWNLOAD_MAX_MB: '1',
    })
    for (let index = 0; index < sessions; index += 1) await world.link(`media-${index}`, sessionNumber(index))
    await large(world, options, findings)
    await tiny(world, options, findings)
    const left = await readdir(join(dataDir, 'media', 'drafts')).catch(() => [])
    findings.none('files left half written', left)
    findings.none(
      'answers of 500',
      world.api.breakages.map(({ call, status, code }) => `${call} ${status} ${code}`),
    )
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
  return findings.report('Hostile media')
}

async function large(world: World, { scale, progress }: ChaosOptions, findings: Findings): Promise<void> {
  const { emulator } = world
  const bytes = Math.round(full.largeBytes * scale)
  const phone = emulator.phone(peerNumber(0))
  // Once before it is measured: what is loaded with the first file stays.
  await fileOf(
    world,
    phone.sendsMedia(sessionNumber(0), { media: 'document', bytes: randomBytes(mebibyte) }).id,
  )
  progress(`media: a phone seals ${Math.round(bytes / mebibyte)} MiB`)
  const { id } = phone.sendsMedia(sessionNumber(0), { media: 'document', bytes: { zeros: bytes } })
  const said = mediaOf(phone.messages.find((message) => message.id === id)?.message)?.reference.fileSha256

  const before = await residentMiB(world)
  let most = before
  const watching = new AbortController()
  const watched = (async () => {
    while (!watching.signal.aborted) {
      most = Math.max(most, await residentMiB(world))
      await pause(50)
    }
  })()
  const began = performance.now()
  const file = await fileOf(world, id)
  const seconds = (performance.now() - began) / 1000
  progress('media: it is given out again')
  let came = 0
  const answer = await fetch(file?.url ?? 'data:,')
  for await (const piece of answer.body ?? []) came += piece.length
  watching.abort()
  await watched

  findings.equal('bytes of the large file, as they were given out', came, bytes)
  findings.equal('its hash', file?.sha256 === said?.toString('hex') ? 1 : 0, 1)
  findings.promise({
    name: 'memory grew by at most',
    value: `${Math.round(most - before)} MiB`,
    target: `${growthMiB} MiB`,
    reached: most - before <= growthMiB,
  })
  findings.speed(measured('fetched, decrypted and kept', bytes / mebibyte / seconds, 'MiB/s'))
}

async function tiny(world: World, { scale, progress }: ChaosOptions, findings: Findings): Promise<void> {
  const { emulator, hub } = world
  const count = Math.max(20, Math.round(full.tiny * scale))
  const ids = new Set<string>()
  const began = performance.now()
  for (let index = 0; index < count; index += 1) {
    const phone = emulator.phone(peerNumber(1 + (index % 20)))
    const { id } = phone.sendsMedia(sessionNumber(index % sessions), {
      media: 'image',
      bytes: Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), randomBytes(200)]),
    })
    ids.add(id)
    if (index % 200 === 0) await pause(1)
  }
  const texts = Array.from({ length: 20 }, (_, index) => ({
    key: keyOf(
      `media-${index % sessions}`,
      emulator.phone(peerNumber(1 + index)).sends(sessionNumber(index % sessions), 'meanwhile').id,
    ),
    sentAt: performance.now(),
  }))
  const slowest = await Promise.all(
    texts.map(async ({ key, sentAt }) => {
      const told = await eventually(
        async () => (world.receiver.messages.has(key) ? true : undefined),
        tinyWithinMs,
      )
      return told === undefined ? Number.POSITIVE_INFINITY : performance.now() - sentAt
    }),
  )
  const done = new Set<string>()
  let after = 0
  const look = async (): Promise<number> => {
    for (let more = true; more;) {
      const query = { after, limit: 1000, types: 'media.downloaded' }
      const page = await world.api.get(endpoints.listEvents, { query })
      for (const { data } of page.events) done.add(String(data['messageId']))
      after = page.next
      more = page.hasMore
    }
    progress(`media: ${done.size}/${count} files are here`)
    return [...ids].filter((id) => done.has(id)).length
  }
  await eventually(async () => ((await look()) >= count / 4 ? true : undefined), tinyWithinMs)
  await hub.kill()
  await hub.start()
  await eventually(async () => ((await look()) >= count ? true : undefined), tinyWithinMs)
  findings.none(
    'files that never came',
    [...ids].filter((id) => !done.has(id)),
  )
  findings.speed(measured('files fetched', (count * 1000) / (performance.now() - began), 'per s'))
  findings.speed(measured('texts that came behind them told after, slowest', Math.max(...slowest), 'ms'))
}

/** What the hub says of a message's file, once it is here. */
async function fileOf(world: World, messageId: string) {
  return eventually(async () => {
    const params = { sessionId: 'media-0', messageId }
    const { data } = await world.api.ask(endpoints.getMessageMedia, { params })
    return data
  }, largeWithinMs)
}

/** What the hub's process has in memory. */
async function residentMiB({ hub }: World): Promise<number> {
  const status = await readFile(`/proc/${hub.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
