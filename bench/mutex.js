// The rows of Mutex.

import { chain, free, stopNext, timersBeside } from './floors.js'
import * as loops from './loops.js'
import { latchkey, peers } from './peers.js'

/** @typedef {import('./harness.js').Contender} Contender */
/** @typedef {import('./loops.js').Subject} Subject */

// The same task on both sides of every ratio.
const done = { tasks: 0 }
const synchronous = () => {
  done.tasks++
}
const asynchronous = async () => {
  done.tasks++
}

const group = 'Mutex'
/** @type {Record<string, { bar: number, aim: number }>} */
const asyncQueueBars = {
  '10^3': { bar: 2.6, aim: 2.2 },
  '10^4': { bar: 3.0, aim: 2.4 },
  '10^5': { bar: 4.5, aim: 3.0 }
}
const sizes = { '10^3': 1e3, '10^4': 1e4, '10^5': 1e5, '10^6': 1e6 }

/** @type {import('./harness.js').Experiment[]} */
export const experiments = [
  {
    group,
    rows: [{ id: 'acquire-free', name: 'acquire + release, free', size: 20_000, bar: 1.15, aim: 1.05 }],
    contenders: () => all(loops.acquireFree, free, latchkey, peers.filter(offers('acquire')))
  },
  {
    group,
    rows: [{ id: 'run-free', name: 'runExclusive, free', size: 20_000, bar: 1.2, aim: 1.05 }],
    contenders: () => all(loops.runFree, free, latchkey, peers.filter(offers('run')), synchronous)
  },
  {
    group,
    rows: [{ id: 'run-free-async', name: 'runExclusive, free, async task', size: 20_000, bar: 1.2, aim: 1.05 }],
    contenders: () => all(loops.runFree, free, latchkey, peers.filter(offers('run')), asynchronous)
  },
  {
    group,
    rows: [{ id: 'try-acquire', name: 'tryAcquire + release', size: 20_000, repeat: 25, bar: 10, aim: 4 }],
    contenders: () => all(loops.tryAcquireFree, undefined, latchkey, peers.filter(offers('tryAcquire')))
  },
  {
    group,
    rows: [{ id: 'acquire-contended', name: 'acquire + release, 100 workers', size: 20_000, bar: 1.3, aim: 1.0 }],
    contenders: () => all(loops.acquireContended, chain, latchkey, peers.filter(offers('acquire')))
  },
  {
    group,
    rows: [{ id: 'run-contended', name: 'runExclusive, 100 workers', size: 20_000, bar: 1.5, aim: 1.2 }],
    contenders: () => all(loops.runContended, chain, latchkey, peers.filter(offers('run')), synchronous)
  },
  {
    group,
    rows: [
      { id: 'run-contended-async', name: 'runExclusive, 100 workers, async task', size: 20_000, bar: 2.0, aim: 1.7 }
    ],
    contenders: () => all(loops.runContended, chain, latchkey, peers.filter(offers('run')), asynchronous)
  },
  {
    group,
    rows: Object.entries(sizes).map(([name, size]) => ({
      id: `queue-${size}`,
      name: `runExclusive, ${name} queue and drain`,
      size,
      repeat: Math.max(1, 5e4 / size),
      bar: 2.2,
      aim: 1.5
    })),
    contenders: () => all(loops.runQueued, chain, latchkey, peers.filter(offers('run')), synchronous)
  },
  {
    group,
    rows: Object.entries(sizes).map(([name, size]) => ({
      id: `queue-async-${size}`,
      name: `runExclusive, ${name} queue and drain, async task`,
      size,
      repeat: Math.max(1, 5e4 / size),
      ...asyncQueueBars[name]
    })),
    contenders: () => all(loops.runQueued, chain, latchkey, peers.filter(offers('run')), asynchronous)
  },
  {
    group,
    rows: [{ id: 'burst', name: 'runExclusive, 100 tasks on a new mutex', size: 20_000, bar: 4.0, aim: 3.0 }],
    contenders: () => all(loops.runBurst, chain, latchkey, peers.filter(offers('run')), synchronous)
  },
  {
    group,
    rows: [
      { id: 'burst-async', name: 'runExclusive, 100 async tasks on a new mutex', size: 20_000, bar: 5.0, aim: 3.5 }
    ],
    contenders: () => all(loops.runBurst, chain, latchkey, peers.filter(offers('run')), asynchronous)
  },
  {
    group,
    rows: [{ id: 'run-signal', name: 'runExclusive with a signal, 100 workers, async task', size: 20_000, bar: 4.5 }],
    contenders: () => [
      loops.enter('floor', chain, loops.runContended, asynchronous),
      loops.enter('latchkey', aborted(latchkey), loops.runContended, asynchronous),
      ...peers
        .map(aborted)
        .filter(offers('run'))
        .map(peer => loops.enter('peer', peer, loops.runContended, asynchronous))
    ]
  },
  {
    group,
    rows: [{ id: 'one-signal', name: '10^5 waiters on one signal, aborted', size: 1e5, bar: 5, aim: 1.5 }],
    contenders: onSignals
  },
  {
    group,
    rows: [{ id: 'timeout-acquire', name: '10^5 acquire with a timeout, all granted', size: 1e5, bar: 2, aim: 1.0 }],
    contenders: () =>
      all(loops.acquireQueued, timersBeside, timed(latchkey), peers.map(timed).filter(offers('acquire')))
  },
  {
    group,
    rows: [{ id: 'timeout-run', name: '10^5 runExclusive with a timeout, all granted', size: 1e5, bar: 2, aim: 1.0 }],
    contenders: () => [
      runBesideTimers(),
      ...all(loops.runQueued, undefined, timed(latchkey), peers.map(timed).filter(offers('run')), synchronous)
    ]
  }
]

