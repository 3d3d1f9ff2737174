// npm run fuzz -- --requests 1000000 --seed 7: as the test, at any size. Ends with 1 when a request was answered wrongly.
import { parseArgs } from 'node:util'

// Before anything that loads baileys: a test runner loads modules one by one, Node a whole graph at once.
await import('inbox-hub/internal/sessions/baileys/runtime/index')
const { campaign } = await import('./campaign.ts')

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '1000000' }, seed: { type: 'string' } },
})
const size = Number(values.requests)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
if (!Number.isSafeInteger(size) || size < 1 || !Number.isSafeInteger(seed)) {
  console.error('Give --requests and --seed as whole numbers, as in --requests 1000000 --seed 7.')
  process.exit(2)
}
console.log(`${size} requests, seed ${seed}`)
const { faults, unhandled, statuses, perSecond, stallP999Ms, unready } = await campaign({
  size,
  seed,
  progress: (answered) => console.log(`${answered} answered`),
})
for (const { fault, request, answer } of faults) console.log(`\n${fault}\n${request}\n→ ${answer}`)
for (const reason of unhandled) console.log('\nunhandled:', reason)
console.log('\nanswers by status:', statuses)
console.log(`${Math.round(perSecond)} requests/s, event loop stalls p99.9 ${Math.round(stallP999Ms)} ms`)
const faulty = faults.length > 0 || unhandled.length > 0 || unready.length > 0
console.log(
  faulty
    ? `NOT WELL: ${faults.length} faults, ${unhandled.length} unhandled, not ready: ${unready.join()}`
    : 'all well',
)
process.exit(faulty ? 1 : 0)
