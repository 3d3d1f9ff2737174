import { randomBytes } from 'node:crypto'

import { renderQr } from 'inbox-hub/internal/sessions/qr/qr'

import { median } from '../support/statistics.ts'
import { atMost, type Figure } from '../support/table.ts'

/** A linking text of the length that WhatsApp's have. */
const linkingText = (): string =>
  `https://wa.me/settings/linked_devices#2@${randomBytes(90).toString('base64')},${randomBytes(32).toString('base64')},${randomBytes(32).toString('base64')},${randomBytes(32).toString('base64')},1`

/** CPU for drawing a linking QR as PNG; a new text each time. */
export async function qrPng(): Promise<Figure[]> {
  const samples: number[] = []
  for (let index = 0; index < 300; index += 1) {
    const text = linkingText()
    const before = process.cpuUsage()
    void renderQr({ text }).png
    const { user, system } = process.cpuUsage(before)
    if (index >= 50) samples.push((user + system) / 1000)
  }
  return [atMost('QR as PNG, CPU p50', median(samples), 1, 'ms')]
}
