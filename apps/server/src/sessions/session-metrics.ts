import { type SessionStatus, statusOfState } from '@inbox-hub/contract'
import { Counter, Gauge, type Registry } from 'prom-client'

import { causeIn, type SessionState } from './session-state.ts'

/**
 * Figures about sessions, for Prometheus. Labels are statuses, states and reason codes: as many as the contract has, however many
 * sessions there are. Answers what is to be told of each move.
 *
 * @param counts - How many sessions have each status, asked when the figures are read.
 */
export function countSessions(
  metrics: Registry,
  counts: () => Record<SessionStatus, number>,
): (to: SessionState) => void {
  const moves = new Counter({
    name: 'inbox_hub_session_moves_total',
    help: 'Moves of sessions to a state, by reason: those to connecting are dials, those to waiting are dials that failed',
    labelNames: ['state', 'reason'],
    registers: [metrics],
  })
  metrics.registerMetric(
    new Gauge({
      name: 'inbox_hub_sessions',
      help: 'Sessions by status',
      labelNames: ['status'],
      registers: [],
      collect() {
        for (const [status, count] of Object.entries(counts())) this.set({ status }, count)
      },
    }),
  )
  // Or the first move of each kind would be missing in a rate.
  for (const state of Object.keys(statusOfState)) moves.inc({ state, reason: '' }, 0)
  return (to) => moves.inc({ state: to.at, reason: causeIn(to)?.code ?? '' })
}
