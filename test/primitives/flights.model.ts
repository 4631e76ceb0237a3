// Any sequence of operations on a SingleFlight or a Lazy, compared with a model after each. A Lazy is the case of one key, and
// of a value that stays.

import { inspect } from 'node:util'
import fc from 'fast-check'
import type { AcquireOptions, FlightTask, Lazy, LockOptions, SingleFlight } from 'latchkey'
import { expect, vi } from 'vitest'
import { deferred } from '../fixtures/settle.js'
import {
  anyWorld,
  type End,
  endOf,
  maybe,
  operation,
  type Play,
  refusalOf,
  Session,
  same,
  sameEnd,
  sequence,
  type World
} from '../properties/harness.js'
import { microtasks, REASONS } from '../properties/settings.js'

/**
 * How a task ends: when the test says so, at once, or by itself in a microtask. `returning` ones ask for their key again
 * from a listener of their signal.
 */
type Kind = 'later' | 'returning' | 'value' | 'throw' | 'thenable'
const REFUSED = new Error('of a task')

interface Caller {
  readonly id: number
  readonly key: string
  readonly kind: Kind
  readonly options: AcquireOptions | undefined
  readonly deadline: number
  /** What the model says became of it, and what its promise says. */
  end: End | undefined
  seen: End | undefined
}

interface Run {
  readonly id: number
  readonly key: string
  readonly kind: Kind
  readonly gate: ReturnType<typeof deferred<unknown>>
  callers: Caller[]
  /** How the task has ended. Until the next flush nobody knows. */
  ended: End | undefined
  /** Why its signal should have aborted. */
  aborted: End | undefined
  /** What it was called with. */
  signal: AbortSignal | undefined
}

type Task = (signal: AbortSignal) => unknown

/** What a model has to say of what only one of the two shows. */
interface Shown {
  /** The keys for which a newcomer would join a task, with how many wait for each. */
  readonly listed: ReadonlyMap<string, number>
  readonly waiting: number
  readonly made: { value: unknown } | undefined
}

/** SingleFlight and Lazy under one set of names. */
interface Subject {
  readonly it: SingleFlight | Lazy<unknown>
  readonly name: string
  readonly keys: readonly string[]
  /** Whether what a task comes to stays. */
  readonly keeps: boolean
  run(key: string, task: Task, options: AcquireOptions | undefined): Promise<unknown>
  forget?(key: string): boolean
  /** Compares what only one of the two shows, and returns the state that `inspect` should tell. */
  check(shown: Shown): string
}

type MakeSubject = (options: LockOptions) => Subject
type MakeLazy = (factory: FlightTask<unknown>) => Lazy<unknown>

const singleFlight = (flights: SingleFlight): Subject => {
  const keys = ['a', 'b']
  return {
    it: flights,
    name: 'SingleFlight',
    keys,
    keeps: false,
    run: (key, task, options) => flights.run(key, task, options),
    forget: key => flights.forget(key),
    check({ listed, waiting }) {
      same('size', flights.size, listed.size)
      same('keys()', [...flights.keys()].join(), [...listed.keys()].join())
      for (const key of keys) same(`has(${key})`, flights.has(key), listed.has(key))
      return `${listed.size} ${listed.size === 1 ? 'key' : 'keys'}${waiting > 0 ? `, ${waiting} waiting` : ''}`
    }
  }
}

const lazySubject = (make: MakeLazy): Subject => {
  let task: Task
  const lazy = make(signal => task(signal))
  return {
    it: lazy,
    name: 'Lazy',
    keys: ['the value'],
    keeps: true,
    run(_key, factory, options) {
      task = factory
      return lazy.get(options)
    },
    check({ listed, made }) {
      same('ready', lazy.ready, made !== undefined)
      same('peek()', lazy.peek(), made?.value)
      const [waiting] = [...listed.values()]
      return made ? 'ready' : waiting === undefined ? 'empty' : `running, ${waiting} waiting`
    }
  }
}

