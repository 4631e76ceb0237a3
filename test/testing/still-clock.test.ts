// G9 where the clock stands still while code runs, as on workerd, or moves in large steps, as in some browsers: nothing is
// divided by what it did not measure, and a queue is not called slow for it.

import { Mutex } from 'latchkey'
import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.restoreAllMocks()
  vi.resetModules()
})

const real = performance.now.bind(performance)
const clocks = [
  { clock: 'stands still', now: () => 5 },
  { clock: 'moves in steps of 50 ms', now: () => Math.floor(real() / 50) * 50 },
  { clock: 'moves in steps of 5 ms', now: () => Math.floor(real() / 5) * 5 }
]

test.each(clocks)('a lock passes by a clock that $clock', async ({ now }) => {
  vi.spyOn(performance, 'now').mockImplementation(now)
  vi.spyOn(process, 'cpuUsage').mockReturnValue(undefined as never) // as where there is no process to ask
  const { checkMutex } = await import('latchkey/testing')
  const { verdicts } = await checkMutex(() => new Mutex(), { depth: 1, waiters: 4000, random: { schedules: 1 } })
  const found = verdicts.find(({ guarantee }) => guarantee === 'G9')
  expect(found).toMatchObject({ verdict: 'holds' })
  expect(found?.why).not.toMatch(/Infinity|NaN/)
  if (now() === 5) expect(found?.why).toContain('does not tell')
})
