// What keys cost that are shared, counted, and taken together: two lock objects, as two processes have them, on one server.
//
// Peers where npm has one that does the same: redis-semaphore counts, redlock takes several keys. None shares a key.

import { Redis } from 'ioredis'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import redisSemaphore from 'redis-semaphore'
import Redlock from 'redlock'
import { median } from './harness.js'

/** @typedef {import('latchkey/distributed').DistributedLock} DistributedLock */
/** @typedef {{ engine: string, row: string, unit: string, values: Record<string, number>, verdict?: string }} Result */

const CALLERS = 20
const CAPACITY = 10
const TEN = Array.from({ length: 10 }, (_, i) => `key ${i}`)

/**
 * @param {string} engine
 * @param {any} config
 * @param {number} rounds
 * @returns {Promise<Result[]>}
 */
export async function familyRows(engine, config, rounds) {
  /** @type {Redis[]} */
  const clients = []
  const connect = () => {
    const client = new Redis({ ...config, maxRetriesPerRequest: null })
    clients.push(client)
    return client
  }
  /** @type {DistributedLock[]} */
  const locks = []
  const open = (/** @type {number} */ capacity) => {
    const options = { namespace: `family ${capacity}`, capacity }
    const lock =
      engine === 'redis'
        ? new RedisLock(connect(), { subscriber: connect(), ...options })
        : new PostgresLock(() => new pg.Client(config), { connections: 16, ...options })
    locks.push(lock)
    return lock
  }
  const pair = [open(1), open(1)]
  const counted = [open(CAPACITY), open(CAPACITY)]
  const [one] = /** @type {[DistributedLock]} */ (/** @type {unknown} */ (pair))
  const work = () => new Promise(resolve => setImmediate(resolve))

  /** Callers of both, of which a part shares the key. */
  const mixed = (/** @type {number} */ shared) => async (/** @type {number} */ size) => {
    const call = async (/** @type {number} */ caller) => {
      const lock = /** @type {DistributedLock} */ (pair[caller % 2])
      for (let i = 0; i < size / CALLERS; i++) {
        const isShared = (i * 7 + caller * 13) % 100 < shared
        await (isShared ? lock.runShared('mixed', work) : lock.runExclusive('mixed', work))
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)))
  }
  const once = async (/** @type {(i: number) => Promise<unknown>} */ run, /** @type {number} */ size) => {
    for (let i = 0; i < size; i++) await run(i)
  }
  const crowd = (/** @type {(i: number) => Promise<unknown>} */ run) => () =>
    Promise.all(Array.from({ length: 100 }, (_, i) => run(i)))

  /** @type {Record<string, { size: number, runs: Record<string, (size: number) => Promise<unknown>> }>} */
  const rows = {
    'acquire + release, shared, free': {
      size: 200,
      runs: {
        latchkey: size => once(async i => (await one.acquire(`key ${i % 10}`, { mode: 'shared' })).release(), size),
        'latchkey, exclusive': size => once(async i => (await one.acquire(`key ${i % 10}`)).release(), size)
      }
    },
    '20 callers of two processes, 95 of 100 shared': {
      size: 400,
      runs: { latchkey: mixed(95), 'all exclusive': mixed(0) }
    },
    '20 callers of two processes, 50 of 100 shared': {
      size: 400,
      runs: { latchkey: mixed(50), 'all exclusive': mixed(0) }
    },
    'capacity 10, 100 callers': {
      size: 100,
      runs: {
        latchkey: crowd(i => /** @type {DistributedLock} */ (counted[i % 2]).runExclusive('permits', work)),
        ...(engine === 'redis' && { 'redis-semaphore': crowd(semaphore(connect(), work)) })
      }
    },
    'ten keys at once, free': {
      size: 50,
      runs: {
        latchkey: size => once(() => one.runExclusiveMany(TEN, () => {}), size),
        'latchkey, one by one': size => once(() => nested(one, TEN), size),
        ...(engine === 'redis' && { redlock: size => once(several(connect()), size) })
      }
    }
  }
  /** @type {Result[]} */
  const results = []
  for (const [row, { size, runs }] of Object.entries(rows)) {
    /** @type {Record<string, number[]>} */
    const samples = {}
    for (let round = -1; round < rounds; round++)
      for (const [name, run] of Object.entries(runs)) {
        const began = performance.now()
        await run(size)
        // The first round opens connections and warms everybody up.
        if (round >= 0) samples[name] = [...(samples[name] ?? []), ((performance.now() - began) / size) * 1000]
      }
    const values = Object.fromEntries(Object.entries(samples).map(([name, all]) => [name, median(all)]))
    const [own = NaN, other = NaN] = Object.values(values)
    const verdict = Number.isNaN(other) ? '' : `${(own / other).toFixed(2)} × the next`
    results.push({ engine, row, unit: 'µs', values, verdict })
  }
  await Promise.all(locks.map(lock => lock.close()))
  for (const client of clients) client.disconnect()
  return results
}

/**
 * All keys, one after the other, as without `acquireMany`.
 *
 * @param {DistributedLock} lock
 * @param {string[]} keys
 * @returns {Promise<unknown>}
 */
function nested(lock, [first, ...others]) {
  return first === undefined ? Promise.resolve() : lock.runExclusive(first, () => nested(lock, others))
}

const semaphore = (/** @type {Redis} */ client, /** @type {() => Promise<unknown>} */ work) => async () => {
  const permit = new redisSemaphore.Semaphore(client, 'bench permits', CAPACITY, {
    acquireTimeout: 60_000
  })
  await permit.acquire()
  await work()
  await permit.release()
}

const several = (/** @type {Redis} */ client) => {
  const lock = new Redlock([client], { retryCount: 300 })
  const keys = TEN.map(key => `bench ${key}`)
  return async () => {
    const held = await lock.lock(keys, 10_000)
    await held.unlock()
  }
}
