// Scenarios from the tests of java.util.concurrent (test/jdk/java/util/concurrent/tck): CountDownLatchTest,
// ReentrantReadWriteLockTest, StampedLockTest and SemaphoreTest. Each test names its model; the code is ours. A thread that
// is interrupted there is a signal that aborts here.

import { Latch, LockTimeoutError, ReadWriteLock, Semaphore } from 'latchkey'
import { describe, expect, test, vi } from 'vitest'
import { expectNoLeftovers } from '../fixtures/leftovers.js'
import { flush, watch } from '../fixtures/settle.js'

expectNoLeftovers()

describe('Latch', () => {
  // CountDownLatchTest.testAwait_Interruptible, testTimedAwait_Timeout: who gives up does not count down.
  test('those who are interrupted or time out leave the count alone, and can wait again', async () => {
    const latch = new Latch(1)
    const controller = new AbortController()
    const interrupted = watch(latch.wait({ signal: controller.signal }))
    const late = watch(latch.wait({ timeout: 5 }))
    controller.abort('interrupted')
    vi.advanceTimersByTime(5)
    await flush()
    expect([interrupted.reason, latch.count, latch.waiting]).toEqual(['interrupted', 1, 0])
    expect(late.reason).toBeInstanceOf(LockTimeoutError)
    const again = watch(latch.wait())
    latch.countDown()
    await flush()
    expect(again.state).toBe('resolved')
  })

  // The example of CountDownLatch's own documentation: a start signal and a done signal.
  test('a driver starts its workers together and waits for all of them', async () => {
    const [start, done] = [new Latch(1), new Latch(3)]
    const seen: string[] = []
    for (const n of [1, 2, 3])
      void start.wait().then(() => {
        seen.push(`worker ${n}`)
        done.countDown()
      })
    await flush()
    seen.push('start')
    start.countDown()
    await done.wait()
    expect(seen).toEqual(['start', 'worker 1', 'worker 2', 'worker 3'])
  })
})

describe('ReadWriteLock', () => {
  // ReentrantReadWriteLockTest.testReadAfterWriteLock, testWriteAfterMultipleReadLocks: fair mode, who waits goes in order.
  test('readers who wait for a writer all go together, and the writer behind them when the last has gone', async () => {
    const lock = new ReadWriteLock()
    const writer = await lock.acquireWrite()
    const readers = [lock.acquireRead(), lock.acquireRead(), lock.acquireRead()].map(watch)
    const next = watch(lock.acquireWrite())
    writer.release()
    await flush()
    expect([readers.map(({ state }) => state), lock.readers]).toEqual([['resolved', 'resolved', 'resolved'], 3])
    for (const { value } of readers) {
      expect([next.state, lock.writing]).toEqual(['pending', false])
      value!.release()
    }
    await flush()
    expect([next.state, lock.writing]).toEqual(['resolved', true])
  })

  // ReentrantReadWriteLockTest.testReadTryLock_Timeout, testWriteTryLock_Timeout: a timed attempt on a lock that is taken.
  test('a timed attempt behind a writer ends with its time, and leaves no trace', async () => {
    const lock = new ReadWriteLock()
    const writer = await lock.acquireWrite()
    const attempts = [watch(lock.acquireRead({ timeout: 3 })), watch(lock.acquireWrite({ timeout: 4 }))]
    vi.advanceTimersByTime(3)
    expect(lock.waiting).toBe(1)
    vi.advanceTimersByTime(1)
    await flush()
    for (const { reason } of attempts) expect(reason).toBeInstanceOf(LockTimeoutError)
    writer.release()
    expect([lock.writing, lock.readers, lock.waiting]).toEqual([false, 0, 0])
    expect(lock.tryAcquireWrite()?.held).toBe(true)
  })

  // The cache of ReentrantReadWriteLock's own documentation: it writes, downgrades, and uses what it wrote.
  test('what was written is what is read after a downgrade, whoever waits to write', async () => {
    const lock = new ReadWriteLock()
    let cached = 'old'
    const writer = await lock.acquireWrite()
    cached = 'new'
    const other = lock.runWrite(() => {
      cached = 'newer'
    })
    const reader = writer.downgrade()
    await flush()
    expect(cached).toBe('new')
    reader.release()
    await other
    expect(cached).toBe('newer')
  })

  // StampedLockTest.testTryConvertToWriteLock: from a read lock only if no one else reads; from a write lock back again.
  test('two readers that both try to upgrade: neither may, and neither waits for the other', async () => {
    const lock = new ReadWriteLock()
    const [one, two] = [await lock.acquireRead(), await lock.acquireRead()]
    expect([one.tryUpgrade(), two.tryUpgrade(), lock.readers]).toEqual([undefined, undefined, 2])
    two.release()
    const upgraded = one.tryUpgrade()!
    const again = upgraded.downgrade()
    expect([one.held, upgraded.held, again.held, lock.readers]).toEqual([false, false, true, 1])
    again.release()
    expect(lock.tryAcquireWrite()?.held).toBe(true)
  })
})

describe('Semaphore', () => {
  // SemaphoreTest.testTimedAcquireN_fair and testInterruptedAcquire: who leaves the line has taken nothing of it.
  test('large requests that time out or are interrupted leave all permits', async () => {
    const semaphore = new Semaphore(3)
    const permit = await semaphore.acquire()
    const controller = new AbortController()
    const late = watch(semaphore.acquire({ permits: 3, timeout: 5 }))
    const interrupted = watch(semaphore.acquire({ permits: 3, signal: controller.signal }))
    vi.advanceTimersByTime(5)
    controller.abort('interrupted')
    await flush()
    expect([late.state, interrupted.reason, semaphore.available]).toEqual(['rejected', 'interrupted', 2])
    permit.release()
    expect(semaphore.tryAcquire(3)?.permits).toBe(3)
  })

  // SemaphoreTest.testReducePermits: fewer permits than are out make a debt, which what comes back pays first.
  test('reduced below what is out, it grants nothing until the debt is paid', async () => {
    const semaphore = new Semaphore(3)
    const permits = [await semaphore.acquire(), await semaphore.acquire(), await semaphore.acquire()]
    semaphore.resize(1)
    const waiting = watch(semaphore.acquire())
    for (const [n, permit] of permits.entries()) {
      await flush()
      expect([n, waiting.state, semaphore.available]).toEqual([n, 'pending', 0])
      permit.release()
    }
    await flush()
    expect([waiting.state, semaphore.available]).toEqual(['resolved', 0])
  })
})
