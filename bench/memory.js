// What a lock weighs. These rows run in a process of their own that was started with --expose-gc.

import { KeyedMutex } from 'latchkey'
import { judge } from './harness.js'
import { compile, hold } from './loops.js'
import { latchkey, peers } from './peers.js'

/** @typedef {import('./harness.js').Contender} Contender */
/** @typedef {import('./loops.js').Subject} Subject */

const group = 'Memory'
const task = () => {}
// Now and then one goes wrong: something is garbage that was not when the scales were set.
const weighings = 5

/** @type {import('./harness.js').Experiment[]} */
export const experiments = [
  {
    group,
    rows: [{ id: 'bytes-idle', name: 'an idle Mutex', size: 2e4, bar: 120, aim: 64 }],
    measure: weigh([latchkey, ...peers], subject => subject.create)
  },
  {
    group,
    rows: [{ id: 'bytes-acquire', name: 'a waiter of acquire, with its promise', size: 2e4, bar: 320, aim: 220 }],
    measure: weigh([latchkey, ...peers.filter(({ acquire }) => acquire)], subject =>
      compile(({ acquire }) => `lock => ${acquire}`, subject)
    )
  },
  {
    group,
    rows: [{ id: 'bytes-run', name: 'a waiter of runExclusive, with its promise', size: 2e4, bar: 320, aim: 220 }],
    measure: weigh(
      [latchkey, ...peers.filter(({ run }) => run)],
      subject => compile(({ run }) => `(lock, task) => ${run}`, subject),
      true
    )
  },
  {
    group,
    // A thousand of them have a thousand keys each: one alone would drown in what else the heap does. The bar is nothing,
    // as far as that can be weighed.
    rows: [{ id: 'bytes-keyed', name: 'a KeyedMutex that was used, over an empty one', size: 1e3, bar: 64 }],
    measure: weighUsedKeyedMutex
  }
]

/**
 * @param {Subject[]} subjects
 * @param {(subject: Subject) => (lock: any, task: () => void) => unknown} maker of one more of the thing that is weighed,
 * given a lock that is held
 * @param {boolean} [runs] whether it is a matter of `run`, which some packages have not got
 * @returns {NonNullable<import('./harness.js').Experiment['measure']>}
 */
function weigh(subjects, maker, runs = false) {
  return async (rows, effort) => {
    const results = []
    for (const row of rows) {
      const roundsOf = (/** @type {Subject} */ subject) =>
        subject === latchkey ? weighings : (effort.peerWeighings ?? 3)
      const present = subjects.filter(subject => roundsOf(subject) > 0)
      const scales = present.map(subject => ({ subject, make: maker(subject), bytes: /** @type {number[]} */ ([]) }))
      for (const [i, { subject, make, bytes }] of scales.entries()) {
        const rounds = roundsOf(subject)
        // The first weighing is for the code, which has a weight too while it is being compiled, and for what was left
        // over from the subject before.
        for (let round = 0; round <= rounds; round++) {
          const weight = await bytesEach(row.size, { lock: await taken(subject), make })
          if (round > 0) bytes.push(weight)
        }
        effort.onRound?.(row, i + 1, scales.length)
      }
      const samples = new Map(scales.map(({ subject, bytes }) => [subject.name, bytes]))
      const contenders = present.map(({ name, byHand }) => ({
        name,
        byHand: runs && byHand === true,
        role: roleOf(name),
        run: task
      }))
      results.push(judge(group, row, contenders, { samples, skipped: new Map() }, 'B'))
    }
    return results
  }
}

/** @param {string} name @returns {Contender['role']} */
function roleOf(name) {
  return name === latchkey.name ? 'latchkey' : 'peer'
}

/** @param {Subject} subject */
async function taken(subject) {
  const lock = subject.create()
  await compile(hold, subject)(lock)
  return lock
}

/**
 * The things are kept in an array that was there before, so its own weight does not count, nor does that of the first
 * of them: what a lock sets up once for all its waiters is not theirs.
 *
 * @param {number} count
 * @param {{ lock: any, make: (lock: any, task: () => void) => unknown }} thing
 */
async function bytesEach(count, thing) {
  const make = () => thing.make(thing.lock, task)
  const kept = new Array(count + 1).fill(undefined)
  kept[count] = make()
  const before = await heapUsed()
  for (let i = 0; i < count; i++) kept[i] = make()
  const after = await heapUsed()
  // Used once more, or the array, the lock and its queue might be garbage when they are weighed; then let go, so that
  // they are garbage when the next are.
  make()
  kept.length = 0
  thing.lock = undefined
  return (after - before) / count
}

/**
 * All keys of a mutex are held at once, so that whatever grows with them has grown, and then let go.
 *
 * @type {NonNullable<import('./harness.js').Experiment['measure']>}
 */
async function weighUsedKeyedMutex([row], effort) {
  if (row === undefined) return []
  const rounds = weighings
  const used = []
  for (let round = 0; round <= rounds; round++) {
    /** @type {Array<KeyedMutex<number>>} */
    const mutexes = Array.from({ length: row.size }, () => new KeyedMutex())
    const held = new Array(row.size).fill(undefined)
    const empty = await heapUsed()
    for (const mutex of mutexes) {
      for (let key = 0; key < row.size; key++) held[key] = mutex.tryAcquire(key)
      for (let key = 0; key < row.size; key++) held[key] = held[key].release()
    }
    if (round > 0) used.push(((await heapUsed()) - empty) / row.size)
    if (mutexes.some(({ size }) => size > 0)) throw new Error('keys are left')
    effort.onRound?.(row, round, rounds)
  }
  const contenders = [{ name: latchkey.name, role: roleOf(latchkey.name), run: task }]
  return [judge(group, row, contenders, { samples: new Map([[latchkey.name, used]]), skipped: new Map() }, 'B')]
}

/** Once a collection frees no more: one alone can leave something behind that the next one takes. */
async function heapUsed() {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('the memory rows need --expose-gc')
  let used = Number.POSITIVE_INFINITY
  for (let pass = 0; pass < 4; pass++) {
    await new Promise(resolve => setImmediate(resolve))
    gc()
    const before = used
    used = process.memoryUsage().heapUsed
    // A quarter of a byte for each of twenty thousand things.
    if (before - used < 5000) break
  }
  return used
}
