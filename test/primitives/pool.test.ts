// What a Pool does, as examples, and any sequence of steps against what must always be true of it.

import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { LockCancelledError, LockClosedError, LockTimeoutError, Pool, type PoolLease, QueueFullError } from 'latchkey'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Deferred, deferred, flush, watch } from '../fixtures/settle.js'
import { FAKED, microtasks, settings, watchRejections } from '../properties/settings.js'
import {
  expectMisuse,
  noWholeNumber,
  optionsWith,
  type Wrong,
  wrongAcquireOptions,
  wrongLockOptions
} from './misuse.js'

const unhandled = watchRejections()
/** How many of them a test has wanted. */
let expected = 0

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(async () => {
  await flush()
  expect(unhandled.slice(expected)).toEqual([])
  vi.useRealTimers()
})

/** Makes 1, 2, 3 … at once, and notes what is destroyed. */
function numbers(options: Partial<ConstructorParameters<typeof Pool<number>>[0]> = {}) {
  let made = 0
  const destroyed: number[] = []
  const pool = new Pool<number>({ create: () => ++made, destroy: n => destroyed.push(n), max: 2, ...options })
  return { pool, destroyed }
}

/** Resources that are made when the test says so. */
function onDemand(options: Partial<ConstructorParameters<typeof Pool<string>>[0]> = {}) {
  const making: Deferred<string>[] = []
  const destroyed: string[] = []
  const create = () => {
    making.push(deferred<string>())
    return making.at(-1)?.promise as Promise<string>
  }
  const pool = new Pool<string>({ create, destroy: it => destroyed.push(it), max: 2, ...options })
  return { pool, making, destroyed }
}

const DAY = 24 * 60 * 60 * 1000

describe('lending', () => {
  test('makes what is asked for, up to max, and then callers wait in order', async () => {
    const { pool } = numbers()
    const leases = [await pool.acquire(), await pool.acquire()]
    const order: number[] = []
    const waiting = [1, 2].map(n => pool.acquire().finally(() => order.push(n)))
    expect([pool.size, pool.idle, pool.waiting, pool.pending]).toEqual([2, 0, 2, 2])
    leases[1]?.release()
    leases[0]?.release()
    const got = (await Promise.all(waiting)).map(({ resource }) => resource)
    expect([order, got]).toEqual([
      [1, 2],
      [2, 1]
    ])
  })

  test('the one that came back last is lent first', async () => {
    const { pool } = numbers({ max: 3 })
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const n of [0, 2, 1]) leases[n]?.release()
    const again = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    expect(again.map(({ resource }) => resource)).toEqual([2, 3, 1])
  })

  test('a lease gives back once, by any of its ways (G4)', async () => {
    const { pool, destroyed } = numbers({ max: 1 })
    const first = await pool.acquire()
    first.release()
    const second = await pool.acquire()
    first.release()
    first.discard()
    first[Symbol.dispose]()
    expect([second.held, first.held, second.resource, pool.idle, destroyed]).toEqual([true, false, 1, 0, []])
    second.discard()
    expect([pool.size, destroyed]).toEqual([0, [1]])
    expect((await pool.acquire()).resource).toBe(2)
  })

  test('use gives back whatever the task does, and passes on what it does (G6)', async () => {
    const { pool } = numbers({ max: 1 })
    expect(await pool.use(n => n * 10)).toBe(10)
    const error = new Error('mine')
    await expect(pool.use(() => Promise.reject(error))).rejects.toBe(error)
    const thrown = pool.use(() => {
      throw error
    })
    await expect(thrown).rejects.toBe(error)
    await expect(pool.use((_, lease) => lease.discard())).resolves.toBeUndefined()
    expect([pool.size, pool.idle]).toEqual([0, 0])
  })

  test('a task starts before use returns if a resource is idle, and later otherwise', async () => {
    const { pool } = numbers({ max: 1 })
    let started = false
    const first = pool.use(() => {
      started = true
    })
    expect(started).toBe(false)
    await first
    started = false
    void pool.use(() => {
      started = true
    })
    expect(started).toBe(true)
  })

  test('resources may be anything, undefined and promises of them included', async () => {
    const pool = new Pool({ create: async () => undefined, max: 1 })
    expect(await pool.use(it => String(it))).toBe('undefined')
    expect([pool.size, pool.idle, inspect(pool)]).toEqual([1, 1, 'Pool { 0 of 1 taken, 1 idle }'])
  })
})

