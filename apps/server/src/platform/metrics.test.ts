import { expect, test } from 'vitest'

import { createMetrics } from './metrics.ts'

test('the figures say what runs and how the process is', async () => {
  const text = await createMetrics({ version: '1.2.3' }).metrics()
  expect(text).toContain(`inbox_hub_info{version="1.2.3",node="${process.version}"} 1`)
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m)
  expect(text).toMatch(/^process_resident_memory_bytes \d/m)
})
