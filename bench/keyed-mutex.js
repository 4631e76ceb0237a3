// The rows of KeyedMutex.

import { mapAndMutex, mapOfMutexes } from './floors.js'
import { seededRandom, shuffled } from './harness.js'
import * as loops from './loops.js'
import { latchkey, peers } from './peers.js'

/** @typedef {import('./loops.js').Subject} Subject */

const group = 'KeyedMutex'
const size = 1e5
const task = () => {}

/** @type {import('./harness.js').Experiment[]} */
export const experiments = [
  {
    group,
    rows: [{ id: 'keyed-acquire', name: 'acquire + release, 10^5 free keys', size, bar: 1.5, aim: 1.0 }],
    contenders: () => all(loops.acquireKeys, mapAndMutex, [])
  },
  {
    group,
    rows: [{ id: 'keyed-run', name: 'runExclusive, 10^5 free keys', size }],
    contenders: () =>
      all(
        loops.runKeys,
        mapAndMutex,
        peers.flatMap(({ keyed }) => keyed ?? [])
      )
  },
  {
    group,
    rows: [{ id: 'keyed-together', name: 'acquire + release, 10^5 keys held at once', size }],
    contenders: () => all(loops.acquireKeysTogether, mapOfMutexes, [])
  }
]

/**
 * @param {(subject: Subject) => string} loop
 * @param {Subject} floor
 * @param {Subject[]} others
 */
function all(loop, floor, others) {
  const keys = shuffled(
    Array.from({ length: size }, (_, i) => `user:${i}`),
    seededRandom()
  )
  return [
    loops.enter('floor', floor, loop, keys, task),
    loops.enter('latchkey', /** @type {Subject} */ (latchkey.keyed), loop, keys, task),
    ...others.map(peer => loops.enter('peer', peer, loop, keys, task))
  ]
}
