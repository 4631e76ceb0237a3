// What docs/migration/servers.md says of other packages, shown with a real Redis and a real PostgreSQL, beside what latchkey does. That a
// lease ends when its connection breaks is shown in test/engines.

import { once } from 'node:events'
import * as advisory from 'advisory-lock'
import type { Redis } from 'ioredis'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import { Mutex as SemaphoreMutex } from 'redis-semaphore'
// @ts-expect-error: it has no types
import Redlock4 from 'redlock'
// @ts-expect-error: its "exports" name no types
import * as redlock5 from 'redlock-5'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { usePostgres } from '../fixtures/postgres.js'
import { eventually } from '../fixtures/processes.js'
import { describeRedis, RedisServer } from '../fixtures/redis.js'

/** CommonJS with a default export in it: what `import` gives depends on who reads it. */
const advisoryLock = ((advisory.default as unknown as { default?: unknown }).default ??
  advisory.default) as unknown as (address: string) => (name: string) => {
  lock(): Promise<() => Promise<void>>
  tryLock(): Promise<unknown>
}

interface Redlock5Lock {
  release(): Promise<unknown>
  extend(ms: number): Promise<Redlock5Lock>
}
interface Redlock5 {
  acquire(keys: string[], ms: number, settings?: object): Promise<Redlock5Lock>
  using<T>(keys: string[], ms: number, task: (signal: AbortSignal) => Promise<T>): Promise<T>
}
const Redlock5 = redlock5.default as unknown as new (clients: Redis[], settings?: object) => Redlock5

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'granted',
    (error: Error & { code?: string }) => error.code ?? error.name
  )

describeRedis('on Redis', () => {
  const server = new RedisServer()
  let redis: Redis
  let locks: RedisLock
  beforeAll(async () => {
    await server.start()
    redis = server.connect()
  })
  afterEach(async () => {
    await locks?.close()
    await redis.flushall()
  })
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })

  /** Ends what a package has of a key, as the time does when a program is paused for longer than that. */
  const expire = async () => {
    const keys = (await redis.keys('*')).filter(key => !key.includes('latchkey'))
    if (keys.length > 0) await redis.del(...keys)
  }

  test('redlock 4: a lock ends with its time, and the holder is not told; the release says so', async () => {
    const redlock = new Redlock4([redis], { retryCount: 0 })
    const first = await redlock.lock('report', 10_000)
    expect(await code(redlock.lock('report', 10_000))).toBe('LockError')
    await expire()
    const second = await redlock.lock('report', 10_000)
    expect(await code(first.unlock())).toBe('LockError')
    await second.unlock()
  })

  test('redlock 5: the same, and `using` extends it while the task runs', async () => {
    const redlock = new Redlock5([redis], { retryCount: 0 })
    const first = await redlock.acquire(['report'], 10_000)
    expect(await code(redlock.acquire(['report'], 10_000))).toBe('ExecutionError')
    const longer = await first.extend(20_000)
    expect(await redis.pttl('report')).toBeGreaterThan(10_000)
    await longer.release()
    expect(await redlock.using(['a', 'b'], 1000, async signal => signal.aborted)).toBe(false)
  })

  test('redlock: a key that is held holds up the others, and none is taken', async () => {
    const redlock = new Redlock4([redis], { retryCount: 0 })
    const held = await redlock.lock('b', 10_000)
    expect(await code(redlock.lock(['a', 'b'], 10_000))).toBe('LockError')
    expect(await redis.exists('a')).toBe(0)
    await held.unlock()
  })

  test('redis-semaphore: the holder finds out about a lost lock when it refreshes', async () => {
    let lost = (_: Error) => {}
    const told = new Promise<Error>(resolve => {
      lost = resolve
    })
    const options = { lockTimeout: 1000, refreshInterval: 20, onLockLost: (error: Error) => lost(error) }
    const mutex = new SemaphoreMutex(redis, 'report', options)
    await mutex.acquire()
    expect(mutex.isAcquired).toBe(true)
    expect(await new SemaphoreMutex(redis, 'report', { acquireAttemptsLimit: 1 }).tryAcquire()).toBe(false)
    await expire()
    expect((await told).constructor.name).toBe('LostLockError')
    expect(mutex.isAcquired).toBe(false)
    await mutex.release()
  })

  test('RedisLock: renewed by itself, in order of arrival, and the holder is told', async () => {
    locks = new RedisLock(redis, { lease: 1000 })
    const lease = await locks.acquire('report')
    expect(await locks.tryAcquire('report')).toBeUndefined()
    expect(await code(locks.acquire('report', { timeout: 20 }))).toBe('ERR_LOCK_TIMEOUT')
    const aborted = once(lease.signal, 'abort')
    await redis.flushall() // and another is granted
    const others = new RedisLock(redis, { lease: 10_000 })
    const other = await others.acquire('report')
    await aborted
    expect([lease.held, lease.signal.reason.code]).toEqual([false, 'ERR_LEASE_LOST'])
    await lease.release() // does nothing, and says nothing
    expect(other.held).toBe(true)
    await other.release()
    await others.close()
  })

  test('a lock of one package does not keep out one of another: move a key at once, or hold both', async () => {
    locks = new RedisLock(redis)
    const old = await new Redlock4([redis]).lock('report', 10_000)
    const lease = await locks.tryAcquire('report')
    expect(lease?.held).toBe(true)
    const other = new SemaphoreMutex(redis, 'report', { acquireAttemptsLimit: 1 })
    expect(await other.tryAcquire()).toBe(true)
    await other.release()
    await lease?.release()
    await old.unlock()
  })
})

describe('on PostgreSQL', () => {
  const server = usePostgres()
  const address = () => `postgres://${server.user}:${server.password}@${server.host}:${server.port}/${server.database}`

  // advisory-lock does not wait for the end of its connections: a server that stops before would end them with an error.
  afterAll(async () => {
    const admin = new pg.Client(server)
    await admin.connect()
    const others = "backend_type = 'client backend' and pid <> pg_backend_pid()"
    await eventually(
      async () => (await admin.query(`select from pg_stat_activity where ${others}`)).rowCount,
      left => left === 0
    )
    await admin.end()
  })

  test('advisory-lock: a connection for each lock that is held, and no word when it breaks', async () => {
    const admin = new pg.Client(server)
    await admin.connect()
    const backends = async () => {
      const { rows } = await admin.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
      return rows.map(({ pid }) => pid as number)
    }
    const createMutex = advisoryLock(address())
    const [one, two] = [await createMutex('one').lock(), await createMutex('two').lock()]
    expect(new Set(await backends()).size).toBe(2)
    expect(await createMutex('one').tryLock()).toBeUndefined()
    await one()
    await two()
    expect(await backends()).toEqual([])
    await admin.end()
  })

  test('PostgresLock: a few connections for all of them', async () => {
    const locks = new PostgresLock(() => new pg.Client(server))
    const leases = await Promise.all(Array.from({ length: 20 }, (_, i) => locks.acquire(`key ${i}`)))
    const admin = new pg.Client(server)
    await admin.connect()
    const { rows } = await admin.query("SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
    expect(rows.length).toBeLessThan(5)
    await Promise.all(leases.map(lease => lease.release()))
    await locks.close()
    await admin.end()
  })

  test('the two do not keep each other out: their keys are made in another way', async () => {
    const unlock = await advisoryLock(address())('report').lock()
    const locks = new PostgresLock(() => new pg.Client(server))
    const lease = await locks.tryAcquire('report')
    expect(lease?.held).toBe(true)
    await lease?.release()
    await locks.close()
    await unlock()
  })
})
