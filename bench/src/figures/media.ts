import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'

import { customerNumber } from '../processes/numbers.ts'
import type { Hub } from '../support/hub.ts'
import { sessionName } from '../support/receiver.ts'
import { hubIn, indices, linkHub, openScene, type Scene } from '../support/scene.ts'
import { atMost, type Figure, measured } from '../support/table.ts'

const mebibyte = 1024 * 1024
const fileMb = 64
const pieceBytes = 64 * 1024
const sampleEveryMs = 50

/** A file that is made while it is read, each another one: nothing here or there is in memory because of the bench. */
function* file(): Generator<Buffer> {
  const piece = randomBytes(pieceBytes)
  for (let made = 0; made < fileMb * mebibyte; made += pieceBytes) yield piece
}

/** Uploads a file to the hub as a client does, and has it sent. Answers when WhatsApp has the message. */
async function sendFile(hub: Hub, index: number): Promise<void> {
  const answer = await fetch(`${hub.url}/api/media/sessions/${sessionName(0)}/upload?fileName=${index}.bin`, {
    method: 'POST',
    headers: { 'x-api-key': hub.key, 'content-type': 'application/octet-stream' },
    body: Readable.from(file()),
    duplex: 'half',
  })
  if (!answer.ok) throw new Error(`upload: ${answer.status} ${await answer.text()}`)
  const { data } = (await answer.json()) as { data: { mediaId: string } }
  await hub.call('POST', `/api/messages/${sessionName(0)}/send`, {
    to: customerNumber(0).slice(1),
    message: { document: { mediaId: data.mediaId } },
    clientId: `file-${index}`,
  })
}

/** A customer sends a file; answers when the hub has fetched and checked it. */
async function receiveFile(scene: Scene, hub: Hub, index: number): Promise<void> {
  // Of a length of its own: the hub fetches no file that it has.
  const bytes = fileMb * mebibyte - index
  const messageId = await scene.emulator.ask<string>('sendFile', { session: 0, bytes })
  for (;;) {
    const answer = await fetch(`${hub.url}/api/messages/${sessionName(0)}/${messageId}/media`, {
      headers: { 'x-api-key': hub.key },
    })
    if (answer.ok) return
    const { code } = (await answer.json()) as { code: string }
    // On its way: the message, or its file.
    if (!['MESSAGE_NOT_FOUND', 'MEDIA_NOT_READY'].includes(code)) throw new Error(`receiving: ${code}`)
    await new Promise((resolve) => setTimeout(resolve, sampleEveryMs))
  }
}

/** What files cost in memory while they pass through the hub, half of them out and half of them in. */
export async function media({ megabytes = 512 }: { megabytes?: number } = {}): Promise<Figure[]> {
  await using scene = await openScene()
  await using hub = await hubIn(scene, { MEDIA_MAX_MB: String(fileMb + 1) })
  await linkHub(scene, hub, [0])
  // Once each way, so that what is loaded with the first file is not counted as what passes.
  await sendFile(hub, 0)
  await receiveFile(scene, hub, 0)
  const before = hub.usage()
  let peakMb = before.rssMb
  const sampling = setInterval(() => (peakMb = Math.max(peakMb, hub.usage().rssMb)), sampleEveryMs)
  const began = performance.now()
  try {
    for (const index of indices(Math.ceil(megabytes / fileMb / 2), 1)) {
      await sendFile(hub, index)
      await receiveFile(scene, hub, index)
    }
  } finally {
    clearInterval(sampling)
  }
  const seconds = (performance.now() - began) / 1000
  const passed = Math.ceil(megabytes / fileMb / 2) * 2 * fileMb
  return [
    atMost(`hub: growth of RSS while ${passed} MiB pass, sent and received`, peakMb - before.rssMb, 64, 'MB'),
    measured('hub: RSS before, after the first file each way', before.rssMb, 'MB'),
    measured('hub: throughput, one file at a time', passed / seconds, 'MiB/s'),
    measured('hub: CPU per MiB', (hub.usage().cpuMs - before.cpuMs) / passed, 'ms'),
  ]
}
