/** What `npm audit --json` says of what is shipped. */
export type AuditVerdict =
  | { at: 'clean'; text: string }
  | { at: 'vulnerable'; text: string }
  /** Nobody could be asked: not the same as being clean. */
  | { at: 'unknown'; text: string }

/** The report of npm 7 and later, as far as it is read here. */
interface Report {
  auditReportVersion?: number
  message?: string
  vulnerabilities?: Record<string, { severity: string; range: string; fixAvailable: unknown }>
}

const grave: ReadonlySet<string> = new Set(['high', 'critical'])

/** Reads the report; anything that is none counts as unknown. */
export function auditVerdict(output: string): AuditVerdict {
  const report = parsed(output)
  if (report.auditReportVersion === undefined || report.vulnerabilities === undefined) {
    const why = report.message ?? 'npm gave no report'
    return { at: 'unknown', text: `the registry cannot be asked for known vulnerabilities (${why})` }
  }
  const found = Object.entries(report.vulnerabilities)
  const findings = found
    .filter(([, { severity }]) => grave.has(severity))
    .map(([name, { severity, range, fixAvailable }]) => {
      const fix = fixAvailable === false ? 'no fix yet' : 'a fix is available'
      return `${name} ${range}: ${severity}, ${fix}`
    })
  if (findings.length > 0) return { at: 'vulnerable', text: findings.join('\n') }
  return { at: 'clean', text: `nothing of high or critical severity; ${found.length} of less` }
}

function parsed(output: string): Report {
  try {
    const report: unknown = JSON.parse(output)
    return typeof report === 'object' && report !== null ? report : {}
  } catch {
    return {}
  }
}
