import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** Figures for Prometheus, with those of the process: event-loop lag, memory, garbage collection, handles. */
export function createMetrics({ version }: { version: string }): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'inbox_hub_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.version }, 1)
  return registry
}
