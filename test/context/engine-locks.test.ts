// Locks that hold beyond this process, under the detector: what their callers in this process wait for each other for.

import { DeadlockError, KeyedMutex, LockClosedError, Mutex } from 'latchkey'
import { detectDeadlocks } from 'latchkey/context'
import { InProcessLock } from 'latchkey/distributed'
import { afterEach, describe, expect, test } from 'vitest'
import { deferred, flush, watch } from '../fixtures/settle.js'
import { watchRejections } from '../properties/settings.js'

const unhandled = watchRejections()
afterEach(async () => {
  await flush()
  expect(unhandled).toEqual([])
})

/** The text of a deadlock without the numbers that scopes have. */
async function deadlock(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => 'resolved',
    (error: unknown) => error
  )
  expect(error).toBeInstanceOf(DeadlockError)
  return (error as Error).message.replace(/#\d+/g, '#n')
}

/** Two tasks that both hold the first thing before either asks for the second. */
async function crossed(
  a: (then: () => Promise<unknown>) => Promise<unknown>,
  b: typeof a,
  next: [() => Promise<unknown>, () => Promise<unknown>]
) {
  const both = deferred<void>()
  let inside = 0
  const meet = () => {
    if (++inside === 2) both.resolve()
    return both.promise
  }
  const first = watch(a(() => meet().then(next[0])))
  const second = watch(b(() => meet().then(next[1])))
  await flush()
  return [first, second] as const
}

type Outcome = ReturnType<typeof watch<unknown>>

/** Which of two asks last is not said. */
async function oneRefused(...both: readonly Outcome[]): Promise<void> {
  expect(both.map(({ state }) => state).sort()).toEqual(['rejected', 'resolved'])
  await deadlock(Promise.reject(both.find(({ state }) => state === 'rejected')?.reason))
}

describe('a cycle within this process is refused', () => {
  test('over two keys, and the other caller goes on', async () => {
    const lock = detectDeadlocks().watch(new InProcessLock({ name: 'jobs' }))
    const [first, second] = await crossed(
      then => lock.runExclusive('1', then),
      then => lock.runExclusive('2', then),
      [() => lock.runExclusive('2', () => 'a'), () => lock.runExclusive('1', () => 'b')]
    )
    expect(first).toMatchObject({ state: 'resolved', value: 'a' })
    expect(second.state).toBe('rejected')
    expect(await deadlock(Promise.reject(second.reason))).toBe(
      'InProcessLock "jobs": waiting would never end: #n waits for InProcessLock "jobs" key "1", held by #n; #n waits for InProcessLock "jobs" key "2", held by #n'
    )
    expect(lock.waiting).toBe(0)
  })

  test('over a key and a mutex', async () => {
    const detector = detectDeadlocks()
    const lock = detector.watch(new InProcessLock())
    const mutex = detector.watch(new Mutex())
    const [first, second] = await crossed(
      then => lock.runExclusive('1', then),
      then => mutex.runExclusive(then),
      [() => mutex.runExclusive(() => 'a'), () => lock.runExclusive('1', () => 'b')]
    )
    await oneRefused(first, second)
  })

  test('by hand in task scopes, taken with and without waiting', async () => {
    const detector = detectDeadlocks()
    const lock = detector.watch(new InProcessLock())
    const hold = (take: () => Promise<{ release(): Promise<void> } | undefined>) => (then: () => Promise<unknown>) =>
      detector.run(async () => {
        const lease = await take()
        try {
          return await then()
        } finally {
          await lease?.release()
        }
      })
    const [first, second] = await crossed(
      hold(() => lock.acquire('1')),
      hold(() => lock.tryAcquire('2')),
      [() => lock.runExclusive('2', () => 'a'), () => lock.runExclusive('1', () => 'b')]
    )
    await oneRefused(first, second)
  })

  test('of one caller with itself: the same key, alone and many, and the upgrade of a shared one', async () => {
    const lock = detectDeadlocks().watch(new InProcessLock())
    await deadlock(lock.runExclusive('1', () => lock.runExclusive('1', () => {})))
    await deadlock(lock.runExclusive('1', () => lock.runExclusiveMany(['0', '1'], () => {})))
    await deadlock(lock.runExclusiveMany(['0', '1'], () => lock.runShared('1', () => {})))
    await deadlock(lock.runShared('1', () => lock.runExclusive('1', () => {})))
    expect(await lock.runExclusive('1', () => 'free')).toBe('free')
  })

  test('of a second shared key behind a writer of this process', async () => {
    const lock = detectDeadlocks().watch(new InProcessLock())
    const inside = deferred<void>()
    const reader = lock.runShared('1', async () => {
      await inside.promise
      await lock.runShared('1', () => {})
    })
    await flush()
    const writer = watch(lock.runExclusive('1', () => 'written'))
    await flush()
    inside.resolve()
    await deadlock(reader)
    await flush()
    expect(writer).toMatchObject({ state: 'resolved', value: 'written' })
  })

  test('over the last permits of a lock with a capacity', async () => {
    const lock = detectDeadlocks().watch(new InProcessLock({ capacity: 2 }))
    await deadlock(lock.runExclusive('1', () => lock.runExclusive('1', () => lock.runExclusive('1', () => {}))))
  })
})

