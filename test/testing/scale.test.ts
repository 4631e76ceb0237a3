// G9: which queues are called linear.

import type { Subject } from 'latchkey/testing'
import { expect, test } from 'vitest'
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

/** Looks through the whole queue with each waiter. */
class Quadratic {
  #locked = false
  #line: { turn: number; go: () => void }[] = []
  #turns = 0

  async acquire(): Promise<() => void> {
    if (this.#locked)
      await new Promise<void>(go => {
        this.#line = [...this.#line, { turn: this.#turns++, go }].sort((a, b) => a.turn - b.turn)
      })
    this.#locked = true
    return () => {
      const [next, ...rest] = this.#line
      this.#line = rest
      if (next) next.go()
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

// Seconds of work on purpose: a busy machine needs several times as long.
test('a queue that copies itself with each waiter is not', { timeout: 120_000 }, async () => {
  expect(await checkScale(() => subjectOf(new Quadratic()), 30_000)).toMatchObject({
    verdict: 'policy',
    why: expect.stringContaining('the queue is not linear')
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
