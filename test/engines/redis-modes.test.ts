// RedisLock at the server: keys that are shared, permits, several keys at once, and what is shown of the holders.

import { hostname } from 'node:os'
import { Cluster, type Redis } from 'ioredis'
import type { KeyedLock, LockMode } from 'latchkey/distributed'
import type { RedisClient, RedisLockOptions } from 'latchkey/redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { closeAll } from '../fixtures/closing.js'
import { freePort } from '../fixtures/postgres.js'
import { eventually } from '../fixtures/processes.js'
import { describeRedis, RedisServer, useRedis } from '../fixtures/redis.js'
import { raceAbortsWithGrants } from './races.js'
import { DirectLock, type Grant } from './redis-direct.js'

const KEY = 'latchkey:{latchkey:key}'
const HOUR = 3_600_000
/** A script by its name, or as a whole where the server has not seen it. */
const isScript = (command: string | symbol): boolean => command === 'evalsha' || command === 'eval'

/** A lock of one kind: its options, and how it is asked for. */
const kinds: [string, RedisLockOptions, LockMode][] = [
  ['alone', {}, 'exclusive'],
  ['shared', {}, 'shared'],
  ['with permits', { capacity: 2 }, 'exclusive']
]
const groups = kinds.slice(1)

describeRedis('RedisLock', () => {
  const server = useRedis()
  let admin: Redis
  beforeAll(() => {
    admin = server.connect()
  })
  afterAll(() => admin.quit())

  const clients: Redis[] = []
  const connect = (options: object = {}, of: RedisServer = server): Redis => {
    const client = of.connect(options)
    client.on('error', () => {})
    clients.push(client)
    return client
  }
  const locks: DirectLock[] = []
  const open = (options: RedisLockOptions = {}, client: RedisClient = connect()) => {
    const lock = new DirectLock(client, { subscriber: connect(), tokenMemory: 1, ...options })
    locks.push(lock)
    return lock
  }
  const keys = () => admin.keys('*')
  const state = async () => (await admin.getrange(KEY, 16, 16)) || 'none'
  /** Until so many wait for the key at the server. */
  const untilWaiting = (count: number) =>
    eventually(
      () => admin.zcard(`${KEY}:queue`),
      waiting => waiting === count
    )
  /** A client that loses the first answer to each script that `loses` names, after the server has done it. */
  const forgetful = (loses: (answer: unknown) => boolean, meanwhile = async () => {}) => {
    const client = connect()
    const lost: unknown[] = []
    const proxy = new Proxy(client, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown
        if (typeof value !== 'function') return value
        return async (...args: unknown[]) => {
          const answer = await (value as (...args: unknown[]) => unknown).apply(target, args)
          if (isScript(name) && lost.length === 0 && loses(answer)) {
            lost.push(answer)
            await meanwhile()
            throw new Error('Connection is closed.')
          }
          return answer
        }
      }
    })
    return { client: proxy, lost }
  }

  afterEach(async context => {
    const isClosed = await closeAll(context, locks)
    for (const client of clients.splice(0)) client.disconnect()
    if (!isClosed) await admin.flushall()
    await eventually(keys, left => left.length === 0)
  })

  describe('a shared key', () => {
    test('is held by several, each with a token, and by one alone only after the last of them', async () => {
      const [one, other, writer] = [open(), open(), open()]
      const first = await one.take('key', 'shared')
      const second = await other.take('key', 'shared')
      expect(second.token).toBeGreaterThan(first.token!)
      expect(await state()).toBe('s')
      expect(await writer.tryTake('key')).toBeUndefined()
      const next = writer.take('key')
      await untilWaiting(1)
      expect(await state()).toBe('S')
      expect(await first.release()).toBe(true)
      expect(await writer.tryTake('key')).toBeUndefined()
      expect(await second.release()).toBe(true)
      const third = await next
      expect(third.token).toBeGreaterThan(second.token!)
      expect(await one.tryTake('key', 'shared')).toBeUndefined()
      expect(await third.release()).toBe(true)
      const fourth = await one.take('key', 'shared')
      expect(fourth.token).toBeGreaterThan(third.token!)
      await fourth.release()
    })

    test('is not given to others once a caller waits that wants it alone', async () => {
      const readers = Array.from({ length: 4 }, () => open())
      const writer = open({ name: 'writer' })
      let stopped = false
      const tokens: bigint[][] = []
      const reading = readers.map(async (reader, i) => {
        const own: bigint[] = []
        tokens[i] = own
        while (!stopped) {
          const grant = await reader.take('key', 'shared')
          own.push(grant.token!)
          await new Promise<void>(resolve => setImmediate(resolve))
          await grant.release()
        }
      })
      await eventually(
        async () => Math.min(...tokens.map(own => own.length)),
        count => count > 10
      )
      for (let i = 0; i < 5; i++) {
        const held = await readers[0]!.take('key', 'shared') // so that it has to wait
        const waiting = writer.take('key')
        /** When the writer came, in µs. */
        const arrival = async () => {
          const queue = await admin.zrange(`${KEY}:queue`, 0, -1, 'WITHSCORES')
          return Number(queue[queue.findIndex(name => name.startsWith('writer-')) + 1] ?? NaN)
        }
        const arrived = await eventually(arrival, score => Number.isSafeInteger(score) && score > 1e15)
        await held.release()
        const grant = await waiting
        // A reader that came before is let in once, and never again.
        for (const own of tokens)
          expect(own.filter(token => token > BigInt(arrived) && token < grant.token!).length).toBeLessThanOrEqual(1)
        await grant.release()
      }
      stopped = true
      await Promise.all(reading)
    })

    test('is handed over in order of arrival, to all that share it up to one that does not', async () => {
      const holder = await open().take('key')
      const order: string[] = []
      const grants: Promise<Grant>[] = []
      const asked: [string, LockMode][] = [
        ['a', 'shared'],
        ['b', 'shared'],
        ['C', 'exclusive'],
        ['d', 'shared'],
        ['e', 'shared'],
        ['F', 'exclusive']
      ]
      for (const [i, [name, mode]] of asked.entries()) {
        const grant = open().take('key', mode)
        void grant.then(() => order.push(name))
        grants.push(grant)
        await untilWaiting(i + 1)
      }
      const release = async (...which: number[]) => {
        for (const i of which) await (await (grants[i] as Promise<Grant>)).release()
      }
      await holder.release()
      await Promise.all(grants.slice(0, 2))
      await release(0)
      expect(order).toEqual(['a', 'b'])
      await release(1, 2)
      await Promise.all(grants.slice(3, 5))
      expect(order).toEqual(['a', 'b', 'C', 'd', 'e'])
      await release(3, 4, 5)
      expect(order).toEqual(['a', 'b', 'C', 'd', 'e', 'F'])
    })

    test('is open again once a caller has cancelled that waited for it alone', async () => {
      const readers = [await open().take('key', 'shared'), await open().take('key', 'shared')]
      const abort = new AbortController()
      const writer = open().take('key', 'exclusive', { signal: abort.signal })
      await untilWaiting(1)
      abort.abort('enough')
      await expect(writer).rejects.toBe('enough')
      await untilWaiting(0)
      await readers[0]?.release()
      expect(await state()).toBe('s')
      await readers[1]?.release()
    })

    test('goes on to those behind a caller that cancels, for whom it was free all the time', async () => {
      const reader = await open().take('key', 'shared')
      const abort = new AbortController()
      const writer = open().take('key', 'exclusive', { signal: abort.signal })
      await untilWaiting(1)
      const behind = open().take('key', 'shared')
      await untilWaiting(2)
      abort.abort('enough')
      await expect(writer).rejects.toBe('enough')
      await (await behind).release()
      await reader.release()
    })
  })

  describe('permits', () => {
    test('are held by as many as there are, without tokens, and handed over in order of arrival', async () => {
      const options = { capacity: 2 }
      const [first, second] = [await open(options).take('key'), await open(options).take('key')]
      expect([first.token, second.token]).toEqual([undefined, undefined])
      expect(open(options).guarantees.fencing).toBe(false)
      expect(await open(options).tryTake('key')).toBeUndefined()
      const order: number[] = []
      const waiting: Promise<Grant>[] = []
      for (let i = 0; i < 3; i++) {
        waiting.push(open(options).take('key'))
        void waiting[i]?.then(() => order.push(i))
        await untilWaiting(i + 1)
      }
      // Two at once: the first that takes one notifies the next.
      await Promise.all([first.release(), second.release()])
      await Promise.all(waiting.slice(0, 2))
      expect(order).toEqual([0, 1])
      await (await (waiting[0] as Promise<Grant>)).release()
      await waiting[2]
      for (const grant of waiting.slice(1)) await (await grant).release()
    })

    test('of one lock object are one holder each', async () => {
      const lock = open({ capacity: 2 })
      const [one, other] = [await lock.take('key'), await lock.take('key')]
      expect(await lock.tryTake('key')).toBeUndefined()
      await one.release()
      const again = await lock.take('key')
      await Promise.all([other.release(), again.release()])
    })

    test('never are more than there are, whoever takes and gives them back', async () => {
      const capacity = 3
      const holding = new Set<number>()
      let most = 0
      const workers = Array.from({ length: 8 }, async (_, name) => {
        const lock = open({ capacity })
        for (let i = 0; i < 30; i++) {
          const grant = await lock.take('key')
          holding.add(name)
          most = Math.max(most, holding.size)
          for (let turn = 0; turn < 30; turn++) await new Promise<void>(resolve => setImmediate(resolve))
          holding.delete(name)
          await grant.release()
        }
      })
      await Promise.all(workers)
      expect(most).toBe(capacity)
    })

    test.each<[string, RedisLockOptions, string, RedisLockOptions, string]>([
      ['two numbers', { capacity: 2 }, 'a capacity of 2', { capacity: 3 }, 'a capacity of 3'],
      ['a number and none', { capacity: 2 }, 'a capacity of 2', {}, 'no capacity'],
      ['none and a number', {}, 'no capacity', { capacity: 2 }, 'a capacity of 2']
    ])('of %s are refused while the key is held or waited for', async (_, options, there, others, here) => {
      const held = [await open(options).take('key')]
      if (options.capacity) held.push(await open(options).take('key'))
      const refused = {
        code: 'ERR_ENGINE_CAPACITY',
        message: expect.stringContaining(`"${KEY}" is used with ${there} at this moment, and here with ${here}`)
      }
      await expect(open(others).take('key')).rejects.toMatchObject(refused)
      await expect(open(others).tryTake('key')).rejects.toMatchObject(refused)
      if (others.capacity === undefined) await expect(open(others).take('key', 'shared')).rejects.toMatchObject(refused)
      const waiter = open(options).take('key')
      await untilWaiting(1)
      await expect(open(others).take('key')).rejects.toMatchObject(refused)
      for (const grant of held) await grant.release()
      await (await waiter).release()
      // It is not used any more, so another number is as good.
      await (await open(others).take('key')).release()
    })

    test('and a shared key are told apart', async () => {
      const held = await open().take('key', 'shared')
      await expect(open({ capacity: 2 }).take('key')).rejects.toMatchObject({ code: 'ERR_ENGINE_CAPACITY' })
      await held.release()
    })
  })

  describe.each(kinds)('a holder %s', (_, options, mode) => {
    const other = (mode === 'exclusive' ? options : {}) as RedisLockOptions

    test('keeps its lease for as long as it lives', async () => {
      const lock = open({ ...options, lease: 300 })
      const grants = [await lock.take('key', mode)]
      if (options.capacity) grants.push(await lock.take('key', mode))
      // Two leases and more. What ends this wait is its own timeout.
      await expect(open(other).take('key', 'exclusive', { timeout: 750 })).rejects.toThrow('waited longer than 750 ms')
      for (const grant of grants) {
        expect(grant.validity?.isValid).toBe(true)
        expect(await grant.release()).toBe(true)
      }
    })

    test('whose part at the server is gone loses it at the next renewal, and never makes it again', async () => {
      const grant = await open({ ...options, lease: 300 }).take('key', mode)
      const lost = new Promise(resolve => grant.validity?.onLoss(resolve))
      await admin.flushall()
      expect(await lost).toMatchObject({ why: 'the engine has given the key up, or to another holder' })
      expect(await keys()).toEqual([])
      expect(await grant.release()).toBe(false)
    })

    test('that the server gave up is told when it is released', async () => {
      const grant = await open(options).take('key', mode)
      await admin.flushall()
      expect(await grant.release()).toBe(false)
    })

    test('whose answer was lost is the same one when it asks again, and leaves one holder', async () => {
      const { client, lost } = forgetful(
        answer => String(answer).startsWith('t'),
        // As if half of the lease had passed.
        async () => {
          for (const name of await keys()) await admin.pexpire(name, 5000)
        }
      )
      const lock = open(options, client)
      const grant = await lock.take('key', mode)
      expect(lost).toHaveLength(1)
      for (const name of await keys())
        if (!/:(queue|expiry)$/.test(name)) expect(await admin.pttl(name)).toBeGreaterThan(9000)
      if (mode !== 'exclusive' || options.capacity === undefined)
        if (grant.token !== undefined) expect(lost[0]).toBe(`t${grant.token}`)
      expect(await lock.holdersOf('key')).toHaveLength(1)
      expect(await grant.release()).toBe(true)
      expect(await lock.holdersOf('key')).toEqual([])
    })

    test('whose release is sent twice has released', async () => {
      const lock = open({ ...options, tokenMemory: 5000 })
      const [one, two] = [await lock.take('key', mode), mode === 'shared' ? await lock.take('key', mode) : undefined]
      expect(await one.release()).toBe(true)
      expect(await one.release()).toBe(true)
      if (two !== undefined) expect([await two.release(), await two.release()]).toEqual([true, true])
      await admin.flushall()
    })

    test('that does not get its replicas gives the key back', async () => {
      const lock = open({ ...options, minReplicas: 1, replicaTimeout: 10 })
      await expect(lock.take('key', mode)).rejects.toMatchObject({ code: 'ERR_ENGINE_TOO_FEW_REPLICAS' })
      await expect(lock.takeAll(['key', 'other'], mode)).rejects.toMatchObject({ code: 'ERR_ENGINE_TOO_FEW_REPLICAS' })
      await eventually(keys, left => left.length === 0)
    })

    test('gives its key back to a server that has no memory left', async () => {
      const lock = open({ ...options, tokenMemory: 20_000 })
      const grant = await lock.take('key', mode)
      await admin.config('SET', 'maxmemory', '1')
      try {
        await expect(open(options).tryTake('other', mode)).rejects.toMatchObject({
          code: 'ERR_ENGINE_FAILED',
          message: expect.stringContaining('OOM')
        })
        expect(await grant.release()).toBe(true)
        expect(await lock.holdersOf('key')).toEqual([])
      } finally {
        await admin.config('SET', 'maxmemory', '0')
      }
      const next = await open(other).tryTake('key')
      if (grant.token !== undefined) expect(next?.token).toBeGreaterThan(grant.token)
      await next?.release()
      expect(next).toBeDefined()
      await admin.flushall()
    })

    test('leaves nothing after 2,000 races of a grant and an abort', async () => {
      const [holder, waiter] = [open({ ...options, ...(options.capacity && { capacity: 2 }) }), open(options)]
      const filler = options.capacity ? open(options) : undefined
      /** As a `KeyedLock`; with permits, all but one of them are held by another. */
      const asLock = (lock: DirectLock, as: LockMode) =>
        ({
          acquire: async (key: string, { signal }: { signal?: AbortSignal } = {}) => {
            const grant = await lock.take(key, as, { signal })
            return { held: grant.validity?.isValid, release: () => grant.release() }
          }
        }) as unknown as KeyedLock
      const filled = filler && (await Promise.all(Array.from({ length: 16 }, (_, i) => filler.take(`race ${i}`))))
      const granted = await raceAbortsWithGrants(asLock(holder, 'exclusive'), asLock(waiter, mode), 2000)
      expect(granted).toBeGreaterThan(50)
      expect(granted).toBeLessThan(1950)
      for (const grant of filled ?? []) await grant.release()
      await eventually(keys, left => left.length === 0)
    }, 60_000)
  })

  describe.each(groups)('holders %s', (_, options, mode) => {
    test('that have died are over after their lease, and their token is not', async () => {
      const lock = open({ ...options, tokenMemory: 5000 })
      const dead = [await lock.take('key', mode), await lock.take('key', mode)]
      const names = await admin.zrange(`${KEY}:holders`, 0, -1)
      expect(names).toHaveLength(2)
      for (const name of names) await admin.zadd(`${KEY}:holders`, Date.now() + 100, name)
      const from = performance.now()
      const next = await open(options).take('key', 'exclusive', { timeout: 5000 })
      expect(performance.now() - from).toBeLessThan(2000)
      if (dead[1]?.token !== undefined) expect(next.token).toBeGreaterThan(dead[1].token)
      expect(await dead[0]?.release()).toBe(false)
      await dead[1]?.release()
      await next.release()
      await admin.flushall()
    })

    test('that died before the clock was set back are not believed for as long', async () => {
      const lock = open({ ...options, lease: 300 })
      const dead = [await lock.take('key', mode), await lock.take('key', mode)]
      for (const name of await admin.zrange(`${KEY}:holders`, 0, -1)) {
        await admin.zrem(`${KEY}:holders`, name)
        await admin.zadd(`${KEY}:holders`, Date.now() + HOUR, `dead-1:${name}`)
      }
      for (const name of [KEY, `${KEY}:holders`]) await admin.pexpire(name, HOUR)
      const next = await open({ ...options, lease: 300 }).take('key', 'exclusive', { timeout: 5000 })
      for (const grant of dead) await grant.release()
      await next.release()
    })

    test('whose lease has ended at the server take it up again, if no other was granted since', async () => {
      const lock = open({ ...options, lease: 900 })
      const grant = await lock.take('key', mode)
      // As if renewals had been lost, in a failover.
      const [name] = await admin.zrange(`${KEY}:holders`, 0, -1)
      const end = async () => admin.zadd(`${KEY}:holders`, Date.now() - 10, String(name))
      const score = async () => Number(await admin.zscore(`${KEY}:holders`, String(name)))
      await end()
      await eventually(score, seen => seen > Date.now())
      expect(grant.validity?.isValid).toBe(true)
      const lost = new Promise(resolve => grant.validity?.onLoss(resolve))
      await end()
      // Another one that is granted meanwhile; a key that is shared has room for both, and a holder that is over is forgotten.
      const other = await open(options).take('key', mode)
      expect(await lost).toMatchObject({ why: expect.stringContaining('given the key up') })
      expect(await grant.release()).toBe(false)
      expect(await other.release()).toBe(true)
    })

    test('with different leases keep theirs', async () => {
      const long = await open({ ...options, lease: 20_000, tokenMemory: 50 }).take('key', mode)
      const short = await open({ ...options, lease: 300 }).take('key', mode)
      expect(await admin.pttl(KEY)).toBeGreaterThan(15_000)
      expect(await admin.pttl(`${KEY}:holders`)).toBeGreaterThan(15_000)
      expect((await admin.get(KEY))?.slice(17, 37)).toBe('00000200000000000050')
      await short.release()
      expect(await open({ lease: 300, ...options }).holdersOf('key')).toHaveLength(1)
      await long.release()
    })

    test('are known though the string of the lock was evicted', async () => {
      const lock = open(options)
      const grants = [await lock.take('key', mode), await lock.take('key', mode)]
      const waiter = open(options).take('key')
      await untilWaiting(1)
      await admin.del(KEY)
      expect(await open(options).tryTake('key')).toBeUndefined()
      for (const grant of grants) await grant.release()
      await (await waiter).release()
    })

    test('of a group that ended are not those of the next', async () => {
      const lock = open({ ...options, tokenMemory: 5000 })
      const grant = await lock.take('key', mode)
      // As if it had ended unseen, with another holder in between.
      await admin.setrange(KEY, 16, '0')
      const next = await open({ ...options, tokenMemory: 5000 }).take('key', mode)
      expect(await lock.holdersOf('key')).toHaveLength(1)
      expect(await grant.release()).toBe(false)
      expect(await lock.holdersOf('key')).toHaveLength(1)
      await next.release()
      await admin.flushall()
    })
  })

  describe('several keys', () => {
    test.each(kinds)('%s are taken in one step, or none of them', async (_, options, mode) => {
      const [one, other] = [open(options), open(options)]
      const before = await one.take('b', mode)
      const names = ['a', 'b', 'c']
      await before.release()
      await admin.config('RESETSTAT')
      const grants = (await one.takeAll(names, mode)) ?? []
      expect(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]).toBe('1')
      expect(grants).toHaveLength(3)
      if (mode === 'exclusive' && options.capacity === undefined)
        for (const grant of grants) expect(typeof grant.token).toBe('bigint')
      if (options.capacity) for (const grant of (await one.takeAll(names, mode)) ?? []) void grant
      const busy = await other.takeAll(['d', 'c'], mode)
      if (mode === 'shared') for (const grant of busy ?? []) await grant.release()
      else expect(busy).toBeUndefined()
      expect(await other.holdersOf('d')).toEqual([])
      for (const grant of grants) expect(await grant.release()).toBe(true)
      await admin.flushall()
    })

    test('that others wait for are not taken past them', async () => {
      const lock = open()
      const held = await lock.take('key', 'shared')
      const waiter = open().take('key')
      await untilWaiting(1)
      expect(await open().takeAll(['other', 'key'], 'shared')).toBeUndefined()
      await held.release()
      await (await waiter).release()
    })

    test.each(kinds)(
      '%s that others wait for are not taken past them though the string was evicted',
      async (_, options, mode) => {
        const lock = open(options)
        const held = [await lock.take('key', mode)]
        if (options.capacity) held.push(await lock.take('key', mode))
        const waiter = open(options).take('key')
        await untilWaiting(1)
        // As if those that held had been evicted too.
        await admin.del(KEY, `${KEY}:holders`, `${KEY}:since`)
        expect(await open(options).takeAll(['other', 'key'], mode)).toBeUndefined()
        for (const grant of held) await grant.release()
        await (await waiter).release()
      }
    )

    test.each(kinds)('%s whose answer was lost are given back', async (_, options, mode) => {
      const { client, lost } = forgetful(answer => Array.isArray(answer) && String(answer[0]).startsWith('t'))
      const lock = open(options, client)
      expect(await lock.takeAll(['a', 'b'], mode)).toBeUndefined()
      expect(lost).toHaveLength(1)
      await eventually(keys, left => left.length === 0)
    })

    test.each(kinds)('%s that a client sends again are the same', async (_, options, mode) => {
      const client = connect()
      const resending = new Proxy(client, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown
          if (typeof value !== 'function') return value
          return async (...args: unknown[]) => {
            if (isScript(name)) await (value as (...args: unknown[]) => unknown).apply(target, args)
            return (value as (...args: unknown[]) => unknown).apply(target, args)
          }
        }
      })
      const lock = open({ ...options, tokenMemory: 1000 }, resending)
      // With permits, these are the last ones.
      const others = options.capacity ? await Promise.all(['a', 'b', 'c'].map(key => open(options).take(key))) : []
      const grants = (await lock.takeAll(['a', 'b'], mode)) ?? []
      expect(grants).toHaveLength(2)
      expect(await lock.holdersOf('a')).toHaveLength(options.capacity ?? 1)
      const one = await lock.take('c', mode)
      expect(await lock.holdersOf('c')).toHaveLength(options.capacity ?? 1)
      for (const grant of [...grants, one, ...others]) expect(await grant.release()).toBe(true)
      await admin.flushall()
    })

    test('tokens of them grow with every holder', async () => {
      const lock = open({ tokenMemory: 10_000 })
      const ahead = 2n ** 52n
      await admin.set(KEY, `${String(ahead).padStart(16, '0')}0${'0'.repeat(20)}an earlier holder`)
      const [grant, second] = (await lock.takeAll(['key', 'other'])) ?? []
      expect(grant?.token).toBe(ahead + 1n)
      await grant?.release()
      await second?.release()
      const shared = await lock.take('key', 'shared')
      expect(shared.token).toBe(ahead + 2n)
      await shared.release()
      await admin.flushall()
    })

    test('that something else has written are taken', async () => {
      await admin.set(KEY, 'by hand')
      for (const [, options, mode] of kinds) {
        expect(await open(options).takeAll(['other', 'key'], mode)).toBeUndefined()
        expect(await open(options).tryTake('key', mode)).toBeUndefined()
        expect(await open(options).holdersOf('key')).toEqual([])
      }
      await admin.del(KEY)
    })

    describe('in a cluster', () => {
      const node = new RedisServer()
      beforeAll(async () => {
        const bus = String(await freePort())
        await node.start('--cluster-enabled', 'yes', '--cluster-announce-ip', node.host, '--cluster-port', bus)
        const first = node.connect()
        await first.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
        await eventually(
          async () => String(await first.call('CLUSTER', 'INFO')),
          info => info.includes('cluster_state:ok')
        )
        first.disconnect()
      })
      afterAll(() => node.stop())

      test('are left to be taken in order, unless the namespace is their hash tag', async () => {
        const cluster = new Cluster([{ host: node.host, port: node.port }])
        const subscriber = connect({}, node)
        try {
          expect(await open({ subscriber }, cluster).takeAll(['a', 'b'])).toBeUndefined()
          for (const [, options, mode] of kinds) {
            const lock = open({ ...options, subscriber, hashTag: 'namespace' }, cluster)
            const grants = (await lock.takeAll(['a', 'b', '}:queue', '{a}b', ''], mode)) ?? []
            expect(grants).toHaveLength(5)
            for (const grant of grants) expect(await grant.release()).toBe(true)
          }
          // All that is kept of a lock is in one slot, in every mode.
          for (const [, options, mode] of kinds) {
            const [one, other] = [open({ ...options, subscriber }, cluster), open({ ...options, subscriber }, cluster)]
            for (const key of ['key', '}', '{a}b', '']) {
              const held = [await one.take(key, mode)]
              if (options.capacity) held.push(await one.take(key, mode))
              const next = other.take(key)
              await eventually(
                async () => (await connect({}, node).keys('*:queue')).length,
                count => count === 1
              )
              for (const grant of held) await grant.release()
              await (await next).release()
            }
          }
        } finally {
          await Promise.all(locks.splice(0).map(lock => lock.close()))
          cluster.disconnect()
        }
      })

      test('are left to be taken in order by a client that does not show that it is one', async () => {
        const lock = open({ subscriber: connect({}, node) }, connect({}, node))
        expect(await lock.takeAll(['a', 'b'])).toBeUndefined()
        expect(await lock.takeAll(['a', 'b'])).toBeUndefined()
        await (await lock.take('a')).release()
      })
    })

    test('with the namespace as their hash tag are other keys than without', async () => {
      const [one, other] = [open(), open({ hashTag: 'namespace' })]
      const held = await one.take('key')
      const second = await other.take('key')
      expect((await keys()).sort()).toEqual(['latchkey:{latchkey:key}', 'latchkey:{latchkey}{key}'])
      const waiter = open({ hashTag: 'namespace' }).take('key')
      await eventually(
        () => admin.zcard('latchkey:{latchkey}{key}:queue'),
        count => count === 1
      )
      await second.release()
      await (await waiter).release()
      await held.release()
    })
  })

  describe('the holders of a key', () => {
    test.each(['Bob', ' ', 'a:b=c-d', 'é😀', '%{}:0', '\ud800 alone', 'x\ny', `o=${'0'.repeat(36)}:0`])(
      'have the name that the user gave: %j',
      async owner => {
        const lock = open({ owner })
        const before = Date.now()
        const grant = await lock.take('key')
        const shown = await open().holdersOf('key')
        expect(shown).toEqual([{ owner, token: grant.token, since: expect.any(Date), mode: 'exclusive' }])
        expect(shown[0]?.since.getTime()).toBeGreaterThanOrEqual(before - 1)
        expect(shown[0]?.since.getTime()).toBeLessThanOrEqual(Date.now() + 1)
        expect(grant.owner).toBe(owner)
        // The waiter's channel has this name too.
        const next = open({ owner }).take('key')
        await untilWaiting(1)
        await grant.release()
        await (await next).release()
      }
    )

    test('are named after the lock, the process and the machine where the user gave no name', async () => {
      const [one, other] = [open({ name: 'mail=1' }), open()]
      const grants = [await one.take('key', 'shared'), await other.take('key', 'shared')]
      const shown = await one.holdersOf('key')
      expect(shown.map(({ owner }) => owner)).toEqual(grants.map(({ owner }) => owner))
      // Node tells the machine from 20.16 on.
      const host = process.getBuiltinModule === undefined ? '' : `@${hostname()}`
      const [named = '', unnamed = ''] = shown.map(({ owner }) => owner)
      expect(named.startsWith(`mail=1-${process.pid}${host}-`)).toBe(true)
      expect(named).toMatch(/-[0-9a-f-]{36}:\d+$/)
      expect(unnamed.startsWith(`lock-${process.pid}${host}-`)).toBe(true)
      for (const grant of grants) await grant.release()
    })

    test('come first the one that has held longest, and are those whose lease is not over', async () => {
      const lock = open()
      expect(await lock.holdersOf('key')).toEqual([])
      const [a, b] = [
        await open({ owner: 'a' }).take('key', 'shared'),
        await open({ owner: 'b' }).take('key', 'shared')
      ]
      expect(await lock.holdersOf('key')).toMatchObject([
        { owner: 'a', mode: 'shared', token: a.token },
        { owner: 'b', mode: 'shared', token: b.token }
      ])
      const [name] = (await admin.zrange(`${KEY}:holders`, 0, -1)).filter(each => each.startsWith('a='))
      await admin.zadd(`${KEY}:holders`, Date.now() - 1, String(name))
      expect(await lock.holdersOf('key')).toMatchObject([{ owner: 'b' }])
      for (const grant of [a, b]) await grant.release()
      const alone = await open({ tokenMemory: 5000 }).take('key')
      await admin.pexpire(KEY, 4990)
      expect(await lock.holdersOf('key')).toEqual([])
      await alone.release()
      await admin.flushall()
    })

    test('that have a permit each have no token', async () => {
      const lock = open({ owner: 'c', capacity: 2 })
      const grants = [await lock.take('key'), await lock.take('key')]
      const shown = { owner: 'c', mode: 'exclusive', since: expect.any(Date) }
      expect(await lock.holdersOf('key')).toEqual([shown, shown])
      for (const grant of grants) await grant.release()
    })
  })

  test.each<[string, object, RegExp]>([
    ['half a permit', { capacity: 1.5 }, /capacity must be a whole number >= 1, got 1.5/],
    ['a tag of its own', { hashTag: 'mine' }, /options.hashTag must be 'key' or 'namespace', got "?'?mine/]
  ])('misuse: %s', (_, options, message) => {
    expect(() => open(options)).toThrow(message)
  })
})
