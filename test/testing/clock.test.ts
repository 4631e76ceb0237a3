// The timers of the explorer: those of the platform are replaced, and are all back afterwards.

import * as timers from 'node:timers'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Clock, microtasks } from '../../src/testing/clock.js'
import { inFakeTime, settle, settleNow } from '../../src/testing/settling.js'

let clock = new Clock()
beforeEach(() => {
  clock = new Clock()
})
afterEach(() => clock.restore())

const platform = () => [
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
  Date,
  performance.now,
  Math.random,
  timers.setTimeout,
  timers.setInterval,
  timers.setImmediate,
  timers.clearTimeout,
  sleep,
  immediate,
  Error.stackTraceLimit
]

test('everything is replaced, and everything is back', async () => {
  const before = platform()
  clock.install()
  const during = platform()
  expect(during.filter((value, i) => value === before[i])).toEqual([])
  clock.restore()
  expect(platform()).toEqual(before)
  // The promises that a suite of the user sleeps with come back to it.
  await sleep(1)
  await immediate()
})

test('time passes only when it is told to, in order, and a timer is called with its values', async () => {
  clock.install()
  const called: unknown[] = []
  setTimeout((...values) => called.push('late', ...values), 20, 1, 2)
  setTimeout(() => called.push('soon'), 10)
  setImmediate(() => called.push('at once'))
  const stopped = setTimeout(() => called.push('never'), 5)
  clearTimeout(stopped)
  sleep(15, 'slept').then(value => called.push(value))
  expect([clock.pending, clock.isDue, Date.now(), performance.now()]).toEqual([4, true, 0, 0])
  for (let i = 0; i < 4; i++) {
    clock.step(100)
    await microtasks(4)
  }
  expect(called).toEqual(['at once', 'soon', 'slept', 'late', 1, 2])
  expect([clock.now, Date.now(), clock.step(100)]).toEqual([20, 20, false])
})

test('an interval comes again until it is stopped, and no timer is called beyond the limit', () => {
  clock.install()
  let ticks = 0
  const timer = setInterval(() => ticks++, 10)
  clock.step(100)
  clock.step(100)
  expect([ticks, clock.now, clock.step(25)]).toEqual([2, 20, false])
  clearInterval(timer)
  expect(clock.step(100)).toBe(false)
})

test('chance is the same after each reset', () => {
  clock.install()
  const drawn = () => [Math.random(), Math.random()]
  const first = drawn()
  clock.reset()
  expect(drawn()).toEqual(first)
  expect(first[0]).not.toBe(first[1])
})

test('what waits for timers is waited for, and what needs no time is not given any', async () => {
  await inFakeTime(async clock => {
    let done = false
    setTimeout(() => (done = true), 5000)
    await settleNow(clock)
    expect(done).toBe(false)
    expect(await settle(clock, () => done)).toBe(true)
    expect(await settle(clock, () => false)).toBe(false)
  })
  // A timer that sets itself anew at once ends no wait.
  await inFakeTime(async clock => {
    const again = () => setTimeout(again, 0)
    again()
    await settleNow(clock)
    expect(await settle(clock, () => false)).toBe(false)
  })
})
