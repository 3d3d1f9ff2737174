import { expect, test } from 'vitest'

import { trackedFiles } from './tracked-files.ts'

interface LockedPackage {
  version?: string
  resolved?: string
  link?: boolean
  integrity?: string
  optional?: boolean
  dev?: boolean
  license?: string
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

const nameOf = (path: string): string => path.split('node_modules/').at(-1) ?? path

test('every locked package has a SHA-512 of its contents and no address', () => {
  const faulty = fromRegistry.filter(
    ([, { integrity, resolved }]) =>
      !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '') || resolved !== undefined,
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
    .map(([path]) => nameOf(path))
  const known = ['baileys', 'esbuild', 'fsevents', 'protobufjs'] // none is run: .npmrc ignores scripts
  expect(scripted.filter((name) => !known.includes(name))).toEqual([])
})

/** Licences that ask for their text and nothing else. */
const permissive = [
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'CC0-1.0',
]
/** What else is shipped, and who may be: NOTICE says what it means for those who pass the hub on. */
const noticed: Record<string, RegExp> = { 'GPL-3.0': /^libsignal$/, 'LGPL-3.0-or-later': /^@img\/sharp-/ }

// `npm audit` needs a registry that answers; this does not.
test('what is shipped is under licences that ask nothing, or that NOTICE speaks of', () => {
  const notice = files.find(({ path }) => path === 'NOTICE')?.text ?? ''
  const unexpected = fromRegistry
    .filter(([, { dev }]) => dev !== true)
    .flatMap(([path, { license = 'none' }]) => {
      const either = license.replaceAll(/[()]/g, '').split(' OR ')
      const isFine = either.some((all) =>
        all
          .split(' AND ')
          .every((one) => permissive.includes(one) || noticed[one]?.test(nameOf(path)) === true),
      )
      return isFine ? [] : [`${nameOf(path)}: ${license}`]
    })
  expect(unexpected).toEqual([])
  expect(notice).toMatch(/libsignal.+GNU General\s+Public License, version 3/s)
  expect(notice).toMatch(/libvips.+Lesser General Public\s+License, version 3/s)
})
