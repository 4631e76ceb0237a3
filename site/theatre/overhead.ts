// The benchmark, in the visitor's own browser: the same loops, the same floors, fewer and smaller rounds.

import { Mutex } from 'latchkey'
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

export interface Overhead {
  readonly name: string
  readonly floor: string
  /** How many times the floor's cost latchkey's is: the median, and the middle half of the rounds. */
  readonly ratio: number
  readonly low: number
  readonly high: number
}

const ROWS = [
  { name: 'acquire and release, free', loop: loops.acquireFree, floor: free, size: 20_000 },
  { name: 'runExclusive, free', loop: loops.runFree, floor: free, size: 20_000 },
  { name: 'acquire and release, 100 contend', loop: loops.acquireContended, floor: chain, size: 20_000 },
  { name: 'runExclusive, 100 contend', loop: loops.runContended, floor: chain, size: 20_000 },
  { name: '10,000 wait in line', loop: loops.runQueued, floor: chain, size: 10_000 }
]

export const rowCount = ROWS.length

/** Measures row by row. Between two rows the browser draws what is known so far. */
export async function* measureOverhead(): AsyncGenerator<Overhead> {
  const done = { tasks: 0 }
  const task = () => {
    done.tasks++
  }
  for (const { name, loop, floor, size } of ROWS) {
    await new Promise(resolve => setTimeout(resolve, 30))
    const contenders = [loops.enter('floor', floor, loop, task), loops.enter('latchkey', latchkey, loop, task)]
    const effort = { rounds: 41, leastRounds: 11, time: 150, budget: 0, patience: 0 }
    const { samples } = await timeRow({ id: name, name, size }, contenders, effort)
    const { median, low, high } = compare(samples.get('latchkey') ?? [], samples.get(floor.name) ?? [])
    yield { name, floor: floor.name, ratio: median, low, high }
  }
}
