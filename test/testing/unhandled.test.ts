// Errors that no caller can handle: counted while a lock is explored, and left to the listeners of the runner after it.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { UnhandledErrors } from '../../src/testing/unhandled.js'

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const
const turn = () => new Promise(resolve => setImmediate(resolve))

// Listeners of this test's own: what an earlier check may have left behind does not matter.
const mine = () => {}
beforeEach(() => {
  for (const event of EVENTS) process.on(event, mine)
})
afterEach(() => {
  for (const event of EVENTS) process.off(event, mine)
})

test('the listeners of others are taken away meanwhile, and given back in order', () => {
  const before = EVENTS.map(event => process.listeners(event as 'uncaughtException'))
  const unhandled = new UnhandledErrors()
  unhandled.start()
  for (const event of EVENTS) {
    expect(process.listeners(event as 'uncaughtException')).not.toContain(mine)
    expect(process.listenerCount(event)).toBe(1)
  }
  unhandled.stop()
  expect(EVENTS.map(event => process.listeners(event as 'uncaughtException'))).toEqual(before)
  expect(before.every(listeners => listeners.includes(mine))).toBe(true)
})

test('rejections and exceptions are counted, each by itself', async () => {
  const unhandled = new UnhandledErrors()
  unhandled.start()
  const reason = new Error('no one hears')
  Promise.reject(reason)
  await turn()
  expect([unhandled.rejections, unhandled.exceptions, unhandled.last]).toEqual([1, 0, reason])
  const error = new Error('no one catches')
  process.nextTick(() => {
    throw error
  })
  await turn()
  unhandled.stop()
  expect([unhandled.rejections, unhandled.exceptions, unhandled.last]).toEqual([1, 1, error])
})
