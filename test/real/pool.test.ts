// A user's functions in a loop: they throw at once, throw always, or come back in. And the clocks and the async context in
// which a pool works.

import { AsyncLocalStorage } from 'node:async_hooks'
import { mock } from 'node:test'
import { Condition, Mutex, Pool } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  mock.timers.reset()
})

describe('create', () => {
  const failure = new Error('no url')
  const failing = () => {
    throw failure
  }

  test.each([1, 3])('that throws at once ends warm, min %d', async min => {
    let calls = 0
    const pool = new Pool({
      create: () => {
        calls++
        return failing()
      },
      min,
      max: 3
    })
    await expect(pool.warm()).rejects.toBe(failure)
    expect([calls, pool.size, pool.pending]).toEqual([min, 0, 0])
    await expect(pool.acquire()).rejects.toBe(failure)
    await expect(pool.use(() => {})).rejects.toBe(failure)
    await pool.close()
  })

  test('that throws always fails each caller once, those that wait included', async () => {
    const pool = new Pool({ create: failing, max: 1 })
    const seen = Array.from({ length: 50 }, () => watch(pool.acquire()))
    await flush()
    expect(new Set(seen.map(({ reason }) => reason))).toEqual(new Set([failure]))
    expect([pool.size, pool.pending]).toEqual([0, 0])
  })

  test('that comes back in', async () => {
    let made = 0
    const inner: Promise<unknown>[] = []
    const pool: Pool<number> = new Pool<number>({
      create: () => {
        if (made < 5)
          inner.push(
            pool.warm(),
            pool.acquire().then(lease => lease.release())
          )
        return ++made
      },
      min: 2,
      max: 2
    })
    await pool.warm()
    await Promise.all(inner)
    expect([pool.size, pool.idle, pool.pending]).toEqual([2, 2, 0])
  })
})

test('validate that throws, at once or later, or comes back in, destroys and makes anew', async () => {
  for (const validate of [
    () => {
      throw new Error('broken')
    },
    () => Promise.reject(new Error('broken')),
    () => false
  ]) {
    const destroyed: number[] = []
    let made = 0
    const pool = new Pool({ create: () => ++made, validate, destroy: n => void destroyed.push(n), max: 3, min: 3 })
    await pool.warm()
    using lease = await pool.acquire()
    expect([lease.resource, destroyed.sort(), pool.size]).toEqual([4, [1, 2, 3], 1])
  }
  const inner: Promise<unknown>[] = []
  const pool: Pool<object> = new Pool({
    create: () => ({}),
    validate: () => {
      if (inner.length < 3) inner.push(pool.use(() => {}))
      return true
    },
    max: 1
  })
  for (let i = 0; i < 3; i++) await pool.use(() => {})
  await Promise.all(inner)
  expect([pool.size, pool.idle, pool.pending]).toEqual([1, 1, 0])
})

describe('destroy', () => {
  test('that throws is reported, and the pool goes on', async () => {
    const reported: unknown[] = []
    const report = (error: unknown) => reported.push(error)
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', report)
    try {
      const destroy = (n: number) => {
        throw new Error(`${n}`)
      }
      let made = 0
      const pool = new Pool({ create: () => ++made, destroy, max: 2, maxUses: 1 })
      for (let i = 0; i < 3; i++) await pool.use(() => {})
      await pool.close()
      await flush()
      expect(reported.map(error => (error as Error).message)).toEqual(['1', '2', '3'])
    } finally {
      process.off('unhandledRejection', report)
      for (const listener of others) process.on('unhandledRejection', listener)
    }
  })

  test('that releases another lease while the pool closes: that is destroyed as well', async () => {
    const destroyed: number[] = []
    let made = 0
    const pool = new Pool({
      create: () => ++made,
      destroy: n => {
        destroyed.push(n)
        held.release()
      },
      max: 2
    })
    const idle = await pool.acquire()
    const held = await pool.acquire()
    idle.release()
    await pool.close()
    expect([destroyed, pool.size]).toEqual([[1, 2], 0])
  })

  test.each(['abort', 'cancelWaiters', 'close', 'acquire'])('that calls %s in the middle of a grant', async act => {
    // It grows too old between coming back and being lent to the waiter, so `destroy` is called just then.
    let now = 0
    let tick = 0
    vi.spyOn(performance, 'now').mockImplementation(() => {
      now += tick
      return now
    })
    let made = 0
    const controller = new AbortController()
    const inner: Promise<unknown>[] = []
    let armed = false
    const pool: Pool<number> = new Pool<number>({
      create: () => ++made,
      destroy: () => {
        if (!armed) return
        armed = false
        if (act === 'abort') controller.abort(new Error('given up'))
        else if (act === 'cancelWaiters') pool.cancelWaiters()
        else if (act === 'close') void pool.close()
        else inner.push(pool.use(() => {}))
      },
      max: 2,
      maxAge: 1_000_000
    })
    const [first, second] = [await pool.acquire(), await pool.acquire()]
    const seen = [pool.use(() => 1, { signal: controller.signal }), pool.use(() => 2)].map(promise => watch(promise))
    armed = true
    now = 999_000
    tick = 600
    first.release() // young enough to be kept, too old to be lent
    expect(armed).toBe(false)
    second.release()
    await flush()
    await Promise.allSettled(inner)
    await flush()
    expect(seen.map(({ state }) => state)).not.toContain('pending')
    expect([pool.waiting, pool.pending, pool.size - pool.idle, pool.size <= 2]).toEqual([0, 0, 0, true])
    await pool.close()
    expect(pool.size).toBe(0)
  })
})