describe('create fails', () => {
  test('whoever it was for is rejected with the error, and the place is free (asyncio: no lost wake-up)', async () => {
    const { pool, making } = onDemand({ max: 1 })
    const first = watch(pool.acquire())
    const second = watch(pool.acquire())
    const error = new Error('no route to host')
    making[0]?.reject(error)
    await flush()
    expect([first.reason, second.state, making.length]).toEqual([error, 'pending', 2])
    making[1]?.resolve('b')
    await flush()
    expect([second.value?.resource, pool.size]).toEqual(['b', 1])
  })

  test('by throwing, or with a falsy reason', async () => {
    const pool = new Pool<never>({
      create: () => {
        throw undefined
      },
      max: 1
    })
    const failed = watch(pool.use(() => {}))
    await flush()
    expect([failed.state, failed.reason, pool.size]).toEqual(['rejected', undefined, 0])
  })

  test('for a caller who has gone: nobody hears of it', async () => {
    const { pool, making } = onDemand({ max: 1 })
    await expect(Promise.all([pool.acquire({ timeout: 5 }), vi.advanceTimersByTimeAsync(5)])).rejects.toThrow(
      'Pool, preparing a resource: waited longer than 5 ms'
    )
    making[0]?.reject(new Error('too late to tell'))
    await flush()
    expect(pool.size).toBe(0)
  })
})

describe('giving up leaks nothing (G5)', () => {
  test('before the call, even if a resource is idle', async () => {
    const { pool } = numbers()
    await pool.use(() => {})
    const signal = AbortSignal.abort('early')
    await expect(pool.acquire({ signal })).rejects.toBe('early')
    await expect(pool.use(() => {}, { signal })).rejects.toBe('early')
    expect([pool.size, pool.idle]).toEqual([1, 1])
  })

  test('while it is made: it serves the next in line', async () => {
    const { pool, making } = onDemand({ max: 1 })
    const controller = new AbortController()
    const { signal } = controller
    const leaver = watch(pool.acquire({ signal }))
    const next = watch(pool.acquire())
    await flush()
    controller.abort('enough')
    await flush()
    expect([leaver.reason, pool.size, pool.pending, getEventListeners(signal, 'abort')]).toEqual(['enough', 1, 1, []])
    making[0]?.resolve('a')
    await flush()
    expect([next.value?.resource, making.length]).toEqual(['a', 1])
  })

  test('while it is validated: found good it is idle, found bad it is destroyed, and none is made', async () => {
    for (const good of [true, false]) {
      const verdict = deferred<boolean>()
      const { pool, making, destroyed } = onDemand({ validate: () => verdict.promise })
      const use = pool.use(() => {})
      making[0]?.resolve('a')
      await use
      const controller = new AbortController()
      const leaver = watch(pool.acquire({ signal: controller.signal }))
      controller.abort('enough')
      verdict.resolve(good)
      await flush()
      expect([leaver.reason, pool.size, pool.idle, destroyed, making.length]).toEqual(
        good ? ['enough', 1, 1, [], 1] : ['enough', 0, 0, ['a'], 1]
      )
    }
  })

  test('in line, in the very turn of the grant: the grant stands if it came first', async () => {
    const { pool } = numbers({ max: 1 })
    const lease = await pool.acquire()
    const controller = new AbortController()
    const { signal } = controller
    const waiting = pool.acquire({ signal })
    const task = vi.fn()
    lease.release()
    controller.abort('too late')
    const granted = await waiting
    expect([granted.resource, granted.held]).toEqual([1, true])
    const used = pool.use(task, { signal: new AbortController().signal })
    granted.release()
    await used
    expect(task).toHaveBeenCalledOnce()
  })

  test('a task whose signal has aborted since is not started', async () => {
    const { pool } = numbers({ max: 1 })
    const lease = await pool.acquire()
    const controller = new AbortController()
    const task = vi.fn()
    const used = pool.use(task, { signal: controller.signal })
    lease.release()
    controller.abort('enough')
    await expect(used).rejects.toBe('enough')
    expect([task.mock.calls.length, pool.idle]).toEqual([0, 1])
  })

  test('a timeout counts for all the waiting together, and leaves no timer', async () => {
    const { pool, making } = onDemand({ max: 1, name: 'db' })
    const held = pool.acquire()
    making[0]?.resolve('a')
    const lease = await held
    const late = watch(pool.acquire({ timeout: 10 }))
    await vi.advanceTimersByTimeAsync(6)
    lease.discard()
    await vi.advanceTimersByTimeAsync(3)
    expect([late.state, making.length]).toEqual(['pending', 2])
    await vi.advanceTimersByTimeAsync(1)
    expect(late.reason).toBeInstanceOf(LockTimeoutError)
    expect(vi.getTimerCount()).toBe(0)
    making[1]?.resolve('b')
    await flush()
    expect([pool.size, pool.idle]).toEqual([1, 1])
  })

  test('timeout 0 takes what is idle and good, and makes nothing', async () => {
    let good = true
    const { pool, making } = onDemand({ max: 1, validate: () => good })
    await expect(pool.acquire({ timeout: 0 })).rejects.toThrow('would have to wait, and timeout is 0 ms')
    expect([making.length, pool.size]).toEqual([0, 0])
    const use = pool.use(() => {})
    making[0]?.resolve('a')
    await use
    const lease = await pool.acquire({ timeout: 0 })
    await expect(pool.acquire({ timeout: 0 })).rejects.toThrow(LockTimeoutError)
    lease.release()
    good = false
    await expect(pool.acquire({ timeout: 0 })).rejects.toThrow(LockTimeoutError)
    expect(making.length).toBe(1)
  })
})

