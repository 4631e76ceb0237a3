// What a KeyedMutex does, as examples. Each names the guarantee of docs/guarantees.md that it shows.

import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import { KeyedMutex, LockClosedError, LockTimeoutError, QueueFullError } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { deferred, flush, watch } from '../fixtures/settle.js'

afterEach(() => {
  vi.useRealTimers()
})

describe('one key', () => {
  test('keys do not wait for each other; one key is handed over in order', async () => {
    const locks = new KeyedMutex<string>()
    const a = await locks.acquire('a')
    const b = await locks.acquire('b')
    const a2 = locks.acquire('a')
    expect([locks.isLocked('a'), locks.isLocked('b'), locks.isLocked('c')]).toEqual([true, true, false])
    expect([locks.waitingFor('a'), locks.waitingFor('b'), locks.waiting, locks.size]).toEqual([1, 0, 1, 2])
    expect(locks.waitingFor('nobody has it')).toBe(0)
    expect([...locks.keys()]).toEqual(['a', 'b'])
    expect(locks.tryAcquire('a')).toBeUndefined()
    a.release()
    expect(locks.tryAcquire('a')).toBeUndefined()
    ;(await a2).release()
    b.release()
    expect([locks.size, locks.waiting]).toEqual([0, 0])
  })

  test('keys are compared as a Map compares them', () => {
    const locks = new KeyedMutex<unknown>()
    const object = {}
    for (const key of [NaN, 0, undefined, null, object, '']) expect(locks.tryAcquire(key)).toBeDefined()
    for (const key of [NaN, -0, undefined, null, object, '']) expect(locks.tryAcquire(key)).toBeUndefined()
    expect(locks.tryAcquire({})).toBeDefined()
  })

  test('an idle key leaves nothing behind, whichever way it became idle (G10)', async () => {
    vi.useFakeTimers()
    const locks = new KeyedMutex<string>()
    await locks.runExclusive('a', async () => {})
    await expect(locks.acquire('a', { signal: AbortSignal.abort('no') })).rejects.toBe('no')
    expect(() => locks.acquire('a', { timeout: -1 })).toThrow(RangeError)
    expect(() => locks.runExclusive('a', 1 as never)).toThrow(TypeError)
    const lock = await locks.acquire('a')
    const late = locks.acquire('a', { timeout: 5 })
    const settled = expect(late).rejects.toBeInstanceOf(LockTimeoutError)
    await vi.advanceTimersByTimeAsync(5)
    await settled
    lock.release()
    await expect(
      locks.runExclusive('a', () => {
        throw new Error('task')
      })
    ).rejects.toThrow('task')
    expect(locks.size).toBe(0)
    expect(inspect(locks)).toBe('KeyedMutex { 0 keys }')
  })

  test('a lock that was released cannot touch the key again, even after the key was idle (G4)', async () => {
    const locks = new KeyedMutex<string>()
    const old = await locks.acquire('a')
    old.release()
    const current = await locks.acquire('a')
    old.release()
    expect(current.held).toBe(true)
    expect(locks.tryAcquire('a')).toBeUndefined()
    current.release()
    expect(locks.size).toBe(0)
  })

  test('messages name the mutex and the key', async () => {
    const locks = new KeyedMutex<string>({ name: 'users', maxWaiting: 1 })
    await locks.acquire('alice')
    await expect(locks.acquire('alice', { timeout: 0 })).rejects.toThrow(
      'KeyedMutex "users" key "alice": would have to wait'
    )
    void locks.acquire('alice').catch(() => {})
    await expect(locks.acquire('alice')).rejects.toThrow(QueueFullError)
    expect(inspect(locks)).toBe('KeyedMutex "users" { 1 key, 1 waiting }')
    const other = await locks.acquire('bob')
    void locks.acquire('bob').catch(() => {}) // maxWaiting counts for each key
    expect(locks.waiting).toBe(2)
    other.release()
    locks.cancelWaiters()
  })

  test('a queued task runs in the async context of its caller (G8)', async () => {
    const locks = new KeyedMutex<string>()
    const storage = new AsyncLocalStorage<string>()
    const holder = await locks.acquireMany(['a', 'b'])
    const seen = [
      storage.run('one', () => locks.runExclusive('a', () => storage.getStore())),
      storage.run('many', () => locks.runExclusiveMany(['a', 'b'], () => storage.getStore()))
    ]
    storage.run('releaser', () => holder.release())
    expect(await Promise.all(seen)).toEqual(['one', 'many'])
  })
})

