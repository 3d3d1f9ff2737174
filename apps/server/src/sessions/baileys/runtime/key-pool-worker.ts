import { parentPort } from 'node:worker_threads'

import { generatePacked } from './key-pool.ts'

// The worker side of KeyPool: a number in, that many packed pairs out.
parentPort?.on('message', (count: number) => {
  const packed = generatePacked(count)
  parentPort?.postMessage(packed, [packed.buffer as ArrayBuffer])
})
