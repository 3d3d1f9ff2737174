import type { Figure } from './table.ts'

/**
 * The promises of DESIGN §9 were made on another machine. What they are worth on this one is said by the yardstick: raw Baileys that
 * stores nothing, with the same speed-ups as the hub's, before the same WhatsApp in the same run. There it needed this.
 */
export const there = {
  qrMs: 6,
  qrAtOnceP99Ms: 299,
  onlineMs: 33,
  onlineAtOnceMs: 1787,
  reconnectedMs: 415,
  receivedPerSecond: 1696,
  receivedCpuMs: 0.55,
  receivedLagMs: 91,
  latencyMs: 4,
  latencyP99Ms: 21,
  groupCpuMs: 1.29,
  sentPerSecond: 1250,
  sentCpuMs: 0.8,
} as const

/** How many times the yardstick's figure the hub's is, where less is better: at most the promise over the yardstick's figure there. */
export function atMostTimes(hub: number, yardstick: number, promise: number, yardstickThere: number): Figure {
  const most = promise / yardstickThere
  return { ...times(hub / yardstick), target: `≤ ${twoDigits(most)} ×`, reached: hub / yardstick <= most }
}

/** The same where more is better. */
export function atLeastTimes(
  hub: number,
  yardstick: number,
  promise: number,
  yardstickThere: number,
): Figure {
  const least = promise / yardstickThere
  return { ...times(hub / yardstick), target: `≥ ${twoDigits(least)} ×`, reached: hub / yardstick >= least }
}

const name = '  … by raw baileys with the same speed-ups'

export const isByYardstick = (figure: Figure): boolean => figure.name === name

const times = (ratio: number): Pick<Figure, 'name' | 'value'> => ({
  name,
  value: `${twoDigits(ratio)} ×`,
})

const twoDigits = (ratio: number): number => Number(ratio.toPrecision(ratio < 1 ? 2 : 3))
