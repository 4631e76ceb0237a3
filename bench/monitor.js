// What it costs to look at locks. The floor is the same lock that is not watched, so "over the floor" is the cost of looking.

import diagnosticsChannel from 'node:diagnostics_channel'
import { KeyedMutex, Mutex } from 'latchkey'
import { detectDeadlocks } from 'latchkey/context'
import { exportToMeter, LockMonitor, publishToChannels } from 'latchkey/monitor'
import * as loops from './loops.js'

/** @typedef {import('./loops.js').Subject} Subject */

/** @type {(name: string, create: () => unknown) => Subject} */
const mutex = (name, create) => ({
  name,
  create,
  acquire: 'lock.acquire()',
  release: 'held.release()',
  run: 'lock.runExclusive(task)'
})

const plain = mutex('not watched', () => new Mutex())
/** The least that it takes to know how long a lock is held. */
const clocked = {
  ...plain,
  name: 'two readings of the clock',
  release: 'performance.now(); held.release(); performance.now()'
}
/** The modules are loaded, and that is all. */
const unwatched = mutex('latchkey', () => new Mutex({ name: 'tools' }))
const monitored = mutex('latchkey', () => new Mutex({ name: 'tools', observer: new LockMonitor() }))
/** @type {(name: string, attach: (monitor: LockMonitor) => unknown) => Subject} */
const listened = (name, attach) =>
  mutex(name, () => {
    const monitor = new LockMonitor()
    attach(monitor)
    return new Mutex({ name: 'tools', observer: monitor })
  })
/** What listeners do with what they hear, so that it cannot be left out. */
const heard = { ms: 0 }
const subscribed = listened('latchkey', monitor =>
  monitor.subscribe(event => {
    heard.ms += event.held
  })
)
const published = listened('latchkey', monitor => publishToChannels(monitor, diagnosticsChannel))
const instrument = { addCallback() {}, removeCallback() {} }
/** A meter that does nothing: what is left is what the export costs. */
const meter = {
  createObservableCounter: () => instrument,
  createObservableGauge: () => instrument,
  createHistogram: () => ({
    /** @param {number} value */
    record(value) {
      heard.ms += value
    }
  })
}
const metered = listened('latchkey', monitor => exportToMeter(monitor, meter))

/** Each key is asked for once in a while, as sessions are: no two in a row are the same. */
const MANY = 100_000
/** @type {(name: string, observer?: LockMonitor) => Subject} */
const keyed = (name, observer) => ({
  name,
  create: () => {
    /** @type {KeyedMutex<number>} */
    const locks = new KeyedMutex({ observer })
    let key = 0
    return {
      tryAcquire() {
        key = (key + 7919) % MANY
        return locks.tryAcquire(key)
      }
    }
  },
  tryAcquire: 'lock.tryAcquire()',
  release: 'held.release()'
})

const watched = mutex('latchkey', () => detectDeadlocks().watch(new Mutex({ name: 'tools' })))

const task = () => {}
/** @type {(own: Subject, loop: (subject: Subject) => string, ...rest: unknown[]) => import('./harness.js').Contender[]} */
const against = (own, loop, ...rest) => versus(plain, own, loop, ...rest)
/** @type {(floor: Subject, own: Subject, loop: (subject: Subject) => string, ...rest: unknown[]) => import('./harness.js').Contender[]} */
const versus = (floor, own, loop, ...rest) => [
  loops.enter('floor', floor, loop, ...rest),
  loops.enter('latchkey', own, loop, ...rest)
]

/** @type {(id: string, name: string, bar?: number) => import('./harness.js').Row[]} */
const row = (id, name, bar) => [{ id, name, size: 20_000, ...(bar === undefined ? {} : { bar }) }]

/**
 * The same at three sizes: where what is over the floor rises with the size, it is not linear.
 *
 * @type {(id: string, name: string) => import('./harness.js').Row[]}
 */
