// What a Mutex does, as examples. Each names the guarantee of docs/guarantees.md that it shows.

import { AsyncLocalStorage } from 'node:async_hooks'
import { basename } from 'node:path'
import { inspect } from 'node:util'
import { LockCancelledError, LockClosedError, LockTimeoutError, Mutex, QueueFullError } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { promisesOf } from '../fixtures/promises.js'
import { deferred, flush, watch } from '../fixtures/settle.js'

afterEach(() => {
  vi.useRealTimers()
})

const thisFile = basename(import.meta.filename ?? 'mutex.test.ts')

describe('taking and giving back', () => {
  test('a free lock is taken at once, synchronously (G12)', async () => {
    const mutex = new Mutex()
    const taken = mutex.acquire()
    expect(mutex.locked).toBe(true)
    const lock = await taken
    expect(lock.held).toBe(true)
    lock.release()
    expect(lock.held).toBe(false)
    expect(mutex.locked).toBe(false)
  })

  test('only one holds at a time, in order of arrival (G1, G2)', async () => {
    const mutex = new Mutex()
    const order: string[] = []
    const work = (name: string) =>
      mutex.runExclusive(async () => {
        order.push(`${name} in`)
        await flush()
        order.push(`${name} out`)
      })
    await Promise.all([work('a'), work('b'), work('c')])
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  })

  test('release hands over before it returns: nobody can step in between (G2)', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    const second = mutex.acquire()
    first.release()
    expect(mutex.locked).toBe(true)
    expect(mutex.waiting).toBe(0)
    expect(mutex.tryAcquire()).toBeUndefined()
    ;(await second).release()
    expect(mutex.tryAcquire()?.held).toBe(true)
  })

  test('order holds between acquire and runExclusive, with and without options', async () => {
    const mutex = new Mutex()
    const order: number[] = []
    const first = await mutex.acquire()
    const take = async (n: number, options?: object) => {
      const lock = await mutex.acquire(options)
      order.push(n)
      lock.release()
    }
    const run = (n: number, options?: object) => mutex.runExclusive(() => void order.push(n), options)
    const signal = new AbortController().signal
    const all = [
      take(1),
      run(2),
      run(3),
      take(4, { signal }),
      run(5),
      take(6),
      run(7, { timeout: 1e6 }),
      run(8),
      run(9)
    ]
    first.release()
    await Promise.all(all)
    expect(order).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('more waiters than share one promise, with tasks that end at once and tasks that do not', async () => {
    const mutex = new Mutex()
    const order: number[] = []
    const first = await mutex.acquire()
    const all = Array.from({ length: 100 }, (_, n) => {
      const atOnce = () => void order.push(n)
      return mutex.runExclusive(n % 3 === 0 ? atOnce : () => flush().then(atOnce))
    })
    expect(mutex.waiting).toBe(100)
    first.release()
    await Promise.all(all)
    expect(order).toEqual(Array.from({ length: 100 }, (_, n) => n))
    expect(mutex.locked).toBe(false)
  })

  test('a lock releases once: a second release cannot free the next holder (G4)', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    const second = mutex.acquire()
    first.release()
    first.release()
    first[Symbol.dispose]()
    const lock = await second
    expect(lock.held).toBe(true)
    expect(mutex.locked).toBe(true)
    expect(mutex.tryAcquire()).toBeUndefined()
    lock.release()
  })

  test('`using` releases at the end of the block, also when the block throws', async () => {
    const mutex = new Mutex()
    const failing = async () => {
      using lock = await mutex.acquire()
      expect(lock.held).toBe(true)
      throw new Error('inside')
    }
    await expect(failing()).rejects.toThrow('inside')
    expect(mutex.locked).toBe(false)
  })

  test('a higher priority goes first; within one priority the order of arrival stands', async () => {
    const mutex = new Mutex()
    const order: string[] = []
    const first = await mutex.acquire()
    const run = (name: string, priority?: number) => mutex.runExclusive(() => void order.push(name), { priority })
    const all = [run('a'), run('low', -1), run('b'), run('high 1', 5), run('higher', 6), run('high 2', 5), run('c', 0)]
    first.release()
    await Promise.all(all)
    expect(order).toEqual(['higher', 'high 1', 'high 2', 'a', 'b', 'c', 'low'])
  })
})

