// `timeout` in the options of a lock is that of every wait which has none of its own.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { watch } from '../fixtures/settle.js'
import { everyWait } from './waits.js'

/** Reactions only: timers are fake here. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve()
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe.each(everyWait)('$name', ({ make }) => {
  const cases = [
    { what: 'the default', lock: 100, call: undefined, ends: 100 },
    { what: 'the default, beside other options', lock: 100, call: { priority: 1 }, ends: 100 },
    { what: 'the default, where the own is undefined', lock: 100, call: { timeout: undefined }, ends: 100 },
    { what: 'its own, shorter', lock: 100, call: { timeout: 10 }, ends: 10 },
    { what: 'its own, longer', lock: 100, call: { timeout: 1000 }, ends: 1000 },
    { what: 'its own without a default', lock: undefined, call: { timeout: 10 }, ends: 10 },
    { what: 'its own Infinity', lock: 100, call: { timeout: Infinity }, ends: Infinity },
    { what: 'a default of Infinity', lock: Infinity, call: undefined, ends: Infinity }
  ]
  test.each(cases)('counts $what', async ({ lock, call, ends }) => {
    const { wait, serve, waiting } = make(lock === undefined ? {} : { timeout: lock })
    const seen = watch(wait(call))
    await settle()
    vi.advanceTimersByTime(Math.min(ends, 10_000) - 1)
    await settle()
    expect(seen.state).toBe('pending')
    vi.advanceTimersByTime(1)
    await settle()
    expect(seen.state).toBe(ends === Infinity ? 'pending' : 'rejected')
    if (ends < Infinity) expect(seen.reason).toMatchObject({ name: 'TimeoutError', code: 'ERR_LOCK_TIMEOUT' })
    serve()
    await settle()
    if (ends === Infinity) expect(seen).toMatchObject({ state: 'resolved', value: 'served' })
    expect([waiting(), vi.getTimerCount()]).toEqual([0, 0])
  })

  test('does not wait where the default is 0, unless it says so', async () => {
    const { wait, serve } = make({ timeout: 0 })
    const refused = watch(wait())
    const waits = watch(wait({ timeout: 5 }))
    await settle()
    expect([refused.state, waits.state]).toEqual(['rejected', 'pending'])
    expect(refused.reason).toMatchObject({ code: 'ERR_LOCK_TIMEOUT' })
    serve()
    await settle()
    expect(waits.state).toBe('resolved')
  })
})
