// npm run bench: times every row, says what holds, and writes the figures and a chart.

import { execFileSync, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { fromRoot, manifest } from '../scripts/project.js'
import { chart } from './chart.js'
import { peerVersions } from './peers.js'
import { report } from './report.js'

/** @typedef {import('./harness.js').Effort} Effort */
/** @typedef {import('./harness.js').Experiment} Experiment */
/** @typedef {import('./harness.js').Result} Result */
/** @typedef {import('./harness.js').Row} Row */

/** In the order in which the rows are shown. */
const files = ['mutex.js', 'keyed-mutex.js', 'semaphore.js', 'pool.js', 'monitor.js', 'memory.js', 'size.js']

const usage = `npm run bench -- [options]

  --quick       fewer rounds, only the rows that have a bar, and no peers where 10^5 wait or memory is weighed: rougher
                figures, in less than 30 seconds
  --only TEXT   only the rows whose group and name contain TEXT; may be given more than once
  --list        name the rows and their bars, and measure nothing
  --out DIR     where to write results.json and chart.svg (bench/results)
  --docs        also write docs/assets/performance.json and performance.svg
  --strict      exit with 1 when a bar is missed
  --newest      the rows once more on the newest Node that npm has, in a folder that is gone afterwards
  --help        this text

A ratio is the median over many rounds of latchkey's time and the floor's time in the same round. A floor is the same
promises without a lock. "Middle half" is where half of the rounds lie; when it reaches over a bar, run again.`

/** @type {Record<'full' | 'quick', Effort>} */
const efforts = {
  full: { rounds: 101, leastRounds: 5, time: 1000, budget: 200, patience: 5000, peerWeighings: 3 },
  quick: { rounds: 31, leastRounds: 3, time: 60, budget: 12, patience: 600, peersUpTo: 2e4, peerWeighings: 0 }
}

const flags = readFlags()
if (flags.help) {
  console.log(usage)
  process.exit()
}

const mode = flags.quick ? 'quick' : 'full'
const modules = await Promise.all(
  files.map(async file => ({
    file,
    experiments: /** @type {Experiment[]} */ ((await import(`./${file}`)).experiments)
  }))
)
const plan = modules
  .flatMap(({ file, experiments }) => experiments.map((experiment, index) => ({ file, index, experiment })))
  .map(({ experiment, ...where }) => ({
    ...where,
    experiment,
    rows: experiment.rows.filter(row => wanted(experiment.group, row))
  }))
  .filter(({ rows }) => rows.length > 0)
const total = plan.reduce((sum, { rows }) => sum + rows.length, 0)
if (total === 0)
  fail(`no row's name contains ${(flags.only ?? []).map(text => `"${text}"`).join(' or ')}; --list names them`)

if (flags.list) {
  for (const { experiment, rows } of plan) {
    for (const { name, bar, aim } of rows) {
      console.log(
        `${experiment.group}: ${name}${bar === undefined ? '' : `   bar ${bar}${aim === undefined ? '' : `, aim ${aim}`}`}`
      )
    }
  }
  process.exit()
}

const load = loadavg()[0] ?? 0
if (load > cores() / 2) console.log(`The machine was busy before this began (load ${load.toFixed(1)}): expect noise.\n`)
const missed = await measureOn(process.execPath, process.versions, '')
if (flags.newest) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-node-'))
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', 'node@latest'], {
      cwd: folder,
      stdio: 'ignore'
    })
    const node = join(folder, 'node_modules/node/bin/node')
    const versions = JSON.parse(execFileSync(node, ['-p', 'JSON.stringify(process.versions)'], { encoding: 'utf8' }))
    await measureOn(node, versions, '-newest')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
if (flags.strict && missed) process.exitCode = 1

/**
 * Measures all rows on one runtime, and reports them. Resolves to whether a bar was missed.
 *
 * @param {string} node the program
 * @param {{ node?: string, v8?: string }} versions of it
 * @param {string} suffix of the files that are written
 */