describe('runExclusive', () => {
  test('on a free lock the task starts before the call returns', () => {
    const mutex = new Mutex()
    let started = false
    void mutex.runExclusive(() => {
      started = true
    })
    expect(started).toBe(true)
  })

  test('on a taken lock it starts in a microtask, never inside the release of somebody else', async () => {
    const mutex = new Mutex()
    for (const options of [undefined, { priority: 1 }, { timeout: 1000 }]) {
      let started = false
      const lock = await mutex.acquire()
      const done = mutex.runExclusive(() => {
        started = true
      }, options)
      lock.release()
      expect(started).toBe(false)
      await done
      expect(started).toBe(true)
    }
  })

  test.each(['free', 'taken'])(
    'results and errors pass unchanged and the lock is released, on a %s lock (G6)',
    async state => {
      const mutex = new Mutex()
      const error = { any: 'value' }
      const thenable = { then: (resolve: (value: string) => void) => resolve('from a thenable') }
      const outcomes: [() => unknown, unknown][] = [
        [() => 42, { value: 42 }],
        [() => undefined, { value: undefined }],
        [() => ({ plain: true }), { value: { plain: true } }],
        [async () => 'async', { value: 'async' }],
        [() => thenable, { value: 'from a thenable' }],
        [() => Promise.reject(error), { reason: error }],
        [() => Promise.reject(undefined), { reason: undefined }]
      ]
      const throwing = () => {
        throw error
      }
      for (const [task, expected] of [...outcomes, [throwing, { reason: error }] as const]) {
        const before = state === 'taken' ? await mutex.acquire() : undefined
        const [outcome] = await Promise.allSettled([
          (() => {
            const result = mutex.runExclusive(task)
            before?.release()
            return result
          })()
        ])
        expect(outcome).toMatchObject(expected as object)
        expect(mutex.locked).toBe(false)
      }
    }
  )

  test('a thenable is asked once', async () => {
    const mutex = new Mutex()
    const then = vi.fn()
    const before = await mutex.acquire()
    then.mockImplementation((resolve: (value: number) => void) => resolve(1))
    const queued = mutex.runExclusive(() => ({ then }) as PromiseLike<number>)
    before.release()
    await queued
    expect(then).toHaveBeenCalledTimes(1)
  })

  test.each([
    { what: 'an object', make: (then: PromiseLike<string>['then']) => ({ then }) },
    { what: 'a function', make: (then: PromiseLike<string>['then']) => Object.assign(() => {}, { then }) }
  ])('a thenable that is $what holds the lock until it settles', async ({ make }) => {
    const mutex = new Mutex()
    const end = deferred<string>()
    const before = await mutex.acquire()
    const queued = mutex.runExclusive(() => make(end.promise.then.bind(end.promise)) as PromiseLike<string>)
    before.release()
    await flush()
    expect(mutex.locked).toBe(true)
    end.resolve('end')
    expect(await queued).toBe('end')
    expect(mutex.locked).toBe(false)
  })

  test('the task may release its lock early; the next starts, and the end of the task releases nothing more', async () => {
    const mutex = new Mutex()
    const end = deferred()
    const order: string[] = []
    const holder = await mutex.acquire()
    const early = mutex.runExclusive(async lock => {
      lock.release()
      order.push('released')
      await end.promise
      order.push('ended')
    })
    const next = mutex.runExclusive(async () => {
      order.push('next')
      await end.promise
      expect(mutex.locked).toBe(true)
    })
    holder.release()
    await flush()
    expect(order).toEqual(['released', 'next'])
    end.resolve()
    await Promise.all([early, next])
    expect(mutex.locked).toBe(false)
  })

  test('a queued task runs in the async context of its caller (G8)', async () => {
    const mutex = new Mutex()
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const holder = await storage.run('holder', () => mutex.acquire())
    const all = ['a', 'b', 'c', 'd'].map((name, index) =>
      storage.run(name, () =>
        mutex.runExclusive(
          async () => {
            seen.push(storage.getStore())
            await flush()
            seen.push(storage.getStore())
          },
          index === 3 ? { timeout: 1e6 } : undefined
        )
      )
    )
    storage.run('releaser', () => holder.release())
    await Promise.all(all)
    expect(seen).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd'])
  })
})

