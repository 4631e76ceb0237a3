// Who is compared, and how each of them is used. What a package offers is what its subject has code for; a row that asks
// for something else does without it.

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
import { compile } from './loops.js'

/** @typedef {import('./loops.js').Subject} Subject */

/**
 * @typedef {Subject & { timed?: Subject, keyed?: Subject, aborted?: Subject }} Package as it is, with waiters that have a
 * timeout, with a key, and with waiters that have a signal
 */

/** No benchmark takes as long. */
const minute = 60_000
const maxPending = Number.POSITIVE_INFINITY

/** @type {Package} */
export const latchkey = {
  name: 'latchkey',
  create: () => new Mutex(),
  acquire: 'lock.acquire()',
  release: 'held.release()',
  tryAcquire: 'lock.tryAcquire()',
  run: 'lock.runExclusive(task)',
  timed: {
    name: 'latchkey',
    create: () => new Mutex(),
    acquire: `lock.acquire({ timeout: ${minute} })`,
    release: 'held.release()',
    run: `lock.runExclusive(task, { timeout: ${minute} })`
  },
  keyed: {
    name: 'latchkey',
    create: () => new KeyedMutex(),
    acquire: 'lock.acquire(key)',
    release: 'held.release()',
    run: 'lock.runExclusive(key, task)'
  },
  aborted: {
    name: 'latchkey',
    create: () => new Mutex(),
    acquire: 'lock.acquire({ signal })',
    release: 'held.release()',
    run: 'lock.runExclusive(task, { signal })'
  }
}

/**
 * What users write around a package that has no `run`.
 *
 * @param {string} acquire
 * @param {string} release
 */
function byHand(acquire, release) {
  const withLock = compile(
    () => `async (lock, task) => {
  const held = await ${acquire}
  try {
    return await task()
  } finally {
    ${release}
  }
}`
  )
  return { byHand: true, run: 'withLock(lock, task)', scope: { withLock } }
}

/** @type {Package[]} */
export const peers = [
  {
    name: 'async-mutex',
    create: () => new AsyncMutex(),
    acquire: 'lock.acquire()',
    release: 'held()',
    run: 'lock.runExclusive(task)',
    timed: {
      name: 'async-mutex',
      create: () => withTimeout(new AsyncMutex(), minute),
      acquire: 'lock.acquire()',
      release: 'held()',
      run: 'lock.runExclusive(task)'
    }
  },
  {
    name: 'async-lock',
    create: () => new AsyncLock({ maxPending }),
    run: "lock.acquire('key', task)",
    timed: {
      name: 'async-lock',
      create: () => new AsyncLock({ maxPending, timeout: minute }),
      run: "lock.acquire('key', task)"
    },
    keyed: {
      name: 'async-lock',
      create: () => new AsyncLock({ maxPending }),
      run: 'lock.acquire(key, task)'
    }
  },
  {
    name: 'async-sema',
    create: () => new Sema(1),
    acquire: 'lock.acquire()',
    release: 'lock.release()',
    tryAcquire: 'lock.tryAcquire()',
    ...byHand('lock.acquire()', 'lock.release()')
  },
  {
    name: 'p-limit',
    create: () => pLimit(1),
    run: 'lock(task)'
  },
  {
    name: 'await-lock',
    create: () => new AwaitLock(),
    acquire: 'lock.acquireAsync()',
    release: 'lock.release()',
    tryAcquire: 'lock.tryAcquire()',
    ...byHand('lock.acquireAsync()', 'lock.release()'),
    timed: {
      name: 'await-lock',
      create: () => new AwaitLock(),
      acquire: `lock.acquireAsync({ timeout: ${minute} })`,
      release: 'lock.release()',
      ...byHand(`lock.acquireAsync({ timeout: ${minute} })`, 'lock.release()')
    }
  },
  {
    name: 'es-toolkit',
    create: () => new ToolkitMutex(),
    acquire: 'lock.acquire()',
    release: 'lock.release()',
    ...byHand('lock.acquire()', 'lock.release()')
  },
  {
    name: 'mutexify',
    create: () => mutexify(),
    acquire: 'lock()',
    release: 'held()',
    ...byHand('lock()', 'held()')
  }
]

/** @returns {Record<string, string>} the version of each peer that is installed here */
export function peerVersions() {
  const others = ['@esfx/async-readerwriterlock', 'generic-pool', 'tarn']
  return Object.fromEntries(
    [...peers.map(({ name }) => name), ...others].map(name => [
      name,
      JSON.parse(readFileSync(fromRoot(`node_modules/${name}/package.json`), 'utf8')).version
    ])
  )
}
