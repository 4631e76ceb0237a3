// G9 and G10 at the size where they matter: a million waiters, a hundred thousand on one signal, a million keys. Nothing is
// timed: that these end at all shows that no step is quadratic and no stack deep (linear.test.ts counts the steps). What
// must be gone is asked of the garbage collector.

import { KeyedMutex, Mutex, WaiterQueue } from 'latchkey'
import { describe, expect, test } from 'vitest'
import { microtasks, watchRejections } from './settings.js'
import { foreignSignal, platformSignal } from './signals.js'

const unhandled = watchRejections()

const MILLION = 1_000_000
const MANY = 100_000
const givenUp = new Error('given up')

/** Reasons of rejections, counted, so that a hundred thousand promises need no list. */
function counter() {
  const counts = new Map<unknown, number>()
  return {
    counts,
    count: (reason: unknown) => {
      counts.set(reason, (counts.get(reason) ?? 0) + 1)
    }
  }
}

describe('a million waiters', () => {
  test('queue and drain with acquire, in order', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    let served = 0
    let inOrder = true
    for (let i = 0; i < MILLION; i++)
      mutex.acquire().then(lock => {
        if (i !== served++) inOrder = false
        lock.release()
      })
    expect(mutex.waiting).toBe(MILLION)
    first.release()
    await microtasks()
    expect({ served, inOrder, locked: mutex.locked, waiting: mutex.waiting }).toEqual({
      served: MILLION,
      inOrder: true,
      locked: false,
      waiting: 0
    })
  })

  test('queue and drain with runExclusive, in order', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    let served = 0
    let inOrder = true
    for (let i = 0; i < MILLION; i++)
      mutex.runExclusive(() => {
        if (i !== served++) inOrder = false
      })
    expect(mutex.waiting).toBe(MILLION)
    first.release()
    await microtasks()
    expect({ served, inOrder, locked: mutex.locked, waiting: mutex.waiting }).toEqual({
      served: MILLION,
      inOrder: true,
      locked: false,
      waiting: 0
    })
  })

  test('a hundred thousand are sent away by one cancelWaiters', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    const { counts, count } = counter()
    for (let i = 0; i < MANY; i += 2) {
      mutex.acquire().catch(count)
      mutex.runExclusive(() => {}).catch(count)
    }
    mutex.cancelWaiters(givenUp)
    expect(mutex.waiting).toBe(0)
    await microtasks()
    expect([...counts]).toEqual([[givenUp, MANY]])
    first.release()
    expect(mutex.locked).toBe(false)
  })
})

describe('a hundred thousand waiters on one signal', () => {
  async function crowd(newSignal = platformSignal) {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    const shared = newSignal()
    const { counts, count } = counter()
    const join = (signal: AbortSignal) => {
      mutex
        .acquire({ signal })
        .then(lock => {
          count('served')
          lock.release()
        })
        .catch(count)
    }
    return { mutex, first, shared, counts, join }
  }

  test.each([
    { make: 'platform', newSignal: platformSignal },
    { make: 'foreign', newSignal: foreignSignal }
  ])('share one listener; an abort sends them all away and leaves none ($make signal)', async ({ newSignal }) => {
    const { mutex, first, shared, counts, join } = await crowd(newSignal)
    for (let i = 0; i < MANY; i++) join(shared.signal)
    expect({ listeners: shared.listeners, added: shared.added, waiting: mutex.waiting }).toEqual({
      listeners: 1,
      added: 1,
      waiting: MANY
    })
    shared.abort(givenUp)
    expect({ listeners: shared.listeners, waiting: mutex.waiting }).toEqual({ listeners: 0, waiting: 0 })
    await microtasks()
    expect([...counts]).toEqual([[givenUp, MANY]])
    first.release()
    expect(mutex.locked).toBe(false)
  })

  test('share one listener; when all are served none is left', async () => {
    const { mutex, first, shared, counts, join } = await crowd()
    for (let i = 0; i < MANY; i++) join(shared.signal)
    first.release()
    await microtasks()
    expect([...counts]).toEqual([['served', MANY]])
    expect({ listeners: shared.listeners, added: shared.added, locked: mutex.locked }).toEqual({
      listeners: 0,
      added: 1,
      locked: false
    })
  })

  test.each([
    { which: 'first', index: 0 },
    { which: 'middle', index: MANY / 2 },
    { which: 'last', index: MANY - 1 }
  ])('the $which of them may leave by itself', async ({ index }) => {
    const { mutex, first, shared, counts, join } = await crowd()
    const own = platformSignal()
    for (let i = 0; i < MANY; i++) join(i === index ? own.signal : shared.signal)
    own.abort(givenUp)
    expect({ own: own.listeners, shared: shared.listeners, waiting: mutex.waiting }).toEqual({
      own: 0,
      shared: 1,
      waiting: MANY - 1
    })
    first.release()
    await microtasks()
    expect(Object.fromEntries(counts)).toEqual({ [String(givenUp)]: 1, served: MANY - 1 })
    expect({ shared: shared.listeners, locked: mutex.locked, waiting: mutex.waiting }).toEqual({
      shared: 0,
      locked: false,
      waiting: 0
    })
  })

  test('a release amid the abort passes over all of them without a deep stack', async () => {
    const { mutex, first, shared, counts, join } = await crowd()
    shared.signal.addEventListener('abort', () => first.release())
    for (let i = 0; i < MANY; i++) join(shared.signal)
    const patient = mutex.acquire()
    shared.abort(givenUp)
    using lock = await patient
    await microtasks()
    expect([lock.held, ...counts]).toEqual([true, [givenUp, MANY]])
  })

  test('many keys each: an abort sends all of them away', async () => {
    const mutex = new KeyedMutex<string>()
    const first = await mutex.acquire('a')
    const shared = platformSignal()
    const { counts, count } = counter()
    for (let i = 0; i < MANY / 10; i++) mutex.acquireMany(['a', 'b'], { signal: shared.signal }).catch(count)
    const patient = mutex.acquire('b')
    expect(shared.added).toBe(1)
    shared.abort(givenUp)
    using lock = await patient
    await microtasks()
    expect([lock.held, ...counts]).toEqual([true, [givenUp, MANY / 10]])
    expect({ listeners: shared.listeners, waiting: mutex.waiting }).toEqual({ listeners: 0, waiting: 0 })
    first.release()
    lock.release()
    expect(mutex.size).toBe(0)
  })
})