describe('no false alarm', () => {
  test('for a key that another process holds', async () => {
    // The other lock object is what another process would be: it is not watched.
    const mutex = new KeyedMutex<string>()
    const other = new InProcessLock({ mutex })
    const lock = detectDeadlocks().watch(new InProcessLock({ mutex }))
    const far = await other.acquire('2')
    const near = watch(lock.runExclusive('1', () => lock.runExclusive('2', () => 'after it')))
    await flush()
    const behind = watch(lock.runExclusive('1', () => 'last'))
    await flush()
    expect([near.state, behind.state]).toEqual(['pending', 'pending'])
    await far.release()
    await flush()
    expect([near, behind]).toMatchObject([{ value: 'after it' }, { value: 'last' }])
  })

  test('for readers beside each other, and permits that are left', async () => {
    const detector = detectDeadlocks()
    const lock = detector.watch(new InProcessLock())
    expect(await lock.runShared('1', () => lock.runShared('1', () => 'both'))).toBe('both')
    const permits = detector.watch(new InProcessLock({ capacity: 2 }))
    expect(await permits.runExclusive('1', () => permits.runExclusive('1', () => 'two'))).toBe('two')
  })

  test('for a lease whose release has been called and not awaited', async () => {
    const detector = detectDeadlocks()
    // An engine that takes its time to free.
    const freed = deferred<void>()
    class SlowLock extends InProcessLock {
      protected override async acquireKey(...args: Parameters<InProcessLock['acquireKey']>) {
        const grant = await super.acquireKey(...args)
        return grant && { ...grant, release: () => freed.promise.then(() => grant.release()) }
      }
    }
    const lock = detector.watch(new SlowLock())
    const mutex = detector.watch(new Mutex())
    const [both, go] = [deferred<void>(), deferred<void>()]
    const a = watch(
      detector.run(async () => {
        const lease = await lock.acquire('1')
        await both.promise
        void lease.release()
        return mutex.runExclusive(() => 'a')
      })
    )
    const b = watch(
      mutex.runExclusive(async () => {
        await go.promise
        return lock.runExclusive('1', () => 'b')
      })
    )
    await flush()
    go.resolve()
    await flush()
    both.resolve()
    await flush()
    expect([a.state, b.state]).toEqual(['pending', 'pending'])
    freed.resolve()
    await flush()
    expect([a, b]).toMatchObject([{ value: 'a' }, { value: 'b' }])
  })

  test('for a wait that has just been aborted, or ended by close', async () => {
    for (const how of ['abort', 'close'] as const) {
      const detector = detectDeadlocks()
      const lock = detector.watch(new InProcessLock())
      const mutex = detector.watch(new Mutex())
      const go = deferred<void>()
      const abort = new AbortController()
      const reason = new Error('enough')
      const waiting = watch(
        mutex.runExclusive(async () => {
          await go.promise
          return lock.runExclusive('1', () => 'never', { signal: abort.signal })
        })
      )
      const holder = lock.runExclusive('1', async () => {
        go.resolve()
        await flush()
        if (how === 'abort') abort.abort(reason)
        else void lock.close()
        return mutex.runExclusive(() => 'at once')
      })
      expect(await holder).toBe('at once')
      expect(waiting.state).toBe('rejected')
      if (how === 'abort') expect(waiting.reason).toBe(reason)
      else expect(waiting.reason).toBeInstanceOf(LockClosedError)
    }
  })

  test('for what is tried without waiting', async () => {
    const lock = detectDeadlocks().watch(new InProcessLock())
    await lock.runExclusive('1', async () => {
      expect(await lock.tryAcquire('1', { mode: 'shared' })).toBeUndefined()
      expect(await lock.tryAcquireMany(['1', '2'])).toBeUndefined()
    })
  })
})

describe('what is watched', () => {
  test('tells its own observer as before, and must be free', async () => {
    const told: string[] = []
    const note = (event: string) => () => void told.push(event)
    const observer = { queued: note('queued'), granted: note('granted'), released: note('released') }
    const lock = new InProcessLock({ observer })
    const lease = await lock.acquire('1')
    expect(() => detectDeadlocks().watch(lock)).toThrow('must be watched while it is free, and InProcessLock is in use')
    await lease.release()
    const own = await lock.acquire('1', { mode: 'shared' })
    expect(() => detectDeadlocks().watch(lock)).toThrow(TypeError)
    await own.release()
    told.length = 0
    detectDeadlocks().watch(lock)
    await lock.runExclusive('1', () => {})
    expect(told).toEqual(['queued', 'granted', 'released'])
  })

  test('by two detectors, each with its tasks', async () => {
    const lock = detectDeadlocks().watch(detectDeadlocks().watch(new InProcessLock()))
    await deadlock(lock.runExclusive('1', () => lock.acquire('1')))
  })
})
