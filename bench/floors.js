// What the same promises cost without a lock, in the shape of a subject (see peers.js), so that a floor runs through the
// same loops as everyone else.

import { Mutex } from 'latchkey'

/** @typedef {import('./peers.js').Subject} Subject */

class Guard {
  held = true

  release() {
    this.held = false
  }
}

const makeGuard = () => new Guard()

/**
 * Nobody waits.
 *
 * @type {Subject}
 */
export const free = {
  name: 'bare promise',
  create: () => undefined,
  acquire: () => Promise.resolve(new Guard()),
  release: (_, guard) => guard.release(),
  run: async (_, task) => {
    try {
      return await task()
    } finally {
      // Where a lock would release.
    }
  }
}

/**
 * Everybody waits for the one before: `tail = tail.then(task)`, the lock that needs no lock.
 *
 * @type {Subject}
 */
export const chain = {
  name: 'promise chain',
  create: () => ({ tail: Promise.resolve() }),
  acquire: chain => {
    chain.tail = chain.tail.then(makeGuard)
    return chain.tail
  },
  release: (_, guard) => guard.release(),
  run: (chain, task) => {
    chain.tail = chain.tail.then(task)
    return chain.tail
  }
}

const beat = () => {}

/**
 * A lock without a timeout, and beside it a timer for every waiter that stops when its turn comes.
 *
 * @type {Subject}
 */
export const timersBeside = {
  name: 'latchkey without timeout, and a timer each',
  create: () => ({ mutex: new Mutex(), timers: [], next: 0 }),
  acquire: state => {
    state.timers.push(setTimeout(beat, 60_000))
    return state.mutex.acquire()
  },
  release: (state, lock) => {
    stopNext(state)
    lock.release()
  },
  run: (state, task) => {
    state.timers.push(setTimeout(beat, 60_000))
    return state.mutex.runExclusive(task)
  }
}

/** The lock is first come, first served, so the timers are in order too. */
export function stopNext(state) {
  clearTimeout(state.timers[state.next++])
  if (state.next === state.timers.length) {
    state.timers.length = 0
    state.next = 0
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
  acquire: ({ entries, mutex }, key) => {
    entries.set(key, mutex)
    return mutex.acquire()
  },
  release: ({ entries }, key, lock) => {
    lock.release()
    entries.delete(key)
  },
  run: async ({ entries, mutex }, key, task) => {
    entries.set(key, mutex)
    try {
      return await mutex.runExclusive(task)
    } finally {
      entries.delete(key)
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
  acquire: (entries, key) => {
    const mutex = new Mutex()
    entries.set(key, mutex)
    return mutex.acquire()
  },
  release: (entries, key, lock) => {
    lock.release()
    entries.delete(key)
  }
}
