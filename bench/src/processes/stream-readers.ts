// Clients that follow the hub's server-sent events and count what they are told.
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'

import { answerParent, parentIsDone } from '../support/child.ts'

interface Reader {
  told: number
  /** The last `seq`. */
  last: number
  /** Places where a `seq` did not follow the one before, and streams that ended. */
  faults: number
}

const readers: Reader[] = []
const latenciesMs: number[] = []
const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

function follow(reader: Reader, response: IncomingMessage): void {
  let rest = ''
  response.setEncoding('utf8')
  response.on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    let newest = ''
    for (const block of blocks) {
      // `id: 42`, then `event: …`; notices and comments have no number that follows.
      if (!block.startsWith('id: ')) continue
      const seq = Number(block.slice(4, block.indexOf('\n')))
      if (reader.told > 0 && seq !== reader.last + 1) reader.faults += 1
      reader.told += 1
      reader.last = seq
      newest = block
    }
    const at = /"timestamp":(\d+)/.exec(newest)?.[1]
    if (at !== undefined) latenciesMs.push(Date.now() - Number(at))
  })
  response.on('close', () => (reader.faults += 1))
}

answerParent({
  follow: async ({ url, count }: { url: string; count: number }) => {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const reader: Reader = { told: 0, last: 0, faults: 0 }
        readers.push(reader)
        const asked = get(`${url}/api/events/stream`, {
          agent,
          headers: { 'x-api-key': 'bench-key-bench-key' },
        })
        const [response] = (await once(asked, 'response')) as [IncomingMessage]
        if (response.statusCode !== 200) throw new Error(`a stream was answered ${response.statusCode}`)
        follow(reader, response)
      }),
    )
  },
  untilTold: async ({ seq }: { seq: number }) => {
    const deadline = Date.now() + 30_000
    while (readers.some(({ last }) => last < seq) && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20))
    return {
      readers: readers.length,
      told: readers.reduce((sum, { told }) => sum + told, 0),
      behind: readers.filter(({ last }) => last < seq).length,
      faults: readers.reduce((sum, { faults }) => sum + faults, 0),
      latenciesMs,
    }
  },
})

await parentIsDone()
