// What the same promises cost without a lock, in the shape of a subject (see loops.js), so that a floor runs through the
// same loops as everyone else.

import { Mutex } from 'latchkey'

/** @typedef {import('./loops.js').Subject} Subject */

class Guard {
  held = true

  release() {
    this.held = false
  }
}

/**
 * Nobody waits.
 *
 * @type {Subject}
 */
export const free = {
  name: 'bare promise',
  create: () => undefined,
  acquire: 'Promise.resolve(new Guard())',
  release: 'held.release()',
  run: 'runFreely(task)',
  scope: {
    Guard,
    runFreely: async (/** @type {() => unknown} */ task) => {
      try {
        return await task()
      } finally {
        // Where a lock would release.
      }
    }
  }
}

/**
 * Everybody waits for the one before: the lock that needs no lock.
 *
 * @type {Subject}
 */
export const chain = {
  name: 'promise chain',
  create: () => ({ tail: Promise.resolve() }),
  acquire: '(lock.tail = lock.tail.then(makeGuard))',
  release: 'held.release()',
  run: '(lock.tail = lock.tail.then(task))',
  scope: { makeGuard: () => new Guard() }
}

/**
 * A lock without a timeout, and beside it a timer for every waiter that stops when its turn comes. A row that runs tasks
 * must stop it in the task.
 *
 * @type {Subject}
 */
export const timersBeside = {
  name: 'no timeout, and a timer each',
  create: () => ({ mutex: new Mutex(), timers: [], next: 0 }),
  acquire: '(lock.timers.push(setTimeout(beat, 60_000)), lock.mutex.acquire())',
  release: 'stopNext(lock); held.release()',
  run: '(lock.timers.push(setTimeout(beat, 60_000)), lock.mutex.runExclusive(task))',
  scope: { beat: () => {}, stopNext }
}

/**
 * The lock is first come, first served, so the timers are in order too.
 *
 * @param {any} lock
 */
export function stopNext(lock) {
  clearTimeout(lock.timers[lock.next++])
  if (lock.next === lock.timers.length) {
    lock.timers.length = 0
    lock.next = 0
  }
}

/**
 * The parts of a keyed mutex: an entry while the key is taken, and a mutex.
 *
 * @type {Subject}
 */
export const mapAndMutex = {
  name: 'Map and Mutex',
  create: () => ({ entries: new Map(), mutex: new Mutex() }),
  acquire: '(lock.entries.set(key, lock.mutex), lock.mutex.acquire())',
  release: 'held.release(); lock.entries.delete(key)',
  run: 'runWithEntry(lock, key, task)',
  scope: {
    runWithEntry: async (/** @type {any} */ lock, /** @type {string} */ key, /** @type {() => unknown} */ task) => {
      lock.entries.set(key, lock.mutex)
      try {
        return await lock.mutex.runExclusive(task)
      } finally {
        lock.entries.delete(key)
      }
    }
  }
}

/**
 * What it takes to hold many keys: a mutex for each of them, made when it is wanted.
 *
 * @type {Subject}
 */
export const mapOfMutexes = {
  name: 'Map of Mutexes',
  create: () => new Map(),
  acquire: 'acquireNew(lock, key)',
  release: 'held.release(); lock.delete(key)',
  scope: {
    acquireNew: (/** @type {Map<string, Mutex>} */ lock, /** @type {string} */ key) => {
      const mutex = new Mutex()
      lock.set(key, mutex)
      return mutex.acquire()
    }
  }
}
