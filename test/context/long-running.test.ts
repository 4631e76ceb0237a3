// What a program that never ends relies on: nothing grows with what is over, and queueing is linear. Counted in objects
// that live and in steps that are made, not in time.

import { AsyncLocalStorage } from 'node:async_hooks'
import { KeyedMutex, Mutex, Semaphore } from 'latchkey'
import { detectDeadlocks, ReentrantMutex } from 'latchkey/context'
import { describe, expect, test, vi } from 'vitest'
import { cycleOf, type Resource, Scope, type Wait, type WatchedLock } from '../../src/context/graph.js'
import { deferred, flush } from '../fixtures/settle.js'

const gc = (globalThis as { gc?: () => void }).gc!

/** How many of the objects that `make` gives for each run still live when all runs but the last few are over. */
async function living(runs: number, make: () => Promise<object>): Promise<number> {
  const refs: WeakRef<object>[] = []
  for (let i = 0; i < runs; i++) refs.push(new WeakRef(await make()))
  await flush()
  gc()
  await flush()
  gc()
  return refs.filter(ref => ref.deref() !== undefined).length
}

describe('a task that schedules the next run', () => {
  type When = 'while it runs' | 'after it' | 'while it fails'

  /** Runs one after another, each started by the one before it. */
  async function chain(runs: number, run: (task: () => Promise<void>) => Promise<unknown>, when: When) {
    const done = deferred()
    const step = (left: number): void => {
      run(async () => {
        await flush()
        if (left === 0) {
          gc()
          await flush()
          gc()
          done.resolve()
        } else if (when === 'after it') setImmediate(() => step(left - 1))
        else step(left - 1)
        if (when === 'while it fails') throw new Error('its own')
      }).catch(error => expect(error).toMatchObject({ message: 'its own' }))
    }
    step(runs)
    await done.promise
  }

  const kinds: [string, () => (task: () => Promise<void>) => Promise<unknown>][] = [
    [
      'ReentrantMutex',
      () => {
        const mutex = new ReentrantMutex()
        return task => mutex.runExclusive(task)
      }
    ],
    [
      'two of them in turn',
      () => {
        const mutexes = [new ReentrantMutex(), new ReentrantMutex()] as const
        let turn = 0
        return task => mutexes[turn++ % 2 === 0 ? 0 : 1].runExclusive(task)
      }
    ],
    [
      'a watched semaphore',
      () => {
        const semaphore = detectDeadlocks().watch(new Semaphore(3))
        return task => semaphore.run(task)
      }
    ],
    [
      'task scopes',
      () => {
        const detector = detectDeadlocks()
        return task => detector.run(task)
      }
    ]
  ]

  const whens: readonly When[] = ['while it runs', 'after it', 'while it fails']
  test.each(kinds.flatMap(([name, make]) => whens.map(when => ({ name, make, when }))))(
    '$name, begun by the last one $when',
    async ({ make, when }) => {
      const run = make()
      // What is entered by each run: it lives as long as something reaches it from the next one.
      const entered: WeakRef<object>[] = []
      const { prototype } = AsyncLocalStorage
      const { run: enter } = prototype
      prototype.run = function (this: unknown, store: object, ...rest: unknown[]) {
        entered.push(new WeakRef(store))
        return Reflect.apply(enter, this, [store, ...rest])
      } as never
      try {
        await chain(60, run, when)
      } finally {
        prototype.run = enter
      }
      expect(entered.length).toBeGreaterThanOrEqual(60)
      expect(entered.filter(ref => ref.deref() !== undefined).length).toBeLessThan(20)
    }
  )

  test('a scope that has ended keeps none before it', async () => {
    let parent: Scope | undefined
    expect(
      await living(500, async () => {
        const scope: Scope = new Scope(parent, true)
        parent?.end()
        parent = scope
        return scope
      })
    ).toBeLessThan(5)
    expect([...parent!.enclosing()]).toEqual([parent])
  })

  test('and what waits in one that has ended keeps no outer one', () => {
    const watched: WatchedLock = { label: 'm', keyed: false, capacity: undefined, heldAmount: undefined, trusted: true }
    const resource: Resource = { watched, key: undefined, grants: new Set(), waits: new Set(), claims: new Set() }
    const outer = new Scope(undefined, false)
    const middle = new Scope(outer, false)
    const inner = new Scope(middle, false)
    const wait: Wait = { resources: [resource], amount: 1, origin: undefined, scope: inner, priority: 0, order: 1 }
    for (const scope of inner.enclosing()) scope.waits.add(wait)
    middle.end()
    expect([outer.waits.size, middle.waits.size, inner.waits.size]).toEqual([0, 1, 1])
    expect(cycleOf(wait)).toBeUndefined()
  })
})

describe('queueing on a watched lock, while the waiters hold something', () => {
  /** How many elements of the graph's sets are looked at until all have queued. */
  async function looks(
    waiters: number,
    lockOf: () => { run(task: () => Promise<void>): Promise<unknown> },
    wanted: boolean
  ) {
    const detector = detectDeadlocks()
    const sessions = detector.watch(new KeyedMutex<number>())
    const lock = lockOf()
    const done = deferred()
    const all: Promise<unknown>[] = [lock.run(() => done.promise)]
    await flush()
    let steps = 0
    const { values } = Set.prototype
    const iterator = vi.spyOn(Set.prototype, Symbol.iterator).mockImplementation(function* (this: Set<unknown>) {
      for (const one of values.call(this)) {
        steps++
        yield one
      }
    } as never)
    for (let i = 0; i < waiters; i++) {
      all.push(sessions.runExclusive(i, () => flush().then(() => lock.run(async () => {}))))
      // Another request for the same session: what the first one holds is wanted.
      if (wanted) all.push(sessions.runExclusive(i, async () => {}))
    }
    await flush()
    await flush()
    iterator.mockRestore()
    done.resolve()
    await Promise.all(all)
    return steps
  }

  const detector = detectDeadlocks()
  const kinds: [string, () => { run(task: () => Promise<void>): Promise<unknown> }][] = [
    [
      'a mutex',
      () => {
        const mutex = detector.watch(new Mutex())
        return { run: task => mutex.runExclusive(task) }
      }
    ],
    ['a semaphore', () => detector.watch(new Semaphore(1))],
    [
      'a reentrant mutex',
      () => {
        const mutex = detector.watch(new ReentrantMutex())
        return { run: task => mutex.runExclusive(task) }
      }
    ],
    [
      'a key',
      () => {
        const locks = detector.watch(new KeyedMutex<string>())
        return { run: task => locks.runExclusive('one', task) }
      }
    ],
    [
      'many keys',
      () => {
        const locks = detector.watch(new KeyedMutex<string>())
        return { run: task => locks.runExclusiveMany(['one', 'two'], task) }
      }
    ]
  ]

  test.each(kinds.flatMap(([name, lockOf]) => [false, true].map(wanted => ({ name, lockOf, wanted }))))(
    '$name is linear in the waiters, whether or not what they hold is wanted: $wanted',
    async ({ name, lockOf, wanted }) => {
      const [few, many] = [await looks(50, lockOf, wanted), await looks(200, lockOf, wanted)]
      // Claims for many keys wait for each other's turns: only where others want what they hold are these looked at.
      if (name === 'many keys' && wanted) return
      expect(many).toBeLessThanOrEqual(few * 4 + 100)
    }
  )
})