/** A subject and what it should be like. Each step goes through the model first. */
class Flights extends Session<Caller> {
  readonly #subject: Subject
  readonly #callers: Caller[] = []
  readonly #runs: Run[] = []
  /** The runs whose task has not settled, in order of their start, and those that a newcomer joins. */
  #running: Run[] = []
  readonly #listed = new Map<string, Run>()
  /** What has come of a task, if that stays, and who found it there. */
  #made: { value: unknown } | undefined
  readonly #finders = new Set<Caller>()
  /** Who asks from a listener, in the order in which the model says so. */
  readonly #returning: Caller[] = []
  /** The callers in the order in which they heard of an outcome, by run. */
  readonly #heard = new Map<Run, Caller[]>()
  /** The run whose outcome a caller was given. */
  readonly #servedBy = new Map<Caller, Run>()

  constructor(make: MakeSubject, world: World) {
    super(world)
    this.#subject = make({ name: 's', maxWaiting: world.maxWaiting, observer: this.observer })
  }

  // Steps.

  run(which: number, kind: Kind, timeout?: number, pick?: number, priority?: number): void {
    const key = this.#keyOf(which)
    const signal = this.signalAt(pick)
    const given = [timeout, pick, priority].some(part => part !== undefined)
    const caller = this.#modelRun(key, kind, given ? { timeout, signal, priority } : undefined)
    this.#call(caller)
  }

  settle(pick: number, end: { value: unknown } | { reason: unknown }): void {
    const open = this.#running.filter(({ ended }) => ended === undefined)
    const run = open[pick % open.length]
    if (run === undefined) return
    run.ended = end
    if ('value' in end) run.gate.resolve(end.value)
    else run.gate.reject(end.reason)
  }

