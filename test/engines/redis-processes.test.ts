// Keys of Redis that are shared, or have several permits, between processes that are killed and stopped, and whose
// connections break.

import type { Redis } from 'ioredis'
import type { LockMode } from 'latchkey/distributed'
import type { RedisLockOptions } from 'latchkey/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LossyProxy } from '../fixtures/lossy-proxy.js'
import { eventually, useProcesses, type Worker } from '../fixtures/processes.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'
import type { Interval } from './redis-worker.js'

const LEASE = 1000

/** The most that held at once, of each mode, and whether one that wanted the key alone was alone. */
function overlap(intervals: readonly Interval[], capacity: number) {
  const events = intervals.flatMap(({ mode, from, to }) => [
    { at: BigInt(from), change: 1, mode },
    { at: BigInt(to), change: -1, mode }
  ])
  events.sort((a, b) => (a.at === b.at ? a.change - b.change : a.at < b.at ? -1 : 1))
  const now: Record<LockMode, number> = { exclusive: 0, shared: 0 }
  const most: Record<LockMode, number> = { exclusive: 0, shared: 0 }
  let isSound = true
  for (const { change, mode } of events) {
    now[mode] += change
    most[mode] = Math.max(most[mode], now[mode])
    if (now.exclusive > capacity || (now.exclusive > 0 && now.shared > 0)) isSound = false
  }
  return { most, isSound }
}

