// Any sequence of operations on a Semaphore, compared with its model after each (G1 to G5, G10).

import { Semaphore } from 'latchkey'
import { follows } from '../properties/harness.js'
import { semaphorePlay } from './semaphore.model.js'

follows(
  'a semaphore does what the model says, step by step',
  semaphorePlay((permits, options) => new Semaphore(permits, options)),
  { runs: 1500 }
)
