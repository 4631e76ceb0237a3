// What a LockMonitor counts, names, warns of and remembers, of every primitive.

import { inspect } from 'node:util'
import { Gate, KeyedMutex, Mutex, Pool, ReadWriteLock, Semaphore, SingleFlight, WaiterQueue } from 'latchkey'
import { combineObservers, type LockEvent, LockMonitor, type LockWarning, renderTimeline } from 'latchkey/monitor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deferred, flush } from '../fixtures/settle.js'
import { FAKED } from '../properties/settings.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
})

const only = (monitor: LockMonitor) => {
  const { locks } = monitor.snapshot()
  expect(locks).toHaveLength(1)
  return locks[0]!
}

describe('counting', () => {
  test('acquisitions, waits, holds, and who holds and waits now', async () => {
    const monitor = new LockMonitor()
    const mutex = new Mutex({ name: 'tools', observer: monitor })
    const first = await mutex.acquire()
    const others = [mutex.acquire(), mutex.acquire()]
    vi.advanceTimersByTime(100)
    expect(only(monitor)).toMatchObject({
      ...{ lock: 'Mutex "tools"', kind: 'Mutex', name: 'tools' },
      ...{ acquisitions: 1, contended: 2, waiting: 2, peakWaiting: 2, held: 1 },
      contention: 2 / 3,
      holders: [{ id: 1, keys: [], ms: 100 }],
      waiters: [
        { id: 2, keys: [], ms: 100 },
        { id: 3, keys: [], ms: 100 }
      ]
    })
    first.release()
    const second = await others[0]!
    vi.advanceTimersByTime(50)
    second.release()
    ;(await others[1]!).release()
    expect(only(monitor)).toMatchObject({
      ...{ acquisitions: 3, contended: 2, waiting: 0, peakWaiting: 2, held: 0, holders: [], waiters: [] },
      wait: { count: 2, sum: 250, min: 100, max: 150 },
      hold: { count: 3, sum: 150, min: 0, max: 100 }
    })
  })

  test('each reason for which callers go without the lock', async () => {
    const monitor = new LockMonitor()
    const mutex = new Mutex({ observer: monitor, maxWaiting: 3 })
    const lock = await mutex.acquire()
    const controller = new AbortController()
    const calls = [
      mutex.acquire({ signal: controller.signal }),
      mutex.acquire({ timeout: 10 }),
      mutex.acquire({ timeout: 0 }),
      mutex.acquire({ signal: AbortSignal.abort('a reason of the user') }),
      mutex.acquire(),
      mutex.acquire()
    ]
    const settled = Promise.allSettled(calls)
    controller.abort()
    vi.advanceTimersByTime(10)
    mutex.cancelWaiters()
    await settled
    const closed = mutex.close()
    await mutex.acquire().catch(() => {})
    lock.release()
    await closed
    expect(only(monitor)).toMatchObject({
      acquisitions: 1,
      contended: 3,
      contention: 3 / 8,
      waiting: 0,
      abandoned: { aborted: 1, timeout: 2, other: 1, 'queue-full': 1, cancelled: 1, closed: 1 },
      wait: { count: 3, sum: 20 }
    })
  })

  test('a signal that timed out is told from a timeout of the lock', async () => {
    const monitor = new LockMonitor()
    const mutex = new Mutex({ observer: monitor })
    const reason = new DOMException('The operation was aborted due to timeout', 'TimeoutError')
    await mutex.acquire({ signal: AbortSignal.abort(reason) }).catch(() => {})
    expect(only(monitor).abandoned).toEqual({ aborted: 1 })
  })

  test('what is passed, and not held, is acquired and has no holders', async () => {
    const monitor = new LockMonitor()
    const gate = new Gate({ observer: monitor, name: 'door' })
    const passed = [gate.wait(), gate.wait()]
    vi.advanceTimersByTime(5)
    gate.open()
    await Promise.all([...passed, gate.wait()])
    expect(only(monitor)).toMatchObject({ acquisitions: 3, contended: 2, held: 0, wait: { count: 2, sum: 10 } })
    const queue = new WaiterQueue<number>({ observer: monitor })
    void queue.wait()
    queue.grant(7)
    const flights = new SingleFlight({ observer: monitor })
    await flights.run('key', () => 7)
    expect(monitor.snapshot().locks.map(lock => [lock.lock, lock.acquisitions, lock.held])).toEqual([
      ['Gate "door"', 3, 0],
      ['WaiterQueue', 1, 0],
      ['SingleFlight', 1, 0]
    ])
  })

  test('every primitive that is held: what is out is what the monitor says', async () => {
    const monitor = new LockMonitor()
    const observer = monitor
    const semaphore = new Semaphore(3, { observer })
    const lock = new ReadWriteLock({ observer })
    const pool = new Pool({ create: () => ({}), max: 2, observer })
    const permit = await semaphore.acquire({ permits: 2 })
    const part = permit.split(1)
    const reader = await lock.acquireRead()
    const writer = reader.tryUpgrade()
    const lease = await pool.acquire()
    const held = () => monitor.snapshot().locks.map(({ held }) => held)
    expect(held()).toEqual([2, 1, 1])
    writer?.downgrade().release()
    part.release()
    expect(held()).toEqual([1, 0, 1])
    permit.release()
    lease.discard()
    expect(held()).toEqual([0, 0, 0])
  })

  test('locks of one name are one; of names there are no more than maxLocks', async () => {
    const monitor = new LockMonitor({ maxLocks: 2 })
    for (const name of ['a', 'a', 'b', 'c', 'd']) new Mutex({ name, observer: monitor }).tryAcquire()
    const locks = monitor.snapshot().locks.map(({ lock, acquisitions }) => [lock, acquisitions])
    expect(locks).toEqual([
      ['Mutex "a"', 2],
      ['Mutex "b"', 1],
      ['(others)', 2]
    ])
  })

  test('two monitors on one lock each keep their own account', async () => {
    const [one, two] = [new LockMonitor(), new LockMonitor()]
    const mutex = new Mutex({ observer: combineObservers(one, two) })
    const lock = await mutex.acquire()
    const next = mutex.acquire()
    lock.release()
    ;(await next).release()
    for (const monitor of [one, two]) expect(only(monitor)).toMatchObject({ acquisitions: 2, contended: 1, held: 0 })
  })
})

