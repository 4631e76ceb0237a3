// Loaded before an example runs (node --import): what the instrumented example reports to, see examples.ts.
// What was seen goes to file descriptor 3 when the process ends, however it ends.

import { writeSync } from 'node:fs'
import { formatWithOptions, inspect } from 'node:util'

const options = { breakLength: Number.POSITIVE_INFINITY }

/** @type {Array<{ line: number, printed: boolean, text: string }>} */
const seen = []

/** @param {number} line @param {string} text */
const note = (line, text, printed = false) => void seen.push({ line, printed, text })

/** @param {unknown} error */
const describe = error => (error instanceof Error ? `${error.name}: ${error.message}` : inspect(error, options))

globalThis.__example = {
  /** Stands where `console.log` stood. @param {number} line */
  print(line) {
    return (...args) => note(line, formatWithOptions(options, ...args), true)
  },
  /** @param {number} line */
  value(line, value) {
    note(line, inspect(value, options))
    return value
  },
  /** @param {number} line @param {() => unknown} call */
  throws(line, call) {
    try {
      call()
    } catch (error) {
      note(line, describe(error))
      return
    }
    note(line, 'nothing thrown')
  },
  /** @param {number} line @param {() => unknown} call */
  async rejects(line, call) {
    let promise
    try {
      promise = call()
    } catch (error) {
      note(line, `thrown at the call, not rejected: ${describe(error)}`)
      return
    }
    try {
      await promise
    } catch (error) {
      note(line, describe(error))
      return
    }
    note(line, 'nothing rejected')
  }
}

process.on('exit', () => writeSync(3, JSON.stringify(seen)))
