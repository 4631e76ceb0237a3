// npm run bench:local: what a lock between the processes of one machine costs, against what else there is. All in one
// run, in turns, so that whatever the machine was busy with, it was busy with for all.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fromRoot, manifest } from '../scripts/project.js'
import { median } from './harness.js'
import { localChart } from './local-chart.js'
import { available, contenders, folderOf } from './local-peers.js'

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'string' }, chart: { type: 'string' } }
})
const rounds = flags.quick ? 5 : 15
const handOffs = flags.quick ? 10 : 40
const kills = flags.quick ? 1 : 3
const busy = flags.quick ? 500 : 2000
const TURNS = 16

/** @typedef {{ row: string, unit: string, values: Record<string, number>, bar?: string, holds?: boolean }} Result */
/** @type {Result[]} */
const results = []
const root = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
const names = available()
for (const name of names) mkdirSync(folderOf(root, name))
/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set()

try {
  await free()
  await handOff()
  await afterKill()
  await together()
  await whileWaiting()
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(root, { recursive: true, force: true })
}

console.log(
  `latchkey ${manifest.version}, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}\n`
)
for (const { row, unit, values, bar, holds } of results) {
  console.log(`${row} (${unit})${bar ? `   bar: ${bar}: ${holds ? 'holds' : 'MISSED'}` : ''}`)
  for (const [name, value] of Object.entries(values)) console.log(`  ${name.padEnd(34)} ${show(value)}`)
}
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, undefined, 2)}\n`)
if (flags.chart) writeFileSync(flags.chart, localChart(results))
process.exit()

/** @param {number} value */
function show(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** @param {string} name @returns {Promise<(command: string, more?: object) => Promise<any>>} */
async function start(name) {
  const child = fork(fromRoot('bench/local-child.js'), [name, folderOf(root, name)])
  children.add(child)
  await once(child, 'message')
  /** @param {string} command */
  const ask = async (command, more = {}) => {
    child.send({ do: command, ...more })
    for (;;) {
      const [{ did, value }] = await once(child, 'message')
      if (did === command) return value
    }
  }
  return Object.assign(ask, {
    kill: async () => {
      children.delete(child)
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })
}

async function free() {
  /** @type {Record<string, number[]>} */
  const samples = {}
  const open = names.map(name => ({ name, contender: contenders[name]?.(folderOf(root, name)) }))
  for (let round = -1; round < rounds; round++) {
    for (const { name, contender } of round % 2 ? open : [...open].reverse()) {
      const size = name.startsWith('flock') ? 10 : 100
      const began = performance.now()
      for (let i = 0; i < size; i++) {
        const release = await contender?.acquire()
        await release?.()
      }
      const each = ((performance.now() - began) / size) * 1000
      if (round >= 0) samples[name] = [...(samples[name] ?? []), each]
    }
  }
  const values = Object.fromEntries(names.map(name => [name, median(samples[name] ?? [])]))
  const ratios = (samples.latchkey ?? []).map((own, i) => own / (samples['proper-lockfile']?.[i] ?? NaN))
  const ratio = median(ratios)
  const bar = `half of proper-lockfile at most (${ratio.toFixed(2)})`
  results.push({ row: 'free: acquire and release', unit: 'µs', values, bar, holds: ratio <= 0.5 })
}

async function handOff() {
  /** @type {Record<string, number>} */
  const p50 = {}
  /** @type {Record<string, number>} */
  const p95 = {}
  for (const name of names) {
    let [holder, waiter] = await Promise.all([start(name), start(name)])
    await holder('acquire')
    /** @type {number[]} */
    const samples = []
    for (let i = 0; i < (name.includes('its own') ? 3 : handOffs); i++) {
      const granted = waiter('acquire')
      // Long enough to be waiting, and not in step with those that poll.
      await sleep(60 + ((i * 37) % 50))
      const from = await holder('release')
      samples.push((await granted) - from)
      ;[holder, waiter] = [waiter, holder]
    }
    await Promise.all([holder, waiter].map(ask => /** @type {any} */ (ask).kill()))
    samples.sort((a, b) => a - b)
    p50[name] = median(samples)
    p95[name] = samples[Math.floor(samples.length * 0.95)] ?? NaN
    await settle(name)
  }
  const own = p50.latchkey ?? NaN
  results.push({ row: 'hand-off to another process, median', unit: 'ms', values: p50, bar: '1 ms', holds: own <= 1 })
  results.push({ row: 'hand-off to another process, 95th percentile', unit: 'ms', values: p95 })
}

async function afterKill() {
  /** @type {Record<string, number>} */
  const values = {}
  for (const name of names.filter(name => !name.includes('its own'))) {
    /** @type {number[]} */
    const samples = []
    for (let i = 0; i < kills; i++) {
      const [holder, waiter] = await Promise.all([start(name), start(name)])
      await holder('acquire')
      const granted = waiter('acquire')
      await sleep(100)
      const from = Number(process.hrtime.bigint() / 1000n) / 1000
      await /** @type {any} */ (holder).kill()
      samples.push((await granted) - from)
      await /** @type {any} */ (waiter).kill()
      await settle(name)
    }
    values[name] = median(samples)
  }
  const own = values.latchkey ?? NaN
  results.push({ row: 'the next holder, after a SIGKILL', unit: 'ms', values, bar: '50 ms', holds: own <= 50 })
}

/** Eight processes that all want it, all the time. */
async function together() {
  /** @type {Record<string, number>} */
  const longest = {}
  /** @type {Record<string, number>} */
  const rate = {}
  for (const name of names.filter(name => !name.includes('its own'))) {
    const all = await Promise.all(Array.from({ length: 8 }, () => start(name)))
    const from = Number(process.hrtime.bigint() / 1000n) / 1000 + 50
    const sections = await Promise.all(all.map(ask => ask('run', { until: from + busy })))
    await Promise.all(all.map(ask => /** @type {any} */ (ask).kill()))
    const order = sections
      .flatMap((/** @type {number[]} */ times, i) => times.map(at => ({ at, i })))
      .sort((a, b) => a.at - b.at)
    // Of the time in which all were there: before the first and after the last has ended there is no one to wait.
    const last = Math.min(...sections.map((/** @type {number[]} */ times) => times.at(-1) ?? from))
    let run = 0
    let most = 0
    for (const [at, section] of order.entries()) {
      if (section.at < from || section.at > Math.max(last, from)) continue
      run = section.i === order[at - 1]?.i ? run + 1 : 1
      most = Math.max(most, run)
    }
    longest[name] = most
    rate[name] = order.length / (busy / 1000)
    await settle(name)
  }
  const own = longest.latchkey ?? NaN
  const bar = `${TURNS} at most`
  results.push({ row: '8 processes: longest run of one', unit: 'sections', values: longest, bar, holds: own <= TURNS })
  results.push({ row: '8 processes: sections of all', unit: 'per s', values: rate })
}

async function whileWaiting() {
  /** @type {Record<string, number>} */
  const values = {}
  for (const name of names.filter(name => !name.includes('its own') && !name.startsWith('flock'))) {
    const [holder, waiter] = await Promise.all([start(name), start(name)])
    await holder('acquire')
    void waiter('acquire')
    await sleep(200)
    const before = await waiter('cpu')
    const began = performance.now()
    await sleep(busy)
    values[name] = (((await waiter('cpu')) - before) / (performance.now() - began)) * 1000
    await Promise.all([holder, waiter].map(ask => /** @type {any} */ (ask).kill()))
    await settle(name)
  }
  results.push({ row: 'a process that waits: CPU', unit: 'ms per s', values })
}

/** What a killed holder has left would be in the way of the next. @param {string} name */
async function settle(name) {
  rmSync(folderOf(root, name), { recursive: true, force: true })
  mkdirSync(folderOf(root, name))
  await sleep(20)
}
