// Any sequence of operations on a KeyedMutex, one key or many at a time, compared with the model after each (G1 to G8, G10).

import fc from 'fast-check'
import { KeyedMutex } from 'latchkey'
import { anyWorld, follows, maybe } from './harness.js'
import { FATES } from './model.js'
import { keyedSubject, Locks } from './session.js'
import { operations } from './steps.js'

// Keys are equal as in a Map: NaN is itself, -0 is 0, an object is nobody else.
const KEYS = [Number.NaN, 0, { a: 'key' }]
const key = fc.constantFrom(...KEYS, -0)
const one = fc.record({ keys: fc.tuple(key), many: fc.constant(false) })
const many = fc.record({ keys: fc.array(key, { maxLength: 4, size: 'max' }), many: fc.constant(true) })

for (const { mix, keys, runs } of [
  { mix: 'one key at a time', keys: one, runs: 1500 },
  { mix: 'many keys at a time', keys: many, runs: 1500 },
  { mix: 'both', keys: fc.oneof(one, many), runs: 3000 }
])
  follows(
    `a keyed mutex does what the model says, step by step: ${mix}`,
    {
      world: anyWorld(maybe(fc.constantFrom(0, 1, 3, Number.POSITIVE_INFINITY))),
      operations: operations(keys),
      make: world => new Locks(options => keyedSubject(new KeyedMutex<unknown>(options), KEYS), world)
    },
    { runs, fates: { all: FATES, of: ({ model }) => model.requests.map(({ fate }) => fate) } }
  )
