// What async-mutex documents, asked of the package itself and of `latchkey/compat/async-mutex`: a program cannot tell one from
// the other. Then the differences, each shown for both; they are the rows of the table in docs/migration/async-mutex.md.

import * as theirs from 'async-mutex'
import fc from 'fast-check'
import * as ours from 'latchkey/compat/async-mutex'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

type MutexInterface = ours.MutexInterface
interface Module
  extends Pick<typeof ours, 'withTimeout' | 'tryAcquire' | 'E_TIMEOUT' | 'E_ALREADY_LOCKED' | 'E_CANCELED'> {
  readonly Mutex: new (cancelError?: Error) => MutexInterface
}

const modules: [string, Module][] = [
  ['async-mutex', theirs],
  ['latchkey/compat/async-mutex', ours]
]

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Lets everything run that needs no time. */
const settle = () => vi.advanceTimersByTimeAsync(0)

/** How a promise stands, and what it was settled with. */
function watch(promise: Promise<unknown>) {
  const seen: { state: 'pending' | 'resolved' | 'rejected'; value: unknown } = { state: 'pending', value: undefined }
  promise.then(
    value => Object.assign(seen, { state: 'resolved', value }),
    value => Object.assign(seen, { state: 'rejected', value })
  )
  return seen
}

describe.each(modules)('%s', (module, { Mutex, withTimeout, tryAcquire, E_TIMEOUT, E_ALREADY_LOCKED, E_CANCELED }) => {
  const twice = (cancelError?: Error) => withTimeout(withTimeout(new Mutex(cancelError), 500), 900)

  describe.each<readonly [string, (cancelError?: Error) => MutexInterface]>([
    ['a mutex', cancelError => new Mutex(cancelError)],
    ['a mutex with a timeout', cancelError => withTimeout(new Mutex(cancelError), 500)],
    // There the view of a view takes priorities for weights.
    ...(module === 'async-mutex' ? [] : [['a mutex with two timeouts', twice] as const])
  ])('%s', (_, create) => {
    let mutex: MutexInterface
    beforeEach(() => {
      mutex = create()
    })

    test('has one holder at a time, in order of arrival', async () => {
      const order: string[] = []
      const use = async (name: string) => {
        const release = await mutex.acquire()
        order.push(`${name} in`)
        await new Promise(resolve => setTimeout(resolve, 10))
        order.push(`${name} out`)
        release()
      }
      void use('a')
      void use('b')
      void use('c')
      await vi.advanceTimersByTimeAsync(100)
      expect(order).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
      expect(mutex.isLocked()).toBe(false)
    })

    test.each(['acquire', 'runExclusive'] as const)(
      '%s lets higher priorities go first, in order within one',
      async by => {
        const order: string[] = []
        const ask = (name: string, priority?: number) => {
          if (by === 'runExclusive') void mutex.runExclusive(() => void order.push(name), priority)
          else
            void mutex.acquire(priority).then(release => {
              order.push(name)
              release()
            })
        }
        ask('first', -5) // the lock is free
        ask('low', -1)
        ask('default')
        ask('high', 0.5)
        ask('default too', 0)
        ask('highest', Number.POSITIVE_INFINITY)
        ask('high too', 0.5)
        await settle()
        expect(order).toEqual(['first', 'highest', 'high', 'high too', 'default', 'default too', 'low'])
      }
    )

    test.each([
      ['a value', () => 10, { state: 'resolved', value: 10 }],
      ['a promise', () => Promise.resolve(10), { state: 'resolved', value: 10 }],
      ['undefined', () => undefined, { state: 'resolved', value: undefined }]
    ])('runExclusive gives what the callback gives: %s', async (_, callback, outcome) => {
      const seen = watch(mutex.runExclusive<unknown>(callback))
      await settle()
      expect(seen).toEqual(outcome)
      expect(mutex.isLocked()).toBe(false)
    })

    test.each([
      [
        'throws',
        (error: Error) => () => {
          throw error
        }
      ],
      ['rejects', (error: Error) => () => Promise.reject(error)]
    ])('runExclusive releases, and rejects with the same error, when the callback %s', async (_, make) => {
      const error = new Error('of the callback')
      const seen = watch(mutex.runExclusive(make(error)))
      const next = watch(mutex.runExclusive(() => 'next'))
      await settle()
      expect(seen.value).toBe(error)
      expect(next).toEqual({ state: 'resolved', value: 'next' })
    })

    test('runExclusive never starts the callback before it returns, and gives it nothing', async () => {
      const callback = vi.fn()
      void mutex.runExclusive(callback)
      expect(callback).not.toHaveBeenCalled()
      expect(mutex.isLocked()).toBe(true)
      await settle()
      expect(callback.mock.calls).toEqual([[]])
    })

    test('runExclusive refuses what is no function with a rejection, and releases', async () => {
      const seen = watch(mutex.runExclusive(5 as never))
      await settle()
      expect(seen).toMatchObject({ state: 'rejected', value: expect.any(TypeError) })
      expect(mutex.isLocked()).toBe(false)
    })

    test('isLocked is true from the call on, through every hand-off, until the last release', async () => {
      expect(mutex.isLocked()).toBe(false)
      const [first, second] = [mutex.acquire(), mutex.acquire()]
      expect(mutex.isLocked()).toBe(true)
      ;(await first)()
      expect(mutex.isLocked()).toBe(true)
      ;(await second)()
      expect(mutex.isLocked()).toBe(false)
    })

    test('a releaser works once', async () => {
      const release = await mutex.acquire()
      const [second, third] = [watch(mutex.acquire()), watch(mutex.acquire())]
      release()
      release()
      await settle()
      expect([second.state, third.state]).toEqual(['resolved', 'pending'])
    })

    test('release() releases whichever caller holds, also one that does not know yet', async () => {
      const [first, second, third] = [watch(mutex.acquire()), watch(mutex.acquire()), watch(mutex.acquire())]
      mutex.release()
      mutex.release()
      await settle()
      expect([first.state, second.state, third.state]).toEqual(['resolved', 'resolved', 'resolved'])
      expect(mutex.isLocked()).toBe(true)
      mutex.release()
      expect(mutex.isLocked()).toBe(false)
    })

    test('release() of a free lock does nothing', async () => {
      mutex.release()
      mutex.release()
      const [first, second] = [watch(mutex.acquire()), watch(mutex.acquire())]
      await settle()
      expect([first.state, second.state]).toEqual(['resolved', 'pending'])
    })

    test('cancel rejects those who wait, with one error, and leaves the holder alone', async () => {
      const release = await mutex.acquire()
      const callback = vi.fn()
      const waiters = [watch(mutex.acquire()), watch(mutex.acquire(3)), watch(mutex.runExclusive(callback))]
      mutex.cancel()
      await settle()
      for (const { value } of waiters) expect(value).toBe(E_CANCELED)
      expect(callback).not.toHaveBeenCalled()
      expect(mutex.isLocked()).toBe(true)
      const later = watch(mutex.acquire())
      release()
      await settle()
      expect(later.state).toBe('resolved')
    })

    test('cancel rejects with the error that the mutex was made with', async () => {
      const error = new Error('mine')
      mutex = create(error)
      await mutex.acquire()
      const waiter = watch(mutex.acquire())
      mutex.cancel()
      await settle()
      expect(waiter.value).toBe(error)
    })

    test('waitForUnlock resolves at once where the lock is free, for any number of callers', async () => {
      const waits = [watch(mutex.waitForUnlock()), watch(mutex.waitForUnlock(-1))]
      await settle()
      expect(waits.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
      expect(mutex.isLocked()).toBe(false)
    })

    test('waitForUnlock resolves when no caller of that priority is left, and takes nothing', async () => {
      const release = await mutex.acquire()
      const next = mutex.acquire()
      const waits = [1, 0, -1].map(priority => watch(mutex.waitForUnlock(priority)))
      const states = () => waits.map(({ state }) => state)
      await settle()
      expect(states()).toEqual(['pending', 'pending', 'pending'])
      release() // handed to the next one: with priority 1 the lock could have been taken
      await settle()
      expect(states()).toEqual(['resolved', 'pending', 'pending'])
      ;(await next)()
      await settle()
      expect(states()).toEqual(['resolved', 'resolved', 'resolved'])
      expect(mutex.isLocked()).toBe(false)
    })

    test('cancel does not reject waitForUnlock', async () => {
      const release = await mutex.acquire()
      const wait = watch(mutex.waitForUnlock())
      mutex.cancel()
      await settle()
      expect(wait.state).toBe('pending')
      release()
      await settle()
      expect(wait.state).toBe('resolved')
    })

    test('a callback runs in the async context of its caller', async () => {
      const { AsyncLocalStorage } = await import('node:async_hooks')
      const context = new AsyncLocalStorage<string>()
      const first = context.run('first', () => mutex.runExclusive(() => Promise.resolve(context.getStore())))
      const second = context.run('second', () => mutex.runExclusive(() => context.getStore()))
      await settle()
      expect([await first, await second]).toEqual(['first', 'second'])
    })
  })

  describe('withTimeout', () => {
    test('rejects a wait that takes longer, with E_TIMEOUT or the error that was given', async () => {
      const mutex = new Mutex()
      const error = new Error('mine')
      await mutex.acquire()
      const callback = vi.fn()
      const [one, other] = [withTimeout(mutex, 100), withTimeout(mutex, 100, error)]
      const waits = [one.acquire(), one.runExclusive(callback), one.waitForUnlock()].map(watch)
      const others = [other.acquire(), other.runExclusive(callback), other.waitForUnlock()].map(watch)
      await vi.advanceTimersByTimeAsync(99)
      expect([...waits, ...others].map(({ state }) => state)).toEqual(Array(6).fill('pending'))
      await vi.advanceTimersByTimeAsync(1)
      for (const { value } of waits) expect(value).toBe(E_TIMEOUT)
      for (const { value } of others) expect(value).toBe(error)
      mutex.release()
      await settle()
      expect(callback).not.toHaveBeenCalled()
      expect(mutex.isLocked()).toBe(false)
    })

    test('is a view: holder, queue and release are those of the mutex', async () => {
      const mutex = new Mutex()
      const view = withTimeout(mutex, 100)
      const release = await view.acquire()
      expect(mutex.isLocked()).toBe(true)
      const waiter = watch(mutex.acquire())
      release()
      await settle()
      expect(waiter.state).toBe('resolved')
      view.release()
      expect(mutex.isLocked()).toBe(false)
    })

    test('limits no hold, and leaves no timer behind', async () => {
      const view = withTimeout(new Mutex(), 100)
      const release = await view.acquire()
      const waiter = watch(view.acquire())
      await vi.advanceTimersByTimeAsync(50)
      release()
      await settle()
      expect(waiter.state).toBe('resolved')
      expect(vi.getTimerCount()).toBe(0)
      await vi.advanceTimersByTimeAsync(1000)
      expect(view.isLocked()).toBe(true)
    })

    test('of a view of a mutex: the shorter time counts, with its error', async () => {
      const [inner, outer] = [new Error('inner'), new Error('outer')]
      const mutex = new Mutex()
      await mutex.acquire()
      const waits = [
        withTimeout(withTimeout(mutex, 100, inner), 200, outer),
        withTimeout(withTimeout(mutex, 200, inner), 100, outer)
      ].map(view => watch(view.acquire()))
      await vi.advanceTimersByTimeAsync(300)
      expect(waits.map(({ value }) => value)).toEqual([inner, outer])
    })
  })

  describe('tryAcquire', () => {
    test('takes a free lock', async () => {
      const mutex = new Mutex()
      const release = await tryAcquire(mutex).acquire()
      expect(mutex.isLocked()).toBe(true)
      release()
      expect(await settled(tryAcquire(mutex).runExclusive(() => 5))).toEqual({ state: 'resolved', value: 5 })
      expect(mutex.isLocked()).toBe(false)
    })

    test('rejects where the lock is taken, with E_ALREADY_LOCKED or the error that was given', async () => {
      const mutex = new Mutex()
      const error = new Error('mine')
      await mutex.acquire()
      const callback = vi.fn()
      const waits = [tryAcquire(mutex).acquire(), tryAcquire(mutex).runExclusive(callback)].map(watch)
      const others = [tryAcquire(mutex, error).acquire(), tryAcquire(withTimeout(mutex, 50), error).acquire()].map(
        watch
      )
      await vi.advanceTimersByTimeAsync(1)
      for (const { value } of waits) expect(value).toBe(E_ALREADY_LOCKED)
      for (const { value } of others) expect(value).toBe(error)
      expect(callback).not.toHaveBeenCalled()
    })
  })

  test('a mutex can be extended', async () => {
    class Counted extends Mutex {
      count = 0
      override async acquire(priority?: number) {
        this.count++
        return super.acquire(priority)
      }
    }
    const mutex = new Counted()
    ;(await mutex.acquire())()
    expect(mutex.count).toBe(1)
    expect(mutex).toBeInstanceOf(Mutex)
    expect(await settled(withTimeout(mutex, 5).runExclusive(() => 1))).toMatchObject({ value: 1 })
  })
})

async function settled(promise: Promise<unknown>) {
  const seen = watch(promise)
  await vi.advanceTimersByTimeAsync(0)
  return seen
}

describe('any sequence of calls has the same outcome in both', () => {
  const priority = fc.constantFrom(undefined, -1, 0, 1, 2)
  const step = fc.oneof(
    fc.record({ call: fc.constant('acquire' as const), priority }),
    fc.record({ call: fc.constant('runExclusive' as const), priority }),
    fc.record({ call: fc.constant('waitForUnlock' as const), priority }),
    // By the function that was given, in order of the grants: a call of one that was used is no release.
    fc.record({ call: fc.constant('releaser' as const), which: fc.nat(5) }),
    fc.record({ call: fc.constant('cancel' as const) }),
    fc.record({ call: fc.constant('settle' as const) })
  )

  async function trace(
    { Mutex, E_CANCELED }: Module,
    steps: (typeof step extends fc.Arbitrary<infer T> ? T : never)[]
  ) {
    const mutex = new Mutex()
    const log: string[] = []
    const releasers: ours.MutexInterface.Releaser[] = []
    for (const [i, it] of steps.entries()) {
      const failed = (error: unknown) => void log.push(`${i} ${error === E_CANCELED ? 'canceled' : error}`)
      if (it.call === 'acquire')
        void mutex.acquire(it.priority).then(release => {
          log.push(`${i} acquired`)
          releasers.push(release)
        }, failed)
      else if (it.call === 'runExclusive')
        void mutex.runExclusive(() => void log.push(`${i} runs`), it.priority).then(() => log.push(`${i} ran`), failed)
      else if (it.call === 'waitForUnlock')
        void mutex.waitForUnlock(it.priority).then(() => log.push(`${i} unlocked`), failed)
      else if (it.call === 'releaser') releasers[it.which]?.()
      else if (it.call === 'cancel') mutex.cancel()
      if (it.call !== 'settle') log.push(`${i} locked: ${mutex.isLocked()}`)
      else await settle()
    }
    for (let i = 0; i < steps.length; i++) {
      await settle()
      for (const release of releasers) release()
    }
    await settle()
    // Which of several callers that are settled in one instant goes on first is no promise of either.
    return { log: log.sort(), locked: mutex.isLocked() }
  }

  test('without release() by other callers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
        // Between two steps everything settles: how many microtasks a grant takes is no promise of either.
        const spaced = steps.flatMap(it => [it, { call: 'settle' as const }])
        expect(await trace(ours, spaced)).toEqual(await trace(theirs, spaced))
      }),
      { numRuns: 100 }
    )
  })
})