describe('validate', () => {
  test('what is not good is destroyed, until one is, or a new one is made', async () => {
    const bad = new Set([3, 2])
    const { pool, destroyed } = numbers({ max: 3, validate: n => !bad.has(n) })
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const lease of leases) lease.release()
    expect((await pool.acquire()).resource).toBe(1)
    expect([destroyed, pool.size]).toEqual([[3, 2], 1])
    expect((await pool.acquire()).resource).toBe(4)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('gone')
      }
    ],
    ['rejects', () => Promise.reject(new Error('gone'))],
    ['is false', () => false],
    ['comes to be false', async () => false]
  ])('%s: the resource is destroyed and replaced', async (_, validate) => {
    const { pool, destroyed } = numbers({ max: 1, validate })
    await pool.use(() => {})
    expect([await pool.use(n => n), destroyed]).toEqual([2, [1]])
  })

  test('is not asked of what was just made', async () => {
    const validate = vi.fn(() => true)
    const { pool } = numbers({ validate })
    await pool.use(() => {})
    expect(validate).not.toHaveBeenCalled()
  })
})

describe('limits', () => {
  test('maxUses: so many times, then it is replaced', async () => {
    const { pool, destroyed } = numbers({ max: 1, maxUses: 2 })
    const used = []
    for (let n = 0; n < 5; n++) used.push(await pool.use(it => it))
    expect([used, destroyed]).toEqual([
      [1, 1, 2, 2, 3],
      [1, 2]
    ])
  })

  test('a use is one that somebody had: who gave up is not counted', async () => {
    const { pool, making, destroyed } = onDemand({ max: 1, maxUses: 1 })
    const leaver = watch(pool.acquire({ timeout: 1 }))
    await vi.advanceTimersByTimeAsync(1)
    making[0]?.resolve('a')
    await flush()
    expect([leaver.state, pool.idle, destroyed]).toEqual(['rejected', 1, []])
    expect(await pool.use(it => it)).toBe('a')
    expect(destroyed).toEqual(['a'])
  })

  test('idleTimeout: what was not needed for so long goes, the oldest first, down to min', async () => {
    const { pool, destroyed } = numbers({ max: 3, min: 1, idleTimeout: 100 })
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const lease of leases) {
      lease.release()
      await vi.advanceTimersByTimeAsync(10)
    }
    await vi.advanceTimersByTimeAsync(69)
    expect([pool.idle, destroyed]).toEqual([3, []])
    await vi.advanceTimersByTimeAsync(1)
    expect(destroyed).toEqual([1])
    await vi.advanceTimersByTimeAsync(10)
    expect(destroyed).toEqual([1, 2])
    await vi.advanceTimersByTimeAsync(1000)
    expect([pool.idle, destroyed, vi.getTimerCount()]).toEqual([1, [1, 2], 0])
  })

  test('idleTimeout: of those that are due at the same time, min stay', async () => {
    const { pool, destroyed } = numbers({ max: 3, min: 1, idleTimeout: 100 })
    for (const lease of await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])) lease.release()
    await vi.advanceTimersByTimeAsync(100)
    expect([pool.idle, destroyed]).toEqual([1, [1, 2]])
  })

  test.each(['maxAge', 'idleTimeout'])('%s 0: nothing is kept', async limit => {
    const { pool, destroyed } = numbers({ [limit]: 0 })
    await pool.use(() => {})
    await vi.advanceTimersByTimeAsync(0)
    expect([pool.size, destroyed]).toEqual([0, [1]])
  })

  test('idleTimeout counts from the last use', async () => {
    const { pool, destroyed } = numbers({ max: 1, idleTimeout: 100 })
    await pool.use(() => {})
    await vi.advanceTimersByTimeAsync(60)
    await pool.use(() => {})
    await vi.advanceTimersByTimeAsync(99)
    expect(destroyed).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect([destroyed, vi.getTimerCount()]).toEqual([[1], 0])
  })

  test('maxAge: destroyed while idle, when it is due, min or not; never under its user', async () => {
    const { pool, destroyed } = numbers({ max: 2, min: 2, maxAge: 100 })
    const young = await pool.acquire()
    await vi.advanceTimersByTimeAsync(50)
    await pool.use(() => {})
    young.release()
    await vi.advanceTimersByTimeAsync(49)
    expect(destroyed).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(destroyed).toEqual([1])
    const kept = await pool.acquire()
    await vi.advanceTimersByTimeAsync(1000)
    expect([kept.resource, kept.held, destroyed]).toEqual([2, true, [1]])
    kept.release()
    expect([destroyed, pool.size]).toEqual([[1, 2], 0])
  })

  test('what is due sooner than the timer was set for is not forgotten', async () => {
    const { pool, destroyed } = numbers({ max: 2, maxAge: 100, idleTimeout: 80 })
    const old = await pool.acquire()
    await vi.advanceTimersByTimeAsync(70)
    await pool.use(() => {}) // due at 150
    old.release() // due at 100
    await vi.advanceTimersByTimeAsync(30)
    expect(destroyed).toEqual([1])
    await vi.advanceTimersByTimeAsync(50)
    expect(destroyed).toEqual([1, 2])
  })

  test('what is too old is not lent, even if the timer is late', async () => {
    const { pool, destroyed } = numbers({ max: 2, maxAge: 100 })
    await pool.use(() => {})
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 100) // no timer has run
    expect(await pool.use(n => n)).toBe(2)
    expect(destroyed).toEqual([1])
  })

  test('limits longer than a platform timer can count', async () => {
    const { pool, destroyed } = numbers({ idleTimeout: 60 * DAY })
    await pool.use(() => {})
    await vi.advanceTimersByTimeAsync(60 * DAY - 1)
    expect(destroyed).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(destroyed).toEqual([1])
  })

  test('the timer keeps no process alive', async () => {
    vi.useRealTimers()
    const before = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    const { pool } = numbers({ idleTimeout: 1000 })
    await pool.use(() => {})
    expect(process.getActiveResourcesInfo().filter(name => name === 'Timeout').length).toBe(before)
    await pool.close()
  })

  test('timers may be plain numbers, as in browsers', async () => {
    const { setTimeout } = globalThis
    vi.stubGlobal('setTimeout', (...args: Parameters<typeof setTimeout>) => Number(setTimeout(...args)))
    try {
      const { pool, destroyed } = numbers({ idleTimeout: 100 })
      await pool.use(() => {})
      await vi.advanceTimersByTimeAsync(100)
      expect(destroyed).toEqual([1])
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

describe('warm', () => {
  test('makes min at once, and no more than are missing', async () => {
    const { pool, making } = onDemand({ max: 5, min: 3 })
    const lease = watch(pool.acquire())
    const warm = watch(pool.warm())
    expect([making.length, pool.size, pool.idle]).toEqual([3, 3, 0])
    for (const [n, it] of making.entries()) it.resolve(String(n))
    await flush()
    expect([warm.state, lease.state, pool.size, pool.idle]).toEqual(['resolved', 'resolved', 3, 2])
    await pool.warm()
    expect(making.length).toBe(3)
  })

  test('what it makes is for those who come meanwhile', async () => {
    const { pool, making } = onDemand({ max: 1, min: 1 })
    const warm = pool.warm()
    const caller = watch(pool.acquire())
    making[0]?.resolve('a')
    await warm
    await flush()
    expect(caller.value?.resource).toBe('a')
  })

  test('rejects with the first failure; the others are kept', async () => {
    const { pool, making } = onDemand({ max: 2, min: 2 })
    const warm = watch(pool.warm())
    making[1]?.reject(new Error('no route to host'))
    making[0]?.resolve('a')
    await flush()
    expect([warm.reason, pool.size, pool.idle]).toEqual([new Error('no route to host'), 1, 1])
  })

  test('does not count as a use', async () => {
    const { pool } = numbers({ min: 1, maxUses: 1 })
    await pool.warm()
    expect([pool.idle, await pool.use(n => n)]).toEqual([1, 1])
  })
})

describe('close', () => {
  test('needs no destroy', async () => {
    const { pool } = numbers({ destroy: undefined })
    const [first, second] = await Promise.all([pool.acquire(), pool.acquire()])
    first.discard()
    second.release()
    await pool.close()
    expect([pool.size, pool.idle]).toEqual([0, 0])
  })

  test('destroys what is idle now and the rest as it comes back; resolves when all is destroyed', async () => {
    const ending: Deferred<void>[] = []
    const destroy = () => {
      ending.push(deferred())
      return ending.at(-1)?.promise
    }
    const { pool } = numbers({ destroy })
    const [first, second] = await Promise.all([pool.acquire(), pool.acquire()])
    second.release()
    const closed = watch(pool.close())
    expect([ending.length, pool.idle, pool.closed]).toEqual([1, 0, true])
    first.release()
    expect(ending.length).toBe(2)
    ending[0]?.resolve()
    await flush()
    expect(closed.state).toBe('pending')
    ending[1]?.resolve()
    await flush()
    expect([closed.state, pool.size]).toEqual(['resolved', 0])
  })

  test('turns away who waits, in line or for a resource that is made, and destroys that too', async () => {
    const { pool, making, destroyed } = onDemand({ max: 1, min: 1 })
    const callers = [watch(pool.acquire()), watch(pool.acquire())]
    const closed = watch(pool.close())
    await flush()
    for (const { reason } of callers) expect(reason).toBeInstanceOf(LockClosedError)
    expect([closed.state, pool.pending]).toEqual(['pending', 0])
    making[0]?.resolve('a')
    await flush()
    expect([closed.state, destroyed, making.length]).toEqual(['resolved', ['a'], 1])
    await expect(pool.acquire()).rejects.toThrow(LockClosedError)
    await expect(pool.use(() => {})).rejects.toThrow(LockClosedError)
    await pool.warm()
    expect(making.length).toBe(1)
  })

  test('leaves no timer, and waits for nobody if nothing was lent', async () => {
    const { pool, destroyed } = numbers({ idleTimeout: 1000 })
    await pool.use(() => {})
    await pool[Symbol.asyncDispose]()
    expect([destroyed, vi.getTimerCount()]).toEqual([[1], 0])
  })

  test('a destroy that fails is reported, and close resolves', async () => {
    for (const destroy of [
      () => Promise.reject('stuck'),
      () => {
        throw 'stuck'
      }
    ]) {
      const { pool } = numbers({ destroy })
      await pool.use(() => {})
      await pool.close()
      await flush()
      expect(unhandled.slice(expected)).toEqual(['stuck'])
      expected = unhandled.length
    }
  })
})

describe('the common members', () => {
  test('cancelWaiters sends away who waits, for a place or for a resource', async () => {
    const { pool, making } = onDemand({ max: 1 })
    const callers = [watch(pool.acquire()), watch(pool.use(() => {}))]
    pool.cancelWaiters()
    await flush()
    for (const { reason } of callers) expect(reason).toBeInstanceOf(LockCancelledError)
    making[0]?.resolve('a')
    await flush()
    expect([pool.idle, pool.pending]).toEqual([1, 0])
  })

  test('maxWaiting counts those in line; priority goes first', async () => {
    const { pool } = numbers({ max: 1, maxWaiting: 2 })
    const lease = await pool.acquire()
    const order: string[] = []
    const callers = [pool.use(() => order.push('usual')), pool.use(() => order.push('urgent'), { priority: 1 })]
    await expect(pool.acquire()).rejects.toThrow(QueueFullError)
    lease.release()
    await Promise.all(callers)
    expect(order).toEqual(['urgent', 'usual'])
  })

  test('an observer is told of the place: granted and released', async () => {
    const told: string[] = []
    const observer = {
      queued: () => told.push('queued'),
      granted: () => told.push('granted'),
      released: () => told.push('released'),
      abandoned: () => told.push('abandoned')
    }
    const { pool } = numbers({ max: 1, observer })
    await Promise.all([pool.use(() => {}), pool.use(() => {})])
    expect(told).toEqual(['granted', 'queued', 'released', 'granted', 'released'])
  })

  test('whenFree resolves when nothing is lent', async () => {
    const { pool } = numbers()
    const lease = await pool.acquire()
    const free = watch(pool.whenFree())
    await flush()
    expect(free.state).toBe('pending')
    lease.release()
    await flush()
    expect([free.state, inspect(pool)]).toEqual(['resolved', 'Pool { 0 of 2 taken, 1 idle }'])
  })

  test('callbacks that come back find it in order', async () => {
    const leases: PoolLease<number>[] = []
    const { pool }: { pool: Pool<number> } = numbers({
      max: 1,
      maxUses: 1,
      destroy: () => {
        if (leases.length < 3) void pool.acquire().then(lease => leases.push(lease))
        expect(pool.size).toBeLessThanOrEqual(1)
      }
    })
    await pool.use(() => {})
    await flush()
    expect([leases.length, pool.size]).toEqual([1, 1])
  })
})

describe('misuse (G11)', () => {
  const create = () => 1
  const withMember = (name: string, wrongs: Wrong[]): Wrong[] =>
    wrongs.map(([, value, ErrorClass]) => [`options.${name}`, value, ErrorClass])
  const counts = noWholeNumber('', 1).filter(([, value]) => value !== Infinity)
  const noFunction: Wrong[] = [
    ['options.create', undefined, TypeError],
    ...['create', 'destroy', 'validate'].map((name): Wrong => [`options.${name}`, 'a function', TypeError])
  ]
  const noTime: Wrong[] = ['idleTimeout', 'maxAge'].flatMap((name): Wrong[] => [
    [`options.${name}`, '5', TypeError],
    [`options.${name}`, -1, RangeError],
    [`options.${name}`, Number.NaN, RangeError]
  ])
  const wrongPools: Wrong[] = [
    ...wrongLockOptions.filter(([name]) => name !== 'options'),
    ...noFunction,
    ...noTime,
    ...withMember('max', [...counts, ['', undefined, TypeError]]),
    ...withMember('maxUses', counts),
    ['options.min', 3, RangeError],
    ['options.min', -1, RangeError],
    ['options.min', '1', TypeError]
  ]
  test.each(wrongPools)('new Pool({ %s: %o })', (...wrong) => {
    const options = { create, max: 2, ...(optionsWith(wrong) as object) }
    expectMisuse(() => new Pool(options), wrong)
  })
  test.each([undefined, null, 7, 'options'])('new Pool(%o)', value => {
    expect(() => new Pool(value as never)).toThrow(/^Pool: options must be an object, got /)
  })
  test.each(wrongAcquireOptions)('acquire(%s: %o), use(…)', (...wrong) => {
    const { pool } = numbers()
    expectMisuse(() => pool.acquire(optionsWith(wrong)), wrong, pool)
    expectMisuse(() => pool.use(() => {}, optionsWith(wrong)), wrong, pool)
  })
  test.each([undefined, null, 'task', {}])('use(%o)', task => {
    expectMisuse(() => numbers().pool.use(task as never), ['task', task, TypeError])
  })
})

// Any order of the steps of callers and of their resources, and after each what must be true whatever came before.
type Step =
  | { step: 'ask'; signal: boolean; timeout: number | undefined }
  | { step: 'make' | 'fail' | 'judge' | 'spoil' | 'release' | 'discard' | 'abort'; pick: number }
  | { step: 'pass'; ms: number }
  | { step: 'warm' | 'cancel' }

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      step: fc.constant('ask' as const),
      signal: fc.boolean(),
      timeout: fc.constantFrom(undefined, undefined, 0, 5, 20)
    })
  },
  {
    weight: 8,
    arbitrary: fc.record({
      step: fc.constantFrom(
        ...(['make', 'make', 'fail', 'judge', 'spoil', 'release', 'release', 'discard', 'abort'] as const)
      ),
      pick: fc.nat(5)
    })
  },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('pass' as const), ms: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constantFrom('warm' as const, 'cancel' as const) }) }
)

