import { enableCompileCache } from 'node:module'

// Compiled code of this run is the next one's start. Before anything else is loaded.
enableCompileCache()
const { run } = await import('./program.ts')
const exitCode = await run(process.argv.slice(2))
// Everything of ours is closed by now; timers that Baileys never clears would keep the process for half a minute (uploadPreKeys).
process.stdout.write('', () => process.exit(exitCode))
