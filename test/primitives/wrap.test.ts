// `wrap` makes a function that runs under a lock, on every lock that has a task method: the same `this`, arguments and
// result, the options of every call, and no call without the lock.

import { inspect } from 'node:util'
import { type AcquireOptions, KeyedMutex, type Lock, Mutex, ReadWriteLock, Semaphore } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'
import { expectMisuse, optionsWith, type Wrong, wrongAcquireOptions } from './misuse.js'

afterEach(() => {
  vi.useRealTimers()
})

type AnyFunction = (this: unknown, ...args: never[]) => unknown
type Wrapped = (this: unknown, ...args: unknown[]) => Promise<unknown>

interface Subject {
  readonly lock: { readonly waiting: number }
  readonly wrap: (fn: AnyFunction, options?: AcquireOptions) => Wrapped
  /** Holds what a wrapped call needs. */
  readonly hold: () => Lock
}

const subjects: Record<string, () => Subject> = {
  'Mutex.wrap': () => {
    const lock = new Mutex({ maxWaiting: 9 })
    return { lock, wrap: (fn, options) => lock.wrap(fn as never, options), hold: () => lock.tryAcquire() as Lock }
  },
  'Semaphore.wrap': () => {
    const lock = new Semaphore(1, { maxWaiting: 9 })
    return { lock, wrap: (fn, options) => lock.wrap(fn as never, options), hold: () => lock.tryAcquire() as Lock }
  },
  'KeyedMutex.wrap': () => {
    const lock = new KeyedMutex<string>({ maxWaiting: 9 })
    return {
      lock,
      wrap: (fn, options) => lock.wrap(fn as never, () => 'key', options),
      hold: () => lock.tryAcquire('key') as Lock
    }
  },
  'ReadWriteLock.wrap': () => {
    const lock = new ReadWriteLock({ maxWaiting: 9 })
    return { lock, wrap: (fn, options) => lock.wrap(fn as never, options), hold: () => lock.tryAcquireRead() as Lock }
  },
  'ReadWriteLock.wrapRead': () => {
    const lock = new ReadWriteLock({ maxWaiting: 9 })
    return {
      lock,
      wrap: (fn, options) => lock.wrapRead(fn as never, options),
      hold: () => lock.tryAcquireWrite() as Lock
    }
  }
}

