// What `EngineLock` does around an engine: order of steps, what it watches, and what it leaves.

import { inspect } from 'node:util'
import { LockClosedError } from 'latchkey'
import { type DistributedOptions, type EngineGrant, EngineLock, Wait } from 'latchkey/distributed'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { pollInterval, startPolling } from '../../src/engines/polling.js'
import { Notifications } from '../../src/engines/redis/notifications.js'
import { SharedTimer } from '../../src/engines/timers.js'

/** Notes each step; grants, or does not, when the test says so. */
class ScriptedLock extends EngineLock<string> {
  readonly guarantees = { fifo: false, fencing: false, survives: [] }
  readonly steps: string[] = []
  readonly waits: (Wait | undefined)[] = []
  answer: (grant?: Partial<EngineGrant>) => void = () => {}
  refuse: () => void = () => {}
  protected keyId(key: string) {
    return key
  }
  protected acquireKey(id: string, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    this.steps.push(`acquire ${id}`)
    this.waits.push(wait)
    return new Promise(resolve => {
      this.refuse = () => resolve(undefined)
      this.answer = over =>
        resolve({
          owner: 'test',
          release: async () => {
            this.steps.push(`release ${id}`)
            return true
          },
          ...over
        })
    })
  }
  protected async disconnect() {
    this.steps.push('disconnect')
  }
}
const flush = () => new Promise(resolve => setImmediate(resolve))

/** A signal that counts its listeners. */
function countingSignal() {
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove(...args)
  }
  return { controller, signal, listeners: () => listeners }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('closing', () => {
  test('leaves the engine after the last holder has released, and not before', async () => {
    const lock = new ScriptedLock('ScriptedLock')
    const acquiring = lock.acquire('key')
    await flush()
    lock.answer()
    const lease = await acquiring
    const closing = lock.close()
    await flush()
    expect(lock.steps).toEqual(['acquire key'])
    await lease.release()
    await closing
    expect(lock.steps).toEqual(['acquire key', 'release key', 'disconnect'])
  })

  test('rejects a waiter at the engine at once, and waits until the engine has let go of it', async () => {
    const lock = new ScriptedLock('ScriptedLock', { name: 'orders' })
    const waiting = lock.acquire('key')
    await flush()
    const closing = lock.close()
    await expect(waiting).rejects.toThrow(LockClosedError)
    await flush()
    expect(lock.steps).toEqual(['acquire key'])
    lock.refuse()
    await closing
    expect(lock.steps).toEqual(['acquire key', 'disconnect'])
    expect(lock.waits[0]?.reason).toBeInstanceOf(LockClosedError)
  })

  test('a grant that comes after that is given back first', async () => {
    const lock = new ScriptedLock('ScriptedLock')
    const waiting = lock.acquire('key')
    await flush()
    const closing = lock.close('enough')
    await expect(waiting).rejects.toBe('enough')
    lock.answer()
    await closing
    expect(lock.steps).toEqual(['acquire key', 'release key', 'disconnect'])
    expect(lock.close()).toBe(closing)
  })
})

