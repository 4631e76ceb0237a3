// Any sequence of operations on the public WaiterQueue, compared with a sorted list.

import fc from 'fast-check'
import { type AcquireOptions, WaiterQueue } from 'latchkey'
import { vi } from 'vitest'
import {
  anyWorld,
  type End,
  follows,
  maybe,
  operation,
  Session,
  same,
  sameEnd,
  sequence,
  type World
} from './harness.js'
import { LONGEST_TIMER, microtasks, REASONS } from './settings.js'

interface Waiting {
  readonly id: number
  readonly priority: number
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  /** What the list says became of it, and what its promise says. */
  end: End | undefined
  seen: End | undefined
}

/** A queue and what it should be like. */
class Line extends Session<Waiting> {
  readonly #queue: WaiterQueue<unknown>
  readonly #all: Waiting[] = []
  /** How often `onLeave` should have been called, and how often it was. */
  #leaving = 0
  #left = 0

  constructor(world: World) {
    super(world, 3)
    this.#queue = new WaiterQueue({
      ...(world.maxWaiting === undefined ? {} : { maxWaiting: world.maxWaiting }),
      ...(this.observer ? { observer: this.observer } : {}),
      onLeave: () => {
        this.#left++
      }
    })
  }

  get #line(): Waiting[] {
    return this.#all.filter(({ end }) => end === undefined).sort((a, b) => b.priority - a.priority || a.id - b.id)
  }

  wait(priority: number | undefined, timeout: number | undefined, pick: number | undefined): void {
    const signal = this.signalAt(pick)
    const isFull = this.#line.length >= (this.world.maxWaiting ?? Number.POSITIVE_INFINITY)
    const waiting: Waiting = {
      id: this.#all.length,
      priority: priority ?? 0,
      deadline: this.deadlineOf(timeout),
      signal,
      end: undefined,
      seen: undefined
    }
    this.#all.push(waiting)
    if (signal?.aborted) waiting.end = { reason: signal.reason }
    else if (timeout === 0) waiting.end = { code: 'ERR_LOCK_TIMEOUT' }
    else if (isFull) waiting.end = { code: 'ERR_QUEUE_FULL' }

    const options: AcquireOptions = { priority, timeout, signal }
    const given = [priority, timeout, pick].every(part => part === undefined) ? undefined : options
    const promise = this.asking(waiting, () => this.#queue.wait(given))
    this.follow(promise, end => {
      waiting.seen = end
    })
  }

  grant(value: unknown): void {
    const next = this.#line[0]
    if (next) next.end = { value }
    same('grant()', this.#queue.grant(value), next !== undefined)
  }

  /** @param granting a listener that is on the signal before the queue's own grants */
  abort(pick: number, reason: unknown, granting: boolean): void {
    let leavers: Waiting[] = []
    this.abortAt(pick, reason, signal => {
      leavers = this.#line.filter(waiting => waiting.signal === signal)
      for (const waiting of leavers) waiting.end = { reason }
      if (granting) this.amid = () => this.grant('amid')
    })
    // Those whom the grant passes over leave together: one call may stand for all of them, none may not.
    const calls = this.#left - this.#leaving
    this.#leaving += granting && calls > 0 && calls < leavers.length ? calls : leavers.length
  }

  pass(ms: number): void {
    this.now += ms
    const expired = this.#line.filter(({ deadline }) => deadline <= this.now)
    for (const waiting of expired) waiting.end = { code: 'ERR_LOCK_TIMEOUT' }
    this.#leaving += expired.length
    vi.advanceTimersByTime(ms)
  }

  rejectAll(reason: unknown): void {
    const waiting = this.#line
    for (const one of waiting) one.end = { reason }
    same('rejectAll()', this.#queue.rejectAll(reason), waiting.length)
  }

  async flush(): Promise<void> {
    await microtasks()
    for (const { id, seen, end } of this.#all) sameEnd(`what became of #${id}`, seen, end)
  }

  check(): void {
    const line = this.#line
    same('size', this.#queue.size, line.length)
    same('calls of onLeave', this.#left, this.#leaving)
    this.checkTimers(line.map(({ deadline }) => deadline))
    this.checkListeners(signal => line.some(waiting => waiting.signal === signal))
    for (const waiting of this.#all) {
      const { id, end } = waiting
      const isServed = end !== undefined && 'value' in end
      this.checkTold(
        waiting,
        `#${id}`,
        !end ? ['queued'] : isServed ? ['queued,granted'] : ['queued,abandoned', 'abandoned']
      )
    }
  }

  async finish(): Promise<void> {
    while (this.#line.length > 0) this.grant('last')
    this.check()
    await this.flush()
    same('grant() to nobody', this.#queue.grant('nobody'), false)
    this.checkNothingLeft()
  }
}

const pick = fc.nat(5)
const value = fc.constantFrom(...REASONS)
const operations = sequence(
  [
    operation(
      6,
      'wait',
      maybe(fc.constantFrom(-1, 0, 1, 2.5)),
      maybe(fc.constantFrom(0, 1, 5, LONGEST_TIMER)),
      maybe(pick)
    ),
    operation(4, 'grant', value),
    operation(3, 'abort', pick, value, fc.boolean()),
    operation(2, 'pass', fc.constantFrom(1, 4, LONGEST_TIMER)),
    operation(1, 'rejectAll', value),
    operation(3, 'flush')
  ],
  { most: 50 }
)

follows(
  'a queue does what a list does, step by step',
  { world: anyWorld(), operations, make: world => new Line(world) },
  { runs: 3000 }
)