describe('a long chain has no deep stack', () => {
  test('of tasks that throw', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    const { counts, count } = counter()
    const fail = () => {
      throw givenUp
    }
    for (let i = 0; i < MANY; i++) mutex.runExclusive(fail).catch(count)
    first.release()
    await microtasks()
    expect([...counts, mutex.locked]).toEqual([[givenUp, MANY], false])
  })

  test('of tasks that release before they end', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    let ended = 0
    for (let i = 0; i < MANY; i++)
      mutex.runExclusive(lock => {
        lock.release()
        ended++
      })
    first.release()
    await microtasks()
    expect([ended, mutex.locked]).toEqual([MANY, false])
  })

  test('of tasks that abort before they start', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    const { signal, abort } = platformSignal()
    const { counts, count } = counter()
    mutex.runExclusive(() => abort(givenUp))
    for (let i = 0; i < MANY; i++) mutex.runExclusive(() => count('ran'), { signal }).catch(count)
    first.release()
    await microtasks()
    expect([...counts, mutex.locked]).toEqual([[givenUp, MANY], false])
  })

  test('of many keys at a time', async () => {
    const mutex = new KeyedMutex<number>()
    let served = 0
    for (let i = 0; i < MANY / 10; i++) mutex.runExclusiveMany([i, i + 1], () => served++)
    await microtasks()
    expect([served, mutex.size, mutex.waiting]).toEqual([MANY / 10, 0, 0])
  })

  test('of grants and leaving in a waiter queue', async () => {
    const { signal, abort } = platformSignal()
    const { counts, count } = counter()
    const queue: WaiterQueue<void> = new WaiterQueue<void>({
      onLeave: () => {
        queue.grant()
      }
    })
    for (let i = 0; i < MANY; i++) queue.wait({ signal }).then(count, count)
    abort(givenUp)
    await microtasks()
    expect([...counts, queue.size]).toEqual([[givenUp, MANY], 0])
  })
})

