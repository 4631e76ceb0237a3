// Any sequence of operations on a KeyedMutex, one key or many at a time, compared with the model after each (G1 to G8, G10).

import { KeyedMutex } from 'latchkey'
import { follows } from './harness.js'
import { FATES } from './model.js'
import { keyedPlay } from './steps.js'

for (const { title, mix, runs } of [
  { title: 'one key at a time', mix: 'one', runs: 1500 },
  { title: 'many keys at a time', mix: 'many', runs: 1500 },
  { title: 'both', mix: 'both', runs: 3000 }
] as const)
  follows(
    `a keyed mutex does what the model says, step by step: ${title}`,
    keyedPlay(mix, options => new KeyedMutex<unknown>(options)),
    { runs, fates: { all: FATES, of: ({ model }) => model.requests.map(({ fate }) => fate) } }
  )