/**
 * @param {(subject: Subject) => string} loop
 * @param {Subject | undefined} floor
 * @param {Subject} own
 * @param {Subject[]} others
 * @param {...any} rest what the loop takes after the size
 * @returns {Contender[]}
 */
function all(loop, floor, own, others, ...rest) {
  return [
    ...(floor ? [loops.enter('floor', floor, loop, ...rest)] : []),
    loops.enter('latchkey', own, loop, ...rest),
    ...others.map(peer => loops.enter('peer', peer, loop, ...rest))
  ]
}

/** @param {'acquire' | 'run' | 'tryAcquire'} what */
function offers(what) {
  return (/** @type {Subject} */ subject) => subject[what] !== undefined
}

/** @param {import('./peers.js').Package} subject as it is when its waiters have a timeout; nothing, if they cannot */
function timed(subject) {
  return subject.timed ?? { name: subject.name, create: subject.create }
}

/** @param {import('./peers.js').Package} subject as it is when its waiters have a signal; nothing, if they cannot */
function aborted(subject) {
  const { signal } = new AbortController()
  return subject.aborted?.run === undefined
    ? { name: subject.name, create: subject.create }
    : { ...subject.aborted, scope: { ...subject.aborted.scope, signal } }
}

/** The task stops the timer of its turn, as the lock with a timeout does. */
function runBesideTimers() {
  const lock = timersBeside.create()
  const task = () => {
    synchronous()
    stopNext(lock)
  }
  return loops.enter('floor', { ...timersBeside, create: () => lock }, loops.runQueued, task)
}

/**
 * Both sides are latchkey: this row asks whether the cost of a waiter depends on how many share its signal.
 *
 * @returns {Contender[]}
 */
function onSignals() {
  const aborted = /** @type {Subject} */ (latchkey.aborted)
  const few = loops.enter('floor', { ...aborted, name: '10^3 on a signal' }, loops.abortTogether)
  const run = async (/** @type {number} */ size) => {
    for (let i = 0; i < 100; i++) await few.run(size / 100)
  }
  return [{ ...few, run }, loops.enter('latchkey', aborted, loops.abortTogether)]
}
