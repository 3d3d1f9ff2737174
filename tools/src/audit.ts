// Fails when a dependency that is shipped has a known vulnerability of high or critical severity. A registry that cannot be asked
// (no network, a mirror without the end point) is a warning.
import { spawnSync } from 'node:child_process'

import { auditVerdict } from './npm-audit.ts'

const options = ['--omit=dev', '--json', '--fetch-retries=0', '--fetch-timeout=30000']
const { stdout } = spawnSync('npm', ['audit', ...options], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
const { at, text } = auditVerdict(stdout)
process.stdout.write(at === 'unknown' ? `WARNING: vulnerabilities were not checked: ${text}\n` : `${text}\n`)
process.exitCode = at === 'vulnerable' ? 1 : 0
