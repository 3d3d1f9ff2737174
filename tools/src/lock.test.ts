import { expect, test } from 'vitest'

import { trackedFiles } from './tracked-files.ts'

interface LockedPackage {
  version?: string
  resolved?: string
  link?: boolean
  integrity?: string
  optional?: boolean
  hasInstallScript?: boolean
  optionalDependencies?: Record<string, string>
}

const files = trackedFiles()

function parsed(path: string): unknown {
  const file = files.find((candidate) => candidate.path === path)
  if (file === undefined) throw new Error(`${path} is not tracked`)
  return JSON.parse(file.text)
}

// A lock file of version 3 holds this shape: https://docs.npmjs.com/cli/configuring-npm/package-lock-json
const { packages } = parsed('package-lock.json') as { packages: Record<string, LockedPackage> }
const fromRegistry = Object.entries(packages).filter(
  ([path, entry]) => path.includes('node_modules/') && entry.link !== true,
)

test('every locked package has an integrity hash and no address', () => {
  const faulty = fromRegistry.filter(
    ([, { integrity, resolved }]) => integrity === undefined || resolved !== undefined,
  )
  expect(faulty.map(([path]) => path)).toEqual([])
})

test('every manifest names exact versions', () => {
  const loose = files
    .filter(({ path }) => path.endsWith('package.json'))
    .flatMap(({ path }) => {
      const manifest = parsed(path) as Record<string, Record<string, string> | undefined>
      return ['dependencies', 'devDependencies', 'optionalDependencies']
        .flatMap((kind) => Object.entries(manifest[kind] ?? {}))
        .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
        .map(([name, version]) => `${path}: ${name} ${version}`)
    })
  expect(loose).toEqual([])
})

// A lock written on one system can miss the binaries of the others: `npm ci` then breaks there (npm issue 4828).
test('tools that ship a binary per system are locked for macOS and Windows too', () => {
  const missing = ['oxlint', 'oxfmt', 'rolldown', 'oxlint-tsgolint', 'typescript'].flatMap((tool) =>
    Object.keys(packages[`node_modules/${tool}`]?.optionalDependencies ?? {}).filter(
      (name) => /darwin|win32/.test(name) && packages[`node_modules/${name}`]?.integrity === undefined,
    ),
  )
  expect(missing).toEqual([])
})

test('nothing but the packages we looked at wants to run a script at install time', () => {
  const scripted = fromRegistry
    .filter(([, entry]) => entry.hasInstallScript === true)
    .map(([path]) => path.split('node_modules/').at(-1))
  const known = ['baileys', 'esbuild', 'fsevents', 'protobufjs'] // none is run: .npmrc ignores scripts
  expect(scripted.filter((name) => !known.includes(name ?? ''))).toEqual([])
})