describe('many keys', () => {
  test('all are taken together under one lock, and given back together', async () => {
    const locks = new KeyedMutex<string>()
    const lock = await locks.acquireMany(['a', 'b', 'a'])
    expect([...locks.keys()]).toEqual(['a', 'b'])
    const a = locks.acquire('a')
    const b = locks.acquire('b')
    lock.release()
    lock.release()
    ;(await a).release()
    ;(await b).release()
    expect(locks.size).toBe(0)
  })

  test('crossing orders of keys cannot deadlock', async () => {
    const locks = new KeyedMutex<number>()
    const order: number[] = []
    const keys = [
      [1, 2],
      [2, 1],
      [2, 3, 1],
      [3, 1],
      [1, 3, 2]
    ]
    await Promise.all(keys.map((set, n) => locks.runExclusiveMany(set, () => flush().then(() => order.push(n)))))
    expect(order).toEqual([0, 1, 2, 3, 4])
    expect(locks.size).toBe(0)
  })

  test('a claim that is first at a free key keeps its place there, and holds nothing (G2)', async () => {
    const locks = new KeyedMutex<string>()
    const b = await locks.acquire('b')
    const both = watch(locks.acquireMany(['a', 'b']))
    expect(locks.isLocked('a')).toBe(true)
    expect(locks.tryAcquire('a')).toBeUndefined()
    const a = watch(locks.acquire('a'))
    expect([locks.waiting, locks.waitingFor('a'), locks.waitingFor('b')]).toEqual([2, 2, 1])
    await flush()
    expect([both.state, a.state]).toEqual(['pending', 'pending'])
    b.release()
    await flush()
    expect([both.state, a.state]).toEqual(['resolved', 'pending'])
    both.value?.release()
    await flush()
    a.value?.release()
    expect(locks.size).toBe(0)
  })

  test('a claim that gives up lets those behind it run at once (G3, G5)', async () => {
    const locks = new KeyedMutex<string>()
    const controller = new AbortController()
    const b = await locks.acquire('b')
    const both = locks.acquireMany(['a', 'b', 'c'], { signal: controller.signal })
    const a = locks.acquire('a')
    const c = locks.acquireMany(['c', 'a'])
    controller.abort('no')
    await expect(both).rejects.toBe('no')
    ;(await a).release()
    ;(await c).release()
    b.release()
    expect([locks.size, locks.waiting]).toEqual([0, 0])
  })

  test('a higher priority overtakes a waiting claim and cannot deadlock with it', async () => {
    const locks = new KeyedMutex<string>()
    const order: string[] = []
    const b = await locks.acquire('b')
    const low = locks.runExclusiveMany(['a', 'b'], () => void order.push('low'))
    const high = locks.runExclusiveMany(['a', 'b'], () => void order.push('high'), { priority: 1 })
    const single = locks.runExclusive('a', () => void order.push('single'), { priority: 2 })
    await single
    b.release()
    await Promise.all([low, high])
    expect(order).toEqual(['single', 'high', 'low'])
    expect(locks.size).toBe(0)
  })

  test('timeouts, limits and an empty set', async () => {
    vi.useFakeTimers()
    const locks = new KeyedMutex<string>({ name: 'n', maxWaiting: 1 })
    const none = await locks.acquireMany([])
    expect([none.held, locks.size]).toEqual([true, 0])
    none.release()
    const a = await locks.acquire('a')
    await expect(locks.acquireMany(['a', 'b'], { timeout: 0 })).rejects.toThrow('KeyedMutex "n" keys "a", "b"')
    expect(locks.isLocked('b')).toBe(false)
    const late = watch(locks.acquireMany(new Set(['a', 'b']), { timeout: 50 }))
    await expect(locks.acquireMany(['b', 'a'])).rejects.toBeInstanceOf(QueueFullError)
    await vi.advanceTimersByTimeAsync(50)
    expect(late.reason).toBeInstanceOf(LockTimeoutError)
    expect([...locks.keys()]).toEqual(['a'])
    expect(locks.tryAcquireMany(['a', 'b'])).toBeUndefined()
    a.release()
    const now = locks.tryAcquireMany(['a', 'b'])
    expect(locks.size).toBe(2)
    now?.release()
    expect(locks.size).toBe(0)
  })

  test('the array of the caller is never changed', async () => {
    const locks = new KeyedMutex<number>()
    const keys = Object.freeze([3, 1, 3, 2])
    await locks.runExclusiveMany(keys, () => expect([...locks.keys()]).toEqual([3, 1, 2]))
    expect(keys).toEqual([3, 1, 3, 2])
  })
})

