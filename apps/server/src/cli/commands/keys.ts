import { endpoints, isoOf } from '@inbox-hub/contract'

import { type Access, createAccess } from '../../access/index.ts'
import { readConfig } from '../../config.ts'
import { systemClock } from '../../platform/clock.ts'
import { DataDirInUse, openDatabase } from '../../platform/database/index.ts'
import { silentLog } from '../../platform/log.ts'
import { createSecrets } from '../../platform/secrets/index.ts'
import { CommandFailure } from '../failure.ts'
import { type HubOptions, hubOf } from '../hub.ts'
import { print, printJson, table, type Terminal } from '../terminal.ts'

interface ShownKey {
  id: string
  name: string
  createdAt: string
  lastUsedAt: string | null
  revokedAt: string | null
}

/** Keys made without a key belong to the first owner, as the first one does. */
const firstOwner = 1

export async function create(name: string, options: HubOptions, terminal: Terminal): Promise<void> {
  const made = hasKey(options, terminal)
    ? await hubOf(options, terminal).call(endpoints.createKey, { body: { name } })
    : await onStoppedHub(terminal, (access) => access.createKey({ ownerId: firstOwner, name }))
  if (options.json === true) printJson(terminal, { id: made.id, name, key: made.key })
  else print(terminal, `API key for ${name}, shown this once: ${made.key}`)
}

export async function list(options: HubOptions, terminal: Terminal): Promise<void> {
  const keys = hasKey(options, terminal)
    ? (await hubOf(options, terminal).call(endpoints.listKeys)).keys
    : await onStoppedHub(terminal, keysOf)
  if (options.json === true) {
    printJson(terminal, keys)
    return
  }
  const rows = keys.map(({ id, name, createdAt, lastUsedAt, revokedAt }) => [
    id,
    name,
    day(createdAt),
    lastUsedAt === null ? 'never' : day(lastUsedAt),
    revokedAt === null ? '' : `revoked ${day(revokedAt)}`,
  ])
  print(terminal, ...table(['ID', 'NAME', 'MADE', 'LAST USED', ''], rows))
}

export async function revoke(id: string, options: HubOptions, terminal: Terminal): Promise<void> {
  if (hasKey(options, terminal)) {
    await hubOf(options, terminal).call(endpoints.revokeKey, { params: { id } })
  } else if (!(await onStoppedHub(terminal, (access) => access.revokeKey(id)))) {
    throw new CommandFailure(
      `There is no API key in use with the id ${id}.`,
      'See the ids: inbox-hub keys ls',
    )
  }
  if (options.json === true) printJson(terminal, { id, revoked: true })
  else print(terminal, `API key ${id} is revoked.`)
}

function hasKey(options: HubOptions, { env }: Terminal): boolean {
  return options.key !== undefined || readConfig(env).apiKey !== undefined
}

/** Works on the store itself: whoever can open it needs no key. This is how a lost key is replaced. */
async function onStoppedHub<T>(terminal: Terminal, work: (access: Access) => Promise<T>): Promise<T> {
  const { databaseUrl: url, dataDir, masterKeys, apiKey } = readConfig(terminal.env)
  const log = silentLog
  const clock = systemClock
  try {
    await using database = await openDatabase({ url, dataDir, log, clock })
    const secrets = await createSecrets({ database, dataDir, masterKeys, log })
    await using access = await createAccess({ database, secrets, clock, log, apiKey })
    return await work(access)
  } catch (error) {
    if (!(error instanceof DataDirInUse)) throw error
    throw new CommandFailure(
      'The hub is running, and no API key was given.',
      'Give one with --key or in INBOX_HUB_API_KEY; or stop the hub, which lets this command open its data directory.',
      { cause: error },
    )
  }
}

async function keysOf(access: Access): Promise<ShownKey[]> {
  return (await access.listKeys()).map(({ id, name, createdAt, lastUsedAt, revokedAt }) => ({
    id,
    name,
    createdAt: isoOf(createdAt),
    lastUsedAt: lastUsedAt === undefined ? null : isoOf(lastUsedAt),
    revokedAt: revokedAt === undefined ? null : isoOf(revokedAt),
  }))
}

function day(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}