describe('giving up', () => {
  test('an aborted waiter leaves at once and rejects with the reason untouched (G5)', async () => {
    const mutex = new Mutex()
    const holder = await mutex.acquire()
    const controller = new AbortController()
    const reason = { why: 'enough' }
    const gone = mutex.acquire({ signal: controller.signal })
    const next = mutex.acquire()
    expect(mutex.waiting).toBe(2)
    controller.abort(reason)
    expect(mutex.waiting).toBe(1)
    await expect(gone).rejects.toBe(reason)
    holder.release()
    ;(await next).release()
    expect(mutex.locked).toBe(false)
  })

  test('a signal that is already aborted rejects even on a free lock, and takes nothing', async () => {
    const mutex = new Mutex()
    const signal = AbortSignal.abort('before')
    const task = vi.fn()
    await expect(mutex.acquire({ signal })).rejects.toBe('before')
    await expect(mutex.runExclusive(task, { signal })).rejects.toBe('before')
    expect(task).not.toHaveBeenCalled()
    expect(mutex.locked).toBe(false)
  })

  test('a grant that came before the abort stands: the caller owns the lock', async () => {
    const mutex = new Mutex()
    const controller = new AbortController()
    const holder = await mutex.acquire()
    const waiter = mutex.acquire({ signal: controller.signal })
    holder.release()
    controller.abort()
    const lock = await waiter
    expect(lock.held).toBe(true)
    lock.release()
    expect(mutex.locked).toBe(false)
  })

  test('... but runExclusive does not start a task whose signal has aborted: the lock goes on', async () => {
    const mutex = new Mutex()
    const controller = new AbortController()
    const holder = await mutex.acquire()
    const task = vi.fn()
    const aborted = mutex.runExclusive(task, { signal: controller.signal })
    const next = mutex.runExclusive(() => 'next')
    holder.release()
    controller.abort('late')
    await expect(aborted).rejects.toBe('late')
    expect(task).not.toHaveBeenCalled()
    expect(await next).toBe('next')
  })

  test('an abort that came before the grant wins, even if its event reaches the lock later', async () => {
    const mutex = new Mutex()
    const controller = new AbortController()
    const holder = await mutex.acquire()
    controller.signal.addEventListener('abort', () => holder.release())
    const aborted = mutex.acquire({ signal: controller.signal })
    const next = mutex.acquire()
    controller.abort('first')
    await expect(aborted).rejects.toBe('first')
    expect((await next).held).toBe(true)
  })

  test('a timeout limits waiting, in ms, and leaves no timer', async () => {
    vi.useFakeTimers()
    const mutex = new Mutex({ name: 'tools' })
    const holder = await mutex.acquire()
    const late = watch(mutex.acquire({ timeout: 500 }))
    const served = mutex.acquire({ timeout: 501 })
    await vi.advanceTimersByTimeAsync(499)
    expect(late.state).toBe('pending')
    await vi.advanceTimersByTimeAsync(1)
    expect(late.reason).toBeInstanceOf(LockTimeoutError)
    expect(late.reason).toMatchObject({ name: 'TimeoutError', code: 'ERR_LOCK_TIMEOUT' })
    expect(String(late.reason)).toContain('Mutex "tools"')
    expect(mutex.waiting).toBe(1)
    holder.release()
    const lock = await served
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(lock.held).toBe(true) // G7: no timer ends holding
  })

  test('a timeout of 0 does not wait: granted on a free lock, rejected on a taken one', async () => {
    const mutex = new Mutex()
    const lock = await mutex.acquire({ timeout: 0 })
    await expect(mutex.acquire({ timeout: 0 })).rejects.toBeInstanceOf(LockTimeoutError)
    await expect(mutex.runExclusive(() => 1, { timeout: 0 })).rejects.toBeInstanceOf(LockTimeoutError)
    expect(mutex.waiting).toBe(0)
    lock.release()
  })

  test('a timeout of Infinity sets no timer', async () => {
    vi.useFakeTimers()
    const mutex = new Mutex()
    const holder = await mutex.acquire()
    const waiting = [mutex.acquire({ timeout: Number.POSITIVE_INFINITY }), mutex.acquire({ timeout: undefined })]
    expect(vi.getTimerCount()).toBe(0)
    holder.release()
    for (const waiter of waiting) (await waiter).release()
  })

  test('a timeout may be longer than platform timers count', async () => {
    vi.useFakeTimers()
    const mutex = new Mutex()
    await mutex.acquire()
    const days = 24 * 60 * 60 * 1000
    const late = watch(mutex.acquire({ timeout: 60 * days }))
    await vi.advanceTimersByTimeAsync(60 * days - 1)
    expect(late.state).toBe('pending')
    await vi.advanceTimersByTimeAsync(1)
    expect(late.reason).toBeInstanceOf(LockTimeoutError)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the stack of a timeout names the caller, though a timer made it', async () => {
    vi.useFakeTimers()
    const mutex = new Mutex()
    await mutex.acquire()
    async function theCaller(): Promise<void> {
      await mutex.acquire({ timeout: 5 })
    }
    const failed = theCaller().catch((error: unknown) => error as Error)
    await vi.advanceTimersByTimeAsync(5)
    const { stack } = (await failed) as Error
    expect(stack).toMatch(/^TimeoutError: Mutex: waited longer than 5 ms/)
    expect(stack).toContain('theCaller')
    expect(stack).toContain(thisFile)
  })

  test('a timeout needs no stack capture, which some engines have not', async () => {
    vi.useFakeTimers()
    const mutex = new Mutex()
    await mutex.acquire()
    const late = watch(mutex.acquire({ timeout: 5 }))
    const { captureStackTrace } = Error
    Object.assign(Error, { captureStackTrace: undefined })
    try {
      await vi.advanceTimersByTimeAsync(5)
    } finally {
      Object.assign(Error, { captureStackTrace })
    }
    expect(late.reason).toBeInstanceOf(LockTimeoutError)
  })

  test('the line may be limited: one more is refused, and a refusal leaves nothing behind', async () => {
    const mutex = new Mutex({ maxWaiting: 1 })
    const holder = await mutex.acquire()
    const waiter = mutex.runExclusive(() => 'served')
    await expect(mutex.acquire()).rejects.toBeInstanceOf(QueueFullError)
    await expect(mutex.runExclusive(() => 1)).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL', name: 'QueueFullError' })
    await expect(mutex.acquire({ timeout: 0 })).rejects.toBeInstanceOf(LockTimeoutError)
    expect(mutex.waiting).toBe(1)
    holder.release()
    expect(await waiter).toBe('served')
    const error = await new Mutex({ maxWaiting: 0, name: 'n' })
      .runExclusive(async () => {})
      .then(() => 'a free lock needs no place in line')
    expect(error).toBe('a free lock needs no place in line')
  })
})

