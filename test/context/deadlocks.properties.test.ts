// Any programs on any locks: a wait is refused exactly when brute force says that it would never end. Aborts, timeouts,
// releases and hand-offs come at every step, also while those who were handed a lock have not run yet.

import { AsyncLocalStorage } from 'node:async_hooks'
import fc from 'fast-check'
import { DeadlockError, KeyedMutex, type Lock, Mutex, ReadWriteLock, Semaphore } from 'latchkey'
import { type DeadlockDetector, detectDeadlocks } from 'latchkey/context'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Deferred, deferred, flush } from '../fixtures/settle.js'
import { FAKED, settings, watchRejections } from '../properties/settings.js'
import { type Ask, World } from './brute-force.js'

const ACTORS = 4
const TIMEOUT = 10
/** What a write takes of a read-write lock: more than there may be readers. */
const WRITE = 100

const unhandled = watchRejections()
beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
  expect(unhandled).toEqual([])
})

type Options = { signal: AbortSignal; timeout?: number; priority: number }
type Work = () => Promise<void>

/** A lock of each kind, by number, as all steps use them. */
interface Subject {
  readonly capacity: number
  readonly waiting: () => number
  hand(ask: Ask, options: Options): Promise<Lock>
  scoped(ask: Ask, task: Work, options: Options): Promise<void>
}

function subjects(detector: DeadlockDetector): Subject[] {
  const mutexes = [0, 1].map(n => detector.watch(new Mutex({ name: `mutex ${n}` })))
  const keyed = detector.watch(new KeyedMutex<number>())
  const semaphore = detector.watch(new Semaphore(3))
  const readWrite = detector.watch(new ReadWriteLock())
  return [
    ...mutexes.map(mutex => ({
      capacity: 1,
      waiting: () => mutex.waiting,
      hand: (_: Ask, options: Options) => mutex.acquire(options),
      scoped: (_: Ask, task: Work, options: Options) => mutex.runExclusive(task, options)
    })),
    {
      capacity: 1,
      waiting: () => keyed.waiting,
      hand: ({ keys }, options) =>
        keys.length === 1 ? keyed.acquire(keys[0]!, options) : keyed.acquireMany(keys, options),
      scoped: ({ keys }, task, options) =>
        keys.length === 1 ? keyed.runExclusive(keys[0]!, task, options) : keyed.runExclusiveMany(keys, task, options)
    },
    {
      capacity: 3,
      waiting: () => semaphore.waiting,
      hand: ({ amount }, options) => semaphore.acquire({ permits: amount, ...options }),
      scoped: ({ amount }, task, options) => semaphore.run(task, { permits: amount, ...options })
    },
    {
      capacity: WRITE,
      waiting: () => readWrite.waiting,
      hand: ({ amount }, options) =>
        amount === WRITE ? readWrite.acquireWrite(options) : readWrite.acquireRead(options),
      scoped: ({ amount }, task, options) =>
        amount === WRITE ? readWrite.runWrite(task, options) : readWrite.runRead(task, options)
    }
  ]
}

const ask = fc.oneof(
  fc.record({ lock: fc.constantFrom(0, 1), keys: fc.constant([0]), amount: fc.constant(1) }),
  fc.record({
    lock: fc.constant(2),
    keys: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }),
    amount: fc.constant(1)
  }),
  fc.record({ lock: fc.constant(3), keys: fc.constant([0]), amount: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ lock: fc.constant(4), keys: fc.constant([0]), amount: fc.constantFrom(1, WRITE) })
)
const actor = fc.nat(ACTORS - 1)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      actor,
      ask,
      scoped: fc.boolean(),
      timeout: fc.boolean(),
      priority: fc.constantFrom(0, 0, 0, 1, -1)
    })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), actor }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), actor }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('time' as const), actor }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('flush' as const), actor }) }
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** What an actor holds, and how it gives it back. Scoped ones are inside those below them. */
interface Level {
  readonly id: number
  /** Enters the async context in which it goes on. */
  readonly enter: <R>(call: () => R) => R
  /** Undefined: scoped, and its task ends. */
  readonly lock: Lock | undefined
  readonly end: Deferred<void>
}

interface Pending {
  readonly id: number
  readonly controller: AbortController
  readonly due: number
}

/** One task: it asks for one thing at a time, and gives back in reverse order. */
interface Actor {
  readonly levels: Level[]
  pending: Pending | undefined
}

interface Tally {
  refused: number
  waited: number
}

