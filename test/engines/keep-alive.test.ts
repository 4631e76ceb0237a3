// The renewal of a lease, on a clock that the test moves and an engine that answers when the test says so.

import { keepAlive, Validity } from 'latchkey/distributed'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Renewal } from '../../src/engines/keep-alive.js'
import { SharedTimer } from '../../src/engines/timers.js'
import { spanOf } from '../../src/engines/validity.js'

const LEASE = 3000
const START = 1_000_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'], now: START })
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const now = () => Date.now() - START
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A lease, the moments in which the engine was asked, and its answers to come. */
function setUp() {
  const asked: number[] = []
  const answers: { ours: (ours: boolean) => void; fail: (error: Error) => void }[] = []
  const validity = new Validity(LEASE)
  validity.renew({ monotonic: performance.now(), wall: Date.now() })
  const stop = keepAlive(validity, LEASE, () => {
    asked.push(now())
    return new Promise<boolean>((resolve, reject) => {
      answers.push({ ours: resolve, fail: reject })
    })
  })
  const end = () => {
    stop()
    validity.end()
  }
  return { asked, answers, validity, end, stop }
}

test('it asks a third of the lease after it asked last', async () => {
  const { asked, answers, validity, end } = setUp()
  for (let i = 0; i < 12; i++) {
    await pass(1000)
    answers[i]?.ours(true)
  }
  expect(asked).toEqual(Array.from({ length: 12 }, (_, i) => 1000 * (i + 1)))
  expect(validity.isValid).toBe(true)
  end()
})

test('an attempt that fails is followed by the next soon, and not at the next tick', async () => {
  const { asked, answers, validity, end } = setUp()
  await pass(1000)
  answers[0]?.fail(new Error('no connection'))
  await pass(100)
  answers[1]?.fail(new Error('no connection'))
  await pass(100)
  answers[2]?.ours(true)
  await pass(1000)
  expect(asked).toEqual([1000, 1100, 1200, 2200])
  expect(validity.isValid).toBe(true)
  end()
})

test('a `renew` that throws is an attempt that fails', async () => {
  const validity = new Validity(LEASE)
  validity.renew({ monotonic: performance.now(), wall: Date.now() })
  let calls = 0
  keepAlive(validity, LEASE, () => {
    calls++
    throw new Error('no client')
  })
  await pass(1000 + 5 * 100)
  expect(calls).toBe(6)
  await pass(LEASE)
  expect(validity.loss?.why).toContain('has not confirmed it in time')
})

test('a silent engine is asked again beside the open attempt, and a late answer counts from when it was asked', async () => {
  const { asked, answers, validity, end } = setUp()
  await pass(2900)
  expect(asked).toEqual([1000, 2000])
  answers[0]?.ours(true) // asked at 1000, so it counts until 3968
  await pass(1060)
  expect(now()).toBe(3960)
  expect(validity.isValid).toBe(true)
  answers[1]?.ours(true) // until 4968
  await pass(1000)
  expect(now()).toBe(4960)
  expect(validity.isValid).toBe(true)
  end()
})

test('a failure of an older attempt brings nothing forward', async () => {
  const { asked, answers, end } = setUp()
  await pass(2000)
  expect(asked).toEqual([1000, 2000])
  answers[0]?.fail(new Error('too late'))
  await pass(500)
  expect(asked).toEqual([1000, 2000])
  end()
})

test('an engine that never answers loses the lease at the deadline, and is not asked any more', async () => {
  const { asked, validity } = setUp()
  let lostAt: number | undefined
  validity.onLoss(() => {
    lostAt = now()
  })
  await pass(60_000)
  expect(lostAt).toBe(2968)
  expect(asked).toEqual([1000, 2000])
})

test('an engine that says "not yours" loses it at once', async () => {
  const { asked, answers, validity } = setUp()
  await pass(1000)
  answers[0]?.ours(false)
  await pass(0)
  expect(validity.loss?.why).toContain('the engine has given the key up')
  await pass(60_000)
  expect(asked).toEqual([1000])
})

test('once it was stopped, no answer counts and nothing is asked', async () => {
  const { asked, answers, validity, end } = setUp()
  await pass(1000)
  end()
  const renew = vi.spyOn(validity, 'renew')
  answers[0]?.ours(true)
  await pass(60_000)
  expect(asked).toEqual([1000])
  expect(renew).not.toHaveBeenCalled()
  expect(validity.loss).toBeUndefined()
})

test('what comes late to a stopped one loses nothing', async () => {
  const { answers, validity, end } = setUp()
  await pass(1000)
  end()
  answers[0]?.ours(false)
  await pass(0)
  expect(validity.loss).toBeUndefined()
})

test('of what is lost already, nothing is kept alive', async () => {
  const validity = new Validity(LEASE)
  validity.invalidate({ why: 'gone' })
  const renew = vi.fn(async () => true)
  keepAlive(validity, LEASE, renew)
  await pass(60_000)
  expect(renew).not.toHaveBeenCalled()
})

test('leases that share timers have none of their own while they are short', async () => {
  const [attempts, deadlines] = [new SharedTimer(LEASE / 3), new SharedTimer(spanOf(LEASE))]
  const asked: number[] = []
  const renew = async () => {
    asked.push(now())
    return true
  }
  const leases = [0, 1, 2].map(() => {
    const validity = new Validity(LEASE)
    validity.begin({ monotonic: performance.now(), wall: Date.now() }, deadlines)
    return { validity, renewal: new Renewal(validity, LEASE, renew, attempts) }
  })
  const end = ({ validity, renewal }: (typeof leases)[number]) => {
    renewal.stop()
    validity.end()
  }
  expect(vi.getTimerCount()).toBe(2)
  end(leases[0]!)
  end(leases[1]!)
  await pass(5000)
  // The one that is left is renewed as any other, beyond its first deadline.
  expect(asked).toEqual([1000, 2000, 3000, 4000, 5000])
  expect(leases[2]?.validity.isValid).toBe(true)
  expect(leases.map(({ validity }) => validity.loss)).toEqual([undefined, undefined, undefined])
  end(leases[2]!)
})

test('a deadline in a shared timer counts from when the engine was asked', async () => {
  const validity = new Validity(LEASE)
  const asked = { monotonic: performance.now(), wall: Date.now() }
  await pass(500) // for the answer
  validity.begin(asked, new SharedTimer(spanOf(LEASE)))
  let lostAt: number | undefined
  validity.onLoss(() => {
    lostAt = now()
  })
  await pass(LEASE)
  expect(lostAt).toBe(2968)
})

test('no timer of it keeps the process alive', () => {
  const unref = vi.fn()
  const original = globalThis.setTimeout
  let made = 0
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((...args: Parameters<typeof setTimeout>) => {
    made++
    const timer = original(...args)
    timer.unref = () => {
      unref()
      return timer
    }
    return timer
  }) as typeof setTimeout)
  const { end } = setUp()
  expect(made).toBe(2)
  expect(unref).toHaveBeenCalledTimes(made)
  end()
  vi.restoreAllMocks()
})
