// npm run bench:distributed: what a lock over PostgreSQL and Redis costs, against what is sent at least and against peers.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import pg from 'pg'
import { fromRoot, manifest } from '../scripts/project.js'
import { familyRows } from './distributed-family.js'
import { contenders, missing, shortLease } from './distributed-peers.js'
import { startPostgres, startRedis } from './engines.js'
import { median } from './harness.js'

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean' }, json: { type: 'string' } } })
const rounds = flags.quick ? 5 : 25
const handOffs = flags.quick ? 5 : 25
/** How long the server hangs, in ms: longer than a lease, and than anybody should take to notice. */
const hang = 6000

/** @typedef {import('./distributed-peers.js').Contender} Contender */
/** @typedef {{ engine: string, row: string, unit: string, values: Record<string, number>, verdict?: string }} Result */
/** @type {Result[]} */
const results = []

const postgres = await startPostgres()
const redis = await startRedis()
if (redis === undefined) console.log('redis-server is not installed: its rows are left out.')
for (const name of missing) console.log(`${name} is not for this version of Node: its rows are left out.`)
/** @type {[string, any][]} */
const engines = [
  ['postgres', postgres.config],
  ...(redis ? [/** @type {[string, any]} */ (['redis', redis.config])] : [])
]

try {
  for (const [engine, config] of engines) {
    const open = Object.fromEntries(
      await Promise.all(
        Object.entries(contenders[engine] ?? {}).map(async ([name, make]) => [name, await make(config)])
      )
    )
    await inOneProcess(engine, open)
    await Promise.all(Object.values(open).map(({ close }) => close()))
    await handOff(engine, config)
    results.push(...(await familyRows(engine, config, flags.quick ? 3 : 15)))
  }
  await manyWaiters()
  if (redis) await lossToSignal(redis)
} finally {
  await postgres.stop()
  await redis?.stop()
}

