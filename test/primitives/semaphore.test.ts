// What a Semaphore does, as examples. Where a scenario comes from the tests of another project, it says so; the code is ours.

import { inspect } from 'node:util'
import { LockClosedError, LockTimeoutError, type Permit, QueueFullError, Semaphore } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { deferred, flush, watch } from '../fixtures/settle.js'

afterEach(() => {
  vi.useRealTimers()
})

/** As many permits as there are, one by one, and whoever waits for the next. */
function exhausted(capacity: number): { semaphore: Semaphore; permits: Permit[] } {
  const semaphore = new Semaphore(capacity)
  return { semaphore, permits: Array.from({ length: capacity }, () => semaphore.tryAcquire() as Permit) }
}

describe('taking and giving back', () => {
  test('as many hold as there are permits, and the next is granted what comes back (G1, G2)', async () => {
    const { semaphore, permits } = exhausted(2)
    expect([semaphore.available, semaphore.capacity, semaphore.tryAcquire()]).toEqual([0, 2, undefined])
    const third = semaphore.acquire()
    expect(semaphore.waiting).toBe(1)
    permits[0]?.release()
    expect([semaphore.waiting, semaphore.available, semaphore.tryAcquire()]).toEqual([0, 0, undefined])
    ;(await third).release()
    permits[1]?.release()
    expect(semaphore.available).toBe(2)
  })

  test('a permit is released once (G4)', async () => {
    const { semaphore, permits } = exhausted(2)
    permits[0]?.release()
    permits[0]?.release()
    expect([semaphore.available, permits[0]?.held, permits[1]?.held]).toEqual([1, false, true])
  })

  test('run releases whatever becomes of the task, and passes on its outcome (G6)', async () => {
    const semaphore = new Semaphore(3)
    expect(await semaphore.run(permit => permit.permits, { permits: 2 })).toBe(2)
    await expect(semaphore.run(() => Promise.reject('no'))).rejects.toBe('no')
    await expect(
      semaphore.run(() => {
        throw 'at once'
      })
    ).rejects.toBe('at once')
    expect(semaphore.available).toBe(3)
    const end = deferred<string>()
    const all = semaphore.run(() => end.promise, { permits: 3 })
    const queued = semaphore.run(async permit => `then ${permit.permits}`, { permits: 3 })
    end.resolve('first')
    expect([await all, await queued, semaphore.available]).toEqual(['first', 'then 3', 3])
  })

  test('any number of permits costs the same: Infinity and a billion', async () => {
    for (const capacity of [Infinity, 1e9]) {
      const semaphore = new Semaphore(capacity)
      const permits = await Promise.all([semaphore.acquire({ permits: 1e8 }), semaphore.acquire()])
      expect(semaphore.available).toBe(capacity - 1e8 - 1)
      for (const permit of permits) permit.release()
      expect(semaphore.available).toBe(capacity)
    }
  })
})

describe('weights', () => {
  test('a small request does not overtake a large one, tryAcquire included', async () => {
    const { semaphore, permits } = exhausted(3)
    const large = watch(semaphore.acquire({ permits: 3 }))
    const small = watch(semaphore.acquire())
    permits[0]?.release()
    permits[1]?.release()
    await flush()
    expect([large.state, small.state, semaphore.available, semaphore.tryAcquire()]).toEqual([
      'pending',
      'pending',
      2,
      undefined
    ])
    permits[2]?.release()
    await flush()
    expect([large.state, small.state]).toEqual(['resolved', 'pending'])
  })

  // tokio, sync_semaphore.rs and batch_semaphore tests: dropping a large waiter wakes those behind it.
  test.each(['abort', 'timeout', 'both behind each other'])(
    'a large one that leaves the head lets all through that fit now: %s (G3)',
    async how => {
      vi.useFakeTimers()
      const { semaphore, permits } = exhausted(4)
      const controller = new AbortController()
      const { signal } = controller
      const large = watch(semaphore.acquire({ permits: 4, signal, ...(how === 'timeout' ? { timeout: 5 } : {}) }))
      const second = how.startsWith('both') ? watch(semaphore.acquire({ permits: 3, signal })) : undefined
      const small = [1, 1, 1].map(() => watch(semaphore.acquire()))
      permits[0]?.release()
      permits[1]?.release()
      if (how === 'timeout') await vi.advanceTimersByTimeAsync(5)
      else controller.abort('gone')
      await vi.advanceTimersByTimeAsync(0)
      expect([large.state, second?.state ?? 'rejected']).toEqual(['rejected', 'rejected'])
      expect(small.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'pending'])
      expect(semaphore.waiting).toBe(1)
    }
  )

  test('what comes back at once is granted at once, in order, as far as it goes', async () => {
    const semaphore = new Semaphore(5)
    const all = await semaphore.acquire({ permits: 5 })
    const order: number[] = []
    const waiters = [2, 1, 3, 1].map((permits, n) => semaphore.acquire({ permits }).then(() => order.push(n)))
    all.release()
    expect([semaphore.waiting, semaphore.available]).toEqual([2, 2])
    await Promise.all(waiters.slice(0, 2))
    expect(order).toEqual([0, 1])
  })

  test('a higher priority stands before a large request, and goes if it fits', async () => {
    const { semaphore } = exhausted(1)
    semaphore.resize(2)
    const large = watch(semaphore.acquire({ permits: 2 }))
    const urgent = watch(semaphore.acquire({ priority: 1 }))
    await flush()
    expect([large.state, urgent.state]).toEqual(['pending', 'resolved'])
  })

  test('no priority is higher than a negative one', async () => {
    const { semaphore } = exhausted(1)
    semaphore.resize(2)
    const large = watch(semaphore.acquire({ permits: 2, priority: -1 }))
    const usual = watch(semaphore.acquire())
    await flush()
    expect([large.state, usual.state]).toEqual(['pending', 'resolved'])
  })

  test('a permit splits, and the total stays exact', async () => {
    const semaphore = new Semaphore(5)
    const permit = await semaphore.acquire({ permits: 4 })
    const part = permit.split(3)
    expect([permit.permits, part.permits, semaphore.available]).toEqual([1, 3, 1])
    permit.release()
    expect([semaphore.available, part.held]).toEqual([2, true])
    const rest = part.split(1)
    part.release()
    expect(semaphore.available).toBe(4)
    rest.release()
    rest.release()
    expect(semaphore.available).toBe(5)
    expect(() => rest.split(1)).toThrow(RangeError)
  })
})

