// What a Barrier does, as examples. Those marked JUC follow java.util.concurrent's CyclicBarrierTest (JSR-166 TCK), those
// marked asyncio follow BarrierTests in CPython's test_asyncio/test_locks.py.

import { inspect } from 'node:util'
import { Barrier, BrokenBarrierError, LockCancelledError, LockClosedError, LockTimeoutError } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'
import { expectMisuse, noWholeNumber, optionsWith, wrongAcquireOptions, wrongLockOptions } from './misuse.js'

afterEach(() => {
  vi.useRealTimers()
})

const states = (watched: { state: string }[]) => watched.map(({ state }) => state)
const values = (watched: { value?: unknown }[]) => watched.map(({ value }) => value)

describe('meeting', () => {
  test('nobody goes on until the last has arrived; each gets its index (JUC testTwoParties)', async () => {
    const barrier = new Barrier(3)
    const arrivals = [watch(barrier.arrive()), watch(barrier.arrive())]
    await flush()
    expect([barrier.waiting, ...states(arrivals)]).toEqual([2, 'pending', 'pending'])
    arrivals.push(watch(barrier.arrive()))
    expect(barrier.waiting).toBe(0) // at once
    await flush()
    expect(values(arrivals)).toEqual([0, 1, 2])
  })

  test('a single party never waits (JUC testSingleParty)', async () => {
    const barrier = new Barrier(1)
    expect(barrier.parties).toBe(1)
    expect(await barrier.arrive()).toBe(0)
    expect(await barrier.arrive({ timeout: 0 })).toBe(0)
    expect(barrier.waiting).toBe(0)
  })

  test('round after round, and no round leaks into the next (asyncio test_filling_tasks_multi)', async () => {
    const barrier = new Barrier(2)
    const arrivals = Array.from({ length: 7 }, () => watch(barrier.arrive()))
    await flush()
    expect(values(arrivals)).toEqual([0, 1, 0, 1, 0, 1, undefined])
    expect([barrier.waiting, arrivals[6]!.state]).toEqual([1, 'pending'])
    await barrier.close()
  })

  test('workers keep in step, however fast each is', async () => {
    const barrier = new Barrier(3)
    const steps: number[] = []
    const worker = async (hops: number) => {
      for (let step = 0; step < 4; step++) {
        for (let hop = 0; hop < hops; hop++) await Promise.resolve()
        steps.push(step)
        await barrier.arrive()
      }
    }
    await Promise.all([worker(0), worker(5), worker(50)])
    expect(steps).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
  })

  test('priority does not touch the index: that is the order of arrival', async () => {
    const barrier = new Barrier(4)
    const arrivals = [-1, 5, 0, 9].map(priority => watch(barrier.arrive({ priority })))
    await flush()
    expect(values(arrivals)).toEqual([0, 1, 2, 3])
  })

  test('an observer that arrives while they are let go is in the next round', async () => {
    const more: ReturnType<typeof watch<number>>[] = []
    const barrier: Barrier = new Barrier(3, {
      observer: { granted: () => more.length < 2 && more.push(watch(barrier.arrive())) }
    })
    const arrivals = [0, 1, 2].map(() => watch(barrier.arrive()))
    await flush()
    expect(values(arrivals)).toEqual([0, 1, 2])
    expect([barrier.waiting, ...states(more)]).toEqual([2, 'pending', 'pending'])
    await barrier.close()
  })
})

describe('giving up (G5)', () => {
  test('before the call: rejects, and nothing is counted, even as the last party', async () => {
    const barrier = new Barrier(2)
    const signal = AbortSignal.abort('why')
    await expect(barrier.arrive({ signal })).rejects.toBe('why')
    const first = watch(barrier.arrive())
    await expect(barrier.arrive({ signal })).rejects.toBe('why')
    expect([barrier.waiting, first.state]).toEqual([1, 'pending'])
    expect(await barrier.arrive()).toBe(1)
  })

  test('while waiting: no longer counted, the others wait on, indexes have no gap', async () => {
    // Unlike JUC testAwait1_Interrupted_BrokenBarrier: here one who leaves breaks nothing.
    const barrier = new Barrier(3)
    const controller = new AbortController()
    const leaver = watch(barrier.arrive({ signal: controller.signal }))
    const second = watch(barrier.arrive())
    controller.abort('why')
    expect(barrier.waiting).toBe(1)
    const third = watch(barrier.arrive())
    await flush()
    expect([leaver.reason, ...states([second, third])]).toEqual(['why', 'pending', 'pending'])
    const fourth = watch(barrier.arrive())
    await flush()
    expect(values([second, third, fourth])).toEqual([0, 1, 2])
    await barrier.whenFree({ timeout: 0 })
  })

  test('an abort whose event has not reached the barrier yet is not counted either', async () => {
    const barrier = new Barrier(2)
    const controller = new AbortController()
    const { signal } = controller
    let other: ReturnType<typeof watch<number>> | undefined
    // On the signal before the barrier's own listener: it arrives while the leaver still stands in line.
    signal.addEventListener('abort', () => {
      other = watch(barrier.arrive())
    })
    const leaver = watch(barrier.arrive({ signal }))
    controller.abort('why')
    await flush()
    expect([leaver.reason, other?.state, barrier.waiting]).toEqual(['why', 'pending', 1])
    expect(await barrier.arrive()).toBe(1)
    await flush()
    expect(other?.value).toBe(0)
  })

  test('after the meeting: it came first and stands', async () => {
    const barrier = new Barrier(2)
    const controller = new AbortController()
    const arrivals = [barrier.arrive({ signal: controller.signal }), barrier.arrive()]
    controller.abort()
    expect(await Promise.all(arrivals)).toEqual([0, 1])
  })

  test('a timeout leaves like an abort; 0 arrives only as the last', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const barrier = new Barrier(2, { name: 'step' })
    await expect(barrier.arrive({ timeout: 0 })).rejects.toThrow(LockTimeoutError)
    const late = watch(barrier.arrive({ timeout: 10 }))
    await vi.advanceTimersByTimeAsync(10)
    expect(late.reason).toMatchObject({ message: 'Barrier "step": waited longer than 10 ms' })
    expect([barrier.waiting, vi.getTimerCount()]).toEqual([0, 0])
    const first = barrier.arrive({ timeout: 10 })
    expect(await barrier.arrive({ timeout: 0 })).toBe(1)
    expect([await first, vi.getTimerCount()]).toEqual([0, 0])
  })
})

