import { createRequire } from 'node:module'

/** The one version this adapter is written against: every deep import, trap and patch of ours was read in its source. */
export const BAILEYS_VERSION = '7.0.0-rc14'

/**
 * Throws unless the installed baileys is exactly `BAILEYS_VERSION`. A newer one may have moved what we replace,
 * and would run with our assumptions silently wrong.
 */
export function assertBaileysVersion(installed: unknown = installedBaileysVersion()): void {
  if (installed !== BAILEYS_VERSION) {
    throw new Error(
      `baileys ${BAILEYS_VERSION} is required and ${String(installed)} is installed: run npm ci. ` +
        'To move to another version, follow docs/decisions/runtime-gains.md.',
    )
  }
}

/** What node_modules holds; undefined when nothing. */
export function installedBaileysVersion(): string | undefined {
  try {
    const manifest: unknown = createRequire(import.meta.url)('baileys/package.json')
    return typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : undefined
  } catch {
    return undefined // not installed
  }
}
