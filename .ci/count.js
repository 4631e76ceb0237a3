// Usage: node count.js REPORTS [FAILED_STEP...]
// Adds vitest's JSON reports in a folder, each named after its step, and the failed steps up to
// "N passed, N failed[, N skipped]"; fails when anything failed.

import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const [folder = '', ...failedSteps] = process.argv.slice(2)

const total = { passed: 0, failed: 0, skipped: 0 }
for (const step of ['test', 'test:site']) {
  const report = join(folder, `${step.replace(':', '-')}.json`)
  // Without a report the step has failed, and so is among the failed steps.
  if (!existsSync(report)) continue
  const tests = JSON.parse(readFileSync(report, 'utf8'))
  // A file that could not be loaded has failed, though none of its tests did.
  const brokenFiles = tests.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some(test => test.status === 'failed')
  )
  const failedTests = tests.numFailedTests + brokenFiles.length
  tell(tests.testResults)
  total.passed += tests.numPassedTests
  total.failed += failedTests
  total.skipped += tests.numPendingTests + tests.numTodoTests
  // The step failed because of its tests: they are counted. Any other way it can fail counts as a step.
  if (failedTests > 0) total.failed -= failedSteps.filter(name => name === step).length
}
total.failed += failedSteps.length

/**
 * Names what failed, with the first line of why: in a long log only its end is at hand.
 *
 * @param {{ name: string, message: string, assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }[]} files
 */
function tell(files) {
  for (const { name, message, assertionResults } of files) {
    const failures = assertionResults.filter(({ status }) => status === 'failed')
    const file = relative('.', name)
    if (message && failures.length === 0) console.log(`FAILED: ${file}: ${message.split('\n', 1)[0]}`)
    for (const { fullName, failureMessages } of failures)
      console.log(`FAILED: ${file}: ${fullName}: ${failureMessages[0]?.split('\n', 1)[0]}`)
  }
}

for (const name of failedSteps) console.log(`FAILED: ${name}`)
const { passed, failed, skipped } = total
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
if (failed > 0) process.exitCode = 1
