// Writes the table of metrics into docs/monitoring.md, from the code that exports them. Run the build first.

import { readFileSync, writeFileSync } from 'node:fs'
import { fromRoot } from './project.js'

const PAGE = fromRoot('docs/monitoring.md')
const BEGIN = '<!-- metrics: written by scripts/metrics-table.js -->\n'
const END = '<!-- /metrics -->'

/**
 * @param {string} page
 * @param {string} table
 */
export function withTable(page, table) {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`docs/monitoring.md has no place for the table of metrics: ${BEGIN}`)
  return `${page.slice(0, begin + BEGIN.length)}\n${table}\n\n${page.slice(end)}`
}

if (process.argv[1] === fromRoot('scripts/metrics-table.js')) {
  const { metricsTable } = await import(fromRoot('dist/esm/monitor/metrics.js'))
  writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), metricsTable()))
}
