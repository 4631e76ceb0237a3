// Any sequence of steps on a Mutex, compared with the model after each (G1 to G8, G10).

import fc from 'fast-check'
import { Mutex } from 'latchkey'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FATES } from './model.js'
import { MUTEX_KEY, mutexSubject, Session } from './session.js'
import { FAKED, isFullRun, settings, watchRejections } from './settings.js'
import { steps, take } from './steps.js'

const unhandled = watchRejections()

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
})

test('a mutex does what the model says, step by step', async () => {
  const options = fc.record({
    maxWaiting: fc.option(fc.constantFrom(0, 1, 3, Number.POSITIVE_INFINITY), { nil: undefined, freq: 2 }),
    observed: fc.boolean(),
    foreignSignals: fc.boolean()
  })
  const fates = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(options, steps(fc.constant({ keys: [MUTEX_KEY], many: false })), async (options, steps) => {
      vi.clearAllTimers()
      const session = new Session(options => mutexSubject(new Mutex(options)), options)
      await take(steps, session)
      for (const { fate } of session.model.requests) fates.set(fate, (fates.get(fate) ?? 0) + 1)
    }),
    settings(3000)
  )
  if (isFullRun) expect(FATES.filter(fate => (fates.get(fate) ?? 0) < 10)).toEqual([])
  expect(unhandled).toEqual([])
})