describe('ending', () => {
  test('cancelWaiters rejects everyone who waits now, and the mutex goes on', async () => {
    const mutex = new Mutex({ name: 'tools' })
    const holder = await mutex.acquire()
    const signal = new AbortController().signal
    const waiters = [
      mutex.acquire(),
      mutex.runExclusive(() => 1),
      mutex.runExclusive(() => 2),
      mutex.acquire({ signal }),
      mutex.acquire({ priority: 3 })
    ]
    mutex.cancelWaiters()
    expect(mutex.waiting).toBe(0)
    for (const outcome of await Promise.allSettled(waiters)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_LOCK_CANCELLED' } })
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(LockCancelledError)
      expect((outcome as PromiseRejectedResult).reason.message).toBe('Mutex "tools": the wait was cancelled')
    }
    expect(holder.held).toBe(true)
    const after = mutex.acquire()
    holder.release()
    ;(await after).release()
    const reason = Symbol('why')
    await mutex.acquire()
    const waiter = mutex.acquire()
    mutex.cancelWaiters(reason)
    await expect(waiter).rejects.toBe(reason)
  })

  test('cancelling in the middle of a row of tasks sends away those who have not had their turn', async () => {
    const mutex = new Mutex()
    const holder = await mutex.acquire()
    const middle = deferred()
    const tasks = [1, 2, 3, 4].map(n => mutex.runExclusive(() => middle.promise.then(() => n)))
    holder.release()
    await flush()
    mutex.cancelWaiters('no more')
    middle.resolve()
    expect(await Promise.allSettled(tasks)).toEqual([
      { status: 'fulfilled', value: 1 },
      ...[2, 3, 4].map(() => ({ status: 'rejected', reason: 'no more' }))
    ])
    expect(mutex.locked).toBe(false)
  })

  test('who is being sent away cannot time out meanwhile, even if an observer lets the time pass', async () => {
    vi.useFakeTimers()
    const mutex = new Mutex({ observer: { abandoned: () => void vi.advanceTimersByTime(10) } })
    const holder = await mutex.acquire()
    const waiters = [mutex.acquire({ timeout: 10 }), mutex.acquire({ timeout: 10 })]
    mutex.cancelWaiters('why')
    expect(mutex.waiting).toBe(0)
    expect(await Promise.allSettled(waiters)).toEqual(waiters.map(() => ({ status: 'rejected', reason: 'why' })))
    holder.release()
    expect(mutex.locked).toBe(false)
  })

  test('close rejects those who wait and those who come, and resolves when the holder is done', async () => {
    const mutex = new Mutex({ name: 'tools' })
    const holder = await mutex.acquire()
    const waiter = mutex.acquire()
    const closing = mutex.close()
    const closed = watch(closing)
    expect(mutex.closed).toBe(true)
    await expect(waiter).rejects.toBeInstanceOf(LockClosedError)
    for (const late of [mutex.acquire(), mutex.runExclusive(() => 1), mutex.acquire({ timeout: 5 })]) {
      await expect(late).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
    }
    expect(closed.state).toBe('pending')
    expect(mutex.close('another reason')).toBe(closing)
    holder.release()
    await closing
    expect(mutex.tryAcquire()).toBeUndefined()
    await expect(mutex.acquire()).rejects.toBeInstanceOf(LockClosedError)
  })

  test('close with a reason rejects with it; a free mutex closes at once; `await using` closes', async () => {
    const mutex = new Mutex()
    {
      await using closing = mutex
      expect(closing.closed).toBe(false)
    }
    expect(mutex.closed).toBe(true)
    const other = new Mutex()
    await other.close('maintenance')
    await expect(other.acquire()).rejects.toBe('maintenance')
    await expect(other.runExclusive(() => 1)).rejects.toBe('maintenance')
  })

  test('the stack of a refusal names the caller', async () => {
    const mutex = new Mutex()
    await mutex.close()
    const error: Error = await mutex.acquire().then(
      () => expect.unreachable(),
      (reason: Error) => reason
    )
    expect(error.stack).toContain(thisFile)
  })

  test('whenFree resolves when nobody holds and nobody waits, and takes nothing', async () => {
    vi.useFakeTimers()
    const mutex = new Mutex()
    await mutex.whenFree()
    const holder = await mutex.acquire()
    const waiter = mutex.acquire()
    const free = watch(mutex.whenFree())
    const impatient = watch(mutex.whenFree({ timeout: 10 }))
    const controller = new AbortController()
    const aborted = mutex.whenFree({ signal: controller.signal })
    expect(mutex.waiting).toBe(1)
    controller.abort('no')
    await expect(aborted).rejects.toBe('no')
    await vi.advanceTimersByTimeAsync(10)
    expect(impatient.reason).toBeInstanceOf(LockTimeoutError)
    holder.release()
    const lock = await waiter
    await vi.advanceTimersByTimeAsync(0)
    expect(free.state).toBe('pending')
    mutex.cancelWaiters()
    lock.release()
    await vi.advanceTimersByTimeAsync(0)
    expect(free.state).toBe('resolved')
    expect(mutex.locked).toBe(false)
  })
})