const cpu = cpus()[0]?.model.trim()
console.log(`latchkey ${manifest.version}, Node ${process.versions.node}, ${cpus().length} × ${cpu}\n`)
for (const { engine, row, unit, values, verdict } of results) {
  console.log(`${engine}: ${row} (${unit})${verdict ? `   ${verdict}` : ''}`)
  for (const [name, value] of Object.entries(values)) console.log(`  ${name.padEnd(20)} ${show(value)}`)
}
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, undefined, 2)}\n`)
process.exit()

/** @param {number} value */
function show(value) {
  return Number.isNaN(value) ? 'not told' : value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/**
 * The contenders take turns in every round, so that whatever the machine was busy with, it was busy with for all.
 *
 * @param {string} engine
 * @param {Record<string, Contender>} open
 */
async function inOneProcess(engine, open) {
  const [floor = ''] = Object.keys(open)
  const once = async (/** @type {Contender} */ { acquire }, /** @type {string} */ key) => (await acquire(key))()
  const rows = {
    'acquire + release, free': async (/** @type {Contender} */ contender, /** @type {number} */ size) => {
      for (let i = 0; i < size; i++) await once(contender, `key ${i % 10}`)
    },
    'acquire + release, 64 in flight on keys of their own': async (
      /** @type {Contender} */ contender,
      /** @type {number} */ size
    ) => {
      for (let i = 0; i < size; i += 64)
        await Promise.all(Array.from({ length: 64 }, (_, j) => once(contender, `key ${j}`)))
    }
  }
  const admin = engine === 'redis' && redis ? new Redis(redis.config) : undefined
  for (const [row, run] of Object.entries(rows)) {
    /** @type {Record<string, number[]>} */
    const samples = {}
    /** What the server itself was busy for. @type {Record<string, number[]>} */
    const atServer = {}
    for (let round = -1; round < rounds; round++) {
      const order = Object.entries(open)
      for (const [name, contender] of round % 2 ? order : order.reverse()) {
        const size = name === 'advisory-lock' ? 64 : 320
        const busy = await busyOf(admin)
        const began = performance.now()
        await run(contender, size)
        // The first round opens connections and warms everybody up.
        const each = ((performance.now() - began) / size) * 1000
        if (round >= 0) samples[name] = [...(samples[name] ?? []), each]
        const atServerEach = ((await busyOf(admin)) - busy) / size
        if (round >= 0) atServer[name] = [...(atServer[name] ?? []), atServerEach]
      }
    }
    const values = Object.fromEntries(Object.keys(open).map(name => [name, median(samples[name] ?? [])]))
    const ratio = median((samples.latchkey ?? []).map((own, i) => own / (samples[floor]?.[i] ?? NaN)))
    const isBar = row.endsWith('free')
    const floorVerdict = `${ratio.toFixed(2)} × the floor`
    const verdict =
      engine === 'redis'
        ? `${floorVerdict}, ${ofPeers(samples, isBar ? 1.35 : undefined)}`
        : `${floorVerdict}${isBar ? `, ${barOf(ratio, 1.25)}` : ''}`
    results.push({ engine, row, unit: 'µs', values, verdict })
    if (admin === undefined) continue
    const busy = Object.fromEntries(Object.keys(open).map(name => [name, median(atServer[name] ?? [])]))
    results.push({ engine, row: `${row}: time of the server`, unit: 'µs', values: busy })
  }
  admin?.disconnect()
}

/** @param {number} ratio @param {number} bar */
function barOf(ratio, bar) {
  return `bar ${bar}: ${ratio <= bar ? 'holds' : 'MISSED'}`
}

/**
 * Against the fastest of those that do the same with one server: set a key and delete it.
 *
 * @param {Record<string, number[]>} samples
 * @param {number} [bar]
 */
function ofPeers(samples, bar) {
  const peers = ['@verrou/core', 'redlock', 'redis-semaphore']
  const rounds = (samples.latchkey ?? []).map(
    (own, i) => own / Math.min(...peers.map(peer => samples[peer]?.[i] ?? Infinity))
  )
  const ratio = median(rounds)
  return `${ratio.toFixed(2)} × the fastest peer${bar === undefined ? '' : `, ${barOf(ratio, bar)}`}`
}

/**
 * How long the server has been busy so far, in µs.
 *
 * @param {Redis | undefined} admin
 */
async function busyOf(admin) {
  const info = (await admin?.info('cpu')) ?? ''
  const seconds = [...info.matchAll(/used_cpu_(?:sys|user):([\d.]+)/g)].map(([, value]) => Number(value))
  return seconds.reduce((sum, value) => sum + value, 0) * 1e6
}

/**
 * From the call of release in one process to the grant in another that waits.
 *
 * @param {string} engine
 * @param {object} config
 */
async function handOff(engine, config) {
  /** @type {Record<string, number>} */
  const values = {}
  for (const name of Object.keys(contenders[engine] ?? {}).filter(name => !name.startsWith('raw'))) {
    const children = [0, 1].map(() =>
      fork(fromRoot('bench/distributed-child.js'), [engine, name, JSON.stringify(config)])
    )
    await Promise.all(children.map(child => once(child, 'message')))
    let [holder, waiter] = /** @type {import('node:child_process').ChildProcess[]} */ (children)
    const answer = async (/** @type {any} */ child) => /** @type {{ at: number }} */ ((await once(child, 'message'))[0])
    holder?.send('acquire')
    await answer(holder)
    /** @type {number[]} */
    const samples = []
    for (let i = 0; i < handOffs; i++) {
      waiter?.send('acquire')
      const granted = answer(waiter)
      // Long enough to be waiting, and not in step with anybody who polls.
      await sleep(300 + ((i * 37) % 100))
      holder?.send('release')
      const [from, to] = await Promise.all([answer(holder), granted])
      samples.push(to.at - from.at)
      ;[holder, waiter] = [waiter, holder]
    }
    for (const child of children) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    // What the last holder had would be in the way of nobody but the next contender.
    await sleep(100)
    values[name] = median(samples)
  }
  const own = values.latchkey ?? NaN
  const fastest = Math.min(...Object.entries(values).flatMap(([name, value]) => (name === 'latchkey' ? [] : [value])))
  const holds = own <= 2 && own * 3 <= fastest
  const bar = engine === 'redis' ? `, bar 2 ms and 3 × faster than a peer: ${holds ? 'holds' : 'MISSED'}` : ''
  const verdict = `${(fastest / own).toFixed(1)} × faster than the fastest peer${bar}`
  results.push({ engine, row: 'hand-off between processes', unit: 'ms', values, verdict })
}

/** How many connections callers of one process take at the server while they wait for one key. */
async function manyWaiters() {
  const admin = new pg.Client(postgres.config)
  await admin.connect()
  const query = "select count(*)::int as count from pg_stat_activity where application_name = 'bench'"
  /** @type {Record<string, number>} */
  const values = {}
  const config = { ...postgres.config, application_name: 'bench' }
  const contender = await contenders.postgres?.latchkey?.(config)
  const holder = await contenders.postgres?.latchkey?.(postgres.config)
  const release = await holder?.acquire('one key')
  const all = Array.from({ length: 1000 }, async () => (await contender?.acquire('one key'))?.())
  await sleep(500)
  values.latchkey = (await admin.query(query)).rows[0].count
  await release?.()
  await Promise.all(all)
  values.latchkey = Math.max(values.latchkey ?? 0, (await admin.query(query)).rows[0].count)
  values['advisory-lock'] = 1000 // one for each, if the server has as many
  await Promise.all([contender?.close(), holder?.close(), admin.end()])
  const verdict = `bar 2: ${(values.latchkey ?? 0) <= 2 ? 'holds' : 'MISSED'}`
  results.push({ engine: 'postgres', row: '1,000 callers wait for one key', unit: 'connections', values, verdict })
}

/**
 * From when the server stops answering to when the holder is told.
 *
 * @param {{ config: { host: string, port: number }, pid: number }} redis
 */
async function lossToSignal({ config, pid }) {
  /** @type {Record<string, number>} */
  const values = {}
  for (const [name, make] of Object.entries(contenders.redis ?? {})) {
    const contender = await make(config)
    if (contender.watch !== undefined) {
      /** @type {number | undefined} */
      let told
      await contender.watch(() => {
        told ??= performance.now()
      })
      const stopped = performance.now()
      process.kill(pid, 'SIGSTOP')
      await sleep(hang)
      process.kill(pid, 'SIGCONT')
      await sleep(3000)
      values[name] = told === undefined ? NaN : told - stopped
    }
    await contender.close()
  }
  const own = values.latchkey ?? NaN
  const verdict = `bar ${shortLease}: ${own <= shortLease ? 'holds' : 'MISSED'}`
  const row = `a server that hangs for ${hang / 1000} s, a lease of ${shortLease / 1000} s: told after`
  results.push({ engine: 'redis', row, unit: 'ms', values, verdict })
}
