import fc from 'fast-check'
import { Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'

import { createRequestDurations } from './request-durations.ts'

test('the text is what prom-client writes of the same requests, also when it is asked in between', async () => {
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST'),
    route: fc.constantFrom('/api/sessions/:ref', '/metrics', 'none'),
    status: fc.constantFrom(200, 404),
  })
  const seconds = fc.oneof(
    fc.constantFrom(0, 0.001, 0.005, 30, 31),
    fc.double({ min: 0, max: 40, noNaN: true }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(request, seconds, fc.boolean()), { maxLength: 40 }),
      async (requests) => {
        const [ours, theirs] = [new Registry(), new Registry()]
        const durations = createRequestDurations(ours)
        const histogram = new Histogram({
          name: 'inbox_hub_http_request_duration_seconds',
          help: 'From the arrival of a request to the end of its answer',
          labelNames: ['method', 'route', 'status'],
          buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30],
          registers: [theirs],
        })
        for (const [labels, took, isAsked] of requests) {
          durations.observe(labels, took)
          histogram.observe(labels, took)
          if (isAsked) expect(await ours.metrics()).toBe(await theirs.metrics())
        }
        expect(await ours.metrics()).toBe(await theirs.metrics())
      },
    ),
    { numRuns: 50 },
  )
})

test('what nobody asked for since is not written again', async () => {
  const metrics = new Registry()
  const durations = createRequestDurations(metrics)
  const observe = (route: number) =>
    durations.observe({ method: 'GET', route: `/${route}`, status: 200 }, 0.01)
  const written = async () => {
    const { values } = (await metrics.getMetricsAsJSON())[0] as unknown as {
      values: { metricName: string }[]
    }
    return values.map(({ metricName }) => metricName)
  }
  for (let route = 0; route < 3; route += 1) observe(route)
  const before = await written()
  observe(1)
  const after = await written()
  expect(after.map((text, index) => text === before[index])).toEqual([true, false, true])
})
