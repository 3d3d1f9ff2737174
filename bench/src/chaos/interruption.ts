/** What has to be cleaned up when a run is interrupted: processes, directories, mounts, schemas. Newest first, as they depend on each other. */
const cleanups: (() => Promise<void>)[] = []

/** Has `resource` disposed of also when the run is interrupted before it would be. */
export function alsoWhenInterrupted<Resource extends AsyncDisposable>(resource: Resource): Resource {
  let disposed: Promise<void> | undefined
  const dispose = resource[Symbol.asyncDispose].bind(resource)
  const once = async (): Promise<void> => {
    disposed ??= Promise.resolve(dispose())
    await disposed
    const place = cleanups.indexOf(once)
    if (place !== -1) cleanups.splice(place, 1)
  }
  cleanups.push(once)
  return Object.assign(resource, { [Symbol.asyncDispose]: once })
}

/** Cleans up after Ctrl-C or SIGTERM, then ends the process. A second one ends it at once. */
export function cleanUpWhenInterrupted(): void {
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(exitCode))
      // What the scenario makes of the ground going from under it is of no interest any more.
      process.on('unhandledRejection', () => {})
      process.on('uncaughtException', () => {})
      void cleanUp().finally(() => process.exit(exitCode))
    })
  }
}

async function cleanUp(): Promise<void> {
  for (let last = cleanups.at(-1); last !== undefined; last = cleanups.at(-1)) {
    await last().catch((error: unknown) => console.error(error))
    if (cleanups.at(-1) === last) cleanups.pop()
  }
}
