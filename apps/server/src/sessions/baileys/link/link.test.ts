import { expect, test } from 'vitest'

import { parseJid } from '@inbox-hub/whatsapp'

import { startRig } from '../testing/rig.ts'

const ours = '+12025550100'
const customer = '+12025550123'

test('a session is linked by its QR, receives, answers, and hears that the answer was taken', async () => {
  await using rig = await startRig()
  const { link, events } = await rig.linked(1, ours)
  const told = events.map(({ type }) => type).filter((type) => type !== 'step')
  expect(told).toEqual(['logged_in', 'online'])

  rig.emulator.phone(customer).sends(ours, 'Are you open today?')
  await rig.until(() => rig.entries.some(({ kind }) => kind === 'message'))
  expect(rig.entries.filter(({ kind }) => kind === 'message')).toMatchObject([
    { kind: 'message', fromMe: false, content: { kind: 'text', text: 'Are you open today?' } },
  ])

  const acks: string[] = []
  link.onAck(({ id }) => acks.push(id))
  const protos: Uint8Array[] = []
  await link.send(
    {
      id: '3EB0AAAAAAAAAAAAAAAAAA',
      to: parseJid('12025550123@s.whatsapp.net'),
      content: { content: { kind: 'text', text: 'Until six' }, quoted: undefined },
      refreshDevices: false,
    },
    async (bytes) => void protos.push(bytes),
  )
  await rig.emulator.truth.until(
    ({ decrypted }) => decrypted.filter(({ text }) => text === 'Until six').length > 0,
  )
  expect(protos).toHaveLength(1)
  expect(rig.emulator.truth.decryptFailures.filter(() => true)).toEqual([])
})
