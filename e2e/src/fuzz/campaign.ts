import { monitorEventLoopDelay } from 'node:perf_hooks'

import { endpoints } from '@inbox-hub/contract'

import { startHub } from '../harness.ts'
import { attack, type Fault } from './attack.ts'

export interface Campaign {
  /** How many requests, over all operations. */
  size: number
  /** The same seed makes the same requests. */
  seed: number
  /** Told now and then how many were answered. */
  progress?: (answered: number) => void
}

export interface CampaignOutcome {
  faults: readonly Fault[]
  /** Rejections that nobody handled. */
  unhandled: readonly unknown[]
  /** How many answers had each status. */
  statuses: Readonly<Record<number, number>>
  perSecond: number
  /** How long the loop that serves and asks stood still, ms. */
  stallP999Ms: number
  /** Checks of the readiness probe that failed afterwards. */
  unready: readonly string[]
}

/** Fuzzes every operation of a hub that has a linked session, a chat and a message, and sees whether it is well afterwards. */
export async function campaign({ size, seed, progress }: Campaign): Promise<CampaignOutcome> {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  using _listening = { [Symbol.dispose]: () => process.off('unhandledRejection', onUnhandled) }

  await using hub = await startHub()
  const support = await hub.pairSession('support')
  const customer = hub.emulator.phone('+12025550123')
  const question = customer.sends(support.phone, 'Are you open today?')
  await hub.webhook.received('message.received')
  const password = 'Open sesame 1'
  await hub.api.call(endpoints.register, { body: { username: 'ana', email: 'ana@example.com', password } })
  const { accessToken } = await hub.api.call(endpoints.login, { body: { identifier: 'ana', password } })

  const stalls = monitorEventLoopDelay({ resolution: 5 })
  stalls.enable()
  const began = performance.now()
  const { faults, statuses } = await attack({
    url: hub.url,
    endpoints: Object.values(endpoints),
    size,
    seed,
    known: {
      sessions: ['support', String(support.id)],
      victims: ['fuzz-1', 'fuzz-2', '999'],
      chats: [
        '12025550123',
        '+1 202 555 0123',
        '12025550123@c.us',
        '12025550123@s.whatsapp.net',
        '99887766554433@lid',
        '120363000000000001@g.us',
        'status@broadcast',
      ],
      messages: [question.id, '1', `true_12025550123@c.us_${question.id}`, '3EB0C767D26A1B2C3D4E'],
      keys: [hub.key],
      // Not the first one, whose the key is: members may do to it what they like.
      organizations: ['2', '2', '2', '1', '999'],
      token: accessToken,
    },
    ...(progress === undefined ? {} : { progress }),
  })
  const seconds = (performance.now() - began) / 1000
  stalls.disable()
  const answered = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  const { checks } = await hub.api.call(endpoints.ready)
  return {
    faults,
    unhandled,
    statuses,
    perSecond: answered / seconds,
    stallP999Ms: stalls.percentile(99.9) / 1e6,
    unready: checks.filter(({ ok }) => !ok).map(({ name }) => name),
  }
}
