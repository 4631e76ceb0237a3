// The rows of Pool. Its floor is a Semaphore of as many permits, so a ratio says what the resources cost on top of the places.

import genericPool from 'generic-pool'
import { Pool, Semaphore } from 'latchkey'
import tarn from 'tarn'
import * as loops from './loops.js'

/** @typedef {import('./loops.js').Subject} Subject */

const max = 10
const create = async () => ({})
const destroy = async () => {}

/** @type {Subject} */
const semaphore = {
  name: 'Semaphore',
  create: () => new Semaphore(max),
  acquire: 'lock.acquire()',
  release: 'held.release()'
}

/** @type {Subject} */
const pool = {
  name: 'latchkey',
  create: () => new Pool({ create, destroy, max }),
  acquire: 'lock.acquire()',
  release: 'held.release()'
}

/** @type {Subject[]} */
const peers = [
  {
    name: 'generic-pool',
    create: () => genericPool.createPool({ create, destroy }, { max }),
    acquire: 'lock.acquire()',
    release: 'lock.release(held)'
  },
  {
    name: 'tarn',
    // It has a timer for each acquire that no setting turns off.
    create: () => new tarn.Pool({ create, destroy, min: 0, max, acquireTimeoutMillis: 60_000 }),
    acquire: 'lock.acquire().promise',
    release: 'lock.release(held)'
  }
]

/** @param {(subject: Subject) => string} loop */
const against = loop => [
  loops.enter('floor', semaphore, loop),
  loops.enter('latchkey', pool, loop),
  ...peers.map(peer => loops.enter('peer', peer, loop))
]

/** @type {import('./harness.js').Experiment[]} */
export const experiments = [
  {
    group: 'Pool',
    rows: [{ id: 'pool-free', name: 'acquire + release, an idle resource', size: 20_000, bar: 2 }],
    contenders: () => against(loops.acquireFree)
  },
  {
    group: 'Pool',
    rows: [{ id: 'pool-contended', name: 'acquire + release, 100 workers, 10 resources', size: 20_000, bar: 2 }],
    contenders: () => against(loops.acquireContended)
  }
]
