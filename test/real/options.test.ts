// Each option of a call is read once, before the call looks at the state of the lock: a getter may answer differently the
// second time, throw, or use the lock.

import { getEventListeners } from 'node:events'
import {
  type AcquireOptions,
  Barrier,
  Gate,
  KeyedMutex,
  Latch,
  Lazy,
  type Lock,
  Mutex,
  Pool,
  ReadWriteLock,
  Semaphore,
  SingleFlight,
  WaiterQueue
} from 'latchkey'
import { describe, expect, test } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'
import { everyWait } from './waits.js'

const NAMES = ['signal', 'timeout', 'priority', 'permits'] as const

describe.each(everyWait)('$name', ({ name, make }) => {
  const names = NAMES.filter(option => option !== 'permits' || /^Semaphore\.(acquire|run|wrap)/.test(name))

  test('reads each option once', async () => {
    const reads: string[] = []
    const { signal } = new AbortController()
    const values: Record<string, unknown> = { signal, timeout: 60_000, priority: 1, permits: 1 }
    const options = {}
    for (const option of NAMES)
      Object.defineProperty(options, option, {
        enumerable: true,
        get: () => {
          reads.push(option)
          return values[option]
        }
      })
    const { wait, serve } = make()
    const waiting = wait(options)
    await flush()
    serve()
    expect(await waiting).toBe('served')
    expect(reads.sort()).toEqual([...names].sort())
  })

  test('works with a signal that is made anew at each reading', async () => {
    const made: AbortSignal[] = []
    const options = {
      get signal() {
        const { signal } = new AbortController()
        made.push(signal)
        return signal
      }
    }
    const { wait, serve, waiting: count } = make()
    const waiting = wait(options)
    await flush()
    serve()
    expect(await waiting).toBe('served')
    expect(made.map(signal => getEventListeners(signal, 'abort').length)).toEqual([0])
    expect(count()).toBe(0)
  })

  test.each(['a class', 'a prototype', 'no prototype', 'a frozen object'])('takes options of %s', async kind => {
    const controller = new AbortController()
    class Options {
      get signal() {
        return controller.signal
      }
    }
    const own = { signal: controller.signal }
    const options: AcquireOptions =
      kind === 'a class'
        ? new Options()
        : kind === 'a prototype'
          ? Object.create(own)
          : kind === 'no prototype'
            ? Object.assign(Object.create(null), own)
            : Object.freeze(own)
    const { wait, serve } = make()
    const waiting = watch(wait(options))
    await flush()
    const reason = new Error('given up')
    controller.abort(reason)
    await flush()
    expect(waiting.state).toBe('rejected')
    expect(waiting.reason).toBe(reason)
    serve()
    await flush()
  })

  test.each(names)('a getter of %s that throws reaches the caller, and nothing has changed', async option => {
    const failure = new Error('from the getter')
    const options = {
      get [option]() {
        throw failure
      }
    }
    const { subject, wait, serve, waiting } = make()
    await flush()
    const before = [String(subject), waiting()]
    await expect((async () => wait(options))()).rejects.toBe(failure)
    expect([String(subject), waiting()]).toEqual(before)
    const next = wait()
    await flush()
    serve()
    expect(await next).toBe('served')
  })
})

