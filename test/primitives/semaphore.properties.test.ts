// A semaphore against a model that is too simple to be wrong: a list of who waits, a list of who holds. After each step both
// have granted and rejected the same callers in the same order (G1 to G5), and in the end everything is free again (G10).

import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { type Permit, Semaphore } from 'latchkey'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { microtasks } from '../properties/session.js'
import { FAKED, settings, watchRejections } from '../properties/settings.js'

const unhandled = watchRejections()

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Asked {
  readonly id: number
  readonly permits: number
  readonly priority: number
  readonly deadline: number
  readonly signal: AbortSignal | undefined
}

/** The rules, and nothing of how they are kept. */
class Model {
  capacity: number
  closed = false
  waiting: Asked[] = []
  /** What each holder has. */
  held: { id: number; permits: number }[] = []
  readonly told: string[] = []

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get out(): number {
    return this.held.reduce((sum, { permits }) => sum + permits, 0)
  }

  ask(asked: Asked, timeout: number | undefined): void {
    const fits = this.waiting.length === 0 && asked.permits <= this.capacity - this.out
    if (this.closed) this.reject(asked, 'ERR_LOCK_CLOSED')
    else if (asked.signal?.aborted) this.reject(asked, 'aborted')
    else if (timeout === 0 && !fits) this.reject(asked, 'ERR_LOCK_TIMEOUT')
    else {
      this.waiting.push(asked)
      this.waiting.sort((a, b) => b.priority - a.priority || a.id - b.id)
      this.serve()
    }
  }

  serve(): void {
    for (let head = this.waiting[0]; head !== undefined && this.out < this.capacity; head = this.waiting[0]) {
      if (head.permits > this.capacity) this.reject(head, 'RangeError')
      else if (head.permits <= this.capacity - this.out) {
        this.told.push(`${head.id} granted`)
        this.held.push({ id: head.id, permits: head.permits })
      } else return
      this.waiting.shift()
    }
  }

  leave(leaves: (asked: Asked) => boolean, why: string): void {
    const leavers = this.waiting.filter(leaves)
    for (const leaver of leavers) {
      this.waiting.splice(this.waiting.indexOf(leaver), 1)
      this.reject(leaver, why)
    }
    this.serve()
  }

  private reject({ id }: Asked, why: string): void {
    this.told.push(`${id} ${why}`)
  }
}

type Act =
  | {
      act: 'acquire' | 'run'
      permits: number
      priority: number
      timeout: number | undefined
      signal: number | undefined
    }
  | { act: 'try' | 'resize'; permits: number }
  | { act: 'release' | 'split' | 'abort'; pick: number }
  | { act: 'pass'; ms: number }
  | { act: 'cancel' | 'close' }

const permits = fc.integer({ min: 1, max: 4 })
const pick = fc.nat(5)
const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constantFrom('acquire' as const, 'run' as const),
      permits,
      priority: fc.constantFrom(0, 0, 0, 1, -1),
      timeout: fc.constantFrom(undefined, undefined, 0, 5, 10),
      signal: fc.option(fc.nat(1), { nil: undefined })
    })
  },
  { weight: 5, arbitrary: fc.record({ act: fc.constant('release' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constantFrom('split' as const, 'abort' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('try' as const), permits }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('resize' as const), permits }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.constantFrom(1, 5, 10) }) },
  { weight: 1, arbitrary: fc.constantFrom<Act>({ act: 'cancel' }, { act: 'cancel' }, { act: 'close' }) }
)