async function measureOn(node, versions, suffix) {
  const began = performance.now()
  const progress = showProgress(process.stderr, total, began)
  /** @type {Result[]} */
  const results = []
  for (const { file, index, experiment, rows } of plan) {
    const own = await measureApart(node, file, index, rows, round =>
      progress.round(results.length, experiment.group, round)
    )
    for (const result of own) {
      results.push(result)
      progress.row(results.length, result)
    }
  }
  progress.end()

  const seconds = Math.round((performance.now() - began) / 1000)
  const outcome = { environment: environment(versions), mode, seconds, results }
  const { latchkey, cpu } = outcome.environment
  console.log(`latchkey ${latchkey}, Node ${versions.node}, ${cores()} × ${cpu}, ${mode} run of ${seconds} s\n`)
  console.log(report(results, { colour: process.stdout.isTTY && !process.env.NO_COLOR }))

  const written = write(outcome, flags.out ?? fromRoot('bench/results'), `results${suffix}.json`, `chart${suffix}.svg`)
  if (flags.docs)
    written.push(...write(outcome, fromRoot('docs/assets'), `performance${suffix}.json`, `performance${suffix}.svg`))
  console.log(`\nWritten: ${written.join(', ')}`)
  return results.some(({ verdict }) => verdict === 'missed')
}

function cores() {
  return cpus().length
}

function readFlags() {
  try {
    return parseArgs({
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string', multiple: true },
        list: { type: 'boolean' },
        out: { type: 'string' },
        docs: { type: 'boolean' },
        strict: { type: 'boolean' },
        newest: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' }
      }
    }).values
  } catch (error) {
    return fail(`${/** @type {Error} */ (error).message}\n\n${usage}`)
  }
}

/**
 * @param {string} group
 * @param {Row} row
 */
function wanted(group, row) {
  const { only, quick } = flags
  if (only === undefined) return !quick || row.bar !== undefined
  return only.some(text => `${group}: ${row.name}`.toLowerCase().includes(text.toLowerCase()))
}

/**
 * @param {string} node the program
 * @param {string} file
 * @param {number} experiment its place there
 * @param {Row[]} rows
 * @param {(round: { row: string, done: number, total: number }) => void} onRound
 * @returns {Promise<Result[]>}
 */
function measureApart(node, file, experiment, rows, onRound) {
  return new Promise((resolve, reject) => {
    const names = rows.map(({ name }) => name).join(', ')
    const child = fork(fromRoot('bench/child.js'), { execPath: node, execArgv: ['--expose-gc'] })
    child.on('message', (/** @type {import('./child.js').Answer} */ answer) => {
      if ('results' in answer) resolve(answer.results)
      else onRound(answer)
    })
    child.on('error', reject)
    // Without an effect when the results have come before.
    child.on('exit', (code, signal) => reject(new Error(`measuring ${names} ended with ${signal ?? code}`)))
    child.send({ file, experiment, ids: rows.map(({ id }) => id), effort: efforts[mode] })
  })
}

/**
 * One line that is written over where there is a terminal, a line for every row where there is none.
 *
 * @param {NodeJS.WriteStream} stream
 * @param {number} total
 * @param {number} began
 */
function showProgress(stream, total, began) {
  const seconds = () => `${Math.round((performance.now() - began) / 1000)} s`
  const over = (/** @type {string} */ text) => stream.write(`\r\x1b[2K${text.slice(0, (stream.columns ?? 80) - 1)}`)
  return {
    round(/** @type {number} */ before, /** @type {string} */ group, /** @type {any} */ { row, done, total: rounds }) {
      if (stream.isTTY)
        over(`${seconds()}  row ${before + 1} of ${total}  ${group}: ${row}  round ${done} of ${rounds}`)
    },
    row(/** @type {number} */ done, /** @type {Result} */ { group, name }) {
      if (!stream.isTTY) stream.write(`${done} of ${total}  ${group}: ${name}  (${seconds()})\n`)
    },
    end() {
      if (stream.isTTY) over('')
    }
  }
}

/** @param {{ node?: string, v8?: string }} versions */
function environment(versions) {
  return {
    latchkey: manifest.version,
    node: versions.node,
    v8: versions.v8,
    platform: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: cores(),
    load: Math.round(load * 10) / 10,
    date: new Date().toISOString().slice(0, 10),
    peers: peerVersions()
  }
}

/**
 * @param {any} outcome
 * @param {string} directory
 * @param {string} json
 * @param {string} svg
 */
function write(outcome, directory, json, svg) {
  mkdirSync(directory, { recursive: true })
  const files = [join(directory, json), join(directory, svg)]
  writeFileSync(files[0] ?? '', `${JSON.stringify(outcome, undefined, 2)}\n`)
  writeFileSync(files[1] ?? '', chart(outcome))
  return files.map(file => relative('.', file))
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message)
  process.exit(2)
}
