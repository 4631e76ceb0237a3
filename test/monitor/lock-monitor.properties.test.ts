// Any steps on locks of several kinds: after each, the monitor's account is what the locks themselves say, and what a
// list of everything that happened gives.

import fc from 'fast-check'
import { KeyedMutex, type Lock, type LockObserver, Mutex, Semaphore } from 'latchkey'
import { combineObservers, LockMonitor } from 'latchkey/monitor'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { flush } from '../fixtures/settle.js'
import { FAKED, settings } from '../properties/settings.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
})

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('ask' as const), n: fc.nat(3), patient: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), n: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('time' as const), n: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('subscribe' as const), n: fc.nat(1) }) }
)

test.each<[string, boolean]>([
  ['as it is in every day', false],
  ['that is to warn of long holds', true]
])('a monitor %s is never wrong', async (_, thorough) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }), async steps => {
      const monitor = new LockMonitor(thorough ? { maxHold: 15, maxWait: 15, onWarning() {} } : {})
      // A second account, as simple as can be.
      const counts = { acquisitions: 0, contended: 0, abandoned: 0 }
      const count = (key: keyof typeof counts) => () => {
        counts[key]++
      }
      const list: LockObserver = {
        queued: count('contended'),
        granted: count('acquisitions'),
        abandoned: count('abandoned')
      }
      const observer = combineObservers(monitor, list)
      const mutex = new Mutex({ observer })
      const semaphore = new Semaphore(2, { observer })
      const keyed = new KeyedMutex<number>({ observer })
      const held: Lock[] = []
      const since: number[] = []
      let holding = 0
      let done = 0
      const asks = [
        (options: object) => mutex.acquire(options),
        (options: object) => semaphore.acquire(options),
        (options: object) => keyed.acquire(0, options),
        (options: object) => keyed.acquireMany([0, 1], options)
      ]
      for (const { do: what, ...rest } of steps) {
        if (what === 'ask') {
          const options = (rest as { patient: boolean }).patient ? {} : { timeout: 7 }
          asks[rest.n]!(options).then(
            lock => {
              held.push(lock)
              since.push(performance.now())
            },
            () => {}
          )
        } else if (what === 'release' && held.length > 0) {
          const [index] = [rest.n % held.length]
          const [lock] = held.splice(index, 1)
          holding += performance.now() - (since.splice(index, 1)[0] as number)
          done++
          lock?.release()
        } else if (what === 'time') vi.advanceTimersByTime(rest.n)
        else if (what === 'subscribe') monitor.subscribe(() => {})()
        await flush()

        const { locks } = monitor.snapshot()
        const sum = (read: (lock: (typeof locks)[number]) => number) => locks.reduce((sum, lock) => sum + read(lock), 0)
        expect({
          held: sum(lock => lock.held),
          holders: sum(lock => lock.holders.length),
          waiting: sum(lock => lock.waiting),
          acquisitions: sum(lock => lock.acquisitions),
          contended: sum(lock => lock.contended),
          abandoned: sum(lock => Object.values(lock.abandoned).reduce((a, b) => a + b, 0)),
          holds: sum(lock => lock.hold.count),
          holding: sum(lock => lock.hold.sum)
        }).toEqual({
          held: held.length,
          holders: held.length,
          waiting: mutex.waiting + semaphore.waiting + keyed.waiting,
          ...counts,
          holds: done,
          holding
        })
      }
      const spans = monitor.timeline()
      expect(spans.filter(({ kind }) => kind === 'hold')).toHaveLength(counts.acquisitions)
      expect(spans.filter(({ kind }) => kind === 'wait')).toHaveLength(counts.contended)
      expect(spans.filter(({ outcome }) => outcome === 'ongoing')).toHaveLength(
        held.length + mutex.waiting + semaphore.waiting + keyed.waiting
      )
    }),
    settings(300)
  )
})