describeRedis('between processes', () => {
  const server = useRedis()
  const start = useProcesses('test/engines/redis-worker.ts', 'after all')
  let admin: Redis
  beforeAll(() => {
    admin = server.connect()
  })
  afterAll(() => admin.quit())

  let alive: Worker[] = []
  /** Processes with a lock of their own each. Those that the tests before have left alive go on. */
  const openAll = async (count: number, options: RedisLockOptions = {}, port = server.port) => {
    alive = alive.filter(worker => worker.alive)
    const started = Array.from({ length: Math.max(0, count - alive.length) }, () => start({}))
    alive.push(...(await Promise.all(started)))
    const workers = alive.slice(0, count)
    const connection = { host: server.host, port, options: { lease: LEASE, tokenMemory: 1, ...options } }
    await Promise.all(workers.map(worker => worker.ask({ do: 'open', ...connection }, 'opened')))
    return workers
  }
  const untilWaiting = (key: string, count: number) =>
    eventually(
      () => admin.zcard(`latchkey:{latchkey:${key}}:queue`),
      waiting => waiting === count
    )
  const expectNoResidue = async () => {
    expect(
      await eventually(
        () => admin.keys('*'),
        left => left.length === 0
      )
    ).toEqual([])
  }
  const acquire = (worker: Worker, key: string, mode: LockMode = 'exclusive', id = 'a') =>
    worker.ask({ do: 'acquire', id, key, mode }, 'granted')
  const release = (worker: Worker, id = 'a') => worker.ask({ do: 'release', id }, 'released')

  test.each<[string, RedisLockOptions, LockMode, LockMode]>([
    ['that share a key are followed by one that wants it alone', {}, 'shared', 'exclusive'],
    ['that has a key alone is followed by those that share it', {}, 'exclusive', 'shared'],
    ['that have permits give them back', { capacity: 2 }, 'exclusive', 'exclusive']
  ])('holders %s when they are killed', async (_, options, mode, next) => {
    const [one, two, three, four] = (await openAll(4, options)) as [Worker, Worker, Worker, Worker]
    const holders = mode === 'shared' || options.capacity ? [one, two] : [one]
    for (const holder of holders) await acquire(holder, 'killed', mode)
    for (const [i, waiter] of [three, four].entries()) {
      waiter.say({ do: 'acquire', id: 'a', key: 'killed', mode: next })
      await untilWaiting('killed', i + 1)
    }
    await Promise.all(holders.map(holder => holder.end()))
    await three.hear('granted')
    // Alone, the other has to wait for this one; together, it does not.
    const isAlone = next === 'exclusive' && options.capacity === undefined
    if (isAlone) await release(three)
    await four.hear('granted')
    if (!isAlone) await release(three)
    await release(four)
    await expectNoResidue()
  })

  test.each<[string, LockMode]>([
    ['would share a key', 'shared'],
    ['wants it alone', 'exclusive']
  ])('a waiter that %s and is killed holds up none behind it', async (_, mode) => {
    const [holder, waiter, behind] = (await openAll(3)) as [Worker, Worker, Worker]
    await acquire(holder, 'killed', 'shared')
    // One that shares it has no place to wait as long as none before it wants it alone.
    if (mode === 'shared') {
      holder.say({ do: 'acquire', id: 'b', key: 'killed', mode: 'exclusive' })
      await untilWaiting('killed', 1)
    }
    const before = mode === 'shared' ? 1 : 0
    waiter.say({ do: 'acquire', id: 'a', key: 'killed', mode })
    await untilWaiting('killed', before + 1)
    behind.say({ do: 'acquire', id: 'a', key: 'killed', mode: 'shared' })
    await untilWaiting('killed', before + 2)
    await waiter.end()
    await release(holder)
    if (mode === 'shared') {
      await holder.hear('granted')
      await release(holder, 'b')
    }
    await behind.hear('granted')
    await release(behind)
    await expectNoResidue()
  })

  test.each<[string, RedisLockOptions, LockMode]>([
    ['a shared key', {}, 'shared'],
    ['a permit', { capacity: 2 }, 'exclusive']
  ])('a holder of %s that was stopped past its lease knows it', async (_, options, mode) => {
    const [holder, other, next] = (await openAll(3, options)) as [Worker, Worker, Worker]
    await acquire(holder, 'stopped', mode)
    if (options.capacity) await acquire(other, 'stopped', mode)
    // Longer than its lease: what it holds after that was lost, whatever stopped it.
    await holder.ask({ do: 'watchForPause', id: 'a', times: LEASE }, 'watching')
    const stopped = performance.now()
    holder.signal('SIGSTOP')
    await acquire(next, 'stopped')
    // The lease may have been asked for long before the stop, and end before the pause is as long as one.
    await eventually(
      async () => performance.now() - stopped,
      passed => passed > LEASE * 1.1
    )
    holder.signal('SIGCONT')
    expect(await holder.hear('afterPause')).toMatchObject({ held: false })
    expect(await next.ask({ do: 'held', id: 'a' }, 'held')).toMatchObject({ held: true })
    if (options.capacity) expect(await other.ask({ do: 'held', id: 'a' }, 'held')).toMatchObject({ held: true })
    await release(holder)
    expect(await next.ask({ do: 'held', id: 'a' }, 'held')).toMatchObject({ held: true })
    await release(next)
    if (options.capacity) await release(other)
    await expectNoResidue()
  })

  describe.each<[string, RedisLockOptions, number]>([
    ['many share a key and few want it alone', {}, 80],
    ['as many want it alone', {}, 50],
    ['three have a permit', { capacity: 3 }, 0]
  ])('%s', (_, options, sharing) => {
    const churn = (worker: Worker, seed: number, times = 8) =>
      worker.ask({ do: 'churn', key: 'churn', times, seed, sharing }, 'churned')

    test('and the intervals of holding never overlap as they must not, though others are killed', async () => {
      const workers = await openAll(4, { lease: 2000, ...options })
      const [victim, ...rest] = workers as [Worker, ...Worker[]]
      victim.say({ do: 'churn', key: 'churn', times: 1e6, seed: 99, sharing })
      const churning = rest.map((worker, i) => churn(worker, i))
      await victim.hear('holding')
      await victim.end()
      const lines = await Promise.all(churning)
      const intervals = lines.flatMap(line => line.intervals as Interval[])
      const lost = lines.reduce((sum, line) => sum + Number(line.lost), 0)
      expect(intervals.length + lost).toBe(3 * 3 * 8)
      const { most, isSound } = overlap(intervals, options.capacity ?? 1)
      expect(isSound).toBe(true)
      // They did hold together, or nothing was shown.
      expect(options.capacity ? most.exclusive : most.shared).toBeGreaterThan(1)
      await expectNoResidue()
    })

    test('and no connection that breaks loses a lease or strands a key', async () => {
      let pieces = 0
      const onAnswer = () => (++pieces % 37 === 0 ? 'cut' : 0)
      const proxy = new LossyProxy({ port: server.port, onAnswer, linger: 0 })
      await proxy.listen()
      try {
        const workers = await openAll(3, { lease: 5000, ...options }, proxy.port)
        const lines = await Promise.all(workers.map((worker, i) => churn(worker, 10 + i)))
        const intervals = lines.flatMap(line => line.intervals as Interval[])
        expect(lines.map(line => line.lost)).toEqual([0, 0, 0])
        expect(overlap(intervals, options.capacity ?? 1).isSound).toBe(true)
        expect(proxy.cuts).toBeGreaterThan(2)
        await expectNoResidue()
      } finally {
        await proxy.close()
      }
    })
  })
})
