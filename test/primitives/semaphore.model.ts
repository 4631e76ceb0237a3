// A semaphore against a model that is too simple to be wrong: a list of who waits, a list of who holds. After each operation both
// have granted and rejected the same callers in the same order (G1 to G5), and in the end everything is free again (G10).

import fc from 'fast-check'
import type { LockOptions, Permit, Semaphore } from 'latchkey'
import { expect, vi } from 'vitest'
import { anyWorld, operation, type Play, Session, same, sequence, type World } from '../properties/harness.js'
import { microtasks } from '../properties/settings.js'
import type { WatchedSignal } from '../properties/signals.js'

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
  /** Has aborted, and not everybody has heard of it. */
  aborting: AbortSignal | undefined
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
      if (head.signal !== undefined && head.signal === this.aborting) this.reject(head, 'aborted')
      else if (head.permits > this.capacity) this.reject(head, 'RangeError')
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

type MakeSemaphore = (permits: number, options: LockOptions) => Semaphore

/** Every operation lets microtasks run, and then both are compared. */
class Permits extends Session<Asked> {
  readonly #model: Model
  readonly #semaphore: Semaphore
  readonly #told: string[] = []
  readonly #held: { permit: Permit; end: () => void }[] = []
  readonly #aborted: WatchedSignal[] = []
  #ids = 0

  constructor(world: World, capacity: number, make: MakeSemaphore) {
    super(world)
    this.#model = new Model(capacity)
    this.#semaphore = make(capacity, { observer: this.observer })
  }

