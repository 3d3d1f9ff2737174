import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of files between two collections. */
const collectEvery = 8 * 1024 * 1024

let passed = 0
let collector: NodeJS.GCFunction | undefined

/**
 * Collects what loading the program left behind and hands the pages back, once, when the start is over: 40 MB of 200 for an idle hub
 * (measured on Node 24.21). V8 would keep them until memory runs short, which on an idle hub is never. Stops the process for some 50 ms.
 */
export function giveBackMemory(): void {
  // `last-resort`: the only flavour that releases the pages too.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/**
 * To be told of bytes of a file that have passed through memory. Their buffers are garbage at once, but V8 sees small objects and lets up to
 * 80 MB of what stands behind them gather (`arrayBuffers`, while 2 GB were received and decrypted); collecting the young generation now and
 * then frees them.
 */
export function bytesPassed(bytes: number): void {
  passed += bytes
  if (passed < collectEvery) return
  passed = 0
  collect({ type: 'minor', execution: 'sync' })
}

function collect(options: Parameters<NodeJS.GCFunction>[0]): void {
  collector ??= v8Collector()
  collector(options)
}

function v8Collector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  // With that flag, new contexts have V8's collector as a global.
  const found = runInNewContext('gc') as NodeJS.GCFunction
  setFlagsFromString('--no-expose-gc')
  return found
}
