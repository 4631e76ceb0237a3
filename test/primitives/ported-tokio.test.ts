// Scenarios from tokio: src/sync/tests/semaphore_batch.rs and loom_semaphore_batch.rs, tests/sync_semaphore.rs and
// tests/sync_rwlock.rs. Each test names its model; the code is ours. A future that is dropped there is a signal that
// aborts here.

import fc from 'fast-check'
import { LockClosedError, type Permit, ReadWriteLock, Semaphore, type WriteLock } from 'latchkey'
import { describe, expect, test } from 'vitest'
import { expectNoLeftovers } from '../fixtures/leftovers.js'
import { flush, watch } from '../fixtures/settle.js'
import { settings } from '../properties/settings.js'

expectNoLeftovers()

describe('Semaphore', () => {
  // semaphore_batch.rs, poll_acquire_many_unavailable: what comes back is collected for the head, and only for it.
  test('a large request is served once enough has come back, in several parts', async () => {
    const semaphore = new Semaphore(5)
    const one = await semaphore.acquire()
    const four = await semaphore.acquire({ permits: 4 })
    const large = watch(semaphore.acquire({ permits: 3 }))
    const small = watch(semaphore.acquire())
    const large2 = watch(semaphore.acquire({ permits: 2 }))
    one.release()
    await flush()
    expect([large.state, small.state, large2.state]).toEqual(['pending', 'pending', 'pending'])
    four.split(2).release()
    await flush()
    expect([large.state, small.state, large2.state]).toEqual(['resolved', 'pending', 'pending'])
    four.release()
    await flush()
    expect([small.state, large2.state, semaphore.available]).toEqual(['resolved', 'pending', 1])
    small.value!.release()
    await flush()
    expect([large2.state, semaphore.available]).toEqual(['resolved', 0])
  })

  // semaphore_batch.rs, cancel_acquire_releases_permits: what lay ready for one who leaves can be had without waiting.
  test('what was kept for a large request is free for tryAcquire once it has given up', async () => {
    const semaphore = new Semaphore(10)
    semaphore.tryAcquire(4)
    const controller = new AbortController()
    const large = watch(semaphore.acquire({ permits: 8, signal: controller.signal }))
    expect([semaphore.available, semaphore.tryAcquire(6)]).toEqual([6, undefined])
    controller.abort('dropped')
    expect(semaphore.tryAcquire(6)?.permits).toBe(6)
    await flush()
    expect(large.state).toBe('rejected')
  })

  // semaphore_batch.rs, close_semaphore_notifies_permit1: all who wait hear of it, and permits can still be given back.
  test('close turns away large and small, and what is out comes back as usual', async () => {
    const semaphore = new Semaphore(2)
    const permits = [semaphore.tryAcquire() as Permit, semaphore.tryAcquire() as Permit]
    const waiters = [2, 1].map(permits => watch(semaphore.acquire({ permits })))
    const closed = watch(semaphore.close())
    await flush()
    for (const { reason } of waiters) expect(reason).toBeInstanceOf(LockClosedError)
    expect(semaphore.available).toBe(0)
    permits[0]!.release()
    await flush()
    expect([semaphore.available, closed.state, semaphore.tryAcquire()]).toEqual([1, 'pending', undefined])
    permits[1]!.release()
    await flush()
    expect([semaphore.available, closed.state]).toEqual([2, 'resolved'])
  })

  // loom_semaphore_batch.rs, concurrent_cancel, batch and release_during_acquire, in schedules of fast-check's: no permit
  // is lost or made, whoever is cancelled at whatever moment.
  test('in any schedule of batches that come, go and are cancelled no permit is lost', async () => {
    const batch = fc.record({ permits: fc.integer({ min: 1, max: 3 }), cancelled: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(batch, { minLength: 2, maxLength: 6 }), async (s, batches) => {
        const semaphore = new Semaphore(3)
        let out = 0
        let done = 0
        const step = (what: string) => s.schedule(Promise.resolve(), what)
        const work = async ({ permits, cancelled }: (typeof batches)[number], n: number) => {
          const controller = new AbortController()
          await step(`${n} comes for ${permits}`)
          if (cancelled) step(`${n} is cancelled`).then(() => controller.abort('cancelled'))
          const permit = await semaphore.acquire({ permits, signal: controller.signal }).catch(() => undefined)
          if (permit !== undefined) {
            out += permits
            expect(out).toBeLessThanOrEqual(3)
            await step(`${n} works`)
            out -= permits
            permit.release()
          }
          done++
        }
        const all = Promise.all(batches.map(work))
        all.catch(() => {})
        await s.waitIdle()
        await flush()
        expect([done, semaphore.available, semaphore.waiting]).toEqual([batches.length, 3, 0])
        await all
      }),
      settings(500)
    )
  })
})

describe('ReadWriteLock', () => {
  // sync_rwlock.rs, multithreaded: many writers each add to what they read before, and nothing is lost.
  test('many writers, each of which reads, waits and writes, lose no update', async () => {
    const lock = new ReadWriteLock()
    let sum = 0
    const add = async (n: number) => {
      for (let round = 0; round < 50; round++)
        await lock.runWrite(async () => {
          const seen = sum
          await null
          sum = seen + n
        })
    }
    await Promise.all([2, 3, 5, 7].map(add))
    expect(await lock.runRead(() => sum)).toBe(50 * 17)
  })

  // sync_rwlock.rs, write_read_shared_drop_pending, with several writers in a row: only the last to leave frees the way.
  test('readers behind two writers go when both have given up, in whatever order', async () => {
    for (const order of [
      [0, 1],
      [1, 0]
    ]) {
      const lock = new ReadWriteLock()
      await lock.acquireRead()
      const controllers = [new AbortController(), new AbortController()]
      const writers = controllers.map(({ signal }) => watch(lock.acquireWrite({ signal })))
      const readers = [watch(lock.acquireRead()), watch(lock.acquireRead())]
      controllers[order[0]!]!.abort('dropped')
      expect(lock.readers).toBe(1)
      controllers[order[1]!]!.abort('dropped')
      expect([lock.readers, lock.tryAcquireRead()?.held]).toEqual([3, true])
      await flush()
      expect([...writers, ...readers].map(({ state }) => state)).toEqual([
        'rejected',
        'rejected',
        'resolved',
        'resolved'
      ])
    }
  })

  // sync_rwlock_owned and RwLockWriteGuard::downgrade: a downgrade with a writer at the head lets no reader past it.
  test('a downgrade lets in the readers at the head and none behind a writer', async () => {
    const lock = new ReadWriteLock()
    const writer = (await lock.acquireWrite()) as WriteLock
    const waiters = [watch(lock.acquireWrite()), watch(lock.acquireRead())]
    const reader = writer.downgrade()
    await flush()
    expect([waiters.map(({ state }) => state), lock.readers, lock.tryAcquireRead()]).toEqual([
      ['pending', 'pending'],
      1,
      undefined
    ])
    reader.release()
    await flush()
    expect(waiters.map(({ state }) => state)).toEqual(['resolved', 'pending'])
  })
})