// As docs/decisions/waiters-share-a-promise.md has it.
describe('what a place in the queue costs', () => {
  const atOnce = () => {}
  const later = async () => {}

  /** The promises of `callers` of `runExclusive` who come while the lock is taken, and are all served. */
  async function costOf(mutex: Mutex, callers: number, options?: object): Promise<number> {
    const holder = await mutex.acquire()
    let last: Promise<void> | undefined
    const cost = promisesOf(() => {
      for (let n = 0; n < callers; n++) last = mutex.runExclusive(atOnce, options)
    })
    holder.release()
    await last
    return cost
  }

  test('128 callers whose tasks end at once share a promise, beside that of the result', async () => {
    expect(await costOf(new Mutex(), 128)).toBe(129)
    expect(await costOf(new Mutex(), 256)).toBe(258)
    expect(await costOf(new Mutex(), 2, {})).toBe(3) // options that say nothing
    expect(await costOf(new Mutex(), 2, { priority: 1 })).toBe(4)
  })

  test('tasks that do not end at once have a promise each', async () => {
    const mutex = new Mutex()
    const afterOneThat = async (task: () => unknown, callers: number) => {
      const holder = await mutex.acquire()
      const done = mutex.runExclusive(task)
      holder.release()
      await done
      return costOf(mutex, callers)
    }
    expect(await afterOneThat(later, 1003)).toBe(2 * 1003)
    expect(await afterOneThat(later, 2)).toBe(4)
    expect(await afterOneThat(atOnce, 2)).toBe(3)
  })
})