describe('resize', () => {
  test('above what is out wakes those who fit; below it waits for returns', async () => {
    const { semaphore, permits } = exhausted(2)
    const waiters = [1, 1, 1].map(() => watch(semaphore.acquire()))
    semaphore.resize(4)
    await flush()
    expect(waiters.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'pending'])
    semaphore.resize(1)
    for (const permit of permits) permit.release()
    await flush()
    expect([waiters[2]?.state, semaphore.available, semaphore.capacity]).toEqual(['pending', 0, 1])
  })

  test('whoever asked for more than there is now is rejected when its turn comes, and nobody hangs behind it', async () => {
    const { semaphore, permits } = exhausted(3)
    const heavy = watch(semaphore.acquire({ permits: 3 }))
    const light = watch(semaphore.acquire())
    semaphore.resize(2)
    for (const permit of permits) permit.release()
    await flush()
    expect(heavy.reason).toEqual(new RangeError('Semaphore: the capacity is 2 now, too little for 3 permits'))
    expect(light.state).toBe('resolved')
  })
})

describe('giving up, closing', () => {
  test('at every step, and then everything is free again (G5)', async () => {
    const { semaphore, permits } = exhausted(1)
    await expect(semaphore.acquire({ signal: AbortSignal.abort('early') })).rejects.toBe('early')
    await expect(semaphore.acquire({ timeout: 0 })).rejects.toThrow(LockTimeoutError)
    const controller = new AbortController()
    const waiting = semaphore.acquire({ signal: controller.signal })
    controller.abort('while waiting')
    await expect(waiting).rejects.toBe('while waiting')
    const late = new AbortController()
    const granted = semaphore.acquire({ signal: late.signal })
    const task = vi.fn()
    const skipped = semaphore.run(task, { signal: late.signal })
    permits[0]?.release()
    late.abort('after the grant')
    ;(await granted).release()
    await expect(skipped).rejects.toBe('after the grant')
    expect(task).not.toHaveBeenCalled()
    expect([semaphore.waiting, semaphore.available]).toEqual([0, 1])
  })

  test('a task whose signal aborted after the grant is not started, and its permits go on', async () => {
    const { semaphore, permits } = exhausted(1)
    const controller = new AbortController()
    const skipped = semaphore.run(() => 'ran', { signal: controller.signal })
    const next = semaphore.run(() => 'next')
    permits[0]?.release()
    controller.abort('late')
    await expect(skipped).rejects.toBe('late')
    expect([await next, semaphore.available]).toEqual(['next', 1])
  })

  // asyncio, test_locks.py, SemaphoreTests: a cancelled acquire must not lose the wake-up of the next one.
  test('an abort in the instant of a release loses no wake-up', async () => {
    const { semaphore, permits } = exhausted(1)
    const controller = new AbortController()
    const first = watch(semaphore.acquire({ signal: controller.signal }))
    const second = watch(semaphore.acquire())
    controller.abort('gone')
    permits[0]?.release()
    await flush()
    expect([first.state, second.state]).toEqual(['rejected', 'resolved'])
  })

  test('an abort that the semaphore never hears of is noticed when its turn comes, and costs no permit', async () => {
    const { semaphore, permits } = exhausted(1)
    const controller = new AbortController()
    controller.signal.addEventListener('abort', event => event.stopImmediatePropagation())
    const ghost = semaphore.acquire({ signal: controller.signal })
    const next = semaphore.acquire()
    controller.abort('unheard')
    permits[0]?.release()
    await expect(ghost).rejects.toBe('unheard')
    ;(await next).release()
    expect(semaphore.available).toBe(1)
  })

  test('close rejects who waits and who comes, and resolves with the last permit', async () => {
    const { semaphore, permits } = exhausted(2)
    const waiting = semaphore.acquire()
    const closed = watch(semaphore.close())
    await expect(waiting).rejects.toThrow(LockClosedError)
    await expect(semaphore.acquire()).rejects.toThrow(LockClosedError)
    expect(semaphore.tryAcquire()).toBeUndefined()
    permits[0]?.release()
    await flush()
    expect(closed.state).toBe('pending')
    permits[1]?.release()
    await flush()
    expect(closed.state).toBe('resolved')
  })

  test('cancelWaiters, maxWaiting and whenFree', async () => {
    const semaphore = new Semaphore(1, { maxWaiting: 1 })
    const permit = await semaphore.acquire()
    const waiting = semaphore.acquire()
    await expect(semaphore.acquire()).rejects.toThrow(QueueFullError)
    semaphore.cancelWaiters('stop')
    await expect(waiting).rejects.toBe('stop')
    const free = semaphore.whenFree()
    permit.release()
    await free
  })
})

