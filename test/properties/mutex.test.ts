// Any sequence of operations on a Mutex, compared with the model after each (G1 to G8, G10).

import { Mutex } from 'latchkey'
import { follows } from './harness.js'
import { FATES } from './model.js'
import { mutexPlay } from './steps.js'

follows(
  'a mutex does what the model says, step by step',
  mutexPlay(options => new Mutex(options)),
  { runs: 3000, fates: { all: FATES, of: ({ model }) => model.requests.map(({ fate }) => fate) } }
)
