// The operations that Mutex and KeyedMutex are played with. A failing run prints those that are left after shrinking, and after
// it the session's own log, which says what each one came to.

import fc from 'fast-check'
import type { KeyedMutex, LockOptions, Mutex } from 'latchkey'
import { anyWorld, maybe, type Operation, operation, type Play, sequence } from './harness.js'
import type { TaskKind } from './model.js'
import { keyedSubject, Locks, MUTEX_KEY, mutexSubject } from './session.js'
import { LONGEST_TIMER, REASONS } from './settings.js'

const world = anyWorld(maybe(fc.constantFrom(0, 1, 3, Number.POSITIVE_INFINITY)))
const pick = fc.nat(11)
const reason = maybe(fc.record({ value: fc.constantFrom(...REASONS) }))

const timeout = fc.constantFrom(0, 1, 5, 10, LONGEST_TIMER, Number.POSITIVE_INFINITY)
const moment = fc.constantFrom(1, 4, 5, 10, LONGEST_TIMER)
const priority = fc.constantFrom(0, 1, -1, 2, 0.5)
const task = fc.constantFrom<TaskKind>('value', 'throw', 'async', 'thenable', 'early')

/** @param keys what one request asks for: its keys, and whether through the methods that take many */
function operations(keys: fc.Arbitrary<{ keys: readonly unknown[]; many: boolean }>): fc.Arbitrary<Operation[]> {
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

/** How a Mutex and a KeyedMutex are played with. */
export const mutexPlay = (make: (options: LockOptions) => Mutex): Play<Locks> => ({
  world,
  operations: operations(fc.constant({ keys: [MUTEX_KEY], many: false })),
  make: world => new Locks(options => mutexSubject(make(options)), world)
})

// Keys are equal as in a Map: NaN is itself, -0 is 0, an object is nobody else.
const KEYS = [Number.NaN, 0, { a: 'key' }]
const key = fc.constantFrom(...KEYS, -0)
const one = fc.record({ keys: fc.tuple(key), many: fc.constant(false) })
const many = fc.record({ keys: fc.array(key, { maxLength: 4, size: 'max' }), many: fc.constant(true) })
const mixes = { one, many, both: fc.oneof(one, many) }

export const keyedPlay = (
  mix: keyof typeof mixes,
  make: (options: LockOptions) => KeyedMutex<unknown>
): Play<Locks> => ({
  world,
  operations: operations(mixes[mix]),
  make: world => new Locks(options => keyedSubject(make(options), KEYS), world)
})