const aPool = fc.record({
  max: fc.integer({ min: 1, max: 3 }),
  min: fc.nat(1),
  idleTimeout: fc.constantFrom(Infinity, 10),
  maxAge: fc.constantFrom(Infinity, 30),
  maxUses: fc.constantFrom(Infinity, 2)
})

test('nothing is lent twice, lost or left, whatever happens in whichever order', async () => {
  const run = async (limits: { max: number; maxUses: number }, steps: Step[]) => {
    vi.clearAllTimers()
    const making: Deferred<{ id: number }>[] = []
    const judging: Deferred<boolean>[] = []
    const made = new Set<object>()
    const destroyed = new Set<object>()
    const uses = new Map<object, number>()
    const held = new Map<PoolLease<object>, object>()
    const controllers: AbortController[] = []
    let asked = 0
    let settled = 0

    const pool = new Pool<object>({
      ...limits,
      create: () => {
        const it = deferred<{ id: number }>()
        making.push(it)
        return it.promise
      },
      validate: () => {
        const verdict = deferred<boolean>()
        judging.push(verdict)
        return verdict.promise
      },
      destroy: resource => {
        expect([...held.values()]).not.toContain(resource)
        expect(destroyed).not.toContain(resource)
        destroyed.add(resource)
      }
    })
    const take = <T>(list: T[], pick: number): T | undefined => list.splice(pick % Math.max(1, list.length), 1)[0]
    const make = (it: Deferred<{ id: number }> | undefined) => {
      if (it === undefined) return
      const resource = { id: made.size }
      made.add(resource)
      it.resolve(resource)
    }

    for (const step of steps) {
      if (step.step === 'ask') {
        const controller = new AbortController()
        if (step.signal) controllers.push(controller)
        asked++
        pool.acquire({ signal: controller.signal, timeout: step.timeout }).then(
          lease => {
            settled++
            const { resource } = lease
            expect([...held.values()]).not.toContain(resource)
            expect(destroyed).not.toContain(resource)
            uses.set(resource, (uses.get(resource) ?? 0) + 1)
            expect(uses.get(resource)).toBeLessThanOrEqual(limits.maxUses)
            held.set(lease, resource)
          },
          () => settled++
        )
      } else if (step.step === 'make') make(take(making, step.pick))
      else if (step.step === 'fail') take(making, step.pick)?.reject(new Error('failed'))
      else if (step.step === 'judge') take(judging, step.pick)?.resolve(true)
      else if (step.step === 'spoil') take(judging, step.pick)?.resolve(false)
      else if (step.step === 'release' || step.step === 'discard') {
        const lease = [...held.keys()][step.pick % Math.max(1, held.size)]
        if (lease !== undefined) {
          held.delete(lease)
          lease[step.step]()
        }
      } else if (step.step === 'abort') take(controllers, step.pick)?.abort('enough')
      else if (step.step === 'pass') vi.advanceTimersByTime(step.ms)
      else if (step.step === 'cancel') pool.cancelWaiters('cancelled')
      else pool.warm().catch(() => {})
      await microtasks()
      expect(pool.size).toBeLessThanOrEqual(limits.max)
      // Every resource that was made and is not destroyed is lent, idle or being validated.
      expect(made.size - destroyed.size).toBe(held.size + pool.idle + judging.length)
      expect(pool.size).toBe(made.size - destroyed.size + making.length)
      expect(pool.pending).toBe(asked - settled)
      // Nobody waits in line while there is a place.
      if (pool.waiting > 0) expect(pool.size - pool.idle).toBe(limits.max)
    }

    const closed = watch(pool.close())
    const leases = [...held.keys()]
    held.clear()
    for (const lease of leases) lease.release()
    while (making.length + judging.length > 0) {
      make(making.pop())
      judging.pop()?.resolve(true)
      await microtasks()
    }
    await microtasks()
    expect([closed.state, settled, pool.size, pool.waiting, vi.getTimerCount()]).toEqual(['resolved', asked, 0, 0, 0])
    expect(destroyed).toEqual(made)
  }
  await fc.assert(
    fc.asyncProperty(aPool, fc.array(aStep, { minLength: 1, maxLength: 40, size: 'max' }), run),
    settings(1000)
  )
})