describe.each(Object.entries(subjects))('%s', (_, make) => {
  test('passes on `this`, the arguments and the result, on a free lock and on one that was waited for', async () => {
    const { lock, wrap, hold } = make()
    const seen: unknown[] = []
    const wrapped = wrap(function (...args) {
      seen.push(this, args)
      return 'result'
    })
    const owner = {}
    expect(await wrapped.call(owner, 1, 'two')).toBe('result')
    const held = hold()
    const waiting = wrapped.call(owner, 3)
    expect(lock.waiting).toBe(1)
    held.release()
    expect(await waiting).toBe('result')
    expect(seen).toEqual([owner, [1, 'two'], owner, [3]])
    expect(seen[0]).toBe(owner)
  })

  test('a function that throws, rejects or returns a thenable: the call does the same, and the lock is free', async () => {
    const { wrap, hold } = make()
    const outcomes: AnyFunction[] = [
      () => {
        throw 'at once'
      },
      () => Promise.reject('later'),
      () => ({ then: (resolve: (value: string) => void) => resolve('thenable') })
    ]
    const settled = await Promise.allSettled(outcomes.map(fn => wrap(fn)()))
    expect(settled).toEqual([
      { status: 'rejected', reason: 'at once' },
      { status: 'rejected', reason: 'later' },
      { status: 'fulfilled', value: 'thenable' }
    ])
    expect(hold().held).toBe(true)
  })

  test('the lock is held until what the function returned has settled', async () => {
    const { wrap, hold } = make()
    let end = () => {}
    const done = wrap(
      () =>
        new Promise<void>(resolve => {
          end = resolve
        })
    )()
    expect(hold()).toBeUndefined()
    end()
    await done
    expect(hold().held).toBe(true)
  })

  test('a signal that aborts ends the wait of each call, and none of them runs', async () => {
    const { lock, wrap, hold } = make()
    const controller = new AbortController()
    const fn = vi.fn()
    const wrapped = wrap(fn, { signal: controller.signal })
    hold()
    const calls = [watch(wrapped()), watch(wrapped())]
    expect(lock.waiting).toBe(2)
    controller.abort('stop')
    await flush()
    expect([lock.waiting, ...calls.map(({ reason }) => reason)]).toEqual([0, 'stop', 'stop'])
    await expect(wrapped()).rejects.toBe('stop')
    expect(fn).not.toHaveBeenCalled()
  })

  test('the timeout counts for each call from its beginning', async () => {
    vi.useFakeTimers()
    const { wrap, hold } = make()
    const wrapped = wrap(() => {}, { timeout: 10 })
    hold()
    const first = watch(wrapped())
    await vi.advanceTimersByTimeAsync(6)
    const second = watch(wrapped())
    await vi.advanceTimersByTimeAsync(6)
    expect([first.state, second.state]).toEqual(['rejected', 'pending'])
    await vi.advanceTimersByTimeAsync(6)
    expect(second.reason).toMatchObject({ name: 'TimeoutError' })
  })

  test('the options are read once, when the function is made', async () => {
    const { wrap } = make()
    const reads: string[] = []
    const values: Record<string, unknown> = { timeout: 5, priority: 1, signal: new AbortController().signal }
    const options = new Proxy(values, {
      get(target, name) {
        reads.push(String(name))
        return target[String(name)]
      }
    })
    const wrapped = wrap(() => 1, options)
    const atOnce = [...new Set(reads)].sort()
    expect(reads).toHaveLength(reads.includes('permits') ? 4 : 3)
    values.timeout = 'wrong by now'
    expect([await wrapped(), await wrapped()]).toEqual([1, 1])
    expect([...new Set(reads)].sort()).toEqual(atOnce)
  })

  test.each([
    ...[undefined, null, 7, 'fn', {}].map((value): Wrong => ['fn', value, TypeError]),
    ...wrongAcquireOptions
  ])('misuse fails when the function is made: %s: %o', (...wrong) => {
    const { lock, wrap } = make()
    const call = wrong[0] === 'fn' ? () => wrap(wrong[1] as never) : () => wrap(() => 1, optionsWith(wrong))
    expectMisuse(call, wrong, lock)
  })
})

test('each wrapped call takes the lock of its key, with the arguments that the function gets', async () => {
  const keyed = new KeyedMutex<string>()
  const seen: unknown[] = []
  const wrapped = keyed.wrap(
    async (id: string, n: number) => {
      seen.push([id, n, [...keyed.keys()]])
      await flush()
    },
    (id, n) => {
      seen.push([id, n])
      return id
    }
  )
  await Promise.all([wrapped('a', 1), wrapped('b', 2), wrapped('a', 3)])
  expect(seen).toEqual([
    ['a', 1],
    ['a', 1, ['a']],
    ['b', 2],
    ['b', 2, ['a', 'b']],
    ['a', 3],
    ['a', 3, ['a', 'b']]
  ])
  const bad = keyed.wrap(
    () => 1,
    () => {
      throw 'no key'
    }
  )
  await expect(bad()).rejects.toBe('no key')
  expect(keyed.size).toBe(0)
  for (const keyOf of [undefined, null, 'id', {}])
    expectMisuse(() => keyed.wrap(() => 1, keyOf as never), ['keyOf', keyOf, TypeError], keyed)
})

test('a wrapped call of a semaphore takes the permits that it was made with', async () => {
  const semaphore = new Semaphore(3)
  const wrapped = semaphore.wrap(() => semaphore.available, { permits: 2 })
  expect([await wrapped(), semaphore.available]).toEqual([1, 3])
  expectMisuse(() => semaphore.wrap(() => 1, { permits: 4 }), ['options.permits', 4, RangeError], semaphore)
})

test('wrapRead shares and wrap does not', async () => {
  const lock = new ReadWriteLock()
  const seen: string[] = []
  const look = async () => {
    seen.push(inspect(lock))
    await flush()
  }
  const read = lock.wrapRead(look)
  await Promise.all([read(), read(), lock.wrap(look)()])
  expect(seen).toEqual(['ReadWriteLock { 1 reader }', 'ReadWriteLock { 2 readers }', 'ReadWriteLock { writing }'])
})
