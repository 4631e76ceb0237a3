// Threads that end at random while they wait or hold, abort waits, let them time out, and mix both ways of waiting.
// Exclusion is shown by cells that are read and written without Atomics. Runs on Node, Bun and Deno; the same file is
// the main thread and its workers: test/threads/chaos.test.ts and scripts/chaos-threads.js bundle it.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type SharedLock, SharedMutex, type SharedMutexHandle } from 'latchkey/threads'

export interface ChaosResult {
  /** Sections that were run, and how many of them an abandoned lock came before. */
  readonly sections: number
  readonly abandoned: number
  /** Workers that were ended, from outside or by themselves. */
  readonly deaths: number
  /** Sections in which another thread was seen. */
  readonly overlaps: number
  /** How many sections the counter missed, beyond those in which a thread ended. */
  readonly lost: number
  /** Whether no section came for five seconds. */
  readonly stuck: boolean
  /** Waits that ended by abort or timeout, and blocking that was refused. */
  readonly given: number
  /** Errors that should not be. */
  readonly errors: string[]
}

// Without Atomics: the counter, and who is inside. With: the others.
const COUNT = 0
const INSIDE = 1
const OVERLAPS = 2
const SECTIONS = 3
const ABANDONED = 4
const GIVEN = 5
const STOP = 6
const EXITS = 7

interface Start {
  readonly chaosHandle: SharedMutexHandle
  readonly cells: Int32Array
  readonly seed: number
}

/** Numbers from 0 to 1 that a seed gives (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function section(lock: SharedLock, cells: Int32Array, me: number, random: () => number, mayExit: boolean): void {
  if (lock.abandoned) {
    Atomics.add(cells, ABANDONED, 1)
    cells[INSIDE] = 0
  }
  if (cells[INSIDE] !== 0) Atomics.add(cells, OVERLAPS, 1)
  cells[INSIDE] = me
  const seen = cells[COUNT]!
  for (let left = random() * 300; left > 0; left--) if (cells[INSIDE] !== me) Atomics.add(cells, OVERLAPS, 1)
  if (mayExit && random() < 0.002) {
    Atomics.add(cells, EXITS, 1)
    process.exit(0)
  }
  Atomics.add(cells, SECTIONS, 1)
  cells[COUNT] = seen + 1
  if (cells[INSIDE] !== me) Atomics.add(cells, OVERLAPS, 1)
  cells[INSIDE] = 0
}

const EXPECTED = ['ERR_LOCK_TIMEOUT', 'ERR_DEADLOCK']

/** One way of taking the lock, chosen at random. */
async function once(mutex: SharedMutex, cells: Int32Array, me: number, random: () => number, isWorker: boolean) {
  const timeout = random() < 0.3 ? random() * 3 : undefined
  const inside = (lock: SharedLock) => section(lock, cells, me, random, isWorker)
  const controller = new AbortController()
  const blocking = () => {
    // The main thread watches: it must not block for long.
    const lock = mutex.acquireSync({ timeout: isWorker ? timeout : 2 })
    inside(lock)
    lock.release()
    lock.release()
  }
  const waiting = async () => {
    const options = { timeout, signal: random() < 0.3 ? controller.signal : undefined }
    if (random() < 0.5) return mutex.runExclusive(inside, options)
    const lock = await mutex.acquire(options)
    if (random() < 0.2) await new Promise<void>(resolve => setTimeout(resolve, random() * 2))
    inside(lock)
    lock.release()
  }
  const all: (Promise<unknown> | (() => unknown))[] = []
  const way = random()
  if (way < 0.35) all.push(waiting())
  else if (way < 0.6) all.push(blocking)
  else if (way < 0.7) all.push(() => mutex.tryAcquire()?.[Symbol.dispose]())
  else all.push(waiting(), waiting(), blocking, waiting(), blocking)
  const settled: Promise<unknown>[] = []
  for (const one of all)
    settled.push(
      typeof one === 'function'
        ? new Promise(resolve => {
            resolve(one())
          })
        : one
    )
  if (random() < 0.5) controller.abort('given up')
  else setTimeout(() => controller.abort('given up'), random() * 3)
  for (const { status, ...rest } of await Promise.allSettled(settled)) {
    if (status === 'fulfilled') continue
    const { reason } = rest as { reason: { code?: string } }
    if ((reason as unknown) !== 'given up' && !EXPECTED.includes(reason?.code ?? '')) throw reason
    Atomics.add(cells, GIVEN, 1)
  }
}

