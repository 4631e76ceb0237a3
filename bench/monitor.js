// What it costs to look at locks. The floor is the same lock with nobody looking, so "over the floor" is the cost of looking.

import { Mutex } from 'latchkey'
import { detectDeadlocks } from 'latchkey/context'
import { LockMonitor } from 'latchkey/monitor'
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

const plain = mutex('nobody looks', () => new Mutex())
/** What nobody can do without who wants to know how long a lock is held. */
const clocked = {
  ...plain,
  name: 'two readings of the clock',
  release: 'performance.now(); held.release(); performance.now()'
}
/** The modules are loaded, and that is all. */
const unwatched = mutex('latchkey', () => new Mutex({ name: 'tools' }))
const monitored = mutex('latchkey', () => new Mutex({ name: 'tools', observer: new LockMonitor() }))
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
  }
]