describe('what a lock says', () => {
  const named = (options?: DistributedOptions) => new ScriptedLock('ScriptedLock', { name: 'orders', ...options })

  test('of itself: its name, its keys, how many wait, and whether it is closed', async () => {
    const lock = named()
    expect(inspect(lock)).toBe('ScriptedLock "orders" { 0 keys }')
    expect(inspect(new ScriptedLock('ScriptedLock'))).toBe('ScriptedLock { 0 keys }')
    const [first, second] = [lock.acquire('a'), lock.acquire('a')]
    await flush()
    expect(inspect(lock)).toBe('ScriptedLock "orders" { 1 key, 2 waiting }')
    expect(lock.waiting).toBe(2)
    expect(lock.closed).toBe(false)
    lock.answer()
    const lease = await first
    expect(inspect(lock)).toBe('ScriptedLock "orders" { 1 key, 1 waiting }')
    const closing = lock.close()
    expect(lock.closed).toBe(true)
    await expect(second).rejects.toThrow('ScriptedLock "orders": closed')
    expect(inspect(lock)).toBe('ScriptedLock "orders" { closed, 1 key }')
    await lease.release()
    await closing
    await lock[Symbol.asyncDispose]()
    expect(lock.steps.filter(step => step === 'disconnect')).toHaveLength(1)
  })

  test('to callers after it was closed, whatever they ask', async () => {
    const lock = named()
    await lock.close()
    await expect(lock.acquire('a')).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
    expect(await lock.tryAcquire('a')).toBeUndefined()
    const task = vi.fn()
    await expect(lock.runExclusive('a', task)).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
    expect(task).not.toHaveBeenCalled()
    expect(lock.steps).toEqual(['disconnect'])
  })

  test('when time is over: at the engine, behind a caller of this process, and at once', async () => {
    const lock = named()
    const holding = lock.acquire('a')
    const texts: string[] = []
    const note = (error: Error) => texts.push(error.message)
    await flush()
    lock.waits[0]!.diagnosis = () => new Error('the engine is down')
    const others = [
      lock.acquire('a', { timeout: 30 }).catch(note),
      lock.acquire('b', { timeout: 50 }).catch(note),
      lock.acquire('c', { timeout: 0 }).catch(note)
    ]
    await flush()
    lock.refuse()
    await vi.advanceTimersByTimeAsync(50)
    expect(texts.sort()).toEqual([
      'ScriptedLock "orders" key "a": waited longer than 30 ms; the engine is down',
      'ScriptedLock "orders" key "b": waited longer than 50 ms',
      'ScriptedLock "orders" key "c": would have to wait, and timeout is 0 ms'
    ])
    await Promise.all(others)
    expect(lock.waits[2]).toBeUndefined()
    void holding.catch(() => {})
  })

  test('behind a holder of this process: by the names of the caller, not those of the engine', async () => {
    class Renaming extends ScriptedLock {
      protected override keyId(key: string) {
        return `engine/${key}`
      }
    }
    const lock = new Renaming('ScriptedLock', { name: 'orders', maxWaiting: 3 })
    const holding = lock.acquire('a')
    await flush()
    lock.answer()
    const lease = await holding
    const texts: string[] = []
    const note = (error: Error) => texts.push(error.message)
    const others = [
      lock.acquire('a', { timeout: 30 }).catch(note),
      lock.runExclusiveMany(['b', 'a'], () => {}, { timeout: 40 }).catch(note),
      lock.acquire('a', { timeout: 50 }).catch(note),
      lock.acquire('a').catch(note)
    ]
    await vi.advanceTimersByTimeAsync(50)
    await Promise.all(others)
    expect(texts.sort()).toEqual([
      'ScriptedLock "orders" key "a": maxWaiting is 3, and so many wait already',
      'ScriptedLock "orders" key "a": waited longer than 30 ms',
      'ScriptedLock "orders" key "a": waited longer than 50 ms',
      'ScriptedLock "orders" keys "b", "a": waited longer than 40 ms'
    ])
    await lease.release()
  })

  test('and when it never is: a lock may have a timeout of its own', async () => {
    const lock = named({ timeout: 40 })
    const [one, other] = [lock.acquire('a'), lock.acquire('b', { timeout: Infinity })]
    const outcome = expect(one).rejects.toThrow('waited longer than 40 ms')
    await flush()
    await vi.advanceTimersByTimeAsync(40)
    await outcome
    lock.answer()
    await (await other).release()
  })

  test('to the caller that is one too many', async () => {
    const lock = named({ maxWaiting: 1 })
    const [first, second] = [lock.acquire('a'), lock.acquire('a')]
    await expect(lock.acquire('a')).rejects.toMatchObject({
      code: 'ERR_QUEUE_FULL',
      message: expect.stringContaining('"orders"')
    })
    lock.answer()
    await (await first).release()
    await flush()
    lock.answer()
    await (await second).release()
  })

  test('of misuse, at the call', () => {
    const lock = named()
    const wrong: [() => unknown, RegExp][] = [
      [() => lock.acquire(7 as never), /ScriptedLock "orders": key must be a string, got 7/],
      [() => lock.tryAcquire(7 as never), /key must be a string/],
      [() => lock.runExclusive(7 as never, () => {}), /key must be a string/],
      [() => lock.runExclusive('a', 7 as never), /task must be a function/],
      [() => lock.acquire('a', { timeout: -1 }), /timeout/],
      [() => new ScriptedLock('ScriptedLock', 7 as never), /ScriptedLock: options must be an object, got 7/],
      [() => new ScriptedLock('ScriptedLock', { maxWaiting: -1 }), /maxWaiting/],
      [() => new ScriptedLock('ScriptedLock', { timeout: -1 }), /timeout/]
    ]
    for (const [call, text] of wrong) expect(call).toThrow(text)
    expect(lock.steps).toEqual([])
  })
})

