import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'

import { referencePages } from './pages.ts'

/*
 * `npm run docs` writes docs/reference; `npm run docs -- --check` only says whether it is what the code would write.
 */

const folder = new URL('../../../../docs/reference/', import.meta.url)
const check = process.argv.includes('--check')
const pages = referencePages()

await mkdir(folder, { recursive: true })
const onDisk = new Set(await readdir(folder))
const stale: string[] = []
for (const [name, content] of pages) {
  const before = onDisk.has(name) ? await readFile(new URL(name, folder), 'utf8') : undefined
  if (before === content) continue
  stale.push(name)
  if (!check) await writeFile(new URL(name, folder), content)
}
for (const name of onDisk) {
  if (pages.has(name)) continue
  stale.push(name)
  if (!check) await rm(new URL(name, folder))
}

if (stale.length === 0) process.stdout.write('docs/reference is current\n')
else if (check) {
  process.stderr.write(`docs/reference is not what the code says: ${stale.join(', ')}. Run npm run docs.\n`)
  process.exitCode = 1
} else process.stdout.write(`docs/reference: wrote ${stale.join(', ')}\n`)
