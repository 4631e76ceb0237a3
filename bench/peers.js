// Who is compared, and how each of them is used. What a package offers is what its subject has a function for; a row that
// asks for something else does without it.

import { readFileSync } from 'node:fs'
import AsyncLock from 'async-lock'
import { Mutex as AsyncMutex, withTimeout } from 'async-mutex'
import { Sema } from 'async-sema'
import AwaitLock from 'await-lock'
import { Mutex as ToolkitMutex } from 'es-toolkit/promise'
import { KeyedMutex, Mutex } from 'latchkey'
import mutexify from 'mutexify/promise.js'
import pLimit from 'p-limit'
import { fromRoot } from '../scripts/project.js'

/**
 * A lock as the loops use it: `lock` is what `create` made, `held` what `acquire` gave.
 *
 * @typedef {object} Subject
 * @property {string} name as the package is called
 * @property {() => any} create
 * @property {(lock: any, ...key: any[]) => any} [acquire]
 * @property {(lock: any, ...held: any[]) => void} [release]
 * @property {(lock: any) => unknown} [tryAcquire] something true-ish when the lock was free, at once
 * @property {(lock: any, ...keyAndTask: any[]) => any} [run]
 * @property {boolean} [byHand] the package has no `run` of its own: it is `acquire`, `try`, `finally`, `release`
 */

/**
 * @typedef {Subject & {
 *   timed?: Subject,
 *   keyed?: Subject,
 *   acquireWith?: (lock: any, signal: AbortSignal) => Promise<unknown>
 * }} Package `timed` waits for a minute at most, which no benchmark takes
 */

const minute = 60_000

/** @type {Package} */
export const latchkey = {
  name: 'latchkey',
  create: () => new Mutex(),
  acquire: mutex => mutex.acquire(),
  release: (_, lock) => lock.release(),
  tryAcquire: mutex => mutex.tryAcquire(),
  run: (mutex, task) => mutex.runExclusive(task),
  acquireWith: (mutex, signal) => mutex.acquire({ signal }),
  timed: {
    name: 'latchkey',
    create: () => new Mutex(),
    acquire: mutex => mutex.acquire({ timeout: minute }),
    release: (_, lock) => lock.release(),
    run: (mutex, task) => mutex.runExclusive(task, { timeout: minute })
  },
  keyed: {
    name: 'latchkey',
    create: () => new KeyedMutex(),
    acquire: (mutex, key) => mutex.acquire(key),
    release: (_mutex, _key, lock) => lock.release(),
    run: (mutex, key, task) => mutex.runExclusive(key, task)
  }
}

/** @type {Package[]} */
export const peers = [
  {
    name: 'async-mutex',
    create: () => new AsyncMutex(),
    acquire: mutex => mutex.acquire(),
    release: (_, release) => release(),
    run: (mutex, task) => mutex.runExclusive(task),
    timed: {
      name: 'async-mutex',
      create: () => withTimeout(new AsyncMutex(), minute),
      acquire: mutex => mutex.acquire(),
      release: (_, release) => release(),
      run: (mutex, task) => mutex.runExclusive(task)
    }
  },
  {
    name: 'async-lock',
    create: () => new AsyncLock({ maxPending: Number.POSITIVE_INFINITY }),
    run: (lock, task) => lock.acquire('key', task),
    timed: {
      name: 'async-lock',
      create: () => new AsyncLock({ maxPending: Number.POSITIVE_INFINITY, timeout: minute }),
      run: (lock, task) => lock.acquire('key', task)
    },
    keyed: {
      name: 'async-lock',
      create: () => new AsyncLock({ maxPending: Number.POSITIVE_INFINITY }),
      run: (lock, key, task) => lock.acquire(key, task)
    }
  },
  {
    name: 'async-sema',
    create: () => new Sema(1),
    acquire: sema => sema.acquire(),
    release: sema => sema.release(),
    tryAcquire: sema => sema.tryAcquire(),
    byHand: true,
    run: async (sema, task) => {
      await sema.acquire()
      try {
        return await task()
      } finally {
        sema.release()
      }
    }
  },
  {
    name: 'p-limit',
    create: () => pLimit(1),
    run: (limit, task) => limit(task)
  },
  {
    name: 'await-lock',
    create: () => new AwaitLock(),
    acquire: lock => lock.acquireAsync(),
    release: lock => lock.release(),
    tryAcquire: lock => lock.tryAcquire(),
    byHand: true,
    run: async (lock, task) => {
      await lock.acquireAsync()
      try {
        return await task()
      } finally {
        lock.release()
      }
    },
    timed: {
      name: 'await-lock',
      create: () => new AwaitLock(),
      acquire: lock => lock.acquireAsync({ timeout: minute }),
      release: lock => lock.release(),
      byHand: true,
      run: async (lock, task) => {
        await lock.acquireAsync({ timeout: minute })
        try {
          return await task()
        } finally {
          lock.release()
        }
      }
    }
  },
  {
    name: 'es-toolkit',
    create: () => new ToolkitMutex(),
    acquire: mutex => mutex.acquire(),
    release: mutex => mutex.release(),
    byHand: true,
    run: async (mutex, task) => {
      await mutex.acquire()
      try {
        return await task()
      } finally {
        mutex.release()
      }
    }
  },
  {
    name: 'mutexify',
    create: () => mutexify(),
    acquire: lock => lock(),
    release: (_, release) => release(),
    byHand: true,
    run: async (lock, task) => {
      const release = await lock()
      try {
        return await task()
      } finally {
        release()
      }
    }
  }
]

/**
 * Puts a subject on the starting line: one lock for the whole run, and a copy of the loops of its own.
 *
 * @param {'floor' | 'latchkey' | 'peer'} role
 * @param {Subject} subject
 * @param {string} loop a function of loops.js
 * @param {...any} rest what the loop takes after the size
 * @returns {Promise<import('./harness.js').Contender>}
 */
export async function enter(role, subject, loop, ...rest) {
  const loops = await import(`./loops.js?${role}=${encodeURIComponent(subject.name)}`)
  const lock = subject.create()
  return {
    name: subject.name,
    role,
    byHand: subject.byHand === true,
    run: size => loops[loop](subject, lock, size, ...rest)
  }
}

/** @returns {Record<string, string>} the version of each peer that is installed here */
export function peerVersions() {
  return Object.fromEntries(
    peers.map(({ name }) => [
      name,
      JSON.parse(readFileSync(fromRoot(`node_modules/${name}/package.json`), 'utf8')).version
    ])
  )
}