describe('an engine that fails', () => {
  class FailingLock extends ScriptedLock {
    protected override acquireKey(): Promise<never> {
      return Promise.reject(new Error('out of order'))
    }
  }

  test('rejects each call with what it said, and the key is free here', async () => {
    const lock = new FailingLock('FailingLock')
    for (const call of [() => lock.acquire('a'), () => lock.tryAcquire('a'), () => lock.acquire('a', { timeout: 0 })]) {
      await expect(call()).rejects.toThrow('out of order')
      expect(inspect(lock)).toBe('FailingLock { 0 keys }')
      expect(lock.waiting).toBe(0)
    }
    await lock.close()
  })
})

describe('a caller that does not wait', () => {
  test('does not ask the engine if a caller of this process has the key, and gives its place back if it is taken', async () => {
    const lock = new ScriptedLock('ScriptedLock')
    const first = lock.tryAcquire('a')
    await flush()
    expect(await lock.tryAcquire('a')).toBeUndefined()
    expect(lock.steps).toEqual(['acquire a'])
    expect(lock.waits).toEqual([undefined])
    lock.refuse()
    expect(await first).toBeUndefined()
    const second = lock.tryAcquire('a')
    await flush()
    lock.answer()
    await (await second)?.release()
    expect(lock.steps).toEqual(['acquire a', 'acquire a', 'release a'])
  })
})

describe('a call whose signal has aborted', () => {
  test('is rejected with the reason of the signal, and the engine is not asked', async () => {
    const lock = new ScriptedLock('ScriptedLock')
    const signal = AbortSignal.abort('enough')
    await expect(lock.acquire('a', { signal })).rejects.toBe('enough')
    await expect(lock.runExclusive('a', () => {}, { signal })).rejects.toBe('enough')
    expect(lock.steps).toEqual([])
    expect(inspect(lock)).toBe('ScriptedLock { 0 keys }')
  })
})