describe('a holder that walked in is noted with its lock, and others besides it', () => {
  test('all of them are held, and told in order, whichever leaves first', async () => {
    const monitor = new LockMonitor()
    const semaphore = new Semaphore(3, { observer: monitor })
    const permits = []
    for (let i = 0; i < 3; i++) {
      permits.push(await semaphore.acquire())
      vi.advanceTimersByTime(10)
    }
    const holders = () => only(monitor).holders.map(({ id, ms }) => [id, ms])
    expect(holders()).toEqual([
      [1, 30],
      [2, 20],
      [3, 10]
    ])
    permits[0]?.release()
    const fourth = await semaphore.acquire()
    expect(holders()).toEqual([
      [2, 20],
      [3, 10],
      [4, 0]
    ])
    for (const permit of [permits[2], fourth, permits[1]]) permit?.release()
    expect(only(monitor)).toMatchObject({ held: 0, holders: [], acquisitions: 4, hold: { count: 4, sum: 60, max: 30 } })
    expect(monitor.timeline().map(({ id, kind, from, to }) => [id, kind, to - from])).toEqual([
      [1, 'hold', 30],
      [2, 'hold', 20],
      [3, 'hold', 10],
      [4, 'hold', 0]
    ])
  })

  test('of two that came in one instant, the first is told first', async () => {
    const monitor = new LockMonitor()
    const semaphore = new Semaphore(2, { observer: monitor })
    const first = await semaphore.acquire()
    await semaphore.acquire()
    first.release()
    await semaphore.acquire() // the one without a record now, as long ago as the one with
    expect(only(monitor).holders.map(({ id }) => id)).toEqual([2, 3])
  })

  test('a subscriber that comes while it holds hears of its release', async () => {
    const monitor = new LockMonitor()
    const lock = await new Mutex({ observer: monitor }).acquire()
    vi.advanceTimersByTime(7)
    const events: unknown[] = []
    monitor.subscribe(({ type, id, held }) => events.push([type, id, held]))
    lock.release()
    expect(events).toEqual([['release', 1, 7]])
    expect(monitor.timeline()).toHaveLength(1)
  })
})

describe('reset', () => {
  test('counts from there on; what goes on is still known, and counted when it ends', async () => {
    const monitor = new LockMonitor()
    const locks = new KeyedMutex<string>({ name: 'users', observer: monitor })
    for (const key of ['ann', 'ann', 'bob']) locks.tryAcquire(key)?.release()
    const lock = await locks.acquire('ann')
    const next = [locks.acquire('ann'), locks.acquire('ann')]
    await locks.acquire('ann', { timeout: 0 }).catch(() => {})
    vi.advanceTimersByTime(10)
    const before = monitor.snapshot()
    monitor.reset()
    const { since, locks: counted } = monitor.snapshot()
    expect(since - before.since).toBe(10)
    expect(counted).toMatchObject([
      {
        ...{ acquisitions: 0, contended: 0, contention: 0, abandoned: {}, waiting: 2, peakWaiting: 2, held: 1 },
        ...{ wait: { count: 0 }, hold: { count: 0, max: 0 }, holders: [{ id: 4 }], busiestKeys: [], totalWait: 20 }
      }
    ])
    lock.release()
    vi.advanceTimersByTime(5)
    ;(await next[0]!).release()
    ;(await next[1]!).release()
    expect(only(monitor)).toMatchObject({
      ...{ acquisitions: 2, contended: 0, waiting: 0, held: 0 },
      ...{ wait: { count: 2, sum: 25 }, hold: { count: 3, sum: 15 }, totalWait: 25 }
    })
    expect(monitor.timeline().length).toBeGreaterThan(5)
    monitor.reset()
    expect(monitor.report()).toBe('No lock has been used yet.')
  })
})

