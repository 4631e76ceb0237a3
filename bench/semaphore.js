// The rows of Semaphore and ReadWriteLock. Their floor is a Mutex, so a ratio says what it costs that more than one may hold.

import { AsyncReaderWriterLock } from '@esfx/async-readerwriterlock'
import { Semaphore as AsyncSemaphore } from 'async-mutex'
import { Sema } from 'async-sema'
import { Semaphore as ToolkitSemaphore } from 'es-toolkit/promise'
import { Mutex, ReadWriteLock, Semaphore } from 'latchkey'
import pLimit from 'p-limit'
import * as loops from './loops.js'

/** @typedef {import('./loops.js').Subject} Subject */

/** @type {Subject} */
const mutex = { name: 'Mutex', create: () => new Mutex(), acquire: 'lock.acquire()', release: 'held.release()' }

/** @type {(permits: number) => { own: Subject, peers: Subject[] }} */
const semaphores = permits => ({
  own: { ...mutex, name: 'latchkey', create: () => new Semaphore(permits) },
  peers: [
    {
      name: 'async-mutex',
      create: () => new AsyncSemaphore(permits),
      acquire: 'lock.acquire()',
      release: 'held[1]()'
    },
    { name: 'async-sema', create: () => new Sema(permits), acquire: 'lock.acquire()', release: 'lock.release()' },
    {
      name: 'es-toolkit',
      create: () => new ToolkitSemaphore(permits),
      acquire: 'lock.acquire()',
      release: 'lock.release()'
    }
  ]
})

/** @type {Subject} */
const readWriteLock = { name: 'latchkey', create: () => new ReadWriteLock(), release: 'held.release()' }
/** @type {Subject} */
const esfx = { name: '@esfx', create: () => new AsyncReaderWriterLock(), release: 'held.unlock()' }
const choose = (/** @type {string} */ write, /** @type {string} */ read, /** @type {string} */ writes) =>
  writes === '0' ? read : `(i % ${writes} === 0 ? ${write} : ${read})`

/** @param {string} writes `20`: every 20th writes, `1`: all do, `0`: none does */
const readWriteLocks = writes => ({
  own: { ...readWriteLock, acquire: choose('lock.acquireWrite()', 'lock.acquireRead()', writes) },
  peers: [{ ...esfx, acquire: choose('lock.write()', 'lock.read()', writes) }]
})

/** Three permits of ten for each. @type {{ own: Subject, peers: Subject[] }} */
const weighted = {
  own: { ...mutex, name: 'latchkey', create: () => new Semaphore(10), acquire: 'lock.acquire({ permits: 3 })' },
  peers: [
    { name: 'async-mutex', create: () => new AsyncSemaphore(10), acquire: 'lock.acquire(3)', release: 'held[1]()' }
  ]
}

/** @type {import('./harness.js').Experiment[]} */
export const experiments = [
  {
    group: 'Semaphore',
    rows: [{ id: 'semaphore-free', name: 'acquire + release, free', size: 20_000, bar: 1.15 }],
    contenders: () => against(loops.acquireFree, semaphores(1))
  },
  {
    group: 'Semaphore',
    rows: [{ id: 'semaphore-contended', name: 'acquire + release, 100 workers, 1 permit', size: 20_000, bar: 1.15 }],
    contenders: () => against(loops.acquireContended, semaphores(1))
  },
  {
    group: 'Semaphore',
    rows: [{ id: 'semaphore-10', name: 'acquire + release, 100 workers, 10 permits', size: 20_000 }],
    contenders: () => against(loops.acquireContended, semaphores(10))
  },
  {
    group: 'Semaphore',
    rows: [{ id: 'semaphore-run', name: 'run, 100 workers, 10 permits', size: 20_000 }],
    contenders: () =>
      against(loops.runContended, {
        floor: { ...mutex, run: 'lock.runExclusive(task)' },
        own: { name: 'latchkey', create: () => new Semaphore(10), run: 'lock.run(task)' },
        peers: [
          { name: 'p-limit', create: () => pLimit(10), run: 'lock(task)' },
          { name: 'async-mutex', create: () => new AsyncSemaphore(10), run: 'lock.runExclusive(task)' }
        ]
      })
  },
  {
    group: 'Semaphore',
    rows: [{ id: 'semaphore-weighted', name: 'acquire + release, 100 workers, 3 of 10 permits each', size: 20_000 }],
    contenders: () => against(loops.acquireContended, weighted)
  },
  {
    group: 'Semaphore',
    rows: [
      { id: 'semaphore-queue-4', name: '10^4 queue and drain', size: 1e4, repeat: 4 },
      { id: 'semaphore-queue-6', name: '10^6 queue and drain', size: 1e6 }
    ],
    contenders: () => against(loops.acquireQueued, semaphores(1))
  },
  {
    group: 'ReadWriteLock',
    rows: [{ id: 'read-free', name: 'acquireRead + release, free', size: 20_000, bar: 1.2 }],
    contenders: () => against(loops.acquireFree, readWriteLocks('0'))
  },
  {
    group: 'ReadWriteLock',
    rows: [{ id: 'write-free', name: 'acquireWrite + release, free', size: 20_000 }],
    contenders: () => against(loops.acquireFree, readWriteLocks('1'))
  },
  {
    group: 'ReadWriteLock',
    rows: [{ id: 'read-95', name: '100 workers, 95 of 100 read', size: 20_000 }],
    contenders: () => against(loops.acquireContended, readWriteLocks('20'))
  },
  {
    group: 'ReadWriteLock',
    rows: [{ id: 'read-50', name: '100 workers, 50 of 100 read', size: 20_000 }],
    contenders: () => against(loops.acquireContended, readWriteLocks('2'))
  }
]

/**
 * @param {(subject: Subject) => string} loop
 * @param {{ floor?: Subject, own: Subject, peers: Subject[] }} subjects
 */
function against(loop, { floor = mutex, own, peers }) {
  const task = () => {}
  return [
    loops.enter('floor', floor, loop, task),
    loops.enter('latchkey', own, loop, task),
    ...peers.map(peer => loops.enter('peer', peer, loop, task))
  ]
}
