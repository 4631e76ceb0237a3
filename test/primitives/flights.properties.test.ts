// Any sequence of operations on a SingleFlight or a Lazy, compared with a model after each (G3, G5, G6, G10).

import { Lazy, SingleFlight } from 'latchkey'
import { follows } from '../properties/harness.js'
import { lazyPlay, singleFlightPlay } from './flights.model.js'

follows(
  'a SingleFlight does what the model does, step by step',
  singleFlightPlay(options => new SingleFlight(options)),
  { runs: 2000 }
)
follows(
  'a Lazy does what the model does, step by step',
  lazyPlay((factory, options) => new Lazy(factory, options)),
  { runs: 2000 }
)
