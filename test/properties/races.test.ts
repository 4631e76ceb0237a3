// Workers whose every step a scheduler may put before or after any other's: exclusion, order, progress and residue (G1 to
// G5, G10) without a model, so without the model's mistakes. A failing run prints the schedule.

import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { KeyedMutex, Mutex } from 'latchkey'
import { expect, test } from 'vitest'
import { RepairedMutex } from '../fixtures/buggy-mutex.js'
import { microtasks, settings, watchRejections } from './settings.js'

const unhandled = watchRejections()

type Acquire = (keys: readonly string[], signal: AbortSignal) => Promise<() => void>

interface Worker {
  readonly keys: readonly string[]
  readonly gives: 'waits' | 'gives up' | 'releases twice'
}

const worker = (keys: fc.Arbitrary<readonly string[]>): fc.Arbitrary<Worker> =>
  fc.record({ keys, gives: fc.constantFrom('waits', 'gives up', 'releases twice') })

async function race(s: fc.Scheduler, workers: readonly Worker[], acquire: Acquire): Promise<void> {
  const came: number[] = []
  const served: number[] = []
  const gaveUp: number[] = []
  const holders = new Map<string, number>()
  const givenUp = new Error('given up')
  const controllers = workers.map(() => new AbortController())

  const step = (what: string) => s.schedule(Promise.resolve(), what)

  async function work(i: number, { keys, gives }: Worker): Promise<void> {
    const { signal } = controllers[i]!
    if (gives === 'gives up') step(`${i} gives up`).then(() => controllers[i]!.abort(givenUp))
    await step(`${i} comes`)
    came.push(i)
    let release: () => void
    try {
      release = await acquire(keys, signal)
    } catch (error) {
      if (error !== givenUp) throw error
      gaveUp.push(i)
      return
    }
    served.push(i)
    for (const key of keys) {
      expect(`${key} held by ${holders.get(key)}`).toBe(`${key} held by undefined`)
      holders.set(key, i)
    }
    await step(`${i} works`)
    for (const key of keys) holders.delete(key)
    release()
    if (gives !== 'releases twice') return
    await step(`${i} releases again`)
    release()
  }

  const done = Promise.all(workers.map((worker, i) => work(i, worker)))
  done.catch(() => {})
  await s.waitIdle()
  // An abort that nobody waited for any more may be the last thing that happens.
  await microtasks()
  expect([...served, ...gaveUp].sort()).toEqual(workers.map((_, i) => i).sort())
  await done
  for (const key of new Set(workers.flatMap(({ keys }) => keys))) {
    const ofKey = (list: number[]) => list.filter(i => workers[i]!.keys.includes(key))
    const left = new Set(gaveUp)
    expect(ofKey(served)).toEqual(ofKey(came).filter(i => !left.has(i)))
  }
  for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toEqual([])
}

const one = fc.constant(['the mutex'])
const some = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
const crowd = (keys: fc.Arbitrary<readonly string[]>) =>
  fc.array(worker(keys), { minLength: 2, maxLength: 6, size: 'max' })

test('acquire and release on a mutex', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), crowd(one), async (s, workers) => {
      const mutex = new Mutex()
      await race(s, workers, async (_, signal) => {
        const lock = await mutex.acquire({ signal })
        return () => lock.release()
      })
      expect([mutex.locked, mutex.waiting]).toEqual([false, 0])
    }),
    settings(1000)
  )
  expect(unhandled).toEqual([])
})

test('runExclusive on a mutex', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), crowd(one), async (s, workers) => {
      const mutex = new Mutex()
      await race(s, workers, (_, signal) => held(task => mutex.runExclusive(task, { signal })))
      expect([mutex.locked, mutex.waiting]).toEqual([false, 0])
    }),
    settings(1000)
  )
  expect(unhandled).toEqual([])
})

test('acquireMany and release on a keyed mutex', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), crowd(some), async (s, workers) => {
      const mutex = new KeyedMutex<string>()
      await race(s, workers, async (keys, signal) => {
        const lock = await (keys.length === 1
          ? mutex.acquire(keys[0]!, { signal })
          : mutex.acquireMany(keys, { signal }))
        return () => lock.release()
      })
      expect([mutex.size, mutex.waiting]).toEqual([0, 0])
    }),
    settings(1000)
  )
  expect(unhandled).toEqual([])
})

test('runExclusiveMany on a keyed mutex', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), crowd(some), async (s, workers) => {
      const mutex = new KeyedMutex<string>()
      await race(s, workers, (keys, signal) => held(task => mutex.runExclusiveMany(keys, task, { signal })))
      expect([mutex.size, mutex.waiting]).toEqual([0, 0])
    }),
    settings(1000)
  )
  expect(unhandled).toEqual([])
})

test('the same race finds what is wrong with a mutex whose releaser works twice', async () => {
  const result = await fc.check(
    fc.asyncProperty(fc.scheduler(), crowd(one), async (s, workers) => {
      const mutex = new RepairedMutex()
      const patient = workers.map(worker => ({
        ...worker,
        gives: worker.gives === 'gives up' ? 'waits' : worker.gives
      }))
      await race(s, patient as Worker[], () => mutex.acquire())
    }),
    settings(1000)
  )
  expect(result.failed).toBe(true)
  expect(String(result.errorInstance)).toContain('held by')
})

/** Holds by a task that ends when it is released. */
function held(run: (task: () => Promise<void>) => Promise<void>): Promise<() => void> {
  return new Promise((resolve, reject) => {
    run(
      () =>
        new Promise<void>(end => {
          resolve(end)
        })
    ).catch(reject)
  })
}
