import {
  createSession,
  hubIn,
  indices,
  linkHub,
  linkRaw,
  online,
  openScene,
  rawIn,
  sessionName,
} from '../support/scene.ts'
import { median, percentile } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'

const atOnce = 50

/** From `connect` to the QR and from the scan to connected: one session at a time, and fifty at once. */
export async function linking(): Promise<Figure[]> {
  const raw = await (async () => {
    await using scene = await openScene()
    await using client = await rawIn(scene, { tricks: false })
    return await linkRaw(scene, client, indices(10))
  })()
  await using scene = await openScene()
  await using hub = await hubIn(scene)
  await linkHub(scene, hub, indices(2))
  const single = await linkHub(scene, hub, indices(10, 2))

  const many = indices(atOnce, 100)
  for (const index of many) await createSession(scene, hub, index)
  const connectMs: number[] = []
  const qrMs: number[] = []
  const qrs = await Promise.all(
    many.map(async (index) => {
      const began = performance.now()
      await hub.call('POST', `/api/sessions/${sessionName(index)}/connect`)
      connectMs.push(performance.now() - began)
      const { qr } = await hub.call<{ qr: string }>('GET', `/api/sessions/${sessionName(index)}/qr`)
      qrMs.push(performance.now() - began)
      return qr
    }),
  )
  const onlineMs: number[] = []
  await Promise.all(
    many.map(async (index, at) => {
      const began = performance.now()
      await Promise.all([scene.scan(index, qrs[at] ?? ''), online(hub, index, 20)])
      onlineMs.push(performance.now() - began)
    }),
  )
  return [
    measured('raw baileys: start → QR p50, one at a time', median(raw.map((one) => one.qrMs)), 'ms'),
    measured('raw baileys: scan → open p50, one at a time', median(raw.map((one) => one.onlineMs)), 'ms'),
    atMost('hub: connect answers, p99 of 50 at once', percentile(connectMs, 0.99), 100, 'ms'),
    atMost('hub: connect → QR p50, one at a time', median(single.map((one) => one.qrMs)), 10, 'ms'),
    atMost('hub: connect → QR p95, 50 at once', percentile(qrMs, 0.95), 300, 'ms'),
    atMost('hub: connect → QR p99, 50 at once', percentile(qrMs, 0.99), 320, 'ms'),
    atMost('hub: scan → connected p50, one at a time', median(single.map((one) => one.onlineMs)), 50, 'ms'),
    atMost(
      'hub: scan → connected p95, one at a time',
      percentile(
        single.map((one) => one.onlineMs),
        0.95,
      ),
      500,
      'ms',
    ),
    atMost('hub: scan → connected p50, 50 at once', median(onlineMs), 2000, 'ms'),
  ]
}
