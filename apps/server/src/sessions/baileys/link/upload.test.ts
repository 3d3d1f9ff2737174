import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'

import { expect, test } from 'vitest'

import { UploadRefused } from '../../upload-refused.ts'
import type { FileToUpload, UploadedFile } from './upload.ts'
import { type Rig, startRig } from '../testing/rig.ts'

const ours = '+12025550100'
const never = new AbortController().signal
const pieceBytes = 64 * 1024

/** A file that is made while it is read, and how often it was. */
function file(bytes: Buffer, kind: FileToUpload['kind'] = 'document') {
  let opened = 0
  return {
    kind,
    get opened() {
      return opened
    },
    async open() {
      opened++
      const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, index) =>
        bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
      )
      return Readable.from(pieces, { objectMode: false })
    },
  }
}

/** The file as the phone of a contact has it, by what a message says of it. */
async function fetched(
  rig: Rig,
  { directPath, key = '', sha256, encSha256 = '' }: UploadedFile,
  length: number,
  kind: FileToUpload['kind'] = 'document',
) {
  return await rig.emulator.phone('+12025550123').downloads({
    id: 'test',
    message: {
      [`${kind}Message`]: {
        url: `https://${rig.emulator.media.host}${directPath}`,
        directPath,
        mediaKey: Buffer.from(key, 'base64'),
        fileSha256: Buffer.from(sha256, 'base64'),
        fileEncSha256: Buffer.from(encSha256, 'base64'),
        fileLength: length,
      },
    },
  })
}

test('a file is sealed on its way, and comes out on a phone as it was', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  for (const [size, kind] of [
    [0, 'document'],
    [15, 'image'],
    [16, 'audio'],
    [300_001, 'video'],
  ] as const) {
    const bytes = randomBytes(size)
    const source = file(bytes, kind)
    const uploaded = await link.upload(source, never)
    expect(source.opened).toBe(2)
    expect(uploaded.sha256).toBe(createHash('sha256').update(bytes).digest('base64'))
    expect((await fetched(rig, uploaded, size, kind)).equals(bytes)).toBe(true)
  }
})

test('a pass that WhatsApp took back is asked for anew, once', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  await link.upload(file(Buffer.from('first')), never)
  rig.emulator.media.forgetAuths()
  const again = await link.upload(file(Buffer.from('second')), never)
  expect((await fetched(rig, again, 6)).toString()).toBe('second')
  const refused = rig.emulator.media.onUploads({ kind: 'status', status: 401 }, { times: 2 })
  await expect(link.upload(file(Buffer.from('third')), never)).rejects.toThrow('no media host took the file')
  refused[Symbol.dispose]()
})

test('what goes wrong is told apart: for good, for now, on our side, given up', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  const { media } = rig.emulator
  const megabyte = file(randomBytes(1024 * 1024))
  media.onUploads({ kind: 'status', status: 413 })
  await expect(link.upload(megabyte, never)).rejects.toBeInstanceOf(UploadRefused)
  media.onUploads({ kind: 'status', status: 500 }, { times: 2 })
  await expect(link.upload(megabyte, never)).rejects.toThrow('no media host took the file')
  media.onUploads({ kind: 'cut' }, { times: 2 })
  await expect(link.upload(megabyte, never)).rejects.toThrow('no media host took the file')

  let reads = 0
  const vanishing: FileToUpload = {
    kind: 'document',
    async open() {
      reads++
      if (reads === 1) return Readable.from([Buffer.alloc(100_000)], { objectMode: false })
      return Readable.from(
        (async function* () {
          yield Buffer.alloc(50_000)
          throw new Error('the disk went away')
        })(),
        { objectMode: false },
      )
    },
  }
  await expect(link.upload(vanishing, never)).rejects.toThrow('the disk went away')

  media.onUploads({ kind: 'silence' })
  const given = new AbortController()
  const stuck = link.upload(megabyte, given.signal)
  const uploads = () => rig.emulator.truth.media.filter(({ transfer }) => transfer === 'upload').length
  const before = uploads()
  await rig.emulator.truth.until(() => uploads() > before)
  given.abort(new Error('too long'))
  await expect(stuck).rejects.toThrow('too long')
  // None of it keeps the next from going through.
  const fine = await link.upload(file(Buffer.from('fine')), never)
  expect((await fetched(rig, fine, 4)).toString()).toBe('fine')
})

test('hosts that are not WhatsApp’s get no file', async () => {
  await using rig = await startRig({ mediaHost: 'mmg.whatsapp.net' })
  const { link } = await rig.linked(1, ours)
  await expect(link.upload(file(Buffer.from('x')), never)).rejects.toThrow('no media host that we know')
})
