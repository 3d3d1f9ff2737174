import { Worker } from 'node:worker_threads'

/** A worker nobody asked for so long ends: an idle hub pays for none. */
const idleMs = 60_000

/**
 * A worker thread that starts with the first request and ends after a minute without one. It answers each message with one, in order
 * (`parentPort.on('message', …)`). `module` is its file's URL without an extension: TypeScript in the repository, JavaScript when built.
 */
export class WorkerOnDemand<Request, Answer> implements AsyncDisposable {
  readonly #url: URL
  readonly #name: string
  readonly #asked: PromiseWithResolvers<Answer>[] = []
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined

  constructor(module: string, name: string) {
    this.#url = new URL(`${module}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`)
    this.#name = name
  }

  /** Rejects when the worker breaks or is closed meanwhile; the next request starts a new one. */
  ask(request: Request): Promise<Answer> {
    const answer = Promise.withResolvers<Answer>()
    clearTimeout(this.#idle)
    this.#asked.push(answer)
    // A worker's port has no origin to name.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    ;(this.#worker ??= this.#start()).postMessage(request)
    return answer.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end(new Error(`the worker ${this.#name} was closed`))
  }

  #start(): Worker {
    const worker = new Worker(this.#url, { name: this.#name })
    worker.unref()
    worker.on('message', (answer: Answer) => {
      if (this.#worker !== worker) return
      this.#asked.shift()?.resolve(answer)
      if (this.#asked.length > 0) return
      this.#idle = setTimeout(() => void this[Symbol.asyncDispose](), idleMs)
      this.#idle.unref()
    })
    worker.on('error', (error) => {
      if (this.#worker === worker) void this.#end(error)
    })
    return worker
  }

  async #end(why: Error): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    for (const { reject } of this.#asked.splice(0)) reject(why)
    await worker?.terminate()
  }
}
