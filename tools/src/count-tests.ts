// Prints `N passed, N failed` from vitest's JSON report; a file that failed outside its tests counts as one failure.
import { readFileSync } from 'node:fs'

interface Report {
  numPassedTests: number
  numFailedTests: number
  testResults: { status: 'passed' | 'failed'; assertionResults: { status: string }[] }[]
}

const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Report // written by vitest itself
const brokenFiles = report.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.every((result) => result.status !== 'failed'),
).length
process.stdout.write(`${report.numPassedTests} passed, ${report.numFailedTests + brokenFiles} failed\n`)
