// Any sequence of operations on a Latch, a Gate or a Barrier, compared with a list and a number after each (G2, G3, G5, G10).

import { inspect } from 'node:util'
import fc from 'fast-check'
import { type AcquireOptions, Barrier, Gate, type GateOptions, Latch, type LockOptions } from 'latchkey'
import { vi } from 'vitest'
import {
  anyWorld,
  type End,
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

interface Caller {
  readonly id: number
  readonly priority: number
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  /** What the list says became of it, and what its promise says. */
  end: End | undefined
  seen: End | undefined
}

/** A primitive, and in a few lines what it should do. */
interface Subject {
  readonly primitive: Latch | Gate | Barrier
  ask(options?: AcquireOptions): Promise<unknown>
  /** Does one of the things that only this primitive does: `open`, `countDown`, `reset`. */
  act(n: number): void
  /** The same for the model, given those who wait; returns what becomes of each of them, if anything. */
  model(n: number, waiting: number): ((place: number) => End) | undefined
  /** A caller comes whom nothing refuses: what becomes of it at once, and of those who wait, if anything. */
  comes(waiting: number): { end: End; others?: (place: number) => End } | undefined
  state(): string
}

/** How each is made. */
const makers = {
  latch: (count: number, options: LockOptions) => new Latch(count, options),
  gate: (options: GateOptions) => new Gate(options),
  barrier: (parties: number, options: LockOptions) => new Barrier(parties, options)
}
type Makers = typeof makers

const through: End = { value: undefined }
const byPriority = (a: Caller, b: Caller) => b.priority - a.priority || a.id - b.id

function latchSubject(size: number, options: LockOptions, make: Makers['latch']): Subject {
  const latch = make(size, options)
  let count = size
  return {
    primitive: latch,
    ask: options => latch.wait(options),
    act: n => (n === 1 ? latch.countDown() : latch.countDown(n)),
    model(n) {
      count = Math.max(0, count - n)
      return count === 0 ? () => through : undefined
    },
    comes: () => (count === 0 ? { end: through } : undefined),
    state: () => `Latch "subject" { ${count === 0 ? 'open' : `${count} to go`}`
  }
}

function gateSubject(size: number, options: LockOptions, make: Makers['gate']): Subject {
  let isOpen = size % 2 === 1
  const gate = make({ ...options, open: isOpen })
  return {
    primitive: gate,
    ask: options => gate.wait(options),
    act: n => (n === 1 ? gate.open() : gate.shut()),
    model(n) {
      isOpen = n === 1
      return isOpen ? () => through : undefined
    },
    comes: () => (isOpen ? { end: through } : undefined),
    state: () => `Gate "subject" { ${isOpen ? 'open' : 'shut'}`
  }
}

function barrierSubject(size: number, options: LockOptions, make: Makers['barrier']): Subject {
  const parties = size + 1
  const barrier = make(parties, options)
  return {
    primitive: barrier,
    ask: options => barrier.arrive(options),
    act: () => barrier.reset(),
    model: () => () => ({ code: 'ERR_BARRIER_BROKEN' }),
    comes(waiting) {
      if (waiting < parties - 1) return undefined
      return { end: { value: waiting }, others: value => ({ value }) }
    },
    state: () => `Barrier "subject" { ${parties} part${parties === 1 ? 'y' : 'ies'}`
  }
}

const subjects = {
  latch: (size: number, options: LockOptions, { latch }: Makers) => latchSubject(size, options, latch),
  gate: (size: number, options: LockOptions, { gate }: Makers) => gateSubject(size, options, gate),
  barrier: (size: number, options: LockOptions, { barrier }: Makers) => barrierSubject(size, options, barrier)
}

interface Setting extends World {
  kind: keyof typeof subjects
  size: number
}

class Run extends Session<Caller> {
  readonly #isBarrier: boolean
  readonly #subject: Subject
  readonly #all: Caller[] = []
  /** Ids in the order in which they should be, and were, let through. */
  readonly #let: number[] = []
  readonly #went: number[] = []

  constructor(setting: Setting, made: Makers) {
    super(setting)
    this.#isBarrier = setting.kind === 'barrier'
    const { maxWaiting } = setting
    const options = { name: 'subject', maxWaiting, observer: this.observer }
    this.#subject = subjects[setting.kind](setting.size, options, made)
  }

  get #line(): Caller[] {
    const line = this.#all.filter(({ end }) => end === undefined)
    return this.#isBarrier ? line : line.sort(byPriority)
  }

  ask(priority: number | undefined, timeout: number | undefined, pick: number | undefined): void {
    const signal = this.signalAt(pick)
    const line = this.#line
    const caller: Caller = {
      id: this.#all.length,
      priority: priority ?? 0,
      deadline: this.deadlineOf(timeout),
      signal,
      end: undefined,
      seen: undefined
    }
    const free = this.#subject.comes(line.length)
    if (this.closed) caller.end = this.closed
    else if (signal?.aborted) caller.end = { reason: signal.reason }
    else if (free) {
      this.#settle(line, free.others)
      caller.end = free.end
      this.#let.push(caller.id)
    } else if (timeout === 0) caller.end = { code: 'ERR_LOCK_TIMEOUT' }
    else if (line.length >= (this.world.maxWaiting ?? Number.POSITIVE_INFINITY)) caller.end = { code: 'ERR_QUEUE_FULL' }
    this.#all.push(caller)

    const bare = [priority, timeout, pick].every(part => part === undefined)
    const promise = this.asking(caller, () => this.#subject.ask(bare ? undefined : { priority, timeout, signal }))
    this.follow(promise, end => {
      caller.seen = end
      if ('value' in end) this.#went.push(caller.id)
    })
  }

  act(n: number): void {
    this.#settle(this.#line, this.#subject.model(n, this.#line.length))
    this.#subject.act(n)
  }

  /** @param amid what a listener does that is on the signal before the primitive's own */
  abort(pick: number, reason: unknown, amid: 'ask' | 'act' | 'nothing'): void {
    const abort = () =>
      this.abortAt(pick, reason, signal => {
        // A reset comes first where it comes before the event: both are rejections. A grant passes over the aborted.
        if (amid !== 'act' || !this.#isBarrier)
          this.#settle(
            this.#line.filter(caller => caller.signal === signal),
            () => ({ reason })
          )
        if (amid === 'act') this.amid = () => this.act(1)
        // `maxWaiting` counts those whom the event has not reached yet: no newcomer is compared there.
        if (amid === 'ask' && this.world.maxWaiting === undefined)
          this.amid = () => this.ask(undefined, undefined, undefined)
      })
    // A newcomer was there before the last one was seen to leave, or after.
    this.maybeFree(abort, () => this.#line.length > 0)
  }

  pass(ms: number): void {
    this.now += ms
    this.#settle(
      this.#line.filter(({ deadline }) => deadline <= this.now),
      () => ({ code: 'ERR_LOCK_TIMEOUT' })
    )
    vi.advanceTimersByTime(ms)
  }

  cancelWaiters(reason: unknown): void {
    this.#settle(this.#line, () => refusalOf(reason, 'ERR_LOCK_CANCELLED'))
    this.#subject.primitive.cancelWaiters(reason)
  }

  close(reason: unknown): void {
    this.closed ??= refusalOf(reason, 'ERR_LOCK_CLOSED')
    const end = this.closed
    this.#settle(this.#line, () => end)
    this.spectate(this.#subject.primitive.close(reason), this.#line.length === 0)
  }

  whenFree(): void {
    this.spectate(this.#subject.primitive.whenFree(), this.#line.length === 0)
  }

  async flush(): Promise<void> {
    await microtasks()
    for (const { id, seen, end } of this.#all) sameEnd(`what became of #${id}`, seen, end)
    same('order', this.#went.join(), this.#let.join())
    this.checkSpectators()
  }

  check(): void {
    const line = this.#line
    const { primitive } = this.#subject
    const waiting = line.length > 0 ? `, ${line.length} waiting }` : ' }'
    same('waiting', primitive.waiting, line.length)
    same('closed', primitive.closed, this.closed !== undefined)
    const state = this.#subject.state().replace('{', this.closed ? '{ closed,' : '{')
    same('inspect', inspect(primitive), state + waiting)
    same('timers run', vi.getTimerCount(), line.filter(({ deadline }) => deadline < Number.POSITIVE_INFINITY).length)
    this.checkListeners(signal => line.some(caller => caller.signal === signal))
    // One story each: refused or let through at once, or queued and then one of the two.
    for (const caller of this.#all) {
      const end = caller.end && ('value' in caller.end ? 'granted' : 'abandoned')
      this.checkTold(caller, `#${caller.id}`, end ? [end, `queued,${end}`] : ['queued'])
    }
  }

  async finish(): Promise<void> {
    this.close(undefined)
    this.check()
    await this.flush()
    this.checkNothingLeft()
  }

  /** Those of the list go, each to its end; whoever waits for nobody to wait may see that. */
  #settle(callers: Caller[], endOf: ((place: number) => End) | undefined): void {
    if (endOf === undefined) return
    for (const [place, caller] of callers.entries()) {
      caller.end = endOf(place)
      if ('value' in caller.end) this.#let.push(caller.id)
    }
    if (this.#line.length === 0) this.nowFree()
  }
}

const pick = fc.nat(1)
const reason = fc.constantFrom(...REASONS)
const operations = sequence(
  [
    operation(
      9,
      'ask',
      maybe(fc.constantFrom(-1, 0, 1)),
      maybe(fc.constantFrom(0, 1, 5, Number.POSITIVE_INFINITY)),
      maybe(pick)
    ),
    operation(2, 'act', fc.constantFrom(1, 2)),
    operation(4, 'abort', pick, reason, fc.constantFrom('ask', 'act', 'nothing')),
    operation(2, 'pass', fc.constantFrom(1, 4)),
    operation(1, 'cancelWaiters', maybe(reason)),
    operation(1, 'whenFree'),
    operation(3, 'flush')
  ],
  { most: 40, closing: [operation(1, 'close', maybe(reason))] }
)

/** How a latch, a gate or a barrier is played with. */
export const crowdPlay = (kind: keyof Makers, broken: Partial<Makers> = {}): Play<Run, Setting> => ({
  world: fc.tuple(anyWorld(), fc.nat(3)).map(([world, size]): Setting => ({ ...world, kind, size })),
  operations,
  make: setting => new Run(setting, { ...makers, ...broken })
})