describe('a getter that uses the lock', () => {
  /** Options, the first reading of which does something. */
  const acting = (act: () => void, option: keyof AcquireOptions = 'timeout'): AcquireOptions => {
    let done = false
    return {
      get [option]() {
        if (!done) {
          done = true
          act()
        }
        return undefined
      }
    }
  }
  const options = ['signal', 'timeout', 'priority'] as const

  test.each(options)('leaves one holder: %s', async option => {
    const keyed = new KeyedMutex()
    const mutex = new Mutex()
    const semaphore = new Semaphore(1)
    const readWrite = new ReadWriteLock()
    const pool = new Pool({ create: () => ({}), max: 1 })
    type Case = [take: () => Lock | undefined | Promise<Lock>, ask: (options: AcquireOptions) => Promise<unknown>]
    const cases: Case[] = [
      [() => keyed.tryAcquire('a'), options => keyed.acquire('a', options)],
      [() => keyed.tryAcquire('b'), options => keyed.acquireMany(['x', 'b'], options)],
      [() => keyed.tryAcquireMany(['c', 'd']), options => keyed.acquire('c', options)],
      [() => keyed.tryAcquire('e'), options => keyed.runExclusive('e', () => {}, options)],
      [() => keyed.tryAcquire('f'), options => keyed.runExclusiveMany(['f', 'g'], () => {}, options)],
      [() => mutex.tryAcquire(), options => mutex.acquire(options)],
      [() => semaphore.tryAcquire(), options => semaphore.acquire(options)],
      [() => readWrite.tryAcquireRead(), options => readWrite.acquireWrite(options)],
      [() => pool.acquire(), options => pool.acquire(options)]
    ]
    for (const [take, ask] of cases) {
      let other: Lock | undefined | Promise<Lock>
      const asked = watch(
        ask(
          acting(() => {
            other = take()
          }, option)
        )
      )
      await flush()
      const lock = (await other)!
      expect([String(ask), lock.held, asked.state]).toEqual([String(ask), true, 'pending'])
      lock.release()
      await flush()
      expect([String(ask), asked.state]).toEqual([String(ask), 'resolved'])
    }
  })

  test('an iterable of keys that takes one of them leaves one holder', async () => {
    const keyed = new KeyedMutex()
    let other: Lock | undefined
    function* keys() {
      yield 'a'
      other = keyed.tryAcquire('a')
      yield 'b'
    }
    expect(keyed.tryAcquireMany(keys())).toBeUndefined()
    other!.release()
    const asked = watch(keyed.acquireMany(keys()))
    await flush()
    expect([other!.held, asked.state]).toEqual([true, 'pending'])
    other!.release()
    await flush()
    expect(asked.state).toBe('resolved')
  })

  test('runs one task for one key, and one factory', async () => {
    let runs = 0
    const task = async () => ++runs
    const flights = new SingleFlight()
    let inner: Promise<number> | undefined
    const outer = flights.run(
      'a',
      task,
      acting(() => {
        inner = flights.run('a', task)
      })
    )
    expect(await Promise.all([outer, inner])).toEqual([1, 1])
    const lazy = new Lazy(task)
    const got = lazy.get(
      acting(() => {
        inner = lazy.get()
      })
    )
    expect(await Promise.all([got, inner])).toEqual([2, 2])
  })

  test('is followed by what the primitive is then', async () => {
    const gate = new Gate({ open: true })
    const passing = watch(gate.wait(acting(() => gate.shut())))
    const latch = new Latch(1)
    const counted = watch(latch.wait(acting(() => latch.countDown())))
    const barrier = new Barrier(2)
    const met: { value?: number }[] = []
    met.push(watch(barrier.arrive(acting(() => met.push(watch(barrier.arrive()))))))
    const queue = new WaiterQueue<number>()
    const waiting: { state: string }[] = []
    waiting.push(watch(queue.wait(acting(() => waiting.push(watch(queue.wait()))))))
    queue.grant(1)
    await flush()
    expect([passing.state, counted.state]).toEqual(['pending', 'resolved'])
    expect(met.map(({ value }) => value).sort()).toEqual([0, 1])
    expect(waiting.filter(({ state }) => state === 'resolved')).toHaveLength(1)
    gate.open()
  })

  test('is refused when it closes', async () => {
    for (const { name, make } of everyWait) {
      if (/whenFree|Condition|wrap|WaiterQueue|Pool/.test(name)) continue
      const { subject, wait, serve } = make()
      const waiting = wait(acting(() => void (subject as Mutex).close()))
      await expect(waiting, name).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
      serve()
    }
  })
})