  acquire(permits: number, priority: number, timeout: number | undefined, pick: number | undefined): Promise<void> {
    const { id, options } = this.#ask(permits, priority, timeout, pick)
    this.#settled(
      id,
      this.#semaphore.acquire(options).then(permit => this.#granted(id, permit))
    )
    return microtasks()
  }

  run(permits: number, priority: number, timeout: number | undefined, pick: number | undefined): Promise<void> {
    const { id, options } = this.#ask(permits, priority, timeout, pick)
    this.#settled(
      id,
      this.#semaphore.run(permit => new Promise<void>(end => this.#granted(id, permit, end)), options)
    )
    return microtasks()
  }

  tryAcquire(permits: number): Promise<void> {
    const { capacity, closed, held, out, told, waiting } = this.#model
    const most = Math.min(permits, capacity)
    const fits = !closed && waiting.length === 0 && most <= capacity - out
    const permit = this.#semaphore.tryAcquire(most)
    same('tryAcquire() is granted', permit !== undefined, fits)
    if (permit) {
      const id = this.#ids++
      told.push(`${id} granted`)
      held.push({ id, permits: most })
      this.#granted(id, permit)
    }
    return microtasks()
  }

  release(pick: number): Promise<void> {
    if (this.#held.length > 0) {
      const at = pick % this.#held.length
      this.#model.held.splice(at, 1)
      this.#model.serve()
      this.#held.splice(at, 1)[0]?.end()
    }
    return microtasks()
  }

  split(pick: number): Promise<void> {
    const at = pick % Math.max(1, this.#held.length)
    const holder = this.#model.held[at]
    if (holder !== undefined && holder.permits > 1) {
      const part = this.#held[at]?.permit.split(1) as Permit
      const id = this.#ids++
      holder.permits--
      this.#model.held.push({ id, permits: 1 })
      this.#model.told.push(`${id} granted`)
      this.#granted(id, part)
    }
    return microtasks()
  }

  abort(pick: number): Promise<void> {
    const index = pick % this.signals.length
    this.abortAt(index, 'aborted', signal => {
      // All who wait on it leave one after another, and after each of them whoever fits is served, unless it is to leave too.
      this.#model.aborting = signal
      for (const leaver of [...this.#model.waiting].sort((a, b) => a.id - b.id))
        if (leaver.signal === signal && this.#model.waiting.includes(leaver))
          this.#model.leave(one => one === leaver, 'aborted')
      this.#model.aborting = undefined
    })
    this.#aborted.push(this.signals[index]!)
    this.signals[index] = this.newSignal()
    return microtasks()
  }

  pass(ms: number): Promise<void> {
    this.now += ms
    const due = () =>
      this.#model.waiting
        .filter(({ deadline }) => deadline <= this.now)
        .sort((a, b) => a.deadline - b.deadline || a.id - b.id)[0]
    for (let next = due(); next !== undefined; next = due()) {
      const { id } = next
      this.#model.leave(asked => asked.id === id, 'ERR_LOCK_TIMEOUT')
    }
    vi.advanceTimersByTime(ms)
    return microtasks()
  }

  resize(permits: number): Promise<void> {
    this.#model.capacity = permits
    this.#model.serve()
    this.#semaphore.resize(permits)
    return microtasks()
  }

  cancelWaiters(): Promise<void> {
    this.#model.leave(() => true, 'ERR_LOCK_CANCELLED')
    this.#semaphore.cancelWaiters()
    return microtasks()
  }

  close(): Promise<void> {
    this.#model.leave(() => true, 'ERR_LOCK_CLOSED')
    this.#model.closed = true
    void this.#semaphore.close()
    return microtasks()
  }

  check(): void {
    const { capacity, held, out, told, waiting } = this.#model
    // What is told in one step may be heard in another order: promises reject some turns later than they resolve.
    expect(this.#told.splice(0).sort()).toEqual(told.splice(0).sort())
    expect(this.#held.map(({ permit }) => permit.permits)).toEqual(held.map(one => one.permits))
    same('waiting', this.#semaphore.waiting, waiting.length)
    same('available', this.#semaphore.available, Math.max(0, capacity - out))
    same('capacity', this.#semaphore.capacity, capacity)
    this.checkTimers(waiting.map(({ deadline }) => deadline))
    this.checkListeners(signal => waiting.some(asked => asked.signal === signal))
    if (!this.world.observed) return
    const allowed = ['queued', 'queued,abandoned', 'abandoned', 'granted', 'queued,granted']
    for (const story of this.stories)
      expect([...allowed, 'granted,released', 'queued,granted,released']).toContain(story)
    same('queued for an observer', this.stories.filter(story => story === 'queued').length, waiting.length)
  }

  async finish(): Promise<void> {
    for (let rounds = 0; this.#held.length > 0 && rounds < 200; rounds++) {
      await this.release(0)
      this.check()
    }
    same('waiting at the end', this.#semaphore.waiting, 0)
    same('available at the end', this.#semaphore.available, this.#model.capacity)
    this.checkNothingLeft()
    for (const { listeners } of this.#aborted) same('listeners left', listeners, 1)
  }

  #ask(permits: number, priority: number, timeout: number | undefined, pick: number | undefined) {
    const most = Math.min(permits, this.#model.capacity)
    const id = this.#ids++
    const signal = this.signalAt(pick)
    this.#model.ask({ id, permits: most, priority, deadline: this.deadlineOf(timeout), signal }, timeout)
    return { id, options: { permits: most, priority, timeout, signal } }
  }

  #settled(id: number, promise: Promise<unknown>): void {
    promise.catch(error => {
      this.#told.push(`${id} ${error instanceof RangeError ? 'RangeError' : (error?.code ?? error)}`)
    })
  }

  #granted(id: number, permit: Permit, end = () => permit.release()): void {
    this.#told.push(`${id} granted`)
    this.#held.push({ permit, end })
  }
}

const permits = fc.integer({ min: 1, max: 4 })
const pick = fc.nat(5)
const asking = [
  permits,
  fc.constantFrom(0, 0, 0, 1, -1),
  fc.constantFrom(undefined, undefined, 0, 5, 10),
  fc.option(fc.nat(1), { nil: undefined })
]
const operations = sequence(
  [
    operation(6, 'acquire', ...asking),
    operation(6, 'run', ...asking),
    operation(10, 'release', pick),
    operation(2, 'split', pick),
    operation(2, 'abort', pick),
    operation(2, 'tryAcquire', permits),
    operation(2, 'resize', permits),
    operation(2, 'pass', fc.constantFrom(1, 5, 10)),
    operation(2, 'cancelWaiters')
  ],
  { most: 40, closing: [operation(1, 'close')] }
)

/** How a semaphore is played with. */
export const semaphorePlay = (make: MakeSemaphore): Play<Permits, [World, number]> => ({
  world: fc.tuple(anyWorld(), permits),
  operations,
  make: ([world, capacity]) => new Permits(world, capacity, make)
})
