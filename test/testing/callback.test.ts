// A lock that calls back, and a callback that throws.

import { check } from 'latchkey/testing'
import { expect, test } from 'vitest'

const QUICK = { depth: 3, waiters: 0, random: { schedules: 5 } }

/** `call` is how a callback is called. */
const lockBy = (call: (callback: (release: () => void) => void, release: () => void) => void) => {
  class Lock {
    queue: ((release: () => void) => void)[] = []
    taken = false
    lock(callback: (release: () => void) => void): void {
      this.queue.push(callback)
      if (!this.taken) this.next()
    }
    next(): void {
      const callback = this.queue.shift()
      this.taken = callback !== undefined
      if (!callback) return
      let released = false
      call(callback, () => {
        if (released) return
        released = true
        this.next()
      })
    }
  }
  return new Lock()
}

const transparency = async (create: () => unknown) => {
  const report = await check(create, QUICK)
  expect(report.shape).toBe('mutex: lock(release => …)')
  const { verdict, why } = report.verdicts.find(({ guarantee }) => guarantee === 'G6')!
  return { outcome: report.outcome, verdict, why }
}

test('an error that comes out of the release before it is told, and no fault', async () => {
  expect(await transparency(() => lockBy((callback, release) => callback(release)))).toEqual({
    outcome: 'holds',
    verdict: 'policy',
    why: 'what a callback throws comes out of the release of the caller before it'
  })
})

test('one that is caught is not told', async () => {
  const caught = () =>
    lockBy((callback, release) => {
      try {
        callback(release)
      } catch {}
    })
  expect(await transparency(caught)).toEqual({ outcome: 'holds', verdict: 'not offered', why: 'it runs no tasks' })
})

test('a lock that calls no other after it is broken', async () => {
  const ends = () => {
    let isDead = false
    return lockBy((callback, release) => {
      if (isDead) return
      try {
        callback(release)
      } catch {
        isDead = true
      }
    })
  }
  expect(await transparency(ends)).toEqual({
    outcome: 'broken',
    verdict: 'broken',
    why: 'after a callback that throws, and releases, no other is called'
  })
})

test('one that comes out of a timer is told as such', async () => {
  const later = () => lockBy((callback, release) => void setTimeout(() => callback(release)))
  expect(await transparency(later)).toEqual({
    outcome: 'holds',
    verdict: 'policy',
    why: 'what a callback throws is uncaught, since a timer calls it'
  })
})
