// How long a word counts, on clocks that the test moves.

import { LeaseLostError, LockTimeoutError } from 'latchkey'
import { type EngineGrant, EngineLock, InProcessLock, type Lease, Validity } from 'latchkey/distributed'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

let wall = 0
let monotonic = 0
const moment = () => ({ monotonic, wall })
const pass = (ms: number) => {
  wall += ms
  monotonic += ms
}

beforeEach(() => {
  wall = 1_000_000
  monotonic = 5000
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  vi.spyOn(Date, 'now').mockImplementation(() => wall)
  vi.spyOn(performance, 'now').mockImplementation(() => monotonic)
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** 1000 ms are trusted for 988. */
const trusted = () => {
  const validity = new Validity(1000)
  validity.renew(moment())
  return validity
}

test('it ends a little before the engine forgets', () => {
  const validity = trusted()
  pass(987)
  expect(validity.isValid).toBe(true)
  pass(1)
  expect(validity.isValid).toBe(false)
  expect(validity.loss).toMatchObject({ why: expect.stringContaining('has not confirmed it in time'), timedOut: true })
})

test('a pause in which no timer runs is seen at the first look', () => {
  const validity = trusted()
  pass(60_000)
  expect(validity.isValid).toBe(false)
})

test('a sleep that the monotonic clock does not count is seen on the wall clock', () => {
  const validity = trusted()
  wall += 60_000
  expect(validity.isValid).toBe(false)
  expect(validity.loss?.why).toContain('the wall clock jumped ahead')
})

test('a wall clock that is set back makes nothing longer', () => {
  const validity = trusted()
  wall -= 60_000
  monotonic += 988
  expect(validity.isValid).toBe(false)
})

test('who listens is told at the deadline, without a look', () => {
  const validity = trusted()
  const told = vi.fn()
  validity.onLoss(told)
  pass(500)
  validity.renew(moment())
  pass(488)
  vi.advanceTimersByTime(988)
  expect(told).not.toHaveBeenCalled()
  pass(500)
  vi.advanceTimersByTime(500)
  expect(told).toHaveBeenCalledOnce()
})

test('an answer that comes late takes nothing back', () => {
  const validity = trusted()
  const early = moment()
  pass(500)
  validity.renew(moment())
  validity.renew(early)
  pass(987)
  expect(validity.isValid).toBe(true)
  validity.end()
})

test('what is lost stays lost, and who comes later is told at once', () => {
  const validity = trusted()
  validity.invalidate({ why: 'first' })
  validity.invalidate({ why: 'second' })
  validity.renew(moment())
  expect(validity.isValid).toBe(false)
  const told = vi.fn()
  validity.onLoss(told)
  expect(told).toHaveBeenCalledWith({ why: 'first' })
})

test('while it rests it does not run out', () => {
  const validity = trusted()
  validity.suspend()
  pass(60_000)
  vi.advanceTimersByTime(60_000)
  expect(validity.isValid).toBe(true)
  validity.renewIfSuspended(moment())
  pass(988)
  expect(validity.isValid).toBe(false)
})

test('who stops listening is not told, and the others are', () => {
  const validity = trusted()
  const told: string[] = []
  const stops = ['a', 'b', 'c'].map(name => validity.onLoss(() => told.push(name)))
  stops[0]?.()
  stops[0]?.()
  stops[1]?.()
  validity.invalidate({ why: 'gone' })
  expect(told).toEqual(['c'])
})

test('what is not suspended is not renewed as if it were', () => {
  const validity = trusted()
  pass(500)
  validity.renewIfSuspended(moment())
  pass(488)
  expect(validity.isValid).toBe(false)
})

test('the timer fires at the deadline of the clock that is first', () => {
  const validity = new Validity(1000)
  const told = vi.fn()
  validity.onLoss(told)
  // The wall clock has been ahead for 600 ms since the engine was asked.
  validity.renew({ monotonic, wall: wall - 600 })
  vi.advanceTimersByTime(387)
  expect(told).not.toHaveBeenCalled()
  pass(388)
  vi.advanceTimersByTime(1)
  expect(told).toHaveBeenCalledOnce()
})

test('also where that is the monotonic one', () => {
  const validity = new Validity(1000)
  const told = vi.fn()
  validity.onLoss(told)
  validity.renew({ monotonic: monotonic - 600, wall })
  vi.advanceTimersByTime(387)
  expect(told).not.toHaveBeenCalled()
  pass(388)
  vi.advanceTimersByTime(1)
  expect(told).toHaveBeenCalledOnce()
})

describe('a lock of one process', () => {
  test('loses nothing, however long it takes', async () => {
    const lease = await new InProcessLock().acquire('key')
    pass(1e9)
    expect(lease.held).toBe(true)
    await lease.release()
  })
})

describe('on an engine that answers when the test says so', () => {
  class SlowLock extends EngineLock<string> {
    readonly guarantees = { fifo: false, fencing: false, survives: [] }
    answer: ((grant: EngineGrant | undefined) => void) | undefined
    fail: ((error: Error) => void) | undefined
    readonly released: string[] = []
    protected keyId(key: string) {
      return key.toLowerCase()
    }
    protected acquireKey(_id: string): Promise<EngineGrant | undefined> {
      return new Promise((resolve, reject) => {
        this.answer = resolve
        this.fail = reject
      }) as Promise<EngineGrant | undefined>
    }
    protected disconnect() {
      return Promise.resolve()
    }
    grant(id: string, over: Partial<EngineGrant> = {}) {
      this.answer?.({
        owner: 'test',
        release: () => {
          this.released.push(id)
          return Promise.resolve(true)
        },
        ...over
      })
    }
  }
  const flush = () => new Promise(resolve => setImmediate(resolve))

  test('a grant that comes after the caller has gone is given back, and only then does the next go', async () => {
    const lock = new SlowLock('SlowLock')
    const waiting = lock.acquire('key', { timeout: 10 })
    const behind = lock.acquire('KEY')
    const rejected = expect(waiting).rejects.toThrow(LockTimeoutError)
    await flush()
    pass(10)
    vi.advanceTimersByTime(10)
    await rejected
    expect(lock.waiting).toBe(1)
    lock.grant('late')
    await flush()
    expect(lock.released).toEqual(['late'])
    lock.grant('next')
    const lease = await behind
    expect(lease.key).toBe('KEY')
    await lease.release()
    expect(lock.released).toEqual(['late', 'next'])
  })

  test('an engine that fails rejects the caller with its error, and the next one asks anew', async () => {
    const lock = new SlowLock('SlowLock')
    const failing = lock.acquire('key')
    const behind = lock.acquire('key')
    await flush()
    const error = new Error('out of order')
    lock.fail?.(error)
    await expect(failing).rejects.toBe(error)
    await flush()
    lock.grant('next')
    await (await behind).release()
  })

  test('after a pause, the first look at the signal sees the loss, before any timer has run', async () => {
    const looks: [string, (lease: Lease) => unknown, unknown][] = [
      ['held', lease => lease.held, false],
      ['signal.aborted', lease => lease.signal.aborted, true],
      ['signal.reason', lease => (lease.signal.aborted ? (lease.signal.reason as Error).name : ''), 'LeaseLostError']
    ]
    for (const early of [true, false])
      for (const [name, look, seen] of looks) {
        const lock = new SlowLock('SlowLock')
        const waiting = lock.acquire('key')
        await flush()
        const validity = trusted()
        lock.grant('key', { validity })
        const lease = await waiting
        const aborts: unknown[] = []
        if (early) lease.signal.addEventListener('abort', () => aborts.push(name))
        if (early) expect(lease.signal.aborted).toBe(false)
        pass(60_000)
        expect(look(lease), name).toBe(seen)
        if (early) expect(aborts).toEqual([name])
        await lease.release()
      }
  })

  test('after a pause, a signal that was taken out before throws at the first look', async () => {
    const lock = new SlowLock('SlowLock')
    const waiting = lock.acquire('key')
    await flush()
    lock.grant('key', { validity: trusted() })
    const lease = await waiting
    const { signal } = lease
    signal.throwIfAborted()
    pass(60_000)
    expect(() => signal.throwIfAborted()).toThrow(LeaseLostError)
    expect(signal.reason).toBeInstanceOf(LeaseLostError)
    await lease.release()
  })

  test('a release that fails rejects nobody, and hides no error of a task', async () => {
    const lock = new SlowLock('SlowLock')
    const release = () => Promise.reject(new Error('out of order'))
    const running = lock.runExclusive('key', () => 7)
    await flush()
    lock.grant('key', { release })
    expect(await running).toBe(7)
    const own = new Error('own')
    const failing = lock.runExclusive('key', () => Promise.reject(own))
    await flush()
    lock.grant('key', { release })
    await expect(failing).rejects.toBe(own)
  })

  test('a release that finds the key gone makes the loss known', async () => {
    const lock = new SlowLock('SlowLock')
    const waiting = lock.acquire('key')
    await flush()
    lock.grant('key', { release: () => Promise.resolve(false) })
    const lease = await waiting
    await lease.release()
    expect(lease.signal.aborted).toBe(true)
  })

  test('a task whose signal aborted while it was granted is not started', async () => {
    const lock = new SlowLock('SlowLock')
    const abort = new AbortController()
    const running = lock.runExclusive('key', () => Promise.reject(new Error('started')), { signal: abort.signal })
    await flush()
    lock.grant('key')
    abort.abort('enough')
    await expect(running).rejects.toBe('enough')
    await flush()
    expect(lock.released).toEqual(['key'])
  })

  test('a task is not started once its signal has aborted, however soon after the grant', async () => {
    const outcomes = new Set<string>()
    // One step of the microtask queue later each time, until the task has been started before the abort.
    for (let steps = 0; !outcomes.has('started'); steps++) {
      const lock = new SlowLock('SlowLock')
      const abort = new AbortController()
      const { signal } = abort
      const task = () => (signal.aborted ? 'started too late' : 'started')
      const running = lock.runExclusive('key', task, { signal }).catch((reason: unknown) => `rejected: ${reason}`)
      await flush()
      lock.grant('key')
      for (let step = 0; step < steps; step++) await undefined
      abort.abort('enough')
      outcomes.add(await running)
      await flush()
      expect(lock.released).toEqual(['key'])
    }
    expect([...outcomes].sort()).toEqual(['rejected: enough', 'started'])
  })
})
