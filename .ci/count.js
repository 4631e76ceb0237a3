// Usage: node count.js REPORT [FAILED_STEP...]
// Adds vitest's JSON report and the failed steps up to "N passed, N failed[, N skipped]"; fails when anything failed.

import { existsSync, readFileSync } from 'node:fs'

const [report = '', ...failedSteps] = process.argv.slice(2)

// Without a report the test step has failed, and so is among the failed steps.
const tests = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }
if (existsSync(report)) Object.assign(tests, JSON.parse(readFileSync(report, 'utf8')))

// A file that could not be loaded has failed, though none of its tests did.
const brokenFiles = tests.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && !assertionResults.some(test => test.status === 'failed')
)
const failedTests = tests.numFailedTests + brokenFiles.length

// The test step failed because of its tests: they are counted. Any other way it can fail counts as a step.
const countedSteps = failedSteps.filter(name => name !== 'test' || failedTests === 0)

const passed = tests.numPassedTests
const failed = failedTests + countedSteps.length
const skipped = tests.numPendingTests + tests.numTodoTests

for (const name of failedSteps) console.log(`FAILED: ${name}`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
if (failed > 0) process.exitCode = 1