describe('what differs', () => {
  /** What each of the two does. */
  const both = async (scenario: (module: Module) => unknown) => ({
    theirs: await scenario(theirs),
    ours: await scenario(ours)
  })

  test('a waiter that timed out is gone: it never holds the lock that it did not get', async () => {
    const seen = await both(async ({ Mutex, withTimeout }) => {
      const mutex = new Mutex()
      const release = await mutex.acquire()
      const waiter = watch(withTimeout(mutex, 5).acquire())
      await vi.advanceTimersByTimeAsync(5)
      release()
      return { waiter: waiter.state, locked: mutex.isLocked() }
    })
    expect(seen).toEqual({
      theirs: { waiter: 'rejected', locked: true },
      ours: { waiter: 'rejected', locked: false }
    })
  })

  test('a releaser never frees the hold of another caller, and there is never a second holder', async () => {
    const seen = await both(async ({ Mutex }) => {
      const mutex = new Mutex()
      const release = await mutex.acquire()
      mutex.release()
      release()
      const waits = [watch(mutex.acquire()), watch(mutex.acquire())]
      await settle()
      return waits.map(({ state }) => state)
    })
    expect(seen).toEqual({ theirs: ['resolved', 'resolved'], ours: ['resolved', 'pending'] })
  })

  test('a timeout of Infinity, or beyond what a timer can count, is that long', async () => {
    vi.useRealTimers() // fake ones count on
    const seen = await both(async ({ Mutex, withTimeout }) => {
      const mutex = new Mutex()
      const release = await mutex.acquire()
      const waits = [Number.POSITIVE_INFINITY, 2 ** 31].map(timeout => watch(withTimeout(mutex, timeout).acquire()))
      await new Promise(resolve => setTimeout(resolve, 5))
      const states = waits.map(({ state }) => state)
      release()
      for (let i = 0; i < 2; i++) await new Promise(resolve => setImmediate(() => resolve(mutex.release())))
      return states
    })
    expect(seen).toEqual({ theirs: ['rejected', 'rejected'], ours: ['pending', 'pending'] })
  })

  test('a timeout of 0, so tryAcquire too, does not wait for a timer', async () => {
    const seen = await both(async ({ Mutex, tryAcquire }) => {
      const mutex = new Mutex()
      const release = await mutex.acquire()
      const attempt = watch(tryAcquire(mutex).acquire())
      release()
      await settle()
      return attempt.state
    })
    expect(seen).toEqual({ theirs: 'resolved', ours: 'rejected' })
  })

  test.each([Number.NaN, -1])('withTimeout(%s) does not wait either', async timeout => {
    const view = ours.withTimeout(new ours.Mutex(), timeout)
    await view.acquire()
    const waiter = watch(view.acquire())
    await settle()
    expect(waiter.value).toBe(ours.E_TIMEOUT)
  })

  test('the view of a view knows priorities', async () => {
    const seen = await both(async ({ Mutex, withTimeout }) => {
      const view = withTimeout(withTimeout(new Mutex(), 50), 50)
      try {
        return typeof (await view.acquire(-1))
      } catch (error) {
        return String(error)
      }
    })
    expect(seen).toEqual({ theirs: 'Error: invalid weight -1: must be positive', ours: 'function' })
  })

  test('a priority that is no number is refused', async () => {
    const seen = await both(async ({ Mutex }) => {
      const mutex = new Mutex()
      await mutex.acquire()
      const waiter = watch(mutex.acquire('soon' as never))
      await settle()
      return String(waiter.value ?? waiter.state)
    })
    expect(seen).toEqual({ theirs: 'pending', ours: 'TypeError: Mutex: priority must be a number, got soon' })
  })

  test('withTimeout takes a Mutex of its own module only', () => {
    for (const it of [new theirs.Mutex(), new theirs.Semaphore(2), {}, undefined])
      expect(() => ours.withTimeout(it as never, 5)).toThrow(
        new TypeError('withTimeout: mutex must be a Mutex of latchkey/compat/async-mutex, or a view of one')
      )
    expect(() => ours.tryAcquire(new theirs.Semaphore(2) as never)).toThrow(TypeError)
  })

  test('there is no Semaphore', () => {
    expect(
      Object.keys(theirs)
        .filter(name => name !== 'default')
        .sort()
    ).toEqual([...Object.keys(ours), 'Semaphore'].sort())
  })
})

