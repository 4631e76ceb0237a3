// The operations that Mutex and KeyedMutex are played with. A failing run prints those that are left after shrinking, and after
// it the session's own log, which says what each one came to.

import fc from 'fast-check'
import { maybe, type Operation, operation, sequence } from './harness.js'
import type { TaskKind } from './model.js'
import { LONGEST_TIMER, REASONS } from './settings.js'

const pick = fc.nat(11)
const reason = maybe(fc.record({ value: fc.constantFrom(...REASONS) }))

const timeout = fc.constantFrom(0, 1, 5, 10, LONGEST_TIMER, Number.POSITIVE_INFINITY)
const moment = fc.constantFrom(1, 4, 5, 10, LONGEST_TIMER)
const priority = fc.constantFrom(0, 1, -1, 2, 0.5)
const task = fc.constantFrom<TaskKind>('value', 'throw', 'async', 'thenable', 'early')

/** @param keys what one request asks for: its keys, and whether through the methods that take many */
export function operations(keys: fc.Arbitrary<{ keys: readonly unknown[]; many: boolean }>): fc.Arbitrary<Operation[]> {
  const ask = fc
    .record({
      of: keys,
      priority: maybe(priority),
      timeout: maybe(timeout),
      signal: maybe(pick),
      task: maybe(task, 3)
    })
    .map(({ of, ...rest }) => ({ ...of, ...rest }))
  const released = maybe(fc.record({ pick, when: fc.constantFrom('before', 'first', 'last') }))

  return sequence(
    [
      operation(30, 'ask', ask),
      operation(15, 'release', pick, fc.constant(false), fc.boolean()),
      operation(10, 'settle', pick, fc.constantFrom('resolved', 'rejected')),
      operation(15, 'flush'),
      operation(5, 'tryAcquire', keys),
      // Once more.
      operation(5, 'release', pick, fc.constant(true), fc.boolean()),
      operation(5, 'abort', pick, fc.constantFrom(...REASONS), released),
      operation(5, 'advance', moment),
      operation(5, 'whenFree', maybe(pick), maybe(timeout)),
      operation(3, 'cancelWaiters', reason),
      operation(1, 'close', reason)
    ],
    { most: 60 }
  )
}