describe('a wait that was granted', () => {
  test('keeps no listener on the signal and no timer', async () => {
    const lock = new ScriptedLock('ScriptedLock')
    const { signal, listeners } = countingSignal()
    const acquiring = lock.acquire('key', { signal, timeout: 60_000 })
    await flush()
    expect(listeners()).toBeGreaterThan(0)
    expect(vi.getTimerCount()).toBeGreaterThan(0)
    lock.answer()
    const lease = await acquiring
    expect(listeners()).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    expect(lock.waiting).toBe(0)
    await lease.release()
  })

  test('nor does one that the engine has failed, or that was aborted', async () => {
    const { signal, listeners, controller } = countingSignal()
    const failing = new ScriptedLock('ScriptedLock')
    const outcome = expect(failing.acquire('key', { signal, timeout: 60_000 })).rejects.toBe('enough')
    await flush()
    controller.abort('enough')
    await outcome
    expect(listeners()).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('many waits on one signal take one listener, and all end', async () => {
    const { signal, listeners, controller } = countingSignal()
    const ended: unknown[] = []
    const waits = [1, 2, 3].map(() => new Wait('lock', { signal }, 0))
    for (const wait of waits) wait.onEnd(reason => ended.push(reason))
    expect(listeners()).toBe(1)
    waits[1]?.dispose()
    expect(listeners()).toBe(1)
    controller.abort('enough')
    expect(ended).toEqual(['enough', 'enough'])
    expect(waits.map(({ ended }) => ended)).toEqual([true, false, true])
    expect(listeners()).toBe(0)
  })
})

describe('a wait', () => {
  test('ends once, and tells a late listener at once', () => {
    const wait = new Wait('lock', undefined, 0)
    const told: unknown[] = []
    const stop = wait.onEnd(() => told.push('stopped'))
    wait.onEnd(reason => told.push(reason))
    stop()
    stop()
    expect(wait.ended).toBe(false)
    expect(wait.reason).toBeUndefined()
    wait.end('first')
    wait.end('second')
    expect(wait.reason).toBe('first')
    wait.onEnd(reason => told.push(`late ${reason}`))
    expect(told).toEqual(['first', 'late first'])
  })

  test('counts its timeout from when the caller began to wait', () => {
    const since = performance.now()
    vi.advanceTimersByTime(30)
    const wait = new Wait('lock "a"', { timeout: 50 }, since)
    vi.advanceTimersByTime(19)
    expect(wait.ended).toBe(false)
    vi.advanceTimersByTime(1)
    expect(wait.reason).toMatchObject({ code: 'ERR_LOCK_TIMEOUT', message: 'lock "a": waited longer than 50 ms' })
  })

  test('is over at once if its time is', () => {
    vi.advanceTimersByTime(100)
    expect(new Wait('lock', { timeout: 100 }, performance.now() - 100).ended).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a signal that has aborted ends it, and nothing is watched', () => {
    const wait = new Wait('lock', { signal: AbortSignal.abort('enough'), timeout: 50 }, 0)
    expect(wait.reason).toBe('enough')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('pauses for a time, until it ends, or until it is woken', async () => {
    const wait = new Wait('lock', undefined, 0)
    const done: string[] = []
    let wake = () => {}
    void wait.pause(50).then(() => done.push('time'))
    void wait
      .pause(500, resolve => {
        wake = resolve
      })
      .then(() => done.push('woken'))
    void wait.pause(2 ** 40).then(() => done.push('ended'))
    await vi.advanceTimersByTimeAsync(49)
    expect(done).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(done).toEqual(['time'])
    wake()
    await flush()
    expect(done).toEqual(['time', 'woken'])
    wait.end('enough')
    await flush()
    expect(done).toEqual(['time', 'woken', 'ended'])
    await wait.pause(50) // at once
    expect(vi.getTimerCount()).toBe(0)
  })

  test('an engine says what keeps it, and that is the cause of the timeout', () => {
    const wait = new Wait('lock', { timeout: 50 }, performance.now())
    wait.diagnosis = () => 'no disk'
    vi.advanceTimersByTime(50)
    expect(wait.reason).toMatchObject({ message: 'lock: waited longer than 50 ms; no disk', cause: 'no disk' })
  })
})

describe('a timer that is shared', () => {
  const at = (from: number) => Math.round(performance.now() - from)

  test('calls each back after its time, in order, with one timer of the platform', () => {
    const timer = new SharedTimer(100)
    const from = performance.now()
    const called: string[] = []
    timer.add(() => called.push(`a ${at(from)}`), from)
    vi.advanceTimersByTime(30)
    timer.add(() => called.push(`b ${at(from)}`), performance.now())
    timer.add(() => called.push(`c ${at(from)}`), performance.now() - 10)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(1000)
    expect(called).toEqual(['a 100', 'c 120', 'b 130'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('one that began earlier is not late', () => {
    const timer = new SharedTimer(100)
    const from = performance.now()
    const called: number[] = []
    timer.add(() => called.push(at(from)), from)
    timer.add(() => called.push(at(from)), from - 50)
    vi.advanceTimersByTime(50)
    expect(called).toEqual([50])
    vi.advanceTimersByTime(50)
    expect(called).toEqual([50, 100])
  })

  test('what is cancelled is not called, nor kept', () => {
    const timer = new SharedTimer(100)
    const called: string[] = []
    const now = performance.now()
    const [a, , c] = ['a', 'b', 'c'].map(name => timer.add(() => called.push(name), now))
    a?.cancel()
    a?.cancel()
    c?.cancel()
    vi.advanceTimersByTime(100)
    expect(called).toEqual(['b'])
    expect(vi.getTimerCount()).toBe(0)
    timer.add(() => called.push('d'), performance.now())
    vi.advanceTimersByTime(100)
    expect(called).toEqual(['b', 'd'])
  })

  test('an entry that is added by one that is called has its time', () => {
    const timer = new SharedTimer(100)
    const from = performance.now()
    const called: number[] = []
    timer.add(() => {
      called.push(at(from))
      timer.add(() => called.push(at(from)), performance.now())
    }, from)
    timer.add(() => called.push(at(from)), from + 40)
    vi.advanceTimersByTime(1000)
    expect(called).toEqual([100, 140, 200])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('those that are due at one time are called in the order in which they came', () => {
    const timer = new SharedTimer(100)
    const now = performance.now()
    const called: string[] = []
    for (const name of ['a', 'b', 'c']) timer.add(() => called.push(name), now)
    vi.advanceTimersByTime(100)
    expect(called).toEqual(['a', 'b', 'c'])
  })

  test('sets the timer of the platform as seldom as it can, and for the time that is left', () => {
    const timer = new SharedTimer(100)
    const set = vi.spyOn(globalThis, 'setTimeout')
    const now = performance.now()
    timer.add(() => {}, now)
    timer.add(() => {}, now)
    timer.add(() => {}, now + 30)
    expect(set.mock.calls.map(([, ms]) => ms)).toEqual([100])
    vi.advanceTimersByTime(100)
    expect(set.mock.calls.map(([, ms]) => ms)).toEqual([100, 30])
    vi.advanceTimersByTime(30)
    expect(vi.getTimerCount()).toBe(0)
    // One that is overdue when it is added is called in the next ms, and not in this one.
    const called = vi.fn()
    timer.add(called, performance.now() - 500)
    expect(called).not.toHaveBeenCalled()
    expect(set.mock.calls.at(-1)?.[1]).toBe(1)
    vi.advanceTimersByTime(1)
    expect(called).toHaveBeenCalledOnce()
  })

  test('goes on after a test has taken its fake timers away', () => {
    const timer = new SharedTimer(100)
    timer.add(() => {}, performance.now())
    vi.clearAllTimers()
    vi.advanceTimersByTime(5000)
    const called = vi.fn()
    timer.add(called, performance.now())
    vi.advanceTimersByTime(100)
    expect(called).toHaveBeenCalledOnce()
  })
})

describe('the time between two polls', () => {
  const middle = () => vi.spyOn(Math, 'random').mockReturnValue(0.5)

  test('grows with the number of those that poll, up to a limit', () => {
    middle()
    expect(pollInterval(25, 1000)).toBe(25)
    const stops = Array.from({ length: 100 }, startPolling)
    expect(pollInterval(25, 1000)).toBe(500)
    expect(pollInterval(25, 300)).toBe(300)
    stops[0]?.()
    stops[0]?.()
    expect(pollInterval(25, 1000)).toBe(495)
    for (const stop of stops) stop()
    expect(pollInterval(25, 1000)).toBe(25)
  })

  test('has jitter of a quarter to both sides', () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0)
    expect(pollInterval(100, 1000)).toBe(75)
    random.mockReturnValue(1)
    expect(pollInterval(100, 1000)).toBe(125)
  })
})

describe('notifications', () => {
  const channel = 'latchkey:latchkey:me'
  function subscriber() {
    const calls: string[] = []
    let settle: { stand: () => void; fail: (error: Error) => void } | undefined
    let listener: (from: string, message: string) => void = () => {}
    return {
      calls,
      stand: () => settle?.stand(),
      fail: (error: Error) => settle?.fail(error),
      say: (from: string, message: string) => listener(from, message),
      subscribe(name: string) {
        calls.push(`subscribe ${name}`)
        return new Promise<void>((resolve, reject) => {
          settle = { stand: resolve, fail: reject }
        })
      },
      async unsubscribe(name: string) {
        calls.push(`unsubscribe ${name}`)
      },
      on(_: 'message', hear: typeof listener) {
        listener = hear
        calls.push('on')
      },
      off() {
        calls.push('off')
      }
    }
  }

  test('wake all waiters once the subscription stands, for what was said before', async () => {
    const client = subscriber()
    const notifications = new Notifications('lock', client, channel)
    const waiters = ['me:0', 'me:1'].map(owner => notifications.register(owner))
    const woken: number[] = []
    for (const [i, waiter] of waiters.entries())
      waiter.wake = () => {
        woken.push(i)
      }
    notifications.subscribe()
    notifications.subscribe()
    expect(notifications.subscribed).toBe(false)
    client.stand()
    await flush()
    expect(notifications.subscribed).toBe(true)
    expect(woken).toEqual([0, 1])
    expect(waiters.map(({ notified }) => notified)).toEqual([true, true])
    expect(client.calls).toEqual(['on', `subscribe ${channel}`])
  })

  test('wake the waiter that is named, on the own channel alone, for as long as it waits', async () => {
    const client = subscriber()
    const notifications = new Notifications('lock', client, channel)
    notifications.subscribe()
    client.stand()
    await flush()
    const waiters = ['me:0', 'me:1'].map(owner => notifications.register(owner))
    client.say(channel, 'me:1')
    client.say('another channel', 'me:0')
    expect(waiters.map(({ notified }) => notified)).toEqual([false, true])
    notifications.unregister('me:0')
    client.say(channel, 'me:0')
    expect(waiters[0]?.notified).toBe(false)
    await notifications.close(1000)
    expect(client.calls).toEqual(['on', `subscribe ${channel}`, 'off', `unsubscribe ${channel}`])
    notifications.subscribe()
    expect(client.calls).toHaveLength(4)
  })

  test('that fail are tried again after a while, and say why', async () => {
    const client = subscriber()
    const notifications = new Notifications('lock', client, channel)
    notifications.subscribe()
    client.fail(new Error('NOPERM'))
    await flush()
    expect(notifications.failure).toMatchObject({ code: 'ERR_ENGINE_SCRIPT_REFUSED' })
    notifications.subscribe()
    vi.advanceTimersByTime(4999)
    notifications.subscribe()
    expect(client.calls).toEqual(['on', `subscribe ${channel}`, 'off'])
    vi.advanceTimersByTime(1)
    notifications.subscribe()
    expect(client.calls).toHaveLength(5)
    client.stand()
    await flush()
    expect(notifications.failure).toBeUndefined()
  })
})
