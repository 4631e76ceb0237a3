// Any sequence of steps on the public WaiterQueue, compared with a sorted list.

import fc from 'fast-check'
import { type AcquireOptions, WaiterQueue } from 'latchkey'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LONGEST_TIMER, microtasks, REASONS } from './session.js'
import { FAKED, settings, watchRejections } from './settings.js'
import { foreignSignal, platformSignal, type WatchedSignal } from './signals.js'

const unhandled = watchRejections()

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
})

type Fate = { granted: unknown } | { refused: unknown } | { code: string } | undefined

interface Waiting {
  readonly id: number
  readonly priority: number
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  /** What the list says became of it. */
  fate: Fate
  /** What its promise says. */
  seen: Fate
  readonly told: string[]
}

interface Options {
  maxWaiting: number | undefined
  observed: boolean
  foreignSignals: boolean
}

/** A queue and what it should be like. */
class Line {
  readonly #queue: WaiterQueue<unknown>
  readonly #all: Waiting[] = []
  readonly #options: Options
  #now = 0
  readonly #signals: WatchedSignal[]
  #amidAbort = () => {}
  /** How often `onLeave` should have been called, and how often it was. */
  #leaving = 0
  #left = 0
  #making: Waiting | undefined
  readonly #requests = new Map<object, Waiting>()

