// Waiting in a time of one's own: timers are called at once, and what takes real time is given some.

import { Clock, macrotask, microtasks, realTime } from './clock.js'

const MAX_MS = 10_000
const MAX_POLLS = 300

/** Replaces the timers of the platform while `use` runs. */
export async function inFakeTime<T>(use: (clock: Clock) => Promise<T>): Promise<T> {
  const clock = new Clock()
  clock.install()
  try {
    return await use(clock)
  } finally {
    clock.restore()
  }
}

/** Waits until `done()`, through microtasks, timers and a few turns of the event loop. */
export async function settle(clock: Clock, done: () => boolean, realMs = 20): Promise<boolean> {
  const limit = clock.now + MAX_MS
  for (let idle = 0, polls = 0; idle < 5 && polls < MAX_POLLS; polls++) {
    await microtasks(16)
    if (done()) return true
    if (clock.step(limit)) continue
    idle++
    await macrotask()
  }
  return realTime(done, realMs)
}

/** Lets everything run that needs no time to pass. */
export async function settleNow(clock: Clock): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await microtasks(16)
    for (let calls = 0; calls < MAX_POLLS && clock.isDue && clock.step(clock.now); calls++) await microtasks(16)
    await macrotask()
  }
}
