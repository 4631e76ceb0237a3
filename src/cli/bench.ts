/// <reference types="node" />
// `latchkey bench`: what a lock costs here. The contenders of a row take turns, round by round, and a ratio is the median of
// the rounds: what the machine was busy with besides slowed all of them. Each has a loop of its own, with its
// own calls in it, because V8 collects types per function: a loop that is shared would make the second one slower.

import { cpus } from 'node:os'
import { pathToFileURL } from 'node:url'
import { Mutex } from '../index.js'
import { entryOf } from './packages.js'
import { noColours, type Paint, paintFor } from './terminal.js'
import type { BenchCommand } from './usage.js'

/** How a lock is used, as code. In scope: `lock`, and `task`. */
interface Contender {
  readonly name: string
  readonly create: () => unknown
  readonly acquire?: string
  /** Gives back what `acquire` came to, which is `held`. */
  readonly release?: string
  readonly run?: string
  /** What else its code names. */
  readonly scope?: Readonly<Record<string, unknown>>
}

interface Row {
  readonly name: string
  readonly floor: Contender
  readonly loop: (contender: Contender) => string | undefined
}

interface Figure {
  readonly name: string
  /** ns for one operation, the median of the rounds. */
  readonly ns: number
  /** How many times the bare promises. */
  readonly ratio: number
}

interface Measured {
  readonly row: string
  readonly figures: readonly Figure[]
}

class Guard {
  held = true

  release(): void {
    this.held = false
  }
}

/** No caller waits. */
const free: Contender = {
  name: 'bare promise',
  create: () => undefined,
  acquire: 'Promise.resolve(new Guard())',
  release: 'held.release()',
  run: 'runFreely(task)',
  scope: {
    Guard,
    runFreely: async (task: () => unknown) => {
      try {
        return await task()
      } finally {
        // Where a lock would release.
      }
    }
  }
}

/** Each task waits for the one before: a queue without a lock. */
const chain: Contender = {
  name: 'bare promise chain',
  create: () => ({ tail: Promise.resolve() }),
  acquire: '(lock.tail = lock.tail.then(makeGuard))',
  release: 'held.release()',
  run: '(lock.tail = lock.tail.then(task))',
  scope: { makeGuard: () => new Guard() }
}

const own: Contender = {
  name: 'latchkey',
  create: () => new Mutex(),
  acquire: 'lock.acquire()',
  release: 'held.release()',
  run: 'lock.runExclusive(task)'
}

type Names = Readonly<Record<string, Constructor & ((...args: unknown[]) => unknown)>>
type Constructor = new (...args: unknown[]) => unknown

/** Known packages: where they keep the lock, and how it is used. */
const PEERS: readonly (Omit<Contender, 'create'> & { readonly make: (names: Names) => unknown })[] = [
  {
    name: 'async-mutex',
    make: ({ Mutex }) => new Mutex!(),
    acquire: 'lock.acquire()',
    release: 'held()',
    run: 'lock.runExclusive(task)'
  },
  {
    name: 'async-lock',
    make: ({ default: AsyncLock }) => new AsyncLock!({ maxPending: 1e6 }),
    run: "lock.acquire('key', task)"
  },
  {
    name: 'async-sema',
    make: ({ Sema }) => new Sema!(1),
    acquire: 'lock.acquire()',
    release: 'lock.release()'
  },
  {
    name: 'await-lock',
    make: ({ default: given, AwaitLock = given }) => new (constructorIn(AwaitLock))(),
    acquire: 'lock.acquireAsync()',
    release: 'lock.release()'
  },
  {
    name: 'es-toolkit',
    make: ({ Mutex }) => new Mutex!(),
    acquire: 'lock.acquire()',
    release: 'lock.release()'
  },
  {
    name: 'mutexify/promise',
    make: ({ default: mutexify }) => mutexify!(),
    acquire: 'lock()',
    release: 'held()'
  },
  { name: 'p-limit', make: ({ default: limit }) => limit!(1), run: 'lock(task)' }
]

/** A class, or the class that a CommonJS module has as its default. */
const constructorIn = (given: unknown): (new () => unknown) =>
  (typeof given === 'function' ? given : (given as { default: unknown }).default) as new () => unknown

const acquireFree = ({ acquire, release }: Contender) =>
  acquire &&
  `async (lock, size) => {
  for (let i = 0; i < size; i++) {
    const held = await ${acquire}
    ${release}
  }
}`

const runFree = ({ run }: Contender) =>
  run && `async (lock, size, task) => { for (let i = 0; i < size; i++) await ${run} }`

const acquireContended = ({ acquire, release }: Contender) =>
  acquire &&
  `async (lock, size) => {
  const work = async () => {
    for (let i = 0; i < size / 100; i++) {
      const held = await ${acquire}
      ${release}
    }
  }
  await Promise.all(Array.from({ length: 100 }, work))
}`

