// Any sequence of operations on a Mutex, compared with the model after each (G1 to G8, G10).

import fc from 'fast-check'
import { Mutex } from 'latchkey'
import { anyWorld, follows, maybe } from './harness.js'
import { FATES } from './model.js'
import { Locks, MUTEX_KEY, mutexSubject } from './session.js'
import { operations } from './steps.js'

follows(
  'a mutex does what the model says, step by step',
  {
    world: anyWorld(maybe(fc.constantFrom(0, 1, 3, Number.POSITIVE_INFINITY))),
    operations: operations(fc.constant({ keys: [MUTEX_KEY], many: false })),
    make: world => new Locks(options => mutexSubject(new Mutex(options)), world)
  },
  { runs: 3000, fates: { all: FATES, of: ({ model }) => model.requests.map(({ fate }) => fate) } }
)
