// The one harness of the model tests. A session drives a primitive and a model of it by the same operations and compares the two
// after each; what every session needs is here: a clock, signals, what an observer is told, what a promise came to, those who
// wait until it is free, and the property that plays any sequence of operations. A test adds its model, and a list of operations.
//
// It is deterministic: time is the fake timers', and microtasks run only in the operation `flush`, so any number of operations
// share one tick. (fast-check's own model runs await every command, so that none would share a tick with another.)

import fc from 'fast-check'
import type { LockObserver } from 'latchkey'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FAKED, isFullRun, settings, watchRejections } from './settings.js'
import { foreignSignal, platformSignal, type WatchedSignal } from './signals.js'

/** What a run is made under. */
export interface World {
  maxWaiting: number | undefined
  observed: boolean
  foreignSignals: boolean
}

/** How a promise ended: a value, a reason, or an error of the package by its code. */
export type End = { value: unknown } | { reason: unknown } | { code: string }

export const endOf = (reason: unknown): End => {
  const code = (reason as { code?: unknown } | null)?.code
  return typeof code === 'string' ? { code } : { reason }
}

/** What a call is refused with for `reason`, where none stands for an error of this code. */
export const refusalOf = (reason: unknown, code: string): End => (reason === undefined ? { code } : { reason })

export function same(what: string, seen: unknown, expected: unknown): void {
  if (!Object.is(seen, expected)) throw new Error(`${what}: is ${String(seen)}, should be ${String(expected)}`)
}

export function sameEnd(what: string, seen: End | undefined, expected: End | undefined): void {
  const [kind, value] = Object.entries(expected ?? {})[0] ?? []
  const [seenKind, seenValue] = Object.entries(seen ?? {})[0] ?? []
  same(what, seenKind, kind)
  same(what, seenValue, value)
}

/** @typeParam A one who asks, as the model knows it */
export abstract class Session<A extends object> {
  /** In ms. */
  protected now = 0
  /** With what newcomers are refused. */
  protected closed: End | undefined
  protected readonly signals: WatchedSignal[] = []
  /** What is done in a listener that is on a signal before the primitive's. */
  protected amid: (() => void) | undefined
  /** Those who wait until it is free: whether they should have heard (`undefined`: they may have), and have. */
  readonly #spectators: { due: boolean | undefined; done: boolean }[] = []
  #asking: A | undefined
  readonly #stories = new Map<object, { asked: A | undefined; events: string[] }>()

  constructor(
    protected readonly world: World,
    signals = 2
  ) {
    while (this.signals.length < signals) this.signals.push(this.newSignal())
  }

  /** Compares what can be seen after each operation. */
  abstract check(): void
  /** Lets everything come to its end, after which nothing may be left. */
  abstract finish(): void | Promise<void>

  // The observer's log.

  protected get observer(): LockObserver | undefined {
    if (!this.world.observed) return undefined
    const tell = (event: string) => (request: object) => {
      const story = this.#stories.get(request) ?? { asked: this.#asking, events: [] }
      this.#stories.set(request, story)
      story.events.push(event)
    }
    return {
      queued: tell('queued'),
      granted: tell('granted'),
      released: tell('released'),
      abandoned: tell('abandoned')
    }
  }

  /** The first that is told of a new request meanwhile is about this one. */
  protected asking<T>(asked: A, call: () => T): T {
    const outer = this.#asking
    this.#asking = asked
    try {
      return call()
    } finally {
      this.#asking = outer
    }
  }