  constructor(options: Options) {
    this.#options = options
    this.#signals = [this.#newSignal(), this.#newSignal(), this.#newSignal()]
    const tell = (event: string) => (request: object) => {
      if (this.#making && !this.#requests.has(request)) this.#requests.set(request, this.#making)
      this.#requests.get(request)!.told.push(event)
    }
    this.#queue = new WaiterQueue({
      ...(options.maxWaiting === undefined ? {} : { maxWaiting: options.maxWaiting }),
      ...(options.observed
        ? { observer: { queued: tell('queued'), granted: tell('granted'), abandoned: tell('abandoned') } }
        : {}),
      onLeave: () => {
        this.#left++
      }
    })
  }

  get #line(): Waiting[] {
    return this.#all.filter(({ fate }) => fate === undefined).sort((a, b) => b.priority - a.priority || a.id - b.id)
  }

  wait(priority: number | undefined, timeout: number | undefined, pick: number | undefined): void {
    const signal = pick === undefined ? undefined : this.#signals[pick % this.#signals.length]!.signal
    const isFull = this.#line.length >= (this.#options.maxWaiting ?? Number.POSITIVE_INFINITY)
    const waiting: Waiting = {
      id: this.#all.length,
      priority: priority ?? 0,
      deadline: this.#now + (timeout ?? Number.POSITIVE_INFINITY),
      signal,
      fate: undefined,
      seen: undefined,
      told: []
    }
    this.#all.push(waiting)
    if (signal?.aborted) waiting.fate = { refused: signal.reason }
    else if (timeout === 0) waiting.fate = { code: 'ERR_LOCK_TIMEOUT' }
    else if (isFull) waiting.fate = { code: 'ERR_QUEUE_FULL' }

    const options: AcquireOptions = { priority, timeout, signal }
    this.#making = waiting
    const promise = this.#queue.wait([priority, timeout, pick].every(part => part === undefined) ? undefined : options)
    this.#making = undefined
    promise.then(
      granted => {
        waiting.seen = { granted }
      },
      reason => {
        waiting.seen = reason?.code ? { code: reason.code } : { refused: reason }
      }
    )
  }

  grant(value: unknown): void {
    const next = this.#line[0]
    if (next) next.fate = { granted: value }
    same('grant()', this.#queue.grant(value), next !== undefined)
  }

  /** @param granting a listener that is on the signal before the queue's own grants */
  abort(pick: number, reason: unknown, granting: boolean): void {
    const index = pick % this.#signals.length
    const { signal, abort } = this.#signals[index]!
    if (signal.aborted) {
      this.#signals[index] = this.#newSignal()
      return
    }
    const leavers = this.#line.filter(waiting => waiting.signal === signal)
    for (const waiting of leavers) waiting.fate = { refused: reason }
    this.#amidAbort = granting ? () => this.grant('amid') : () => {}
    abort(reason)
    this.#amidAbort = () => {}
    // Those whom the grant passes over leave together: one call may stand for all of them, none may not.
    const calls = this.#left - this.#leaving
    this.#leaving += granting && calls > 0 && calls < leavers.length ? calls : leavers.length
  }

  pass(ms: number): void {
    this.#now += ms
    const expired = this.#line.filter(({ deadline }) => deadline <= this.#now)
    for (const waiting of expired) waiting.fate = { code: 'ERR_LOCK_TIMEOUT' }
    this.#leaving += expired.length
    vi.advanceTimersByTime(ms)
  }

  rejectAll(reason: unknown): void {
    const waiting = this.#line
    for (const one of waiting) one.fate = { refused: reason }
    same('rejectAll()', this.#queue.rejectAll(reason), waiting.length)
  }

  async flush(): Promise<void> {
    await microtasks()
    for (const { id, seen, fate } of this.#all) {
      const [key, value] = Object.entries(fate ?? {})[0] ?? []
      const [seenKey, seenValue] = Object.entries(seen ?? {})[0] ?? []
      same(`what became of #${id}`, seenKey, key)
      same(`what #${id} got`, seenValue, value)
    }
  }

  check(): void {
    const line = this.#line
    same('size', this.#queue.size, line.length)
    same('calls of onLeave', this.#left, this.#leaving)
    const timed = line.some(({ deadline }) => deadline < Number.POSITIVE_INFINITY)
    same('timers run', vi.getTimerCount() > 0, timed)
    for (const { signal, listeners } of this.#signals) {
      const used = line.some(waiting => waiting.signal === signal)
      same('listeners', listeners - 1, used ? 1 : 0)
    }
    if (!this.#options.observed) return
    for (const { id, fate, told } of this.#all) {
      const end = fate && ('granted' in fate ? 'granted' : 'abandoned')
      const allowed = fate ? [`queued,${end}`, end === 'abandoned' ? end : ''] : ['queued']
      if (!allowed.includes(told.join())) throw new Error(`of #${id} was told: ${told}`)
    }
  }

  async finish(): Promise<void> {
    while (this.#line.length > 0) this.grant('last')
    this.check()
    await this.flush()
    same('grant() to nobody', this.#queue.grant('nobody'), false)
    same('timers left', vi.getTimerCount(), 0)
  }

  #newSignal(): WatchedSignal {
    const watched = this.#options.foreignSignals ? foreignSignal() : platformSignal()
    watched.signal.addEventListener('abort', () => this.#amidAbort())
    return watched
  }
}

function same(what: string, seen: unknown, expected: unknown): void {
  if (!Object.is(seen, expected)) throw new Error(`${what}: is ${String(seen)}, should be ${String(expected)}`)
}

const pick = fc.nat(5)
const value = fc.constantFrom(...REASONS)
const maybe = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined, freq: 2 })
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant('wait' as const),
      maybe(fc.constantFrom(-1, 0, 1, 2.5)),
      maybe(fc.constantFrom(0, 1, 5, LONGEST_TIMER)),
      maybe(pick)
    )
  },
  { weight: 4, arbitrary: fc.tuple(fc.constant('grant' as const), value) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('abort' as const), pick, value, fc.boolean()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('pass' as const), fc.constantFrom(1, 4, LONGEST_TIMER)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('rejectAll' as const), value) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('flush' as const)) }
)

const options = fc.record({
  maxWaiting: maybe(fc.constantFrom(0, 1, 3)),
  observed: fc.boolean(),
  foreignSignals: fc.boolean()
})

test('a queue does what a list does, step by step', async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.array(step, { maxLength: 50, size: 'max' }), async (options, steps) => {
      vi.clearAllTimers()
      const line = new Line(options)
      for (const [method, ...args] of steps) {
        const flushed = (line[method] as (...args: unknown[]) => void | Promise<void>)(...args)
        if (flushed) await flushed
        line.check()
      }
      await line.finish()
    }),
    settings(3000)
  )
  expect(unhandled).toEqual([])
})
