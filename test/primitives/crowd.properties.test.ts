// Any sequence of steps on a Latch, a Gate or a Barrier, compared with a list and a number after each (G2, G3, G5, G10).

import { inspect } from 'node:util'
import fc from 'fast-check'
import { type AcquireOptions, Barrier, Gate, Latch, type LockOptions } from 'latchkey'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { microtasks, REASONS } from '../properties/session.js'
import { FAKED, settings, watchRejections } from '../properties/settings.js'
import { foreignSignal, platformSignal, type WatchedSignal } from '../properties/signals.js'

const unhandled = watchRejections()

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
})

type Fate = { granted: unknown } | { refused: unknown } | { code: string }

interface Caller {
  readonly id: number
  readonly priority: number
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  /** What the list says became of it. */
  fate: Fate | undefined
  /** What its promise says. */
  seen: Fate | undefined
  readonly told: string[]
}

/** A primitive, and in a few lines what it should do. */
interface Subject {
  readonly primitive: Latch | Gate | Barrier
  ask(options?: AcquireOptions): Promise<unknown>
  /** Does one of the things that only this primitive does: `open`, `countDown`, `reset`. */
  act(n: number): void
  /** The same for the model, given those who wait; returns what becomes of each of them, if anything. */
  model(n: number, waiting: number): ((place: number) => Fate) | undefined
  /** A caller comes whom nothing refuses: what becomes of it at once, and of those who wait, if anything. */
  comes(waiting: number): { fate: Fate; others?: (place: number) => Fate } | undefined
  state(): string
}

const through: Fate = { granted: undefined }
const byPriority = (a: Caller, b: Caller) => b.priority - a.priority || a.id - b.id

function latchSubject(size: number, options: LockOptions): Subject {
  const latch = new Latch(size, options)
  let count = size
  return {
    primitive: latch,
    ask: options => latch.wait(options),
    act: n => (n === 1 ? latch.countDown() : latch.countDown(n)),
    model(n) {
      count = Math.max(0, count - n)
      return count === 0 ? () => through : undefined
    },
    comes: () => (count === 0 ? { fate: through } : undefined),
    state: () => `Latch "subject" { ${count === 0 ? 'open' : `${count} to go`}`
  }
}

function gateSubject(size: number, options: LockOptions): Subject {
  let isOpen = size % 2 === 1
  const gate = new Gate({ ...options, open: isOpen })
  return {
    primitive: gate,
    ask: options => gate.wait(options),
    act: n => (n === 1 ? gate.open() : gate.shut()),
    model(n) {
      isOpen = n === 1
      return isOpen ? () => through : undefined
    },
    comes: () => (isOpen ? { fate: through } : undefined),
    state: () => `Gate "subject" { ${isOpen ? 'open' : 'shut'}`
  }
}

function barrierSubject(size: number, options: LockOptions): Subject {
  const parties = size + 1
  const barrier = new Barrier(parties, options)
  return {
    primitive: barrier,
    ask: options => barrier.arrive(options),
    act: () => barrier.reset(),
    model: () => () => ({ code: 'ERR_BARRIER_BROKEN' }),
    comes(waiting) {
      if (waiting < parties - 1) return undefined
      return { fate: { granted: waiting }, others: granted => ({ granted }) }
    },
    state: () => `Barrier "subject" { ${parties} part${parties === 1 ? 'y' : 'ies'}`
  }
}

const subjects = { latch: latchSubject, gate: gateSubject, barrier: barrierSubject }

interface Options {
  kind: keyof typeof subjects
  size: number
  maxWaiting: number | undefined
  observed: boolean
  foreignSignals: boolean
}

class Run {
  readonly #options: Options
  readonly #subject: Subject
  readonly #all: Caller[] = []
  /** Ids in the order in which they should be, and were, let through. */
  readonly #let: number[] = []
  readonly #went: number[] = []
  readonly #signals: WatchedSignal[]
  #amidAbort = () => {}
  #now = 0
  #closed: { reason: unknown } | undefined
  /** Of the calls of `whenFree` and `close`: whether each should have resolved (`undefined`: it may), and has. */
  readonly #spectators: { due: boolean | undefined; done: boolean }[] = []
  #making: Caller | undefined
  readonly #requests = new Map<object, Caller>()