  abort(pick: number, reason: unknown): void {
    this.abortAt(pick, reason, signal => {
      for (const caller of this.#waiting) if (caller.options?.signal === signal) this.#leave(caller, { reason })
    })
  }

  pass(ms: number): void {
    this.now += ms
    const expired = this.#waiting.filter(({ deadline }) => deadline <= this.now)
    for (const caller of expired.sort((a, b) => a.deadline - b.deadline || a.id - b.id))
      this.#leave(caller, { code: 'ERR_LOCK_TIMEOUT' })
    vi.advanceTimersByTime(ms)
  }

  forget(which: number): void {
    const key = this.#keyOf(which)
    if (this.#subject.forget) same('forget()', this.#subject.forget(key), this.#listed.delete(key))
  }

  cancelWaiters(reason: unknown): void {
    this.#turnAway(refusalOf(reason, 'ERR_LOCK_CANCELLED'))
    this.#subject.it.cancelWaiters(reason)
  }

  close(reason: unknown): void {
    if (this.closed === undefined) {
      this.closed = refusalOf(reason, 'ERR_LOCK_CLOSED')
      this.#turnAway(this.closed)
    }
    this.spectate(this.#subject.it.close(reason), this.#running.length === 0)
  }

  whenFree(): void {
    this.spectate(this.#subject.it.whenFree(), this.#running.length === 0)
  }

  async flush(): Promise<void> {
    for (const run of this.#running.filter(({ ended }) => ended !== undefined)) this.#land(run)
    await microtasks()
    for (const { id, seen, end } of this.#callers) sameEnd(`what became of #${id}`, seen, end)
    for (const [run, heard] of this.#heard) {
      const expected = [...heard].sort((a, b) => priorityOf(b) - priorityOf(a) || a.id - b.id)
      same(`the order of #${run.id}`, heard.map(({ id }) => id).join(), expected.map(({ id }) => id).join())
    }
    this.checkSpectators()
  }

  // The model.

  #modelRun(key: string, kind: Kind, options: AcquireOptions | undefined): Caller {
    const { timeout, signal } = options ?? {}
    const caller: Caller = {
      id: this.#callers.length,
      key,
      kind,
      options,
      deadline: this.deadlineOf(timeout),
      end: undefined,
      seen: undefined
    }
    this.#callers.push(caller)
    const joined = this.#listed.get(key)
    if (this.closed !== undefined) caller.end = this.closed
    else if (signal?.aborted) caller.end = { reason: signal.reason }
    else if (this.#made !== undefined) {
      caller.end = this.#made
      this.#finders.add(caller)
    } else if (timeout === 0) caller.end = { code: 'ERR_LOCK_TIMEOUT' }
    else if ((joined?.callers.length ?? 0) >= (this.world.maxWaiting ?? Number.POSITIVE_INFINITY))
      caller.end = { code: 'ERR_QUEUE_FULL' }
    else (joined ?? this.#modelStart(key, kind)).callers.push(caller)
    return caller
  }

  #modelStart(key: string, kind: Kind): Run {
    const run: Run = {
      id: this.#runs.length,
      key,
      kind,
      gate: deferred(),
      callers: [],
      ended:
        kind === 'throw' ? { reason: REFUSED } : kind === 'value' || kind === 'thenable' ? { value: kind } : undefined,
      aborted: undefined,
      signal: undefined
    }
    this.#runs.push(run)
    this.#running.push(run)
    this.#listed.set(key, run)
    return run
  }

  #leave(caller: Caller, end: End): void {
    caller.end = end
    const run = this.#running.find(({ callers }) => callers.includes(caller))!
    run.callers = run.callers.filter(other => other !== caller)
    if (run.callers.length === 0) this.#desert(run, end)
  }

  #desert(run: Run, reason: End): void {
    this.#delist(run)
    if (run.aborted) return
    run.aborted = reason
    if (run.kind === 'returning') this.#returning.push(this.#modelRun(run.key, 'later', undefined))
  }

  #turnAway(reason: End): void {
    const running = [...this.#running]
    for (const run of running) this.#delist(run)
    for (const run of running) {
      for (const caller of run.callers) caller.end = reason
      run.callers = []
      this.#desert(run, reason)
    }
  }

  #delist(run: Run): void {
    if (this.#listed.get(run.key) === run) this.#listed.delete(run.key)
  }

  #land(run: Run): void {
    const { ended } = run
    const isLast = this.#listed.get(run.key) === run
    if (this.#subject.keeps && isLast && ended !== undefined && 'value' in ended) this.#made = ended
    this.#delist(run)
    this.#running = this.#running.filter(other => other !== run)
    for (const caller of run.callers) caller.end = run.ended
    if (run.callers.length > 0) this.#heard.set(run, [])
    for (const caller of run.callers) this.#servedBy.set(caller, run)
    run.callers = []
    if (this.#running.length === 0) this.nowFree()
  }

  get #waiting(): Caller[] {
    return this.#running.flatMap(({ callers }) => callers).sort((a, b) => a.id - b.id)
  }

  // The real one.

  #call(caller: Caller): void {
    const promise = this.asking(caller, () =>
      this.#subject.run(caller.key, signal => this.#task(caller, signal), caller.options)
    )
    this.follow(promise, end => {
      caller.seen = end
      this.#heard.get(this.#servedBy.get(caller)!)?.push(caller)
    })
  }

  #task(caller: Caller, signal: AbortSignal): unknown {
    const run = this.#runs.find(({ key, signal }) => key === caller.key && signal === undefined)
    if (run === undefined) throw new Error(`a task of ${caller.key} starts that should not`)
    run.signal = signal
    if (run.kind === 'returning') signal.addEventListener('abort', () => this.#call(this.#returning.shift()!))
    if (run.kind === 'throw') throw REFUSED
    if (run.kind === 'value') return 'value'
    if (run.kind === 'thenable') return { then: (resolve: (value: unknown) => void) => resolve('thenable') }
    return run.gate.promise
  }

  #keyOf(which: number): string {
    const { keys } = this.#subject
    return keys[which % keys.length]!
  }

  // What must hold after every step, and at the end.

  check(): void {
    const { it, name } = this.#subject
    const waiting = this.#waiting
    same('waiting', it.waiting, waiting.length)
    same('closed', it.closed, this.closed !== undefined)
    const listed = new Map([...this.#listed].map(([key, { callers }]) => [key, callers.length]))
    const state = this.#subject.check({ listed, waiting: waiting.length, made: this.#made })
    same('inspect', inspect(it), `${name} "s" { ${this.closed ? 'closed, ' : ''}${state} }`)

    same('callers yet to come from listeners', this.#returning.length, 0)
    for (const { id, signal, aborted } of this.#runs) {
      same(`called #${id}`, signal !== undefined, true)
      same(`aborted #${id}`, signal?.aborted, aborted !== undefined)
      if (aborted) sameEnd(`why #${id} aborted`, endOf(signal?.reason), aborted)
    }
    this.checkTimers(waiting.map(({ deadline }) => deadline))
    this.checkListeners(signal => waiting.some(({ options }) => options?.signal === signal))
    for (const caller of this.#callers) {
      const served = this.#servedBy.has(caller) // with a failure too
      const found = this.#finders.has(caller)
      const allowed = found
        ? ['granted']
        : served
          ? ['queued,granted']
          : caller.end
            ? ['queued,abandoned', 'abandoned']
            : ['queued']
      this.checkTold(caller, `#${caller.id}`, allowed)
    }
  }

  async finish(): Promise<void> {
    await this.flush()
    while (this.#running.length > 0) {
      this.settle(0, { value: 'last' })
      await this.flush()
    }
    this.check()
    same('waiting at the end', this.#subject.it.waiting, 0)
    this.checkNothingLeft()
    const free = this.#subject.it.whenFree()
    expect(await Promise.race([free.then(() => 'free'), microtasks()])).toBe('free')
  }
}

const priorityOf = ({ options }: Caller) => options?.priority ?? 0

const pick = fc.nat(5)
const key = fc.nat(1)
const reason = fc.constantFrom(...REASONS)
const anyKind = fc.constantFrom<Kind[]>('later', 'later', 'later', 'returning', 'value', 'throw', 'thenable')
/** Once a value stays, not much happens any more. */
const lateKind = fc.constantFrom<Kind[]>(
  ...Array(9).fill('later'),
  'returning',
  'returning',
  'throw',
  'value',
  'thenable'
)
const timeout = fc.constantFrom(0, 1, 5)
const end = fc.oneof(fc.record({ value: fc.constantFrom<unknown>('v', undefined, null, 0) }), fc.record({ reason }))
/** Few runs close, and late, so that most go far. */
const operationsOf = (kind: fc.Arbitrary<Kind>) =>
  sequence(
    [
      operation(8, 'run', key, kind, maybe(timeout), maybe(pick), maybe(fc.constantFrom(-1, 0, 1))),
      operation(4, 'settle', pick, end),
      operation(3, 'abort', pick, reason),
      operation(2, 'forget', key),
      operation(2, 'pass', fc.constantFrom(1, 4)),
      operation(1, 'cancelWaiters', maybe(reason)),
      operation(1, 'whenFree'),
      operation(4, 'flush')
    ],
    { most: 40, closing: [operation(1, 'close', maybe(reason))] }
  )

/** How each of the two is played with. */
export const singleFlightPlay = (make: (options: LockOptions) => SingleFlight): Play<Flights> => ({
  world: anyWorld(),
  operations: operationsOf(anyKind),
  make: world => new Flights(options => singleFlight(make(options)), world)
})
export const lazyPlay = (
  make: (factory: FlightTask<unknown>, options: LockOptions) => Lazy<unknown>
): Play<Flights> => ({
  world: anyWorld(),
  operations: operationsOf(lateKind),
  make: world => new Flights(options => lazySubject(factory => make(factory, options)), world)
})
