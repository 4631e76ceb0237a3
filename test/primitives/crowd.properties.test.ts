// Any sequence of operations on a Latch, a Gate or a Barrier, compared with a model after each (G2, G3, G5, G10).

import { follows } from '../properties/harness.js'
import { crowdPlay } from './crowd.model.js'

for (const kind of ['latch', 'gate', 'barrier'] as const)
  follows(`a ${kind} does what its model does, step by step`, crowdPlay(kind), { runs: 1500 })