export async function chaos(program: string | URL, ms: number, seed = 1, count = 5): Promise<ChaosResult> {
  const random = randomFrom(seed)
  const mutex = new SharedMutex({ name: 'chaos' })
  const cells = new Int32Array(new SharedArrayBuffer(64))
  const errors: string[] = []
  const workers = new Set<Worker>()
  /** Those that run: to end the others shows little. */
  const running = new Set<Worker>()
  const ends: Promise<unknown>[] = []
  let deaths = 0
  let made = 0
  const make = () => {
    const start: Start = { chaosHandle: mutex.handle, cells, seed: seed * 1000 + made++ }
    const worker = new Worker(program, { workerData: start })
    workers.add(worker)
    mutex.watch(worker)
    if (random() < 0.2) mutex.watch(worker)
    worker.once('message', () => running.add(worker))
    worker.on('error', error => errors.push(String((error as Error)?.stack ?? error)))
    ends.push(
      new Promise(resolve =>
        worker.once('exit', () => {
          running.delete(worker)
          workers.delete(worker)
          resolve(undefined)
        })
      )
    )
  }
  const end = performance.now() + ms
  let progress = { sections: -1, at: performance.now() }
  let stuck = false
  while (performance.now() < end && !stuck) {
    while (workers.size < count) make()
    if (random() < 0.15) {
      const [worker] = [...running].slice(Math.floor(random() * running.size))
      if (worker !== undefined) {
        deaths++
        workers.delete(worker)
        running.delete(worker)
        ends.push(Promise.resolve(worker.terminate()))
      }
    }
    await once(mutex, cells, 999, random, false).catch(error => errors.push(String(error?.stack ?? error)))
    await new Promise(resolve => setTimeout(resolve, random() * 10))
    const sections = Atomics.load(cells, SECTIONS)
    if (sections !== progress.sections) progress = { sections, at: performance.now() }
    stuck = performance.now() - progress.at > 5000
  }
  Atomics.store(cells, STOP, 1)
  const all = await Promise.race([
    Promise.all(ends).then(() => true),
    new Promise<boolean>(resolve => setTimeout(() => resolve(false), 8000))
  ])
  if (!all) errors.push(`workers did not end: ${mutex}`)
  // Whoever held last has ended, or released.
  const last = await mutex.acquire({ timeout: 5000 }).catch(error => void errors.push(`${error} ${mutex}`))
  if (last?.abandoned) Atomics.add(cells, ABANDONED, 1)
  last?.release()
  for (const worker of workers) worker.terminate()
  const sections = cells[SECTIONS]!
  const abandoned = cells[ABANDONED]!
  return {
    sections,
    abandoned,
    deaths: deaths + cells[EXITS]!,
    overlaps: cells[OVERLAPS]!,
    lost: Math.max(0, Math.abs(sections - cells[COUNT]!) - abandoned),
    stuck,
    given: cells[GIVEN]!,
    errors
  }
}

const start = workerData as Start | null
if (!isMainThread && start?.chaosHandle !== undefined) {
  const mutex = SharedMutex.attach(start.chaosHandle)
  const random = randomFrom(start.seed)
  const me = 1 + (start.seed % 997)
  parentPort?.postMessage('runs')
  while (Atomics.load(start.cells, STOP) === 0) await once(mutex, start.cells, me, random, true)
  // Some leave in order, the others just end.
  if (random() < 0.5) await mutex.close()
}