describe('keys', () => {
  test('an object has a number, the same each time, by which it can be told from others', async () => {
    const monitor = new LockMonitor()
    const locks = new KeyedMutex<unknown>({ observer: monitor })
    const [one, two] = [{}, []]
    const shown = async (key: unknown) => {
      const lock = await locks.acquire(key)
      const [text] = only(monitor).holders[0]!.keys
      lock.release()
      return text
    }
    expect(await shown(one)).toMatch(/^object #\d+$/)
    expect(await shown(() => {})).toMatch(/^function #\d+$/)
    expect(await shown(two)).not.toBe(await shown(one))
    expect(await shown(one)).toBe(await shown(one))
    expect([await shown(null), await shown(5), await shown(Symbol('s'))]).toEqual(['null', '5', 'Symbol(s)'])
  })

  test('the busiest are named, with how many waited', async () => {
    const monitor = new LockMonitor({ keys: 2 })
    const locks = new KeyedMutex<unknown>({ observer: monitor })
    const object = {}
    for (const key of ['a', 'b', 'a', object, 'a', 'b']) locks.tryAcquire(key)?.release()
    const held = await locks.acquireMany(['a', 'b'])
    const waiting = locks.acquire('a')
    held.release()
    ;(await waiting).release()
    expect(only(monitor).busiestKeys).toEqual([
      { key: 'a', requests: 5, error: 0, contended: 1 },
      { key: 'b', requests: 3, error: 0, contended: 0 }
    ])
  })

  test('a million keys: those that are asked for often are found among them', () => {
    const monitor = new LockMonitor({ keys: 3 })
    const locks = new KeyedMutex<string>({ observer: monitor })
    for (let i = 0; i < 1_000_000; i++) {
      locks.tryAcquire(`rare ${i}`)?.release()
      if (i % 5 === 0) locks.tryAcquire('often')?.release()
      if (i % 6 === 0) locks.tryAcquire('less often')?.release()
    }
    const [first, second] = only(monitor).busiestKeys
    expect([first?.key, second?.key]).toEqual(['often', 'less often'])
    // Space-Saving: never too small, and too large by at most `error`, which is at most one in as many as there are counters.
    const { requests = 0, error = 0 } = first ?? {}
    expect(requests).toBeGreaterThanOrEqual(200_000)
    expect(requests - error).toBeLessThanOrEqual(200_000)
    expect(error).toBeLessThanOrEqual(1_366_667 / 24)
  })
})

describe('memory', () => {
  /** What lives after `work`, in bytes more than before. */
  function growth(work: () => void): number {
    const gc = (globalThis as { gc?: () => void }).gc!
    gc()
    const before = process.memoryUsage().heapUsed
    work()
    gc()
    return process.memoryUsage().heapUsed - before
  }

  test('does not grow with operations, nor with keys, once the ring is full', () => {
    const monitor = new LockMonitor()
    const locks = new KeyedMutex<number>({ observer: monitor })
    const mutex = new Mutex({ observer: monitor })
    const work = (from: number) => {
      for (let i = 0; i < 200_000; i++) {
        locks.tryAcquire(from + i)?.release()
        mutex.tryAcquire()?.release()
      }
    }
    work(0)
    expect(growth(() => work(1_000_000))).toBeLessThan(200_000)
    expect(monitor.timeline()).toHaveLength(1000)
  })
})

describe('warnings', () => {
  const watched = (options: { maxWait?: number; maxHold?: number }) => {
    const warnings: LockWarning[] = []
    const monitor = new LockMonitor({ ...options, onWarning: warning => warnings.push(warning) })
    return { warnings, monitor }
  }

  test('of a hold: once, while it goes on, with its holder and its waiters', async () => {
    const { warnings, monitor } = watched({ maxHold: 1000 })
    const mutex = new Mutex({ name: 'tools', observer: monitor })
    const lock = await mutex.acquire()
    const next = mutex.acquire()
    vi.advanceTimersByTime(999)
    expect(warnings).toEqual([])
    vi.advanceTimersByTime(1)
    expect(warnings).toMatchObject([
      {
        ...{ kind: 'hold', lock: 'Mutex "tools"', ms: 1000, limit: 1000, ended: false },
        caller: { id: 1, ms: 1000 },
        holders: [{ id: 1 }],
        waiters: [{ id: 2 }],
        message: 'Mutex "tools": #1 has held for 1000 ms, more than 1000 ms; 1 waiting'
      }
    ])
    vi.advanceTimersByTime(10_000)
    expect(warnings).toHaveLength(1)
    lock.release()
    expect(warnings.slice(1)).toMatchObject([
      {
        ...{ kind: 'hold', lock: 'Mutex "tools"', ms: 11_000, limit: 1000, ended: true, count: 1 },
        caller: { id: 1, ms: 11_000 },
        message: 'Mutex "tools": over after 11000 ms: #1 held for more than 1000 ms; 1 waiting'
      }
    ])
    ;(await next).release()
    vi.advanceTimersByTime(10_000)
    expect(warnings).toHaveLength(2)
    expect(only(monitor)).toMatchObject({ held: 0, waiting: 0 })
  })

  test('of a wait: each of those who wait, once; then of its hold', async () => {
    const { warnings, monitor } = watched({ maxWait: 100, maxHold: 500 })
    const locks = new KeyedMutex<string>({ name: 'users', observer: monitor })
    const lock = await locks.acquire('ann')
    await locks.acquire('bob')
    const next = locks.acquire('ann')
    vi.advanceTimersByTime(60)
    const late = locks.acquire('ann')
    vi.advanceTimersByTime(60)
    const brief = warnings.map(({ kind, caller, holders, waiters }) => [
      kind,
      caller.id,
      holders.map(({ id }) => id),
      waiters.length
    ])
    expect(brief).toEqual([['wait', 3, [1], 2]])
    vi.advanceTimersByTime(60)
    expect(warnings.map(({ message }) => message)).toEqual([
      'KeyedMutex "users" key "ann": #3 has waited for 100 ms, more than 100 ms; held by #1 for 100 ms; 2 waiting',
      'KeyedMutex "users" key "ann": #4 has waited for 100 ms, more than 100 ms; held by #1 for 160 ms; 2 waiting'
    ])
    lock.release()
    const second = await next
    vi.advanceTimersByTime(500)
    expect(warnings.slice(2).map(({ kind, ended, caller }) => [kind, ended, caller.id])).toEqual([
      ['hold', false, 2],
      ['hold', false, 3]
    ])
    second.release()
    ;(await late).release()
    // The last of the two waits is over, and one of the two holds goes on.
    expect(warnings.slice(4).map(({ message }) => message)).toEqual([
      'KeyedMutex "users": over after 620 ms: 2 callers waited for more than 100 ms, #4 the longest; 0 waiting'
    ])
  })

  test('that several are over names the holders of all keys', async () => {
    const { warnings, monitor } = watched({ maxWait: 100 })
    const locks = new KeyedMutex<string>({ name: 'users', observer: monitor })
    const holders = await Promise.all(['ann', 'bob', 'cat'].map(key => locks.acquire(key)))
    const waits = ['ann', 'bob'].map(key => locks.acquire(key))
    void locks.acquire('cat')
    vi.advanceTimersByTime(150)
    holders[0]?.release()
    holders[1]?.release()
    expect(warnings.filter(({ ended }) => ended)).toEqual([])
    for (const lock of await Promise.all(waits)) lock.release()
    holders[2]?.release()
    const [over] = warnings.filter(({ ended }) => ended)
    expect(over?.count).toBe(3)
    expect(over?.holders.map(({ keys }) => keys)).toEqual([])
    const again = watched({ maxWait: 100 })
    const tables = new KeyedMutex<string>({ observer: again.monitor })
    await tables.acquire('kept')
    const [one, two] = await Promise.all(['x', 'y'].map(key => tables.acquire(key)))
    const next = ['x', 'y'].map(key => tables.acquire(key))
    vi.advanceTimersByTime(150)
    one?.release()
    two?.release()
    await Promise.all(next)
    // What is still held of other keys has to do with it as well.
    const last = again.warnings.at(-1)
    expect([last?.ended, last?.count]).toEqual([true, 2])
    expect(last?.holders.map(({ keys }) => keys[0])).toContain('kept')
  })

  test('of what ended before the timer came: the program was busy', async () => {
    const { warnings, monitor } = watched({ maxHold: 10, maxWait: 10 })
    const mutex = new Mutex({ observer: monitor })
    const lock = await mutex.acquire()
    const next = mutex.acquire()
    vi.setSystemTime(0)
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 50)
    lock.release()
    ;(await next).release()
    now.mockRestore()
    expect(warnings.map(({ kind, ended, ms }) => [kind, ended, ms])).toEqual([
      ['hold', true, 50],
      ['wait', true, 50]
    ])
  })

  test('what goes fast is not warned of, and sets no timer each time', async () => {
    const { warnings, monitor } = watched({ maxHold: 10, maxWait: 10 })
    const mutex = new Mutex({ observer: monitor })
    for (let i = 0; i < 100; i++) await mutex.runExclusive(() => vi.advanceTimersByTime(9))
    expect(warnings).toEqual([])
    await mutex.acquire()
    expect(vi.getTimerCount()).toBe(1)
    for (let i = 0; i < 10; i++) void mutex.acquire()
    expect(vi.getTimerCount()).toBe(1)
  })

  test('a limit that is longer than any timer is waited for in parts', async () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    const { monitor } = watched({ maxHold: 3e9 })
    await new Mutex({ observer: monitor }).acquire()
    const [[, ms = 0] = []] = set.mock.calls
    expect(ms).toBe(2 ** 31 - 1)
    set.mockRestore()
  })

  test('without a limit there is no timer', async () => {
    for (const monitor of [new LockMonitor({ onWarning() {} }), new LockMonitor()]) {
      const mutex = new Mutex({ observer: monitor })
      await mutex.acquire()
      void mutex.acquire()
    }
    expect(vi.getTimerCount()).toBe(0)
  })

  describe('without a receiver', () => {
    afterEach(() => {
      vi.unstubAllGlobals()
      vi.restoreAllMocks()
    })

    /** A hold of 5 ms where 5 are the limit. */
    const hold = async () => {
      await new Mutex({ name: 'tools', observer: new LockMonitor({ maxHold: 5 }) }).acquire()
      vi.advanceTimersByTime(5)
    }
    const message = 'Mutex "tools": #1 has held for 5 ms, more than 5 ms; 0 waiting'

    test('it is a warning of the process', async () => {
      const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      await hold()
      expect(warned.mock.calls).toEqual([[message, 'LockWarning']])
    })

    test('where there is no process, it goes to the console', async () => {
      vi.stubGlobal('process', undefined)
      const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
      await hold()
      expect(warned.mock.calls).toEqual([[message]])
    })

    test('where there is neither, a limit is refused: it would say nothing', () => {
      vi.stubGlobal('process', {})
      vi.stubGlobal('console', undefined)
      expect(() => new LockMonitor({ maxHold: 5 })).toThrow(
        new TypeError('LockMonitor: options.onWarning must be a function where there is a limit, got undefined')
      )
      expect(() => new LockMonitor()).not.toThrow()
    })
  })

  describe('behind one holder that does not release', () => {
    test('each check gives one warning, of all that became overdue; when all have ended, one says so', async () => {
      const { warnings, monitor } = watched({ maxWait: 100 })
      const mutex = new Mutex({ name: 'stuck', observer: monitor })
      const other = new Mutex({ name: 'other', observer: monitor })
      const lock = await mutex.acquire()
      const queue = [mutex.acquire(), mutex.acquire()]
      vi.advanceTimersByTime(5)
      for (let i = 0; i < 3; i++) queue.push(mutex.acquire())
      await other.acquire()
      const otherQueue = other.acquire()
      vi.advanceTimersByTime(95)
      const brief = () => warnings.splice(0).map(({ lock, count, caller, ended }) => [lock, count, caller.id, ended])
      expect(brief()).toEqual([['Mutex "stuck"', 2, 2, false]])
      // Not 5 ms later, but a quarter of the limit: whatever is overdue until then is in one warning for each lock.
      vi.advanceTimersByTime(24)
      expect(brief()).toEqual([])
      vi.advanceTimersByTime(1)
      expect(warnings.map(({ message }) => message)).toEqual([
        'Mutex "stuck": 3 callers have waited for more than 100 ms, #4 for 120 ms; held by #1 for 125 ms; 5 waiting',
        'Mutex "other": #8 has waited for 120 ms, more than 100 ms; held by #7 for 120 ms; 1 waiting'
      ])
      expect(warnings[0]).toMatchObject({ count: 3, ms: 120, holders: [{ id: 1 }], waiters: { length: 5 } })
      brief()
      vi.advanceTimersByTime(1000)
      expect(brief()).toEqual([])
      lock.release()
      for (const next of queue) (await next).release()
      expect(warnings.map(({ message }) => message)).toEqual([
        'Mutex "stuck": over after 1125 ms: 5 callers waited for more than 100 ms, #2 the longest; 0 waiting'
      ])
      expect(warnings).toMatchObject([{ kind: 'wait', ended: true, count: 5, ms: 1125, limit: 100, holders: [] }])
      void otherQueue
    })

    test('what was over before a check could come is one warning, and then one for all others', async () => {
      const { warnings, monitor } = watched({ maxWait: 100 })
      const mutex = new Mutex({ observer: monitor })
      const lock = await mutex.acquire()
      const queue = Array.from({ length: 1000 }, () => mutex.acquire())
      const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 5000)
      lock.release()
      for (const next of queue) (await next).release()
      now.mockRestore()
      vi.advanceTimersByTime(10_000)
      expect(warnings.map(({ ended, count, ms }) => [ended, count, ms])).toEqual([
        [true, 1, 5000],
        [true, 999, 5000]
      ])
    })

    // Linear: before, each warning sorted all that hold and wait, and 16,000 took 22 s.
    test('16,000 waiters cost as much for each as 1,000 do', async () => {
      const work = async (waiters: number): Promise<number> => {
        const { warnings, monitor } = watched({ maxWait: 100 })
        const mutex = new Mutex({ observer: monitor })
        const lock = await mutex.acquire()
        let reads = 0
        // Counts each time that the monitor looks at what one waits for.
        const get = (target: unknown[], name: string | symbol) => {
          reads++
          return Reflect.get(target, name)
        }
        const counted = new Proxy([], { get })
        for (let i = 0; i < waiters; i++) monitor.queued({ source: mutex, keys: counted })
        reads = 0
        vi.advanceTimersByTime(200)
        expect(warnings.map(({ count }) => count)).toEqual([waiters])
        lock.release()
        return reads
      }
      expect(await work(16_000)).toBe(await work(1000))
    })
  })

  test('the timer keeps no process alive', async () => {
    vi.useRealTimers()
    const unref = vi.fn()
    const set = vi.spyOn(globalThis, 'setTimeout').mockReturnValue({ unref } as never)
    await new Mutex({ observer: watched({ maxHold: 5 }).monitor }).acquire()
    set.mockRestore()
    expect(unref).toHaveBeenCalledTimes(1)
  })
})

