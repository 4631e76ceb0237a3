// Any sequence of steps on a KeyedMutex, one key or many at a time, compared with the model after each (G1 to G8, G10).

import fc from 'fast-check'
import { KeyedMutex } from 'latchkey'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FATES } from './model.js'
import { keyedSubject, Session } from './session.js'
import { FAKED, isFullRun, settings, watchRejections } from './settings.js'
import { steps, take } from './steps.js'

const unhandled = watchRejections()

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
})

// Keys are equal as in a Map: NaN is itself, -0 is 0, an object is nobody else.
const KEYS = [Number.NaN, 0, { a: 'key' }]
const key = fc.constantFrom(...KEYS, -0)
const one = fc.record({ keys: fc.tuple(key), many: fc.constant(false) })
const many = fc.record({ keys: fc.array(key, { maxLength: 4, size: 'max' }), many: fc.constant(true) })

const options = fc.record({
  maxWaiting: fc.option(fc.constantFrom(0, 1, 3, Number.POSITIVE_INFINITY), { nil: undefined, freq: 2 }),
  observed: fc.boolean(),
  foreignSignals: fc.boolean()
})

test.each([
  { mix: 'one key at a time', keys: one, runs: 1500 },
  { mix: 'many keys at a time', keys: many, runs: 1500 },
  { mix: 'both', keys: fc.oneof(one, many), runs: 3000 }
])('a keyed mutex does what the model says, step by step: $mix', async ({ keys, runs }) => {
  const fates = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(options, steps(keys), async (options, steps) => {
      vi.clearAllTimers()
      const session = new Session(options => keyedSubject(new KeyedMutex<unknown>(options), KEYS), options)
      await take(steps, session)
      for (const { fate } of session.model.requests) fates.set(fate, (fates.get(fate) ?? 0) + 1)
    }),
    settings(runs)
  )
  if (isFullRun) expect(FATES.filter(fate => (fates.get(fate) ?? 0) < 10)).toEqual([])
  expect(unhandled).toEqual([])
})