  constructor(options: Options) {
    this.#options = options
    this.#signals = [this.#newSignal(), this.#newSignal()]
    const tell = (event: string) => (request: object) => {
      if (this.#making && !this.#requests.has(request)) this.#requests.set(request, this.#making)
      this.#requests.get(request)!.told.push(event)
    }
    const observer = {
      queued: tell('queued'),
      granted: tell('granted'),
      released: tell('released'),
      abandoned: tell('abandoned')
    }
    this.#subject = subjects[options.kind](options.size, {
      name: 'subject',
      maxWaiting: options.maxWaiting,
      observer: options.observed ? observer : undefined
    })
  }

  get #line(): Caller[] {
    const line = this.#all.filter(({ fate }) => fate === undefined)
    return this.#options.kind === 'barrier' ? line : line.sort(byPriority)
  }

  ask(priority: number | undefined, timeout: number | undefined, pick: number | undefined): void {
    const signal = pick === undefined ? undefined : this.#signals[pick]!.signal
    const line = this.#line
    const caller: Caller = {
      id: this.#all.length,
      priority: priority ?? 0,
      deadline: this.#now + (timeout ?? Number.POSITIVE_INFINITY),
      signal,
      fate: undefined,
      seen: undefined,
      told: []
    }
    const free = this.#subject.comes(line.length)
    if (this.#closed) caller.fate = closedFate(this.#closed.reason)
    else if (signal?.aborted) caller.fate = { refused: signal.reason }
    else if (free) {
      this.#settle(line, free.others)
      caller.fate = free.fate
      this.#let.push(caller.id)
    } else if (timeout === 0) caller.fate = { code: 'ERR_LOCK_TIMEOUT' }
    else if (line.length >= (this.#options.maxWaiting ?? Number.POSITIVE_INFINITY))
      caller.fate = { code: 'ERR_QUEUE_FULL' }
    this.#all.push(caller)

    this.#making = caller
    const bare = [priority, timeout, pick].every(part => part === undefined)
    const promise = this.#subject.ask(bare ? undefined : { priority, timeout, signal })
    this.#making = undefined
    promise.then(
      granted => {
        caller.seen = { granted }
        this.#went.push(caller.id)
      },
      reason => {
        caller.seen = typeof reason?.code === 'string' ? { code: reason.code } : { refused: reason }
      }
    )
  }

  act(n: number): void {
    this.#settle(this.#line, this.#subject.model(n, this.#line.length))
    this.#subject.act(n)
  }

  /** @param amid what a listener does that is on the signal before the primitive's own */
  abort(pick: number, reason: unknown, amid: 'ask' | 'act' | 'nothing'): void {
    const { signal, abort } = this.#signals[pick]!
    if (signal.aborted) {
      this.#signals[pick] = this.#newSignal()
      return
    }
    const patient = this.#spectators.filter(({ due }) => !due)
    // A reset comes first where it comes before the event: both are rejections. A grant passes over the aborted.
    const isReset = amid === 'act' && this.#options.kind === 'barrier'
    if (!isReset)
      this.#settle(
        this.#line.filter(caller => caller.signal === signal),
        () => ({ refused: reason })
      )
    // `maxWaiting` counts those whom the event has not reached yet: no newcomer is compared there.
    if (amid === 'ask' && this.#options.maxWaiting !== undefined) amid = 'nothing'
    if (amid === 'ask') this.#amidAbort = () => this.ask(undefined, undefined, undefined)
    if (amid === 'act') this.#amidAbort = () => this.act(1)
    abort(reason)
    this.#amidAbort = () => {}
    // A newcomer was there before the last one was seen to leave, or after.
    if (this.#line.length > 0) for (const spectator of patient) if (spectator.due) spectator.due = undefined
  }

  pass(ms: number): void {
    this.#now += ms
    this.#settle(
      this.#line.filter(({ deadline }) => deadline <= this.#now),
      () => ({ code: 'ERR_LOCK_TIMEOUT' })
    )
    vi.advanceTimersByTime(ms)
  }

  cancelWaiters(reason: unknown): void {
    this.#settle(this.#line, () => (reason === undefined ? { code: 'ERR_LOCK_CANCELLED' } : { refused: reason }))
    this.#subject.primitive.cancelWaiters(reason)
  }

  close(reason: unknown): void {
    this.#closed ??= { reason }
    const fate = closedFate(this.#closed.reason)
    this.#settle(this.#line, () => fate)
    this.#spectate(this.#subject.primitive.close(reason))
  }

  whenFree(): void {
    this.#spectate(this.#subject.primitive.whenFree())
  }

  async flush(): Promise<void> {
    await microtasks()
    for (const { id, seen, fate } of this.#all) {
      const [key, value] = Object.entries(fate ?? {})[0] ?? []
      const [seenKey, seenValue] = Object.entries(seen ?? {})[0] ?? []
      same(`what became of #${id}`, seenKey, key)
      same(`what #${id} got`, seenValue, value)
    }
    same('order', this.#went.join(), this.#let.join())
    for (const { due, done } of this.#spectators) same('whenFree() has resolved', done, due ?? done)
  }

  check(): void {
    const line = this.#line
    const { primitive } = this.#subject
    const waiting = line.length > 0 ? `, ${line.length} waiting }` : ' }'
    same('waiting', primitive.waiting, line.length)
    same('closed', primitive.closed, this.#closed !== undefined)
    const state = this.#subject.state().replace('{', this.#closed ? '{ closed,' : '{')
    same('inspect', inspect(primitive), state + waiting)
    same('timers run', vi.getTimerCount(), line.filter(({ deadline }) => deadline < Number.POSITIVE_INFINITY).length)
    for (const { signal, listeners } of this.#signals)
      same('listeners', listeners - 1, line.some(caller => caller.signal === signal) ? 1 : 0)
    if (this.#options.observed) for (const caller of this.#all) checkTold(caller)
  }

  async finish(): Promise<void> {
    this.close(undefined)
    this.check()
    await this.flush()
    same('timers left', vi.getTimerCount(), 0)
  }

  /** Those of the list go, each to its fate; whoever waits for nobody to wait may see that. */
  #settle(callers: Caller[], fateOf: ((place: number) => Fate) | undefined): void {
    if (fateOf === undefined) return
    for (const [place, caller] of callers.entries()) {
      caller.fate = fateOf(place)
      if ('granted' in caller.fate) this.#let.push(caller.id)
    }
    if (this.#line.length === 0) for (const spectator of this.#spectators) spectator.due = true
  }

  #spectate(promise: Promise<void>): void {
    const spectator = { due: this.#line.length === 0, done: false }
    this.#spectators.push(spectator)
    void promise.then(() => {
      spectator.done = true
    })
  }

  #newSignal(): WatchedSignal {
    const watched = this.#options.foreignSignals ? foreignSignal() : platformSignal()
    watched.signal.addEventListener('abort', () => this.#amidAbort())
    return watched
  }
}

const closedFate = (reason: unknown): Fate => (reason === undefined ? { code: 'ERR_LOCK_CLOSED' } : { refused: reason })

/** One story each: refused or let through at once, or queued and then one of the two. */
function checkTold({ id, fate, told }: Caller): void {
  const end = fate && ('granted' in fate ? 'granted' : 'abandoned')
  const allowed = end ? [end, `queued,${end}`] : ['queued']
  if (!allowed.includes(told.join())) throw new Error(`of #${id} was told: ${told}`)
}

function same(what: string, seen: unknown, expected: unknown): void {
  if (!Object.is(seen, expected)) throw new Error(`${what}: is ${String(seen)}, should be ${String(expected)}`)
}

const pick = fc.nat(1)
const reason = fc.constantFrom(...REASONS)
const maybe = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined, freq: 2 })
const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.tuple(
      fc.constant('ask' as const),
      maybe(fc.constantFrom(-1, 0, 1)),
      maybe(fc.constantFrom(0, 1, 5, Number.POSITIVE_INFINITY)),
      maybe(pick)
    )
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('act' as const), fc.constantFrom(1, 2)) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant('abort' as const), pick, reason, fc.constantFrom('ask', 'act', 'nothing'))
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('pass' as const), fc.constantFrom(1, 4)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('cancelWaiters' as const), maybe(reason)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('whenFree' as const)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('flush' as const)) }
)
/** Rarely, and then to see what comes after it. */
const closing = fc.tuple(fc.constant('close' as const), maybe(reason))
const steps = fc
  .tuple(fc.array(step, { maxLength: 40, size: 'max' }), fc.option(closing), fc.array(step, { maxLength: 5 }))
  .map(([before, close, after]) => [...before, ...(close ? [close] : []), ...after])

const options = (kind: Options['kind']) =>
  fc.record({
    kind: fc.constant(kind),
    size: fc.nat(3),
    maxWaiting: maybe(fc.constantFrom(0, 1, 3)),
    observed: fc.boolean(),
    foreignSignals: fc.boolean()
  })

test.each(['latch', 'gate', 'barrier'] as const)('a %s does what its model does, step by step', async kind => {
  await fc.assert(
    fc.asyncProperty(options(kind), steps, async (options, steps) => {
      vi.clearAllTimers()
      const run = new Run(options)
      for (const [method, ...args] of steps) {
        const flushed = (run[method] as (...args: unknown[]) => void | Promise<void>)(...args)
        if (flushed) await flushed
        run.check()
      }
      await run.finish()
    }),
    settings(1500)
  )
  expect(unhandled).toEqual([])
})
