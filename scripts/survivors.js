// What `npm run test:mutants` found, compared with docs/mutation-testing.md: the mutants that no test notices must be
// those that are listed there. One that is not is a test that is missing; one that is listed and noticed after all is a
// row that can go.
//
// Usage: node scripts/survivors.js [REPORT]   REPORT: instead of reports/mutation/mutation.json

import { readFileSync } from 'node:fs'
import { fromRoot } from './project.js'

const LIST = 'docs/mutation-testing.md'

/**
 * A change, without its place in the file, which moves: two that look alike are counted.
 *
 * @typedef {{ file: string, code: string, becomes: string }} Change
 * @typedef {{ start: { line: number, column: number }, end: { line: number, column: number } }} Location
 * @typedef {{ location: Location, replacement: string, status: string }} Mutant
 */

/** Text on one line, and not more of it than a cell can take. */
function oneLine(text) {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > 80 ? `${line.slice(0, 80)}…` : line
}
/** @param {Change} change */
const keyOf = ({ file, code, becomes }) => `${file}: ${code}  →  ${becomes}`

/** Code as a cell of a table shows it: between more backticks than it has in a row. */
function cellOf(code) {
  const longest = Math.max(0, ...Array.from(code.matchAll(/`+/g), ([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  const space = longest > 0 ? ' ' : ''
  return fence + space + code.replaceAll('|', '\\|') + space + fence
}
const codeOf = cell => cell.replace(/^(`+) ?(.*?) ?\1$/, '$2').replaceAll('\\|', '|')

/** @param {Change} change */
const rowOf = ({ file, code, becomes }) => `| ${[file, code, becomes].map(cellOf).join(' | ')} |`

/** The rows of all tables whose first cell is a source file. */
function listed() {
  return readFileSync(fromRoot(LIST), 'utf8')
    .split('\n')
    .map(line => line.split(/(?<!\\)\|/).map(cell => codeOf(cell.trim())))
    .filter(([, file]) => file?.endsWith('.ts'))
    .map(([, file = '', code = '', becomes = '']) => keyOf({ file, code, becomes }))
}

/**
 * What stands from one place to another, both counted from 1.
 *
 * @param {string} source
 * @param {Location} location
 */
function between(source, { start, end }) {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  lines.push((lines.pop() ?? '').slice(0, end.column - 1))
  return oneLine(lines.join('\n').slice(start.column - 1))
}

const noticed = ({ status }) => status === 'Killed' || status === 'Timeout'
const score = mutants => `${((100 * mutants.filter(noticed).length) / mutants.length).toFixed(1)} %`

/** @type {{ files: Record<string, { source: string, mutants: Mutant[] }> }} */
const report = JSON.parse(readFileSync(process.argv[2] ?? fromRoot('reports/mutation/mutation.json'), 'utf8'))
const left = listed()
let failed = false
const complain = text => {
  failed = true
  console.error(text)
}

const files = Object.entries(report.files).map(([path, { source, mutants }]) => {
  const valid = mutants.filter(({ status }) => status !== 'Ignored' && !/Error$/.test(status))
  return { path, source, mutants: valid }
})
/** What a test failed on, so that a row for it is one too many. What ran for too long may only have met a busy machine. */
const killed = new Set()
for (const { path, source, mutants } of files) {
  console.log(`${path.padEnd(36)} ${String(mutants.length).padStart(4)} mutants ${score(mutants).padStart(8)}`)
  for (const mutant of mutants) {
    const { location, replacement } = mutant
    const change = { file: path.replace(/^src\//, ''), code: between(source, location), becomes: oneLine(replacement) }
    const row = left.indexOf(keyOf(change))
    if (mutant.status === 'Killed') killed.add(keyOf(change))
    else if (row >= 0) left.splice(row, 1)
    else if (!noticed(mutant)) complain(`no test notices, at ${path}:${location.start.line}\n  ${rowOf(change)}`)
  }
}
console.log(`all in all ${score(files.flatMap(({ mutants }) => mutants))}`)
for (const key of left.filter(key => killed.has(key))) complain(`listed in ${LIST}, but a test notices\n  ${key}`)
process.exitCode = failed ? 1 : 0
