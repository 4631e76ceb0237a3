// The benchmark, in the visitor's own browser: the same loops, the same floors, fewer and smaller rounds, and a few packages
// that people know, each used as its readme says.

import { Mutex as AsyncMutex } from 'async-mutex'
import AwaitLock from 'await-lock'
import { Mutex } from 'latchkey'
import pLimit from 'p-limit'
import { chain, free } from '../../bench/floors.js'
import { compare, timeRow } from '../../bench/harness.js'
import * as loops from '../../bench/loops.js'

const latchkey: loops.Subject = {
  name: 'latchkey',
  create: () => new Mutex(),
  acquire: 'lock.acquire()',
  release: 'held.release()',
  run: 'lock.runExclusive(task)'
}

const asyncMutex: loops.Subject = {
  name: 'async-mutex',
  create: () => new AsyncMutex(),
  acquire: 'lock.acquire()',
  release: 'held()',
  run: 'lock.runExclusive(task)'
}

const awaitLock: loops.Subject = {
  name: 'await-lock',
  create: () => new AwaitLock(),
  acquire: 'lock.acquireAsync()',
  release: 'lock.release()',
  run: ''
}

const limit: loops.Subject = { name: 'p-limit', create: () => pLimit(1), acquire: '', release: '', run: 'lock(task)' }

export interface Measured {
  readonly name: string
  /** How many times the floor's cost: the median, and the middle half of the rounds. */
  readonly ratio: number
  readonly low: number
  readonly high: number
}

export interface Overhead {
  readonly name: string
  readonly floor: string
  /** latchkey first. */
  readonly packages: readonly Measured[]
}

const BY_HAND = [asyncMutex, awaitLock]
const TASKS = [asyncMutex, limit]

const ROWS = [
  { name: 'acquire and release, free', loop: loops.acquireFree, floor: free, size: 20_000, peers: BY_HAND },
  { name: 'runExclusive, free', loop: loops.runFree, floor: free, size: 20_000, peers: TASKS },
  {
    name: 'acquire and release, 100 contend',
    loop: loops.acquireContended,
    floor: chain,
    size: 20_000,
    peers: BY_HAND
  },
  { name: 'runExclusive, 100 contend', loop: loops.runContended, floor: chain, size: 20_000, peers: TASKS },
  { name: '10,000 wait in the queue', loop: loops.runQueued, floor: chain, size: 10_000, peers: TASKS }
]

export const rowCount = ROWS.length

/** Measures row by row. Between two rows the browser draws what is known so far. */
export async function* measureOverhead(): AsyncGenerator<Overhead> {
  const done = { tasks: 0 }
  const task = () => {
    done.tasks++
  }
  for (const { name, loop, floor, size, peers } of ROWS) {
    await new Promise(resolve => setTimeout(resolve, 30))
    const contenders = [
      loops.enter('floor', floor, loop, task),
      loops.enter('latchkey', latchkey, loop, task),
      ...peers.map(peer => loops.enter('peer', peer, loop, task))
    ]
    const effort = { rounds: 41, leastRounds: 11, time: 150, budget: 400, patience: 2000 }
    const { samples } = await timeRow({ id: name, name, size }, contenders, effort)
    const packages = [latchkey, ...peers].flatMap(peer => {
      const { median, low, high } = compare(samples.get(peer.name) ?? [], samples.get(floor.name) ?? [])
      return Number.isFinite(median) ? [{ name: peer.name, ratio: median, low, high }] : []
    })
    yield { name, floor: floor.name, packages }
  }
}