describe('reset', () => {
  test('rejects those who wait and starts a fresh round (JUC testReset_NoBrokenBarrier, asyncio test_reset_barrier)', async () => {
    const barrier = new Barrier(3, { name: 'step' })
    const broken = [watch(barrier.arrive()), watch(barrier.arrive())]
    const free = watch(barrier.whenFree())
    barrier.reset()
    const fresh = [watch(barrier.arrive()), watch(barrier.arrive())]
    await flush()
    for (const { reason } of broken) expect(reason).toBeInstanceOf(BrokenBarrierError)
    expect(broken[0]!.reason).toMatchObject({
      code: 'ERR_BARRIER_BROKEN',
      message: 'Barrier "step": reset before all 3 parties had arrived'
    })
    // Nobody waited for a moment, after the reset.
    expect(states([free, ...fresh])).toEqual(['resolved', 'pending', 'pending'])
    expect(await barrier.arrive()).toBe(2)
    await flush()
    expect(values(fresh)).toEqual([0, 1])
  })

  test('does nothing when nobody waits (JUC testReset_Leakage)', async () => {
    const barrier = new Barrier(2)
    barrier.reset()
    const arrivals = [barrier.arrive(), barrier.arrive()]
    barrier.reset() // they have met already
    expect(await Promise.all(arrivals)).toEqual([0, 1])
  })
})

describe('what all primitives have', () => {
  test('cancelWaiters empties the round; close ends it', async () => {
    const barrier = new Barrier(2)
    const cancelled = watch(barrier.arrive())
    barrier.cancelWaiters()
    const closed = watch(barrier.arrive())
    await barrier.close()
    await flush()
    expect(cancelled.reason).toBeInstanceOf(LockCancelledError)
    expect(closed.reason).toBeInstanceOf(LockClosedError)
    await expect(barrier.arrive()).rejects.toThrow(LockClosedError)
    expect(barrier.waiting).toBe(0)
  })

  test('an observer is told of each: queued and granted, the last granted alone', async () => {
    const told: string[] = []
    const requests = new Map<object, string>()
    const tell = (event: string) => (request: object) => {
      if (!requests.has(request)) requests.set(request, `#${requests.size}`)
      told.push(`${requests.get(request)} ${event}`)
    }
    const observer = { queued: tell('queued'), granted: tell('granted'), released: tell('released') }
    const barrier = new Barrier(3, { observer })
    await Promise.all([barrier.arrive(), barrier.arrive(), barrier.arrive()])
    expect(told).toEqual(['#0 queued', '#1 queued', '#0 granted', '#1 granted', '#2 granted'])
    expect([...requests.keys()]).toEqual(Array.from({ length: 3 }, () => ({ source: barrier, keys: [] })))
  })

  test('inspect shows name, parties and line', async () => {
    const barrier = new Barrier(3, { name: 'step' })
    expect(inspect(barrier)).toBe('Barrier "step" { 3 parties }')
    watch(barrier.arrive())
    expect(inspect(barrier)).toBe('Barrier "step" { 3 parties, 1 waiting }')
    await barrier.close()
    expect(inspect(new Barrier(1))).toBe('Barrier { 1 party }')
  })
})

describe('misuse (G11)', () => {
  test.each([...noWholeNumber('parties', 1), ['parties', undefined, TypeError] as const])(
    'new Barrier(%s: %o) (JUC testConstructor1)',
    (...wrong) => expectMisuse(() => new Barrier(wrong[1] as never), [...wrong])
  )
  test.each(wrongLockOptions)('new Barrier(2, %s: %o)', (...wrong) =>
    expectMisuse(() => new Barrier(2, optionsWith(wrong)), wrong)
  )
  test.each(wrongAcquireOptions)('arrive(%s: %o), early, last and closed', async (...wrong) => {
    const [last, closed] = [new Barrier(2), new Barrier(1)]
    const first = last.arrive()
    void closed.close()
    for (const barrier of [new Barrier(2), last, closed])
      expectMisuse(() => barrier.arrive(optionsWith(wrong)), wrong, barrier)
    void last.arrive()
    expect(await first).toBe(0)
  })
})