const queues = (id, name) =>
  [100, 1000, 10_000].map(size => ({
    id: `${id}-${size}`,
    name: `${name}, ${size} waiters`,
    size,
    repeat: 10_000 / size
  }))

/**
 * Requests that each hold the key of their session and wait for one mutex.
 *
 * @param {() => import('latchkey/context').DeadlockDetector | undefined} detect
 * @param {LockMonitor} [observer]
 * @returns {import('./harness.js').Contender[]}
 */
const queued = (detect, observer) =>
  ['floor', 'latchkey'].map(role => {
    const detector = role === 'floor' ? undefined : detect()
    const options = role === 'floor' ? {} : { observer }
    /** @type {KeyedMutex<number>} */
    const sessions = new KeyedMutex(options)
    const mutex = new Mutex(options)
    detector?.watch(sessions)
    detector?.watch(mutex)
    return {
      name: role,
      role: /** @type {'floor' | 'latchkey'} */ (role),
      async run(size) {
        /** @type {Promise<unknown>[]} */
        const requests = []
        const lock = await mutex.acquire()
        for (let i = 0; i < size; i++) requests.push(sessions.runExclusive(i, () => mutex.runExclusive(task)))
        lock.release()
        await Promise.all(requests)
      }
    }
  })

/** @type {import('./harness.js').Experiment[]} */
export const experiments = [
  {
    group: 'Looking',
    rows: row('unwatched-free', 'nothing attached: acquire + release, free', 1.1),
    contenders: () => against(unwatched, loops.acquireFree)
  },
  {
    group: 'Looking',
    rows: row('monitored-free', 'monitor attached: acquire + release, free'),
    contenders: () => against(monitored, loops.acquireFree)
  },
  {
    group: 'Looking',
    rows: row('monitored-clocked', 'monitor attached: the same, over two readings of the clock', 1.6),
    contenders: () => versus(clocked, monitored, loops.acquireFree)
  },
  {
    group: 'Looking',
    rows: row('subscribed-clocked', 'a subscriber: acquire + release, free, over two readings of the clock', 2.2),
    contenders: () => versus(clocked, subscribed, loops.acquireFree)
  },
  {
    group: 'Looking',
    rows: row('published-clocked', 'channels without subscribers: the same', 2.4),
    contenders: () => versus(clocked, published, loops.acquireFree)
  },
  {
    group: 'Looking',
    rows: row('metered-clocked', 'a meter: the same', 3),
    contenders: () => versus(clocked, metered, loops.acquireFree)
  },
  {
    group: 'Looking',
    rows: row('monitored-keys', 'monitor attached: KeyedMutex, 10^5 keys in turn', 3),
    contenders: () => versus(keyed('not watched'), keyed('latchkey', new LockMonitor()), loops.tryAcquireFree)
  },
  {
    group: 'Looking',
    rows: row('monitored-contended', 'monitor attached: acquire + release, 100 workers'),
    contenders: () => against(monitored, loops.acquireContended)
  },
  {
    group: 'Looking',
    rows: row('watched-free', 'deadlock detection on: acquire + release, free'),
    contenders: () => against(watched, loops.acquireFree)
  },
  {
    group: 'Looking',
    rows: row('watched-run', 'deadlock detection on: runExclusive, free'),
    contenders: () => against(watched, loops.runFree, task)
  },
  {
    group: 'Looking',
    rows: row('watched-run-contended', 'deadlock detection on: runExclusive, 100 workers'),
    contenders: () => against(watched, loops.runContended, task)
  },
  {
    group: 'Looking',
    rows: queues('watched-queue', 'deadlock detection on: queue and drain, each waiter holds a key'),
    contenders: () => queued(() => detectDeadlocks())
  },
  {
    group: 'Looking',
    rows: queues('monitored-queue', 'monitor attached: the same'),
    contenders: () => queued(() => undefined, new LockMonitor())
  }
]
