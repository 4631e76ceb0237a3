// The rows of Semaphore and ReadWriteLock. Their floor is a Mutex, so a ratio says what it costs that more than one may hold.

import { Semaphore as AsyncSemaphore } from 'async-mutex'
import { Sema } from 'async-sema'
import { Semaphore as ToolkitSemaphore } from 'es-toolkit/promise'
import { Mutex, ReadWriteLock, Semaphore } from 'latchkey'
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
const readers = {
  name: 'latchkey',
  create: () => new ReadWriteLock(),
  acquire: 'lock.acquireRead()',
  release: 'held.release()'
}
const writers = { ...readers, acquire: 'lock.acquireWrite()' }
/** 95 of 100 read. */
const mixed = { ...readers, acquire: '(i % 20 === 0 ? lock.acquireWrite() : lock.acquireRead())' }
/** Every other one reads. */
const even = { ...readers, acquire: '(i % 2 === 0 ? lock.acquireWrite() : lock.acquireRead())' }

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
    group: 'ReadWriteLock',
    rows: [{ id: 'read-free', name: 'acquireRead + release, free', size: 20_000, bar: 1.2 }],
    contenders: () => against(loops.acquireFree, { own: readers, peers: [] })
  },
  {
    group: 'ReadWriteLock',
    rows: [{ id: 'write-free', name: 'acquireWrite + release, free', size: 20_000 }],
    contenders: () => against(loops.acquireFree, { own: writers, peers: [] })
  },
  {
    group: 'ReadWriteLock',
    rows: [{ id: 'read-95', name: '100 workers, 95 of 100 read', size: 20_000 }],
    contenders: () => against(loops.acquireContended, { own: mixed, peers: [] })
  },
  {
    group: 'ReadWriteLock',
    rows: [{ id: 'read-50', name: '100 workers, 50 of 100 read', size: 20_000 }],
    contenders: () => against(loops.acquireContended, { own: even, peers: [] })
  }
]

/**
 * @param {(subject: Subject) => string} loop
 * @param {{ own: Subject, peers: Subject[] }} subjects
 */
function against(loop, { own, peers }) {
  return [
    loops.enter('floor', mutex, loop),
    loops.enter('latchkey', own, loop),
    ...peers.map(peer => loops.enter('peer', peer, loop))
  ]
}