describe('being seen', () => {
  test('inspect', async () => {
    const semaphore = new Semaphore(2, { name: 'downloads' })
    const permit = await semaphore.acquire({ permits: 2 })
    void semaphore.acquire()
    expect(inspect(semaphore)).toBe('Semaphore "downloads" { 0 of 2 available, 1 waiting }')
    permit.release()
    expect(inspect(new Semaphore(Infinity))).toBe('Semaphore { Infinity of Infinity available }')
  })

  test('an observer is told of every permit from its grant to its release, parts included', async () => {
    const told: string[] = []
    const requests = new Map<object, number>()
    const id = (request: object) => {
      if (!requests.has(request)) requests.set(request, requests.size)
      return requests.get(request)
    }
    const semaphore: Semaphore = new Semaphore(2, {
      observer: {
        queued: request => told.push(`queued ${id(request)}`),
        granted: request => told.push(`granted ${id(request)}`),
        released: request => told.push(`released ${id(request)}`),
        abandoned: request => told.push(`abandoned ${id(request)}`)
      }
    })
    const permit = await semaphore.acquire({ permits: 2 })
    const part = permit.split(1)
    const second = semaphore.acquire()
    part.release()
    ;(await second).release()
    permit.release()
    expect(told).toEqual(['granted 0', 'granted 1', 'queued 2', 'released 1', 'granted 2', 'released 2', 'released 0'])
  })
})

describe('misuse throws at the call, and takes nothing (G11)', () => {
  const noCount: unknown[] = [null, '1', 1n, true, {}, [1], Number.NaN, 0, -1, 1.5, Number.NEGATIVE_INFINITY]
  const classOf = (value: unknown) => (typeof value === 'number' ? RangeError : TypeError)
  const semaphore = new Semaphore(2)

  test.each([...noCount, undefined])('new Semaphore(%o), resize(%o)', value => {
    expect(() => new Semaphore(value as number)).toThrow(classOf(value))
    expect(() => semaphore.resize(value as number)).toThrow(/^Semaphore: permits must be a whole number >= 1/)
    expect(semaphore.capacity).toBe(2)
  })

  test.each([...noCount, 3, Infinity])('permits: %o', value => {
    const permits = value as number
    for (const call of [
      () => semaphore.acquire({ permits }),
      () => semaphore.run(() => {}, { permits }),
      () => semaphore.tryAcquire(permits)
    ]) {
      expect(call).toThrow(classOf(value))
      expect(call).toThrow(/permits must be a whole number from 1 to 2, the capacity, got /)
    }
    expect(semaphore.available).toBe(2)
  })

  test.each([...noCount, 2, Infinity, undefined])('split(%o)', value => {
    const permit = semaphore.tryAcquire(2) as Permit
    expect(() => permit.split(value as number)).toThrow(classOf(value))
    expect(permit.permits).toBe(2)
    permit.release()
  })

  test('split after the release, though it was of several', () => {
    const permit = semaphore.tryAcquire(2) as Permit
    permit.release()
    expect(() => permit.split(1)).toThrow(new RangeError('Semaphore: n must be a whole number from 1 to 0, got 1'))
    expect(semaphore.available).toBe(2)
  })

  test.each([null, 7, 'options', () => {}])('options: %o', options => {
    for (const call of [() => semaphore.acquire(options as never), () => semaphore.run(() => {}, options as never)]) {
      expect(call).toThrow(TypeError)
      expect(call).toThrow(/^Semaphore: options must be an object, got /)
    }
  })

  test.each([undefined, null, 7, {}, Promise.resolve()])('task: %o', task => {
    expect(() => semaphore.run(task as never)).toThrow(/^Semaphore: task must be a function/)
  })
})
