// G9: which queues are called linear.

import type { Subject } from 'latchkey/testing'
import { describe, expect, test } from 'vitest'
import { checkScale } from '../../src/testing/scale.js'
import { Sound } from './broken.js'

interface Acquires {
  acquire(): Promise<() => void>
}

const subjectOf = (lock: Acquires): Subject => ({
  lock,
  shape: 'acquire() → releaser function',
  kind: 'mutex',
  keyed: false,
  capacity: 1,
  takes: { signal: false, timeout: false },
  released: 'handle',
  acquire: () => lock.acquire()
})

/** Looks through the whole queue with each waiter: `work` steps for each place in it. */
class Quadratic {
  #locked = false
  #line: (() => void)[] = []
  readonly #work: number

  constructor(work: number) {
    this.#work = work
  }

  async acquire(): Promise<() => void> {
    if (this.#locked) await new Promise<void>(go => this.#line.push(go))
    this.#locked = true
    return () => {
      let steps = this.#line.length * this.#work
      while (steps > 0) steps--
      const next = this.#line.shift()
      if (next) next()
      else this.#locked = false
    }
  }
}

/** Serves so many, and then no more. */
class Tires extends Sound {
  #left = 100

  protected override pass(): void {
    if (this.#left-- > 0) super.pass()
  }
}

class ByTimer extends Sound {
  protected override pass(): void {
    const next = this.line.shift()
    if (next) setTimeout(next, 1)
    else this.locked = false
  }
}

// As much work as it takes to be measured on any machine: some seconds each.
describe('a queue that looks through itself with each waiter is not', { timeout: 60_000 }, () => {
  test('when the long one is served, and costs too much', async () => {
    const { verdict, why } = await checkScale(() => subjectOf(new Quadratic(3000)), 2000)
    expect(verdict).toBe('policy')
    expect(why).toMatch(
      /^of 2000 queued waiters 2000 were served, and each costs \d+ times as much as in a queue of 250: the queue is not linear$/
    )
  })

  test('when shorter ones foretell that the long one takes minutes', async () => {
    const { verdict, why } = await checkScale(() => subjectOf(new Quadratic(3000)), 16_000)
    expect(verdict).toBe('policy')
    expect(why).toMatch(/^each of 2000 waiters costs \d+ times as much as each of 250: the queue is not linear$/)
  })
})

test('an array is', { timeout: 60_000 }, async () => {
  const { verdict, why } = await checkScale(() => subjectOf(new Sound()), 4000)
  expect(verdict).toBe('holds')
  expect(why).toMatch(/^4000 waiters were served/)
})

test('one that does not serve all says how many it served', async () => {
  expect(await checkScale(() => subjectOf(new Tires()), 1000)).toEqual({
    verdict: 'broken',
    why: 'of 125 queued waiters only 100 were served'
  })
})

test('one that hands over by a timer is not waited for', async () => {
  expect(await checkScale(() => subjectOf(new ByTimer()), 1000)).toEqual({
    verdict: 'not tried',
    why: 'a waiter is let in by a timer, so a long queue takes its time'
  })
})

test('one that refuses a long queue is not stuck', async () => {
  class Bounded extends Sound {
    override async acquire() {
      if (this.line.length >= 50) throw new Error('queue is full')
      return super.acquire()
    }
  }
  expect(await checkScale(() => subjectOf(new Bounded()), 1000)).toEqual({
    verdict: 'not tried',
    why: 'it refuses 75 of 125 waiters (Error: queue is full)'
  })
})
