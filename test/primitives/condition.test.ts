// What a Condition does, as examples. Where a scenario comes from the tests of another project, it says so; the code is ours.

import { inspect } from 'node:util'
import { Condition, KeyedMutex, type Lock, LockClosedError, LockTimeoutError, Mutex } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'

afterEach(() => {
  vi.useRealTimers()
})

/** Somebody who waits: with the mutex at first, without it until notified. */
async function waiter(mutex: Mutex, condition: Condition, options?: Parameters<Condition['wait']>[1]) {
  const lock = await mutex.acquire()
  return { lock, waiting: watch(condition.wait(lock, options)) }
}

describe('waiting and notifying', () => {
  test('wait gives up the mutex, and holds it again, in the same lock, when it settles', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const { lock, waiting } = await waiter(mutex, condition)
    expect([lock.held, mutex.locked, condition.waiting]).toEqual([false, false, 1])
    const other = await mutex.acquire()
    expect(condition.notify()).toBe(1)
    await flush()
    expect([waiting.state, lock.held]).toEqual(['pending', false])
    other.release()
    await flush()
    expect([waiting.state, lock.held, mutex.locked]).toEqual(['resolved', true, true])
    lock.release()
    expect(mutex.locked).toBe(false)
  })

  // asyncio, test_locks.py, ConditionTests: notify wakes as many as it says, first come first served.
  test('notify(n) wakes the first n, and they go one after the other', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const waiters = [await waiter(mutex, condition), await waiter(mutex, condition), await waiter(mutex, condition)]
    expect([condition.notify(2), condition.waiting, condition.notifyAll(), condition.notify()]).toEqual([2, 1, 1, 0])
    const order: number[] = []
    for (let round = 0; round < 3; round++) {
      await flush()
      const at = waiters.findIndex(({ lock }) => lock.held)
      order.push(at)
      waiters[at]?.lock.release()
    }
    expect(order).toEqual([0, 1, 2])
  })

  test('a release while waiting does nothing', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const { lock } = await waiter(mutex, condition)
    const other = await mutex.acquire()
    lock.release()
    expect([other.held, mutex.locked]).toEqual([true, true])
  })

  test('waitFor looks under the lock, and goes on waiting until the predicate holds', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    let value = 0
    const lock = await mutex.acquire()
    const seen: [number, boolean][] = []
    const waiting = watch(
      condition.waitFor(lock, () => {
        seen.push([value, lock.held])
        return value === 2
      })
    )
    await flush()
    for (value = 1; value <= 2; value++) {
      await mutex.runExclusive(() => void condition.notifyAll())
      await flush()
    }
    expect(seen).toEqual([
      [0, true],
      [1, true],
      [2, true]
    ])
    expect([waiting.state, lock.held]).toEqual(['resolved', true])
  })
})