describe('ending', () => {
  test('cancelWaiters sends away single waiters and claims alike, and lets nobody slip in', async () => {
    const locks = new KeyedMutex<string>()
    const b = await locks.acquire('b')
    const waiters = [
      locks.acquireMany(['a', 'b']),
      locks.acquire('a'),
      locks.runExclusive('b', () => 1),
      locks.acquireMany(['c', 'a'])
    ]
    locks.cancelWaiters('away')
    expect(await Promise.allSettled(waiters)).toEqual(waiters.map(() => ({ status: 'rejected', reason: 'away' })))
    expect([[...locks.keys()], locks.waiting]).toEqual([['b'], 0])
    b.release()
    expect(locks.size).toBe(0)
  })

  test('close waits for the holders of all keys', async () => {
    const locks = new KeyedMutex<string>({ name: 'users' })
    const task = deferred()
    const running = locks.runExclusive('a', () => task.promise)
    const many = await locks.acquireMany(['b', 'c'])
    const waiter = locks.acquire('a')
    const closed = watch(locks.close())
    await expect(waiter).rejects.toBeInstanceOf(LockClosedError)
    await expect(locks.acquire('new')).rejects.toThrow('KeyedMutex "users": closed')
    await expect(locks.runExclusive('a', () => 1)).rejects.toBeInstanceOf(LockClosedError)
    await expect(locks.acquireMany(['x', 'y'])).rejects.toBeInstanceOf(LockClosedError)
    expect([locks.tryAcquire('z'), locks.tryAcquireMany(['z'])]).toEqual([undefined, undefined])
    many.release()
    await flush()
    expect(closed.state).toBe('pending')
    task.resolve()
    await running
    await flush()
    expect(closed.state).toBe('resolved')
    expect(inspect(locks)).toBe('KeyedMutex "users" { closed, 0 keys }')
  })

  test('whenFree waits until no key is locked', async () => {
    const locks = new KeyedMutex<string>()
    const a = await locks.acquire('a')
    const free = watch(locks.whenFree())
    const b = await locks.acquire('b')
    a.release()
    await flush()
    expect(free.state).toBe('pending')
    b.release()
    await flush()
    expect(free.state).toBe('resolved')
  })
})

test('an observer hears of keys, and of a claim as one request', async () => {
  const told: string[] = []
  const tell = (event: string) => (request: { keys: readonly unknown[] }) =>
    void told.push(`${event} ${request.keys.join('+')}`)
  const observer = {
    queued: tell('queued'),
    granted: tell('granted'),
    released: tell('released'),
    abandoned: tell('abandoned')
  }
  const locks = new KeyedMutex<string>({ observer })
  const a = await locks.acquire('a')
  const many = locks.runExclusiveMany(['a', 'b'], () => {})
  a.release()
  await many
  ;(await locks.acquireMany(['c', 'd'])).release()
  await locks.acquire('e', { signal: AbortSignal.abort() }).catch(() => {})
  expect(told).toEqual([
    'granted a',
    'queued a+b',
    'released a',
    'granted a+b',
    'released a+b',
    'granted c+d',
    'released c+d',
    'abandoned e'
  ])
})
