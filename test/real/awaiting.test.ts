// What a task returns is awaited in one way, asked once, and the lock is released whatever it is.

import { KeyedMutex, Lazy, Mutex, Pool, ReadWriteLock, Semaphore, SingleFlight } from 'latchkey'
import { describe, expect, test } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'

type Run = (task: () => unknown) => Promise<unknown>

const runs: Record<string, () => { run: Run; lock?: () => { release(): void }; isFree: () => boolean }> = {
  'Mutex.runExclusive': () => {
    const mutex = new Mutex()
    return { run: task => mutex.runExclusive(task), lock: () => mutex.tryAcquire()!, isFree: () => !mutex.locked }
  },
  'Mutex.runExclusive, with options': () => {
    const mutex = new Mutex()
    const run: Run = task => mutex.runExclusive(task, { timeout: 60_000, priority: 1 })
    return { run, lock: () => mutex.tryAcquire()!, isFree: () => !mutex.locked }
  },
  'Mutex.wrap': () => {
    const mutex = new Mutex()
    return { run: task => mutex.wrap(task)(), lock: () => mutex.tryAcquire()!, isFree: () => !mutex.locked }
  },
  'KeyedMutex.runExclusive': () => {
    const mutex = new KeyedMutex()
    const run: Run = task => mutex.runExclusive('a', task)
    return { run, lock: () => mutex.tryAcquire('a')!, isFree: () => mutex.size === 0 }
  },
  'KeyedMutex.runExclusiveMany': () => {
    const mutex = new KeyedMutex()
    const run: Run = task => mutex.runExclusiveMany(['a', 'b'], task)
    return { run, lock: () => mutex.tryAcquire('a')!, isFree: () => mutex.size === 0 }
  },
  'Semaphore.run': () => {
    const semaphore = new Semaphore(1)
    return {
      run: task => semaphore.run(task),
      lock: () => semaphore.tryAcquire()!,
      isFree: () => semaphore.available === 1
    }
  },
  'ReadWriteLock.runRead': () => {
    const lock = new ReadWriteLock()
    return { run: task => lock.runRead(task), lock: () => lock.tryAcquireWrite()!, isFree: () => lock.readers === 0 }
  },
  'ReadWriteLock.runWrite': () => {
    const lock = new ReadWriteLock()
    return { run: task => lock.runWrite(task), lock: () => lock.tryAcquireWrite()!, isFree: () => !lock.writing }
  },
  'SingleFlight.run': () => {
    const flights = new SingleFlight()
    return { run: task => flights.run('a', task), isFree: () => flights.size === 0 }
  },
  'Lazy.get': () => ({ run: task => new Lazy(task).get(), isFree: () => true })
}

const failing = () => {
  throw new Error('from then')
}
/** What a task returns, and what comes of it. */
const results: Record<string, [make: () => unknown, outcome: unknown]> = {
  'a native promise whose then throws': [() => Object.assign(Promise.resolve(7), { then: failing }), 7],
  'a native promise whose then never calls back': [() => Object.assign(Promise.resolve(7), { then: () => {} }), 7],
  'a native promise whose then cannot be read': [
    () => Object.defineProperty(Promise.resolve(7), 'then', { get: failing }),
    7
  ],
  'a rejected native promise whose then throws': [
    () => Object.assign(Promise.reject(new Error('failed')), { then: failing }),
    'failed'
  ],
  'a thenable': [() => ({ then: (resolve: (value: number) => void) => resolve(7) }), 7],
  'a thenable that throws': [() => ({ then: failing }), 'from then'],
  'a thenable whose then cannot be read': [() => Object.defineProperty({}, 'then', { get: failing }), 'from then'],
  'a function with a then': [
    () => Object.assign(() => {}, { then: (resolve: (value: number) => void) => resolve(7) }),
    7
  ],
  'a promise of a subclass': [() => class Own<T> extends Promise<T> {}.resolve(7), 7],
  'a plain value': [() => 7, 7]
}

describe.each(Object.entries(runs))('%s', (_, make) => {
  describe.each(Object.entries(results))('%s', (_, [result, outcome]) => {
    test.each([false, true])('contended: %s', async contended => {
      const { run, lock, isFree } = make()
      const held = contended ? lock?.() : undefined
      const seen = [watch(run(result)), ...(lock ? [watch(run(result))] : [])]
      held?.release()
      await flush()
      await flush()
      for (const { state, value, reason } of seen)
        expect([state, state === 'resolved' ? value : (reason as Error).message]).toEqual([
          outcome === 7 ? 'resolved' : 'rejected',
          outcome
        ])
      expect(isFree()).toBe(true)
    })
  })

  test('asks a thenable for its then once', async () => {
    const { run, lock } = make()
    const held = lock?.()
    let asked = 0
    const thenable = {
      get then() {
        asked++
        return (resolve: (value: number) => void) => resolve(7)
      }
    }
    const running = run(() => thenable)
    held?.release()
    expect([await running, asked]).toEqual([7, 1])
  })
})

test('Pool.use, free and contended', async () => {
  for (const [result, outcome] of Object.values(results)) {
    const pool = new Pool({ create: () => 'r', max: 1 })
    const seen = [watch(pool.use(result)), watch(pool.use(result)), watch(pool.use(result))]
    await flush()
    await flush()
    expect(seen.map(({ value, reason }) => value ?? (reason as Error).message)).toEqual([outcome, outcome, outcome])
    expect([pool.idle, pool.size]).toEqual([1, 1])
  }
})