describe('stacks', () => {
  test('name the line that asked, without the calls of the package', async () => {
    const monitor = new LockMonitor({ stacks: true })
    const mutex = new Mutex({ observer: monitor })
    async function theHolder() {
      return await mutex.acquire()
    }
    function theWaiter() {
      return mutex.acquire()
    }
    const lock = await theHolder()
    const next = theWaiter()
    const { holders, waiters } = only(monitor)
    expect(holders[0]?.stack?.split('\n')[0]).toMatch(/theHolder.*lock-monitor\.test\.ts/)
    expect(waiters[0]?.stack?.split('\n')[0]).toMatch(/theWaiter.*lock-monitor\.test\.ts/)
    lock.release()
    ;(await next).release()
  })

  test.each<[string, () => unknown]>([
    ['gives the calls as they are', (_error?: unknown, calls?: unknown) => calls],
    ['gives a number', () => 7],
    ['throws', () => { throw new Error('foreign') }] // biome-ignore format: one line
  ])('a program whose own Error.prepareStackTrace %s is not disturbed', async (what, prepare) => {
    const { prepareStackTrace } = Error
    Error.prepareStackTrace = prepare as never
    try {
      const monitor = new LockMonitor({ stacks: true, maxHold: 5, onWarning() {} })
      async function theHolder() {
        return new Mutex({ observer: monitor }).acquire()
      }
      await theHolder()
      vi.advanceTimersByTime(5)
      const { stack = '' } = only(monitor).holders[0]!
      expect(stack.split('\n')[0]?.includes('theHolder')).toBe(what === 'gives the calls as they are')
    } finally {
      Error.prepareStackTrace = prepareStackTrace!
    }
  })

  test('a program that has frozen Error is not disturbed, and its limit is left as it was', async () => {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 1
    try {
      const monitor = new LockMonitor({ stacks: true })
      await new Mutex({ observer: monitor }).acquire()
      expect(Error.stackTraceLimit).toBe(1)
      expect(only(monitor).holders[0]!.stack).toContain('lock-monitor.test')
      Object.defineProperty(Error, 'stackTraceLimit', { value: 1, writable: false, configurable: true })
      await new Mutex({ observer: monitor }).acquire()
      expect(Error.stackTraceLimit).toBe(1)
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', { value: stackTraceLimit, writable: true, configurable: true })
    }
  })

  test('are not taken unless they are asked for', async () => {
    const monitor = new LockMonitor()
    await new Mutex({ observer: monitor }).acquire()
    expect(only(monitor).holders[0]).not.toHaveProperty('stack')
  })
})