describe('being seen', () => {
  test('inspect tells the state in words', async () => {
    const mutex = new Mutex({ name: 'tools' })
    expect(inspect(mutex)).toBe('Mutex "tools" { free }')
    const lock = await mutex.acquire()
    expect(inspect(lock)).toBe('Lock { held }')
    void mutex.acquire()
    void mutex.acquire()
    expect(inspect(mutex)).toBe('Mutex "tools" { locked, 2 waiting }')
    expect(inspect(new Mutex())).toBe('Mutex { free }')
    lock.release()
    expect(inspect(lock)).toBe('Lock { released }')
    const closed = new Mutex()
    await closed.close()
    expect(inspect(closed)).toBe('Mutex { closed, free }')
  })

  test('an observer is told of every request, with one object from first to last', async () => {
    const told: [string, object, unknown?][] = []
    const observer = {
      queued: (request: object) => told.push(['queued', request]),
      granted: (request: object) => told.push(['granted', request]),
      released: (request: object) => told.push(['released', request]),
      abandoned: (request: object, reason: unknown) => told.push(['abandoned', request, reason])
    }
    const mutex = new Mutex({ observer })
    const first = await mutex.acquire()
    const second = mutex.runExclusive(() => 'done')
    const controller = new AbortController()
    const third = mutex.acquire({ signal: controller.signal })
    controller.abort('gone')
    await expect(third).rejects.toBe('gone')
    await expect(mutex.acquire({ timeout: 0 })).rejects.toBeInstanceOf(LockTimeoutError)
    first.release()
    await second
    expect(told.map(([event]) => event)).toEqual([
      'granted',
      'queued',
      'queued',
      'abandoned',
      'abandoned',
      'released',
      'granted',
      'released'
    ])
    const [a, b, c, , refused] = told.map(([, request]) => request)
    expect(told.map(([, request]) => [a, b, c, refused].indexOf(request))).toEqual([0, 1, 2, 2, 3, 0, 1, 1])
    expect(a).toEqual({ source: mutex, keys: [] })
    expect(told[3]?.[2]).toBe('gone')
  })

  test('an observer that throws harms nobody: its error is reported as uncaught', async () => {
    const failure = new Error('in the observer')
    const uncaught = vi.fn()
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', uncaught)
    try {
      const mutex = new Mutex({
        observer: {
          granted: () => {
            throw failure
          }
        }
      })
      expect(await mutex.runExclusive(() => 'result')).toBe('result')
      expect(mutex.locked).toBe(false)
      await flush()
    } finally {
      process.off('uncaughtException', uncaught)
      for (const listener of others) process.on('uncaughtException', listener)
    }
    expect(uncaught.mock.calls.map(([error]) => error)).toEqual([failure])
  })
})