async function play(steps: readonly Step[], tally: Tally): Promise<void> {
  const detector = detectDeadlocks()
  const locks = subjects(detector)
  const world = new World(locks.map(({ capacity }) => capacity))
  const actors: Actor[] = Array.from({ length: ACTORS }, () => ({ levels: [], pending: undefined }))
  const ends = actors.map(() => deferred())
  const tasks = actors.map((actor, index) =>
    detector.run(() => {
      actor.levels.push({ id: 0, enter: AsyncLocalStorage.snapshot(), lock: undefined, end: ends[index]! })
      return ends[index]!.promise
    })
  )
  let ids = 0
  let refused: number | undefined

  const arrive = (actor: Actor, level: Level) => {
    actor.levels.push(level)
    actor.pending = undefined
  }
  const request = (index: number, { ask: asked, scoped, timeout, priority }: Step & { do: 'ask' }) => {
    const actor = actors[index]!
    const id = ++ids
    const ask: Ask = { ...asked, priority }
    const controller = new AbortController()
    const options: Options = { signal: controller.signal, priority, ...(timeout ? { timeout: TIMEOUT } : {}) }
    const { enter } = actor.levels.at(-1)!
    const lock = locks[ask.lock]!
    const future = world.clone()
    future.ask(id, index, ask)
    const expected = future.stuck().has(index)
    actor.pending = { id, controller, due: timeout ? Date.now() + TIMEOUT : Number.POSITIVE_INFINITY }
    refused = undefined
    const settle = (error: unknown) => {
      actor.pending = undefined
      if (error instanceof DeadlockError) refused = id
      else expect(['ERR_LOCK_TIMEOUT', 'aborted']).toContain((error as { code?: string }).code ?? error)
    }
    const before = lock.waiting()
    if (scoped) {
      const task = () => {
        const end = deferred()
        arrive(actor, { id, enter: AsyncLocalStorage.snapshot(), lock: undefined, end })
        return end.promise
      }
      enter(() => lock.scoped(ask, task, options)).catch(settle)
    } else {
      enter(() => lock.hand(ask, options)).then(
        held => arrive(actor, { id, enter, lock: held, end: deferred() }),
        settle
      )
    }
    if (!expected) world.ask(id, index, ask)
    if (world.isWaiting(id)) tally.waited++
    // In the instant of the call: it stands in the queue, or does not.
    expect(lock.waiting()).toBe(expected ? before : world.waitingAt(ask.lock))
    return { id, expected }
  }
  const release = async (actor: Actor) => {
    const level = actor.levels.pop()!
    world.drop(level.id)
    if (level.lock === undefined) level.end.resolve()
    else level.lock.release()
    if (level.lock === undefined) await flush() // a task ends a few microtasks later, and the model does at once
  }

  for (const step of steps) {
    const actor = actors[step.actor]!
    const { pending } = actor
    if (step.do === 'ask' && pending === undefined) {
      const { id, expected } = request(step.actor, step)
      // A refusal is known in a microtask. Others are left alone, so that steps come before who was granted has run.
      if (expected || actor.pending === undefined) await flush()
      expect(refused === id).toBe(expected)
      if (expected) tally.refused++
    } else if (step.do === 'release' && pending === undefined && actor.levels.length > 1) await release(actor)
    else if (step.do === 'abort' && pending !== undefined && world.isWaiting(pending.id)) {
      world.drop(pending.id)
      pending.controller.abort('aborted')
    } else if (step.do === 'time') {
      await flush()
      // In the order in which they came: the timers of one instant fire so.
      const due = actors.flatMap(({ pending }) => (pending && world.isWaiting(pending.id) ? [pending] : []))
      vi.advanceTimersByTime(TIMEOUT / 2)
      for (const { id, due: at } of due.sort((a, b) => a.id - b.id))
        if (at <= Date.now() && world.isWaiting(id)) world.drop(id)
      await flush()
    } else if (step.do === 'flush') await flush()
    locks.forEach((lock, index) => {
      expect(lock.waiting()).toBe(world.waitingAt(index))
    })
  }

  // Nobody is left to wait for ever: whoever can go on does so, and all come to their end.
  for (;;) {
    await flush()
    const free = actors.find(({ pending, levels }) => pending === undefined && levels.length > 1)
    if (free === undefined) break
    await release(free)
  }
  expect(actors.map(({ pending, levels }) => [pending, levels.length])).toEqual(actors.map(() => [undefined, 1]))
  for (const end of ends) end.resolve()
  await Promise.all(tasks)
}

test('a wait is refused exactly when it would never end', async () => {
  const tally: Tally = { refused: 0, waited: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), steps => play(steps, tally)),
    settings(1000)
  )
  // The programs are worth something: deadlocks were closed, and many waited without one.
  expect(tally.refused).toBeGreaterThan(300)
  expect(tally.waited).toBeGreaterThan(2000)
}, 60_000)