describe('what is remembered', () => {
  test('spans in order, those that go on included, no more than the ring holds', async () => {
    const monitor = new LockMonitor({ timeline: 2 })
    const mutex = new Mutex({ name: 'm', observer: monitor })
    for (let i = 0; i < 5; i++) {
      const lock = await mutex.acquire()
      vi.advanceTimersByTime(10)
      lock.release()
    }
    const lock = await mutex.acquire()
    const late = mutex.acquire({ timeout: 5 }).catch(() => {})
    vi.advanceTimersByTime(5)
    await late
    void mutex.acquire()
    vi.advanceTimersByTime(5)
    const start = monitor.timeline()[0]!.from
    const brief = monitor
      .timeline()
      .map(({ id, kind, from, to, outcome }) => [id, kind, from - start, to - start, outcome])
    expect(brief).toEqual([
      [5, 'hold', 0, 10, 'released'],
      [6, 'hold', 10, 20, 'ongoing'],
      [7, 'wait', 10, 15, 'timeout'],
      [8, 'wait', 15, 20, 'ongoing']
    ])
    lock.release()
  })

  test('a release tells how long its holder had waited, apart from how long it held', async () => {
    const monitor = new LockMonitor()
    const events: LockEvent[] = []
    monitor.subscribe(event => events.push(event))
    const mutex = new Mutex({ observer: monitor })
    const first = await mutex.acquire()
    const next = mutex.acquire()
    vi.advanceTimersByTime(30)
    first.release()
    const second = await next
    vi.advanceTimersByTime(50)
    second.release()
    const [, released] = events.filter(({ type }) => type === 'release')
    expect(released).toMatchObject({ id: 2, waited: 30, held: 50 })
  })

  test('events are told to subscribers, until they do not want to hear more', async () => {
    const monitor = new LockMonitor()
    const events: LockEvent[] = []
    const stop = monitor.subscribe(event => events.push(event))
    const locks = new KeyedMutex<string>({ name: 'users', observer: monitor })
    const lock = await locks.acquire('ann')
    const next = locks.acquire('ann')
    const late = locks.acquire('ann', { timeout: 20 }).catch(() => {})
    vi.advanceTimersByTime(20)
    await late
    lock.release()
    ;(await next).release()
    expect(
      events.map(({ type, id, waited, held, contended, reason }) => [type, id, waited, held, contended, reason])
    ).toEqual([
      ['acquire', 1, 0, 0, false, undefined],
      ['contended', 2, 0, 0, true, undefined],
      ['contended', 3, 0, 0, true, undefined],
      ['abandon', 3, 20, 0, true, 'timeout'],
      ['release', 1, 0, 20, false, undefined],
      ['acquire', 2, 20, 0, true, undefined],
      ['release', 2, 20, 0, true, undefined]
    ])
    expect(events[3]).toMatchObject({ lock: 'KeyedMutex "users"', keys: ['ann'], error: { code: 'ERR_LOCK_TIMEOUT' } })
    stop()
    await locks.acquire('bob')
    expect(events).toHaveLength(7)
  })

  test('a snapshot is plain data', async () => {
    const monitor = new LockMonitor({ stacks: true })
    const locks = new KeyedMutex<object>({ observer: monitor })
    await locks.acquire({ an: 'object' })
    const snapshot = monitor.snapshot()
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
    expect(structuredClone(snapshot)).toEqual(snapshot)
  })

  test('a request that is shown does not show what the monitor knows of it', async () => {
    let shown = ''
    const show = {
      granted: (request: object) => {
        shown = inspect(request)
      }
    }
    await new Mutex({ observer: combineObservers(new LockMonitor({ stacks: true }), show) }).acquire()
    expect(shown).toContain('[Symbol(latchkey.monitor)]: Track { #1 of Mutex }')
  })
})