test('a predicate that throws leaves the lock with its holder', async () => {
  const mutex = new Mutex()
  const condition = new Condition(mutex)
  const failure = new Error('from the predicate')
  for (const predicate of [
    () => {
      throw failure
    },
    () => Promise.reject(failure)
  ]) {
    const lock = await mutex.acquire()
    await expect(condition.waitFor(lock, predicate)).rejects.toBe(failure)
    let looked = 0
    const waiting = watch(condition.waitFor(lock, () => (looked++ === 0 ? false : predicate())))
    await flush()
    condition.notify()
    await flush()
    expect([waiting.reason, lock.held, mutex.locked]).toEqual([failure, true, true])
    lock.release()
    expect(mutex.locked).toBe(false)
  }
})

describe('clocks', () => {
  const hour = 3_600_000

  test.each([-hour, hour])('a wall clock that is moved by %d ms changes no timeout', async by => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const lock = await mutex.acquire()
    const pool = new Pool({ create: () => 'r', max: 1 })
    const lease = await pool.acquire()
    const waitFor = async () => await condition.waitFor(lock, () => false, { timeout: 5000 })
    const acquire = async () => await pool.acquire({ timeout: 5000 })
    const seen = [waitFor() as Promise<unknown>, acquire()].map(promise => watch(promise))
    await flush()
    vi.setSystemTime(Date.now() + by)
    condition.notify() // it looks again
    vi.advanceTimersByTime(4999)
    await flush()
    expect(seen.map(({ state }) => state)).toEqual(['pending', 'pending'])
    vi.advanceTimersByTime(1)
    await flush()
    expect(seen.map(({ reason }) => (reason as { code?: string }).code)).toEqual([
      'ERR_LOCK_TIMEOUT',
      'ERR_LOCK_TIMEOUT'
    ])
    for (const { reason } of seen) expect((reason as Error).stack).toContain('pool.test.ts')
    lease.release()
  })

  test('a pool follows the timers of node:test, which leave performance.now alone', async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const destroyed: string[] = []
    const create = () => 'r'
    const destroy = (resource: string) => void destroyed.push(resource)
    const pool = new Pool({ create, destroy, max: 1, idleTimeout: 1000 })
    const old = new Pool({ create: () => 'old', destroy, max: 1, maxAge: 1000 })
    ;(await pool.acquire()).release()
    mock.timers.tick(999)
    expect(destroyed).toEqual([])
    mock.timers.tick(1)
    expect(destroyed).toEqual(['r'])
    const lease = await old.acquire()
    mock.timers.tick(1000)
    expect(destroyed).toEqual(['r']) // nothing is taken from its holder
    lease.release()
    expect(destroyed).toEqual(['r', 'old'])
  })
})

describe('the async context', () => {
  test('an idle timer keeps no store of a request alive, and destroy runs in none', async () => {
    const storage = new AsyncLocalStorage<{ request: number }>()
    const stores: unknown[] = []
    let done!: () => void
    const ended = new Promise<void>(resolve => {
      done = resolve
    })
    const pool = new Pool({
      create: () => ({}),
      destroy: () => {
        stores.push(storage.getStore())
        done()
      },
      max: 2,
      idleTimeout: 30,
      maxAge: 100_000
    })
    let ref!: WeakRef<object>
    const request = async () => {
      const store = { request: 1 }
      ref = new WeakRef(store)
      await storage.run(store, () => pool.use(() => {}))
    }
    await request()
    await flush()
    await flush()
    globalThis.gc!()
    await flush()
    globalThis.gc!()
    expect(ref.deref()).toBeUndefined()
    const keepAlive = setInterval(() => {}, 1000) // the pool's own timer does not
    await ended
    clearInterval(keepAlive)
    expect(stores).toEqual([undefined])
  })
})