const runContended = ({ run }: Contender) =>
  run &&
  `async (lock, size, task) => {
  const work = async () => { for (let i = 0; i < size / 100; i++) await ${run} }
  await Promise.all(Array.from({ length: 100 }, work))
}`

const runQueued = ({ run }: Contender) =>
  run &&
  `async (lock, size, task) => {
  let last
  for (let i = 0; i < size; i++) last = ${run}
  await last
}`

const ROWS: readonly Row[] = [
  { name: 'acquire + release, free', floor: free, loop: acquireFree },
  { name: 'run a task, free', floor: free, loop: runFree },
  { name: 'acquire + release, 100 workers', floor: chain, loop: acquireContended },
  { name: 'run a task, 100 workers', floor: chain, loop: runContended },
  { name: '10,000 tasks queue and drain', floor: chain, loop: runQueued }
]

const SIZE = 10_000

/** Measures, and says what came out. */
export async function bench({ json, time }: BenchCommand): Promise<void> {
  const { stdout, stderr } = process
  const { peers, missing } = await peersHere()
  const measured: Measured[] = []
  for (const row of ROWS) {
    if (stderr.isTTY) stderr.write(`\r\x1b[2K${row.name}`)
    measured.push(await measure(row, [own, ...peers], time))
  }
  if (stderr.isTTY) stderr.write('\r\x1b[2K')
  const machine = `Node ${process.versions.node}, ${cpus()[0]?.model.trim() ?? process.arch}`
  if (json) stdout.write(`${JSON.stringify({ machine, rows: measured, missing }, undefined, 2)}\n`)
  else stdout.write(`${benchLines(machine, measured, missing, paintFor(stdout, process.env)).join('\n')}\n`)
}

/** The known packages that the project of the user has, as it would find them itself. */
async function peersHere(): Promise<{ peers: Contender[]; missing: string[] }> {
  const peers: Contender[] = []
  const missing: string[] = []
  for (const { make, ...peer } of PEERS) {
    const path = entryOf(peer.name)
    try {
      if (path === undefined) throw new Error('not installed')
      const names = await import(pathToFileURL(path).href)
      make(names)
      peers.push({ ...peer, create: () => make(names) })
    } catch {
      missing.push(peer.name)
    }
  }
  return { peers, missing }
}

/** Times the contenders of a row in turns, for about so many ms. */
async function measure({ name, floor, loop }: Row, others: readonly Contender[], time: number): Promise<Measured> {
  const done = { tasks: 0 }
  const task = () => {
    done.tasks++
  }
  const contenders = [floor, ...others].flatMap(contender => {
    const code = loop(contender)
    if (!code) return []
    const { scope = {} } = contender
    const make = new Function(...Object.keys(scope), `return ${code}`)
    const run = make(...Object.values(scope)) as (lock: unknown, size: number, task: () => void) => Promise<void>
    const lock = contender.create()
    return [{ name: contender.name, once: (size: number) => run(lock, size, task), samples: [] as number[] }]
  })
  for (let i = 0; i < 3; i++) for (const { once } of contenders) await once(SIZE)

  const end = performance.now() + time
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    // The order moves on, so that none always comes after the same one.
    for (let i = 0; i < contenders.length; i++) {
      const { once, samples } = contenders[(i + round) % contenders.length]!
      const start = performance.now()
      await once(SIZE)
      samples.push(((performance.now() - start) * 1e6) / SIZE)
    }
  }
  const base = contenders[0]!.samples
  const figures = contenders.map(({ name, samples }) => ({
    name,
    ns: median(samples),
    ratio: median(samples.map((sample, round) => sample / base[round]!))
  }))
  return { row: name, figures }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A table for each row, the bare promises first. */
function benchLines(
  machine: string,
  rows: readonly Measured[],
  missing: readonly string[],
  paint: Paint = noColours
): string[] {
  const names = Math.max(...rows.flatMap(({ figures }) => figures.map(({ name }) => name.length)))
  const lines = rows.flatMap(({ row, figures }) => [
    paint.bold(row),
    ...figures.map(({ name, ns, ratio }, i) => {
      const text = `  ${name.padEnd(names)}  ${`${Math.round(ns).toLocaleString('en')} ns`.padStart(9)}  ${ratio.toFixed(2).padStart(6)} ×`
      return i === 0 ? paint.dim(text) : name === 'latchkey' ? paint.green(text) : text
    }),
    ''
  ])
  return [
    machine,
    '',
    ...lines,
    'One operation, the median of the rounds; × is how many times the bare promises beside it.',
    ...(missing.length > 0 ? [`Not in this project: ${missing.join(', ')}.`] : [])
  ]
}