describe('the report', () => {
  test('is a table, and says who holds and who waits', async () => {
    const monitor = new LockMonitor()
    expect(monitor.report()).toBe('No lock has been used yet.')
    const mutex = new Mutex({ name: 'tools', observer: monitor })
    const locks = new KeyedMutex<string>({ name: 'users', observer: monitor })
    for (const key of ['ann', 'bob', 'ann']) {
      const lock = await locks.acquire(key)
      vi.advanceTimersByTime(20)
      lock.release()
    }
    await mutex.acquire()
    await mutex.acquire({ timeout: 0 }).catch(() => {})
    const waiting = mutex.acquire()
    vi.advanceTimersByTime(1500)
    expect(monitor.report().split('\n')).toEqual([
      'lock                granted  contended  wait p50  p99  max  hold p50      p99      max     waiting  given up',
      'Mutex "tools"             1       33 %         –    –    –         –        –        –  1 (peak 1)  1 timeout',
      'KeyedMutex "users"        3      0.0 %         –    –    –   20.0 ms  20.0 ms  20.0 ms  0 (peak 0)  –',
      '',
      'Mutex "tools": 1 held now, the longest first',
      '  #4  for 1.50 s',
      '',
      'Mutex "tools": 1 waiting now, the longest first',
      '  #6  for 1.50 s',
      '',
      'KeyedMutex "users": busiest keys',
      '  "ann"  2 requests, 0 contended'
    ])
    void waiting
  })

  test('has what is held or waited for since before the counting began, and nothing of what is over', async () => {
    const monitor = new LockMonitor()
    const mutex = (name: string) => new Mutex({ name, observer: monitor })
    mutex('over').tryAcquire()?.release()
    const held = mutex('held').tryAcquire()
    monitor.reset()
    vi.advanceTimersByTime(10)
    const lines = monitor.report().split('\n')
    expect(lines[1]).toMatch(/^Mutex "held" +0 /)
    expect(lines).toContain('Mutex "held": 1 held now, the longest first')
    expect(lines.join()).not.toContain('over"')
    held?.release()
  })

  test('begins with what was waited for longest, waits that go on included, and says what it leaves out', async () => {
    const monitor = new LockMonitor()
    const waitFor = async (name: string, ms: number) => {
      const mutex = new Mutex({ name, observer: monitor })
      const lock = await mutex.acquire()
      const next = mutex.acquire()
      vi.advanceTimersByTime(ms)
      lock.release()
      ;(await next).release()
    }
    for (let i = 0; i < 300; i++) new Mutex({ name: `cold ${i}`, observer: monitor }).tryAcquire()?.release()
    await waitFor('warm', 5)
    await waitFor('hot', 70)
    const stuck = new Mutex({ name: 'stuck', observer: monitor })
    await stuck.acquire()
    void stuck.acquire()
    void stuck.acquire()
    vi.advanceTimersByTime(30)
    const names = (limit: number) =>
      monitor
        .report({ limit })
        .split('\n')
        .map(line => /^(Mutex "\w+"|…[^,]*)/.exec(line)?.[0])
        .filter(Boolean)
    // Of the two that wait, 60 ms in all.
    expect(names(3).slice(0, 4)).toEqual(['Mutex "hot"', 'Mutex "stuck"', 'Mutex "warm"', '… and 300 more'])
    expect(names(Number.POSITIVE_INFINITY)).not.toContain('… and 300 more')
    expect(
      monitor
        .report()
        .split('\n')
        .filter(line => line.startsWith('Mutex "cold'))
    ).toHaveLength(17)
    expect(monitor.snapshot().locks.find(({ name }) => name === 'stuck')?.totalWait).toBe(60)
  })

  test('the total of waits is exact while some go on and others have ended', async () => {
    const monitor = new LockMonitor()
    const mutex = new Mutex({ observer: monitor })
    vi.advanceTimersByTime(1000)
    let lock = await mutex.acquire()
    const began: number[] = []
    const waits = [0, 1, 2, 3].map(i => {
      vi.advanceTimersByTime(7 * (i + 1))
      began.push(performance.now())
      return mutex.acquire()
    })
    let ended = 0
    for (const [i, wait] of waits.entries()) {
      vi.advanceTimersByTime(11)
      const now = performance.now()
      const going = began.slice(i).reduce((sum, from) => sum + now - from, 0)
      expect(only(monitor).totalWait).toBeCloseTo(ended + going, 6)
      ended += now - (began[i] as number)
      lock.release()
      lock = await wait
    }
    expect(only(monitor).totalWait).toBeCloseTo(ended, 6)
  })

  test('a name may have any character: each lock is one line', () => {
    const monitor = new LockMonitor()
    for (const name of ['two\nlines', 'a\rreturn', 'a\u2028separator'])
      new Mutex({ name, observer: monitor }).tryAcquire()?.release()
    expect(monitor.report().split(/[\r\n\u2028]/)).toHaveLength(4)
    expect(monitor.report()).toContain('Mutex "two\\nlines"')
  })
})