test('the errors are those of async-mutex in all but identity', () => {
  const texts = ({ E_TIMEOUT, E_ALREADY_LOCKED, E_CANCELED }: Module) =>
    [E_TIMEOUT, E_ALREADY_LOCKED, E_CANCELED].map(String)
  expect(texts(ours)).toEqual(texts(theirs))
})

test('20,000 waiters are handed the lock one after another, in order', async () => {
  vi.useRealTimers()
  const mutex = new ours.Mutex()
  const order: number[] = []
  const all = Array.from({ length: 20_000 }, (_, i) => mutex.runExclusive(() => order.push(i)))
  await Promise.all(all)
  expect(order).toHaveLength(20_000)
  expect(order.every((it, i) => it === i)).toBe(true)
})

test("the types of the two are each other's", () => {
  const mutex: theirs.MutexInterface = new ours.Mutex(new Error('x'))
  const there: theirs.MutexInterface = ours.withTimeout(mutex, 5)
  const here: ours.MutexInterface = new theirs.Mutex()
  const releaser: ours.MutexInterface.Releaser = (() => {}) satisfies theirs.MutexInterface.Releaser
  const worker: ours.MutexInterface.Worker<number> = (() => 5) satisfies theirs.MutexInterface.Worker<number>
  expect([there, here, releaser, worker]).toHaveLength(4)
  // @ts-expect-error: a callback is a function
  void mutex.runExclusive('a').catch(() => {})
})
