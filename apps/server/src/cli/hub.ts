import type { Command } from 'commander'

import { type ApiClient, createApiClient } from '../client/index.ts'
import { type Config, readConfig } from '../config.ts'
import type { Terminal } from './terminal.ts'

/** The options of every command that talks to a running hub. */
export interface HubOptions {
  url?: string
  key?: string
  json?: boolean
}

export function withHubOptions(command: Command): Command {
  return command
    .option('--url <url>', 'where the hub is (default: PUBLIC_URL, else http://localhost:$PORT)')
    .option('--key <key>', 'API key (default: INBOX_HUB_API_KEY)')
    .option('--json', 'print the result as JSON')
}

/** The hub that the options and the environment name. */
export function hubOf(options: HubOptions, terminal: Terminal): ApiClient {
  const config = readConfig(terminal.env)
  return createApiClient({ url: options.url ?? urlOf(config), key: options.key ?? config.apiKey })
}

/** Where a hub with this configuration is reached from this machine. */
export function urlOf({ publicUrl, host, port }: Config): string {
  if (publicUrl !== undefined) return publicUrl
  const everywhere = host === '0.0.0.0' || host === '::' || host === '127.0.0.1'
  return `http://${everywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`
}