describe('the picture', () => {
  test('has a lane for each lock and key, and a bar for each span', async () => {
    const monitor = new LockMonitor()
    const locks = new KeyedMutex<string>({ name: '<users>', observer: monitor })
    const done = deferred()
    const tasks = ['ann', 'ann', 'bob'].map(key => locks.runExclusive(key, () => done.promise))
    const late = locks.acquire('ann', { timeout: 5 }).catch(() => {})
    vi.advanceTimersByTime(10)
    done.resolve()
    await Promise.all([...tasks, late])
    const svg = renderTimeline(monitor.timeline(), { title: 'A & B' })
    expect(svg.match(/<title>[^<]*<\/title>/g)).toEqual([
      '<title>A &#38; B</title>',
      '<title>#1 hold, 10 ms, released</title>',
      '<title>#2 hold, 0 µs, released</title>',
      '<title>#2 wait, 10 ms, granted</title>',
      '<title>#4 wait, 5.0 ms, timeout</title>',
      '<title>#3 hold, 10 ms, released</title>'
    ])
    expect(svg).toContain('>&#60;users&#62; &#34;ann&#34;</text>')
    expect(svg.match(/#d1495b/g)).toHaveLength(2) // the wait that was given up, and the legend
  })

  test('of nothing is a picture too, and one of many lanes says what it leaves out', () => {
    expect(renderTimeline([])).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    const span = { id: 1, keys: [], kind: 'hold', from: 0, to: 1, outcome: 'released' } as const
    const spans = ['a', 'b', 'c'].map(lock => ({ ...span, lock }))
    expect(renderTimeline(spans, { maxLanes: 1 })).toContain('2 more locks are left out')
  })
})

describe('the picture of many locks', () => {
  const span = { id: 1, keys: [], from: 0, outcome: 'released' } as const
  const labelsIn = (svg: string) => Array.from(svg.matchAll(/font-size="11"[^>]*>([^<]*)</g), ([, label]) => label)

  test('has those that are waited for longest, in the order in which they begin', () => {
    const cold = Array.from({ length: 300 }, (_, i) => ({ ...span, lock: `cold ${i}`, kind: 'hold' as const, to: 1 }))
    const hot = [
      { ...span, lock: 'warm', kind: 'wait', from: 5, to: 7 },
      { ...span, lock: 'hot', kind: 'wait', from: 6, to: 60 },
      { ...span, lock: 'held', kind: 'hold', from: 7, to: 99 }
    ] as const
    const svg = renderTimeline([...cold, ...hot], { maxLanes: 3 })
    expect(labelsIn(svg)).toEqual(['warm', 'hot', 'held', '300 more locks are left out'])
  })

  test('has labels with the name of the lock and the end of the key', () => {
    const long = {
      ...span,
      lock: 'KeyedMutex "sessions"',
      kind: 'hold' as const,
      to: 1,
      keys: [`id-${'x'.repeat(40)}-7`]
    }
    const [label = ''] = labelsIn(renderTimeline([long]))
    expect(label).toMatch(/^sessions &#34;id-x*…x*-7&#34;$/)
    expect(label.replaceAll('&#34;', '"')).toHaveLength(30)
  })
})

test('what a listener or onWarning throws is uncaught, and harms neither the lock nor the others', async () => {
  const thrown: unknown[] = []
  const note = (error: unknown) => thrown.push(error)
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').on('uncaughtException', note)
  const monitor = new LockMonitor({ maxHold: 5, onWarning: () => { throw new Error('warning') } }) // biome-ignore format: one line
  monitor.subscribe(() => {
    throw new Error('listener')
  })
  const told: string[] = []
  monitor.subscribe(({ type }) => told.push(type))
  const mutex = new Mutex({ observer: monitor })
  const lock = await mutex.acquire()
  vi.advanceTimersByTime(5)
  lock.release()
  await flush()
  process.removeAllListeners('uncaughtException')
  for (const listener of before) process.on('uncaughtException', listener)
  expect(told).toEqual(['acquire', 'release'])
  // Two warnings: that it is overdue, and that it is over.
  expect(thrown.map(error => (error as Error).message)).toEqual(['listener', 'warning', 'warning', 'listener'])
  expect(mutex.locked).toBe(false)
})
