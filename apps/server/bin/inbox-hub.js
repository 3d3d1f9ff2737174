#!/usr/bin/env node
// Plain JavaScript that an old Node can parse: it has to say that it is old.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 15)) {
  console.error(
    `Inbox Hub needs Node 24.15 or later; this is ${process.versions.node}. ` +
      'On Linux x64 run it through npm after "npm ci" (npm start, npx inbox-hub), which brings its own Node; elsewhere install Node 24 from nodejs.org.',
  )
  process.exit(1)
}

// A checkout runs its sources; the published package has only dist.
const source = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const isCheckout = existsSync(source)
const entry = isCheckout ? source : fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const args = [
  ...process.execArgv,
  ...(isCheckout ? ['--conditions=source'] : []),
  '--max-semi-space-size=16', // young objects of a busy hub die young: fewer, larger scavenges (docs/decisions/runtime-gains.md)
  '--disable-warning=ExperimentalWarning',
  entry,
  ...process.argv.slice(2),
]

if (process.platform === 'win32') {
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  child.on('exit', (code) => process.exit(code ?? 1))
} else {
  process.execve(process.execPath, [process.execPath, ...args], process.env)
}