test('a semaphore does what the model says, step by step', async () => {
  await fc.assert(
    fc.asyncProperty(permits, fc.array(anAct, { minLength: 1, maxLength: 40, size: 'max' }), async (capacity, acts) => {
      vi.clearAllTimers()
      const model = new Model(capacity)
      const semaphore = new Semaphore(capacity)
      const told: string[] = []
      const held: { permit: Permit; end: () => void }[] = []
      let controllers = [new AbortController(), new AbortController()]
      let ids = 0
      let now = 0

      const settled = (id: number, promise: Promise<unknown>) =>
        promise.catch(error => {
          told.push(`${id} ${error instanceof RangeError ? 'RangeError' : (error?.code ?? error)}`)
        })
      const granted = (id: number, permit: Permit, end = () => permit.release()) => {
        told.push(`${id} granted`)
        held.push({ permit, end })
      }

      const perform = (step: Act): void => {
        if (step.act === 'acquire' || step.act === 'run') {
          const most = Math.min(step.permits, model.capacity)
          const id = ids++
          const signal = step.signal === undefined ? undefined : controllers[step.signal]?.signal
          const options = { permits: most, priority: step.priority, timeout: step.timeout, signal }
          const deadline = now + (step.timeout ?? Infinity)
          model.ask({ id, permits: most, priority: step.priority, deadline, signal }, step.timeout)
          if (step.act === 'acquire')
            settled(
              id,
              semaphore.acquire(options).then(permit => granted(id, permit))
            )
          else
            settled(
              id,
              semaphore.run(permit => new Promise<void>(end => granted(id, permit, end)), options)
            )
        } else if (step.act === 'try') {
          const most = Math.min(step.permits, model.capacity)
          const fits = !model.closed && model.waiting.length === 0 && most <= model.capacity - model.out
          const permit = semaphore.tryAcquire(most)
          expect(permit !== undefined).toBe(fits)
          if (!permit) return
          const id = ids++
          model.told.push(`${id} granted`)
          model.held.push({ id, permits: most })
          granted(id, permit)
        } else if (step.act === 'release' && held.length > 0) {
          const at = step.pick % held.length
          model.held.splice(at, 1)
          model.serve()
          held.splice(at, 1)[0]?.end()
        } else if (step.act === 'split' && held.length > 0) {
          const at = step.pick % held.length
          const holder = model.held[at]
          if (holder === undefined || holder.permits === 1) return
          const part = held[at]?.permit.split(1) as Permit
          holder.permits--
          model.held.push({ id: ids, permits: 1 })
          model.told.push(`${ids} granted`)
          granted(ids++, part)
        } else if (step.act === 'abort') {
          const at = step.pick % 2
          const { signal } = controllers[at] as AbortController
          // All who wait on it leave one after another, and after each of them whoever fits is served.
          for (const leaver of [...model.waiting].sort((a, b) => a.id - b.id))
            if (leaver.signal === signal && model.waiting.includes(leaver))
              model.leave(one => one === leaver, 'aborted')
          controllers[at]?.abort('aborted')
        } else if (step.act === 'pass') {
          now += step.ms
          for (let due = dueAt(now); due !== undefined; due = dueAt(now)) {
            const { id } = due
            model.leave(asked => asked.id === id, 'ERR_LOCK_TIMEOUT')
          }
          vi.advanceTimersByTime(step.ms)
        } else if (step.act === 'resize') {
          model.capacity = step.permits
          model.serve()
          semaphore.resize(step.permits)
        } else if (step.act === 'cancel') {
          model.leave(() => true, 'ERR_LOCK_CANCELLED')
          semaphore.cancelWaiters()
        } else if (step.act === 'close') {
          model.leave(() => true, 'ERR_LOCK_CLOSED')
          model.closed = true
          void semaphore.close()
        }
      }
      const dueAt = (time: number) =>
        model.waiting
          .filter(({ deadline }) => deadline <= time)
          .sort((a, b) => a.deadline - b.deadline || a.id - b.id)[0]

      const check = (): void => {
        // What is told in one step may be heard in another order: promises reject some turns later than they resolve.
        expect(told.splice(0).sort()).toEqual(model.told.splice(0).sort())
        expect(held.map(({ permit }) => permit.permits)).toEqual(model.held.map(one => one.permits))
        expect([semaphore.waiting, semaphore.available, semaphore.capacity]).toEqual([
          model.waiting.length,
          Math.max(0, model.capacity - model.out),
          model.capacity
        ])
      }

      for (const step of acts) {
        perform(step)
        await microtasks()
        check()
        if (step.act === 'abort')
          controllers = controllers.map(one => (one.signal.aborted ? new AbortController() : one))
      }
      for (let rounds = 0; held.length > 0 && rounds < 200; rounds++) {
        perform({ act: 'release', pick: 0 })
        await microtasks()
        check()
      }
      expect([semaphore.waiting, semaphore.available, vi.getTimerCount()]).toEqual([0, model.capacity, 0])
      for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toEqual([])
    }),
    settings(1500)
  )
  expect(unhandled).toEqual([])
})