  /** What was told of each request: `queued,granted`. */
  protected get stories(): string[] {
    return [...this.#stories.values()].map(({ events }) => events.join())
  }

  protected checkTold(asked: A, name: string, allowed: readonly string[]): void {
    if (!this.world.observed) return
    const stories = [...this.#stories.values()].filter(story => story.asked === asked)
    const told = stories.map(({ events }) => events.join()).join(' and ')
    if (!allowed.includes(told)) throw new Error(`of ${name} was told: ${told}, should be: ${allowed.join(' or ')}`)
  }

  // Signals.

  protected newSignal(): WatchedSignal {
    const watched = this.world.foreignSignals ? foreignSignal() : platformSignal()
    watched.signal.addEventListener('abort', () => this.amid?.())
    return watched
  }

  protected signalAt(pick: number | undefined): AbortSignal | undefined {
    return pick === undefined ? undefined : this.signals[pick % this.signals.length]!.signal
  }

  /** Aborts a signal; puts a new one in the place of one that is aborted already. */
  protected abortAt(pick: number, reason: unknown, model: (signal: AbortSignal) => void): void {
    const index = pick % this.signals.length
    const { signal, abort } = this.signals[index]!
    if (signal.aborted) {
      this.signals[index] = this.newSignal()
      return
    }
    model(signal)
    abort(reason)
    this.amid = undefined
  }

  protected checkListeners(isUsed: (signal: AbortSignal) => boolean): void {
    for (const { signal, listeners } of this.signals) same('listeners', listeners - 1, isUsed(signal) ? 1 : 0)
  }

  // The clock.

  protected deadlineOf(timeout: number | undefined): number {
    return this.now + (timeout ?? Number.POSITIVE_INFINITY)
  }

  protected checkTimers(deadlines: readonly number[]): void {
    same(
      'timers run',
      vi.getTimerCount() > 0,
      deadlines.some(deadline => deadline < Number.POSITIVE_INFINITY)
    )
  }

  /** Nothing is left of anybody. */
  protected checkNothingLeft(): void {
    same('timers left', vi.getTimerCount(), 0)
    for (const { listeners } of this.signals) same('listeners left', listeners, 1)
  }

  // Promises.

  /** Tells how it ends. */
  protected follow(promise: Promise<unknown>, saw: (end: End) => void): void {
    promise.then(
      value => saw({ value }),
      reason => saw(endOf(reason))
    )
  }

  /** Somebody waits until it is free, which it is or not. */
  protected spectate(promise: Promise<void>, isFree: boolean): void {
    const spectator: { due: boolean | undefined; done: boolean } = { due: isFree, done: false }
    this.#spectators.push(spectator)
    void promise.then(() => {
      spectator.done = true
    })
  }

  /** It is free: whoever waits for that hears of it. */
  protected nowFree(): void {
    for (const spectator of this.#spectators) spectator.due = true
  }

  /** Whoever hears that it is free because of what `during` does may hear of it or not. */
  protected maybeFree(during: () => void, isUnsure: () => boolean): void {
    const patient = this.#spectators.filter(({ due }) => !due)
    during()
    if (isUnsure()) for (const spectator of patient) if (spectator.due) spectator.due = undefined
  }

  protected checkSpectators(): void {
    for (const { due, done } of this.#spectators) same('told that it is free', done, due ?? done)
  }
}

/** A method of the session, with what it is called with. */
export interface Operation {
  readonly name: string
  readonly args: readonly unknown[]
  toString(): string
}

/** An operation that is taken `weight` times as often as one of weight 1. */
export function operation(weight: number, name: string, ...args: fc.Arbitrary<unknown>[]) {
  const arbitrary = fc.tuple(...args).map<Operation>(args => ({
    name,
    args,
    toString: () => `${name}(${args.map(arg => fc.stringify(arg)).join(', ')})`
  }))
  return { weight, arbitrary }
}

/** Any sequence of operations; and rarely, late, one of `closing`, to see what comes after it. */
export function sequence(
  operations: readonly ReturnType<typeof operation>[],
  { most, closing = [], after = 5 }: { most: number; closing?: readonly ReturnType<typeof operation>[]; after?: number }
): fc.Arbitrary<Operation[]> {
  const any = fc.oneof(...operations)
  const all = fc.array(any, { maxLength: most, size: 'max' })
  if (closing.length === 0) return all
  return fc
    .tuple(all, maybe(fc.oneof(...closing)), fc.array(any, { maxLength: after }))
    .map(([before, close, after]) => (close ? [...before, close, ...after] : before))
}

/** Left out one time in `freq`. */
export const maybe = <T>(arb: fc.Arbitrary<T>, freq = 2) => fc.option(arb, { nil: undefined, freq })

export const anyWorld = (
  maxWaiting: fc.Arbitrary<number | undefined> = maybe(fc.constantFrom(0, 1, 3))
): fc.Arbitrary<World> => fc.record({ maxWaiting, observed: fc.boolean(), foreignSignals: fc.boolean() })

/** A session, whatever it is a session of. */
export interface Playable {
  check(): void
  finish(): void | Promise<void>
}

/** Takes one operation after another, comparing after each. An operation returns a promise only if it lets microtasks run. */
export async function play(session: Playable, operations: readonly Operation[]): Promise<void> {
  vi.clearAllTimers()
  for (const { name, args } of operations) {
    const flushed = (session as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name]!(...args)
    if (flushed) await flushed
    session.check()
  }
  await session.finish()
}

export interface Play<S extends Playable, W = World> {
  world: fc.Arbitrary<W>
  operations: fc.Arbitrary<Operation[]>
  make(world: W): S
}

let unhandled: readonly unknown[] | undefined

/** Fakes the clock for all tests of the file that calls this, and notes the rejections that nobody handled. */
export function fakeClock(): readonly unknown[] {
  if (unhandled) return unhandled
  unhandled = watchRejections()
  beforeEach(() => {
    vi.useFakeTimers({ toFake: FAKED })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  return unhandled
}

/**
 * The test that a primitive does what its model does.
 *
 * @param fates what can become of one who asks: a test that has not seen each of them ten times has not tried enough
 */
export function follows<S extends Playable, W = World>(
  title: string,
  { world, operations, make }: Play<S, W>,
  { runs, fates }: { runs: number; fates?: { all: readonly string[]; of(session: S): readonly string[] } }
): void {
  const unhandled = fakeClock()
  test(title, async () => {
    const seen = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(world, operations, async (world, operations) => {
        const session = make(world)
        await play(session, operations)
        for (const fate of fates?.of(session) ?? []) seen.set(fate, (seen.get(fate) ?? 0) + 1)
      }),
      settings(runs)
    )
    if (fates && isFullRun) expect(fates.all.filter(fate => (seen.get(fate) ?? 0) < 10)).toEqual([])
    expect(unhandled).toEqual([])
  })
}

/** What the same property says of something that is broken; `undefined` if it notices nothing. */
export async function faultOf<S extends Playable, W>(
  { world, operations, make }: Play<S, W>,
  runs: number
): Promise<string | undefined> {
  const property = fc.asyncProperty(world, operations, (world, operations) => play(make(world), operations))
  const { failed, errorInstance } = await fc.check(property, { ...settings(1), numRuns: runs, endOnFailure: true })
  return failed ? String((errorInstance as Error | undefined)?.message ?? errorInstance) : undefined
}