describe('giving up', () => {
  test.each(['abort', 'timeout', 'cancelWaiters', 'close'])(
    '%s: the mutex is held again before it rejects',
    async how => {
      vi.useFakeTimers()
      const mutex = new Mutex()
      const condition = new Condition(mutex)
      const controller = new AbortController()
      const { lock, waiting } = await waiter(mutex, condition, { signal: controller.signal, timeout: 5 })
      const other = await mutex.acquire()
      if (how === 'abort') controller.abort('gone')
      else if (how === 'timeout') vi.advanceTimersByTime(5)
      else if (how === 'close') await condition.close()
      else condition.cancelWaiters('cancelled')
      await vi.advanceTimersByTimeAsync(0)
      expect([waiting.state, condition.waiting]).toEqual(['pending', 0])
      other.release()
      await vi.advanceTimersByTimeAsync(0)
      expect([waiting.state, lock.held]).toEqual(['rejected', true])
      if (how === 'abort') expect(waiting.reason).toBe('gone')
      if (how === 'timeout') expect(waiting.reason).toBeInstanceOf(LockTimeoutError)
      if (how === 'close') expect(waiting.reason).toBeInstanceOf(LockClosedError)
      lock.release()
      expect([mutex.locked, mutex.waiting, vi.getTimerCount()]).toEqual([false, 0, 0])
    }
  )

  // asyncio, issue 22970 and those after it: a cancelled waiter swallowed the notification.
  test('a notification that meets a waiter which has given up goes to the next', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const controller = new AbortController()
    controller.signal.addEventListener('abort', () => condition.notify())
    const first = await waiter(mutex, condition, { signal: controller.signal })
    const second = await waiter(mutex, condition)
    controller.abort('gone')
    await flush()
    expect([first.lock.held, second.lock.held, mutex.waiting]).toEqual([false, true, 1])
    second.lock.release()
    await flush()
    expect([first.waiting.reason, first.lock.held, second.waiting.state]).toEqual(['gone', true, 'resolved'])
  })

  test('a notification that came first stands', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const controller = new AbortController()
    const { waiting } = await waiter(mutex, condition, { signal: controller.signal })
    condition.notify()
    controller.abort('late')
    await flush()
    expect(waiting.state).toBe('resolved')
  })

  test('whoever is refused keeps the mutex all the while', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex, { maxWaiting: 0 })
    const lock = await mutex.acquire()
    await expect(condition.wait(lock, { signal: AbortSignal.abort('early') })).rejects.toBe('early')
    await expect(condition.wait(lock, { timeout: 0 })).rejects.toThrow(LockTimeoutError)
    const other = watch(mutex.acquire())
    await expect(condition.wait(lock)).rejects.toThrow('maxWaiting')
    await flush()
    expect([lock.held, other.state]).toEqual([true, 'pending'])
  })

  test('waitFor: the timeout counts for all the waiting together', async () => {
    vi.useFakeTimers()
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const lock = await mutex.acquire()
    const waiting = watch(condition.waitFor(lock, () => false, { timeout: 10 }))
    await vi.advanceTimersByTimeAsync(6)
    condition.notify()
    await vi.advanceTimersByTimeAsync(3)
    expect(waiting.state).toBe('pending')
    await vi.advanceTimersByTimeAsync(1)
    expect([waiting.state, lock.held]).toEqual(['rejected', true])
    await expect(condition.waitFor(lock, () => Promise.reject('in the predicate'))).rejects.toBe('in the predicate')
    await condition.waitFor(lock, () => true, { timeout: 0 })
  })

  test('if the mutex is closed meanwhile, there is nothing to hold again', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const { lock, waiting } = await waiter(mutex, condition)
    await mutex.close()
    condition.notify()
    await flush()
    expect([waiting.state, lock.held]).toEqual(['rejected', false])
    expect(waiting.reason).toBeInstanceOf(LockClosedError)
  })
})

describe('being seen, misuse', () => {
  test('inspect, whenFree', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex, { name: 'filled' })
    await waiter(mutex, condition)
    expect(inspect(condition)).toBe('Condition "filled" { 1 waiting }')
    const free = watch(condition.whenFree())
    condition.notify()
    await flush()
    expect(free.state).toBe('resolved')
  })

  test('an observer that notifies when somebody comes: whoever came has given up the mutex', async () => {
    const mutex = new Mutex()
    let came = 0
    const queued = () => {
      if (++came === 2) condition.notify()
    }
    const condition: Condition = new Condition(mutex, { observer: { queued } })
    const first = await waiter(mutex, condition)
    const second = await waiter(mutex, condition)
    expect(second.lock.held).toBe(false)
    await flush()
    expect([first.waiting.state, first.lock.held, second.waiting.state]).toEqual(['resolved', true, 'pending'])
  })

  test.each([undefined, null, 7, {}, new KeyedMutex()])('new Condition(%o) throws', mutex => {
    expect(() => new Condition(mutex as never)).toThrow(/^Condition: mutex must be a Mutex, got /)
  })

  test('a lock that is released, or of another mutex, or none', async () => {
    const mutex = new Mutex({ name: 'm' })
    const condition = new Condition(mutex)
    const released = await mutex.acquire()
    released.release()
    const locks = [released, await new Mutex().acquire(), undefined, null, {}, { held: true, release() {} }]
    for (const lock of locks as Lock[]) {
      expect(() => condition.wait(lock)).toThrow('lock must be a lock of Mutex "m" that is held')
      expect(() => condition.waitFor(lock, () => true)).toThrow(TypeError)
    }
    const lock = await mutex.acquire()
    for (const n of [0, -1, 1.5, Number.NaN]) expect(() => condition.notify(n)).toThrow(RangeError)
    expect(() => condition.notify('1' as never)).toThrow(
      new TypeError('Condition: n must be a whole number >= 1 or Infinity, got "1"')
    )
    expect(() => condition.waitFor(lock, undefined as never)).toThrow(
      new TypeError('Condition: predicate must be a function, got undefined')
    )
    expect(() => condition.wait(lock, 7 as never)).toThrow(TypeError)
    expect(lock.held).toBe(true)
  })
})