describe('nothing is left', () => {
  const used = () => {
    gc!()
    return process.memoryUsage().heapUsed
  }

  test('of a million keys, used one after another', async () => {
    const mutex = new KeyedMutex<number>()
    const use = async (from: number, to: number) => {
      for (let key = from; key < to; key++) mutex.tryAcquire(key)!.release()
      await mutex.runExclusive(from, () => {})
    }
    await use(0, 1000)
    const before = used()
    await use(1000, MILLION)
    expect([mutex.size, ...mutex.keys()]).toEqual([0])
    // A byte for each key would show.
    expect(used() - before).toBeLessThan(MILLION)
  })

  test('of a hundred thousand keys, used at once', async () => {
    const mutex = new KeyedMutex<number>()
    const round = async () => {
      const locks = Array.from({ length: MANY }, (_, key) => mutex.tryAcquire(key)!)
      const waiting = Promise.all(Array.from({ length: MANY }, (_, key) => mutex.runExclusive(key, () => {})))
      expect([mutex.size, mutex.waiting]).toEqual([MANY, MANY])
      for (const lock of locks) lock.release()
      await waiting
    }
    const before = used()
    await round()
    expect([mutex.size, ...mutex.keys()]).toEqual([0])
    expect(used() - before).toBeLessThan(MILLION)
  })

  test('of a million waiters', async () => {
    const mutex = new Mutex()
    const round = async (waiters: number) => {
      const lock = await mutex.acquire()
      for (let i = 0; i < waiters; i++) mutex.runExclusive(() => {})
      for (let i = 0; i < waiters; i++) mutex.acquire({ priority: i % 3 }).then(lock => lock.release())
      lock.release()
      await microtasks()
    }
    await round(10)
    const before = used()
    await round(MILLION / 4)
    expect([mutex.locked, mutex.waiting]).toEqual([false, 0])
    expect(used() - before).toBeLessThan(MILLION)
  })

  /** Whether each of the objects that `use` makes and names can be collected once `use` has ended. */
  async function collected(use: (mark: <T extends object>(name: string, object: T) => T) => Promise<void>) {
    const marked = new Map<string, WeakRef<object>>()
    await use((name, object) => {
      marked.set(name, new WeakRef(object))
      return object
    })
    // An object that was looked at in this turn of the event loop stays until the next.
    await microtasks()
    gc!()
    return [...marked].filter(([, ref]) => ref.deref() !== undefined).map(([name]) => name)
  }

  test('of those who were served: locks, tasks, results, signals, options', async () => {
    const mutex = new Mutex()
    const keyed = new KeyedMutex<object>()
    const left = await collected(async mark => {
      const { signal } = mark('controller', new AbortController())
      mark('signal', signal)
      const key = mark('key', {})
      const first = mark('first lock', await mutex.acquire(mark('options', { signal })))
      const firstOfKey = mark('lock of the key', await keyed.acquire(key))
      const waits = [
        mutex.runExclusive(mark('task', () => mark('result', {}))),
        mutex.runExclusive(
          mark('task with signal', async () => {}),
          { signal, timeout: 1_000_000 }
        ),
        mutex.acquire({ signal }).then(lock => mark('second lock', lock).release()),
        keyed.runExclusive(
          key,
          mark('task of the key', () => {})
        ),
        keyed.runExclusiveMany(
          [key, mark('other key', {})],
          mark('task of many keys', () => {}),
          { signal }
        )
      ]
      first.release()
      firstOfKey.release()
      await Promise.all(waits)
    })
    expect(left).toEqual([])
    expect([mutex.locked, keyed.size]).toEqual([false, 0])
  })

  test('of those who left, though others stay in line before and behind them', async () => {
    const mutex = new Mutex()
    const keyed = new KeyedMutex<string>()
    const lock = await mutex.acquire()
    const lockOfKey = await keyed.acquire('a')
    const staying = [mutex.acquire(), keyed.acquireMany(['a', 'b'])]
    const left = await collected(async mark => {
      const controller = mark('controller', new AbortController())
      const { signal } = controller
      mark('signal', signal)
      const waits = [
        mutex.acquire(mark('options', { signal })),
        mutex.runExclusive(
          mark('task', () => {}),
          { signal }
        ),
        keyed.acquireMany(['a', 'b'], { signal }),
        keyed.runExclusiveMany(
          ['b', 'a'],
          mark('task of many keys', () => {}),
          { signal }
        ),
        mutex.whenFree({ signal })
      ]
      staying.push(mutex.acquire(), keyed.acquire('b'))
      for (const [i, wait] of waits.entries()) mark(`promise ${i}`, wait)
      controller.abort(mark('reason', new Error('given up')))
      await Promise.allSettled(waits)
    })
    expect(left).toEqual([])
    lock.release()
    lockOfKey.release()
    for (const promise of staying) (await promise).release()
    expect([mutex.locked, keyed.size]).toEqual([false, 0])
  })

  test('of an idle lock itself', async () => {
    const left = await collected(async mark => {
      const mutex = mark('mutex', new Mutex())
      const keyed = mark('keyed mutex', new KeyedMutex<string>())
      const { signal } = new AbortController()
      const locks = [await mutex.acquire({ signal }), await keyed.acquire('a')]
      const waits = [
        mutex.runExclusive(() => {}, { signal, timeout: 1_000_000 }),
        keyed.runExclusiveMany(['a', 'b'], () => {}, { signal, timeout: 1_000_000 }),
        mutex.whenFree({ signal, timeout: 1_000_000 }),
        keyed.whenFree()
      ]
      for (const lock of locks) lock.release()
      await Promise.all(waits)
    })
    expect(left).toEqual([])
  })
})

test('nothing was rejected without being handled', () => {
  expect(unhandled).toEqual([])
})
