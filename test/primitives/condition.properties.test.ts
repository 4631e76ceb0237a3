// Any sequence of operations on a Condition and its mutex, compared with a model after each; and workers in any schedule,
// without a model.

import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { Condition, type Lock, Mutex } from 'latchkey'
import { expect, test } from 'vitest'
import { fakeClock, follows } from '../properties/harness.js'
import { microtasks, settings } from '../properties/settings.js'
import { conditionPlay, FATES } from './condition.model.js'

const unhandled = fakeClock()

follows(
  'a condition does what the model says, step by step',
  conditionPlay((mutex, options) => new Condition(mutex, options)),
  { runs: 3000, fates: { all: FATES, of: session => session.fates } }
)

/** Takes one item, or gives up when the scheduler says so. */
type Consumer = { readonly patient: boolean; readonly by: 'wait' | 'waitFor' }

test('in any schedule, every item is taken once, by somebody who holds the mutex', async () => {
  const consumer = fc.record<Consumer>({ patient: fc.boolean(), by: fc.constantFrom('wait', 'waitFor') })
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(consumer, { minLength: 1, maxLength: 6, size: 'max' }),
      async (s, consumers) => {
        const mutex = new Mutex()
        const filled = new Condition(mutex)
        const controllers = consumers.map(() => new AbortController())
        const items: number[] = []
        const taken: number[] = []
        let inside = 0
        let gaveUp = 0
        const step = (what: string) => s.schedule(Promise.resolve(), what)
        const alone = async (what: string, work: () => void) => {
          inside++
          await step(what)
          expect(inside).toBe(1)
          work()
          inside--
        }
        const find = async (lock: Lock, { by }: Consumer, signal: AbortSignal) => {
          if (by === 'waitFor') return filled.waitFor(lock, () => items.length > 0, { signal })
          while (items.length === 0) await filled.wait(lock, { signal })
        }
        const consume = async (i: number, consumer: Consumer) => {
          const { signal } = controllers[i]!
          if (!consumer.patient) step(`${i} gives up`).then(() => controllers[i]!.abort('given up'))
          await step(`${i} comes`)
          const lock = await mutex.acquire()
          const left = await find(lock, consumer, signal).catch(reason => reason)
          expect(lock.held).toBe(true)
          if (left === 'given up') await alone(`${i} goes`, () => void gaveUp++)
          else await alone(`${i} takes`, () => void taken.push(items.shift()!))
          lock.release()
        }
        const produce = async (item: number) => {
          await step(`item ${item} comes`)
          const lock = await mutex.acquire()
          await alone(`item ${item} is there`, () => {
            items.push(item)
            filled.notify()
          })
          lock.release()
        }

        const all = Promise.all(consumers.flatMap((consumer, i) => [consume(i, consumer), produce(i)]))
        all.catch(() => {})
        await s.waitIdle()
        await microtasks()
        // Nobody hangs: one notification for each item was enough, whoever gave up meanwhile.
        expect([taken.length + gaveUp, filled.waiting, mutex.waiting]).toEqual([consumers.length, 0, 0])
        await all
        expect([...taken, ...items].sort()).toEqual([...consumers.keys()])
        for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toEqual([])
      }
    ),
    settings(1500)
  )
  expect(unhandled).toEqual([])
})
