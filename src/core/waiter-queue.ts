// The line in which everybody waits, and the only code that settles a waiter.
//
// Order: who came first is granted first, within a priority. Who wakes whom: `grant` makes the first live waiter the
// owner before it returns; nobody is woken to try again. What an abort leaves behind: nothing. The waiter is out of the
// line, off the signal and without its timer before its promise rejects.
//
//                    grant
//      queued ─────────────────▶ granted ──▶ (the holder releases)
//        │
//        └── abort, timeout, ──▶ abandoned
//            rejectAll
//
// Waiting is paid in memory, so there are three kinds of places in a line, from slim to rich:
//
//   Party      callers of `run` without options: they cannot leave, so up to 128 of them share one promise
//   Waiter     a caller of `wait` without options: its neighbours, and how to resolve its promise
//   Candidate  a caller who may leave, is watched, or asks for much: with a signal, a timeout, an observer or a weight

import { LockCancelledError, LockClosedError, LockTimeoutError, QueueFullError } from './errors.js'
import {
  type AcquireOptions,
  asyncDispose,
  callOut,
  checkAcquireOptions,
  checkLockOptions,
  Hold,
  inherit,
  inspect,
  type Lock,
  type LockObserver,
  type LockOptions,
  type LockRequest,
  mustBeFunction,
  NO_KEYS,
  refuse,
  runGranted,
  type Source,
  type Task,
  tell
} from './lock.js'

type Resolve<T> = (value: T | PromiseLike<T>) => void

/** A promise's `resolve`, carried out of the executor by a variable: no closure is made for each promise. */
let captured: Resolve<never>
const capture = (resolve: Resolve<never>): void => {
  captured = resolve
}

/**
 * Linked both ways, and into a ring, so that anyone can leave from anywhere at once and no end is a special case.
 * What is linked to itself is in no line.
 */
class Link<T> {
  next: Link<T> = this
  previous: Link<T> = this
}

/** All who wait with one priority. The lane itself is the link between the last and the first of them. */
class Lane<T> extends Link<T> {
  readonly priority: number
  /** Where in the heap of `Lanes` this stands. */
  index = 0

  constructor(priority: number) {
    super()
    this.priority = priority
  }
}

/**
 * The lanes of priorities other than 0, each with somebody in it. A binary heap knows the highest; every lane knows
 * its index in it, so that an empty one leaves at once. A lane is found in O(1), and enters and leaves in O(log p)
 * for p priorities.
 */
class Lanes<T> {
  readonly #byPriority = new Map<number, Lane<T>>()
  readonly #heap: Lane<T>[] = []

  get highest(): Lane<T> | undefined {
    return this.#heap[0]
  }

  get(priority: number): Lane<T> {
    let lane = this.#byPriority.get(priority)
    if (lane === undefined) {
      lane = new Lane(priority)
      this.#byPriority.set(priority, lane)
      this.#place(lane, this.#heap.length)
    }
    return lane
  }

  delete(lane: Lane<T>): void {
    this.#byPriority.delete(lane.priority)
    const last = this.#heap.pop() as Lane<T>
    if (last !== lane) this.#place(last, lane.index)
  }

  /** Puts `lane` where `index` is free, then up or down until all stand below those with a higher priority. */
  #place(lane: Lane<T>, index: number): void {
    const heap = this.#heap
    const below = (at: number): boolean => (heap[at] as Lane<T>).priority < lane.priority
    const fill = (from: number): void => {
      const other = heap[from] as Lane<T>
      heap[index] = other
      other.index = index
      index = from
    }
    while (index > 0 && below((index - 1) >> 1)) fill((index - 1) >> 1)
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]]
      const higher = right !== undefined && right.priority > (left as Lane<T>).priority ? right : left
      if (higher === undefined || below(higher.index)) break
      fill(higher.index)
    }
    heap[index] = lane
    lane.index = index
  }
}

/** One place in line, or several in a row. @internal */
export abstract class Place<T> extends Link<T> {
  /** Serves the first who stands here, who leaves the line. `false`: nobody wants it any more, and all have left. */
  abstract grant(queue: WaiterQueue<T>, value: T): boolean
  /** Turns away all who stand here, once they are out of the line. */
  abstract reject(reason: unknown): void
  /** How much the first who stands here asks for. */
  get weight(): number {
    return 1
  }
}

// biome-ignore lint/correctness/noUnusedVariables: half of the class below, see `inherit`
interface Waiter<T> extends Place<T> {}
class Waiter<T> {
  readonly #resolve: Resolve<T>

  constructor(resolve: Resolve<T>) {
    this.next = this
    this.previous = this
    this.#resolve = resolve
  }

  grant(queue: WaiterQueue<T>, value: T): boolean {
    queue.exit(this)
    this.#resolve(value)
    return true
  }

  // Keeping `resolve` alone, and letting go of the `reject` that comes with it, saves a quarter of what a waiter takes.
  reject(reason: unknown, rejection: Promise<never> = Promise.reject(reason)): void {
    this.#resolve(rejection)
  }
}
inherit(Waiter, Place)

/**
 * Callers of `run` who stand next to each other.
 *
 * All of them wait for one `turn`, which settles when the first is granted. Each then takes its ticket in a reaction of
 * its own, so in the async context of its own caller. If the tasks before it ended at once, it has been granted by now
 * and goes on; otherwise it waits once more, alone. A caller in a long line so costs one promise and one slot, as in a
 * bare chain of promises (docs/decisions/waiters-share-a-promise.md).
 */
class Party extends Place<Lock> {
  readonly #queue: WaiterQueue<Lock>
  readonly #turn = new Promise<void>(capture as (resolve: Resolve<void>) => void)
  readonly #start = captured as Resolve<void>
  /** By ticket. */
  readonly #tasks: (Task<Lock, unknown> | undefined)[] = []
  /** Tickets below this have been granted. */
  #granted = 0
  /** Tickets below this have been taken: their reactions have run, and parked themselves if they were early. */
  #taken = 0
  /** By ticket: lets on one that parked. */
  readonly #gates: Resolve<void>[] = []
  /** What was granted last. A lock is exclusive, so its owner is done before the next grant. */
  #lock: Lock | undefined = undefined
  /** Rejects for those who are still here when all are turned away. */
  #refusal: Promise<never> | undefined = undefined

  constructor(queue: WaiterQueue<Lock>) {
    super()
    this.#queue = queue
  }

  /** Nobody joins once the first was granted: `turn` has settled, so a newcomer's reaction would run too early. */
  get full(): boolean {
    return this.#granted > 0 || this.#tasks.length === 128
  }

  join<R>(task: Task<Lock, R>): Promise<R> {
    this.#tasks.push(task)
    return this.#turn.then(this.#take) as Promise<R>
  }

  grant(queue: WaiterQueue<Lock>, lock: Lock): boolean {
    this.#lock = lock
    const ticket = this.#granted++
    queue.exit(this, this.#tasks.length - this.#granted)
    if (ticket < this.#taken) (this.#gates[ticket] as Resolve<void>)()
    else if (ticket === 0) this.#start()
    return true
  }

  reject(reason: unknown): void {
    const refusal = Promise.reject(reason)
    this.#refusal = refusal
    this.#start(refusal) // without effect if the first has been granted
    for (const open of this.#gates.slice(this.#granted)) open(refusal)
  }

  readonly #take = (): unknown => {
    const ticket = this.#taken++
    if (ticket < this.#granted) return this.run(ticket)
    const gate = this.#refusal ?? new Promise<never>(capture)
    this.#gates[ticket] = captured as Resolve<void>
    return gate.then(() => this.run(ticket))
  }

  private run(ticket: number): unknown {
    const task = this.#tasks[ticket] as Task<Lock, unknown>
    this.#tasks[ticket] = undefined // let go of it before the others are done
    return this.#queue.start(task, this.#lock as Lock)
  }
}

/** How far platform timers count, in ms: 24.8 days. A longer wait takes several of them. @internal */
export const LONGEST_TIMER = 2 ** 31 - 1

class Candidate<T> extends Waiter<T> {
  readonly #queue: WaiterQueue<T>
  readonly #request: LockRequest | undefined
  readonly signal: AbortSignal | undefined
  readonly #weight: number
  #timer: ReturnType<typeof setTimeout> | undefined = undefined

  constructor(
    resolve: Resolve<T>,
    queue: WaiterQueue<T>,
    options: AcquireOptions,
    request: LockRequest | undefined,
    weight: number
  ) {
    super(resolve)
    this.#queue = queue
    this.#weight = weight
    this.#request = request
    this.signal = options.signal
    if (options.signal !== undefined) subscribe(options.signal, this)
    if (expires(options)) this.#arm(options.timeout, options.timeout)
  }

  override get weight(): number {
    return this.#weight
  }

  override grant(queue: WaiterQueue<T>, value: T): boolean {
    if (this.signal?.aborted) {
      // The event has not reached us yet, and still the abort came first.
      queue.exit(this)
      this.reject(this.signal.reason)
      return false
    }
    this.#detach()
    if (this.#request !== undefined && value instanceof Hold) value.request = this.#request
    super.grant(queue, value)
    if (this.#request !== undefined) tell(queue.observer, 'granted', this.#request)
    return true
  }

  override reject(reason: unknown, rejection?: Promise<never>): void {
    this.#detach()
    super.reject(reason, rejection)
    if (this.#request !== undefined) tell(this.#queue.observer, 'abandoned', this.#request, reason)
  }

  abort(): void {
    if (this.next !== this) this.#queue.leave(this, (this.signal as AbortSignal).reason)
  }

  #arm(left: number, timeout: number): void {
    this.#timer = setTimeout(
      () => {
        if (left > LONGEST_TIMER) return this.#arm(left - LONGEST_TIMER, timeout)
        const error = new LockTimeoutError(`${this.#queue.label}: waited longer than ${timeout} ms`)
        if (this.next !== this) this.#queue.leave(this, error, retraced(error))
      },
      Math.min(left, LONGEST_TIMER)
    )
  }

  #detach(): void {
    clearTimeout(this.#timer)
    if (this.signal !== undefined) unsubscribe(this.signal, this)
  }
}

const expires = (options: AcquireOptions): options is { timeout: number } => (options.timeout ?? Infinity) < Infinity

/** What V8 and JavaScriptCore add to `Error`. */
interface StackCapturer {
  captureStackTrace?: (error: Error, below: unknown) => void
}

/**
 * A rejection with an error that was made in a timer, where no caller is on the stack. It comes two turns later, when
 * the promise that the caller awaits hangs on it: there V8 sees who that is. To take the stack at every call instead
 * would cost 2 to 10 µs for each wait that never expires (docs/decisions/timeout-stacks.md).
 */
function retraced(error: Error): Promise<never> {
  const retrace = () => {
    ;(Error as StackCapturer).captureStackTrace?.(error, retrace)
    throw error
  }
  return Promise.resolve().then().then(retrace)
}

interface Subscription {
  readonly waiting: Set<{ abort(): void }>
  readonly listener: () => void
}

/**
 * One platform listener for each signal, however many wait on it: the platform walks a list of listeners to add one and
 * to remove one, which makes 100,000 of them quadratic.
 */
const subscriptions = new WeakMap<AbortSignal, Subscription>()

function subscribe(signal: AbortSignal, candidate: { abort(): void }): void {
  let subscription = subscriptions.get(signal)
  if (subscription === undefined) {
    const waiting = new Set<{ abort(): void }>()
    const listener = () => {
      for (const candidate of waiting) candidate.abort()
    }
    subscription = { waiting, listener }
    subscriptions.set(signal, subscription)
    signal.addEventListener('abort', listener)
  }
  subscription.waiting.add(candidate)
}

function unsubscribe(signal: AbortSignal, candidate: { abort(): void }): void {
  const { waiting, listener } = subscriptions.get(signal) as Subscription
  waiting.delete(candidate)
  if (waiting.size > 0) return
  subscriptions.delete(signal)
  signal.removeEventListener('abort', listener)
}

/** What a `WaiterQueue` is made with. */
export interface WaiterQueueOptions extends LockOptions {
  /**
   * Called right after a waiter left by abort or timeout, when the line is consistent again: the place to see whether
   * those behind it can run now.
   */
  onLeave?: (() => void) | undefined
}

/**
 * A line of waiters, first come first served: what every primitive of this package is built on.
 *
 * The owner keeps the state (is the lock free?) and decides when somebody may go; the queue keeps who waits, in which
 * order, until when, and settles each of them exactly once.
 *
 * @example
 * ```ts
 * import { WaiterQueue } from 'latchkey'
 *
 * const queue = new WaiterQueue<number>({ name: 'turnstile' })
 * const first = queue.wait()
 * const second = queue.wait({ timeout: 500 })
 *
 * queue.grant(1)
 * queue.grant(2)
 * console.log(await first, await second, queue.grant(3)) // prints: 1 2 false
 * ```
 */
export class WaiterQueue<T> {
  readonly #options: WaiterQueueOptions | undefined
  /** What the queue is part of: it names the queue in messages, and its callers to an observer. */
  readonly #source: Source
  /** The lane of priority 0. */
  readonly #usual = new Lane<T>(0)
  #lanes: Lanes<T> | undefined = undefined
  /** How many callers wait, each member of a party counted. */
  #size = 0
  /** Whether the last task ended at once. */
  private brisk = true

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: WaiterQueueOptions)
  /** @internal */
  constructor(options: WaiterQueueOptions | undefined, source: Source)
  constructor(options?: WaiterQueueOptions, source?: Source) {
    this.#options = options
    this.#source = source ?? this
    if (source !== undefined) return
    checkLockOptions(this, options)
    if (options?.onLeave !== undefined) mustBeFunction(this, 'options.onLeave', options.onLeave)
  }

  /** How many callers wait. */
  get size(): number {
    return this.#size
  }

  /**
   * Joins the line and resolves to what `grant` gives this waiter. O(1); O(log p) with a priority, for p different
   * priorities in the line.
   *
   * *Cancellation*: an abort or a timeout takes the waiter out of the line at once, in O(1), and calls `onLeave`; the
   * order of all others is unchanged. If a grant and an abort race, the one that came first stands.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason`, `LockTimeoutError`,
   * `QueueFullError`, or what `rejectAll` was given.
   */
  wait(options?: AcquireOptions): Promise<T> {
    checkAcquireOptions(this.#source, options)
    return options?.signal?.aborted ? this.#refuse(options.signal.reason) : this.join(options)
  }

  /**
   * Gives `value` to the first live waiter, who owns it when this returns. Returns `false`, and gives nothing, when
   * nobody waits. O(1).
   */
  grant(value: T): boolean {
    let passed = 0
    let place = this.first
    for (; place !== undefined && !place.grant(this, value); place = this.first) passed++
    if (passed > 0) this.#left() // once for all of them
    return place !== undefined
  }

  /** Rejects everybody who waits now with `reason`, in the order of the line, and returns how many they were. O(n). */
  rejectAll(reason: unknown): number {
    const count = this.#size
    for (const place of this.drain()) place.reject(reason)
    return count
  }

  /** @internal */
  [inspect](): string {
    return `${this.label} { ${this.#size} waiting }`
  }

  /** @internal */
  get label(): string {
    return this.#source === this ? labelOf('WaiterQueue', this.#options) : this.#source.label
  }

  /** @internal */
  makeRequest(): LockRequest {
    return { source: this, keys: NO_KEYS }
  }

  /** @internal */
  get observer(): LockObserver | undefined {
    return this.#options?.observer
  }

  // Not `#first`: V8 does not inline a private accessor, which costs 10 ns for each hand-off.
  /** Where whoever is to be served next stands. @internal */
  get first(): Place<T> | undefined {
    const usual = this.#usual
    const highest = this.#lanes?.highest
    const lane = highest === undefined || (highest.priority < 0 && usual.next !== usual) ? usual : highest
    return lane.next === lane ? undefined : (lane.next as Place<T>)
  }

  /** Takes everybody out of the line, to be rejected when all are out: an observer may bring in others. @internal */
  drain(): Place<T>[] {
    const places: Place<T>[] = []
    for (let place = this.first; place !== undefined; place = this.first) {
      places.push(place)
      this.unlink(place)
    }
    this.#size = 0
    return places
  }

  /** `wait` for options that were checked and a signal that has not aborted. @internal */
  join(options?: AcquireOptions, weight = 1): Promise<T> {
    if (options?.timeout === 0)
      return this.#refuse(new LockTimeoutError(`${this.label}: would have to wait, and timeout is 0 ms`))
    const { full, observer } = this
    if (full !== undefined) return this.#refuse(full)
    const promise = new Promise<T>(capture as (resolve: Resolve<T>) => void)
    const resolve = captured as Resolve<T>
    const plain = weight === 1 && (options === undefined || (options.signal === undefined && !expires(options)))
    if (plain && observer === undefined) {
      this.enter(new Waiter(resolve), options)
      return promise
    }
    const request = observer && this.#source.makeRequest()
    this.enter(new Candidate(resolve, this, options ?? {}, request, weight), options)
    if (request !== undefined) tell(observer, 'queued', request)
    return promise
  }

  /**
   * Waits, then runs `task` with the lock, in the caller's async context; for checked options, as `join`.
   *
   * Sharing a promise is best where tasks end at once. Others would only wait a second time, so they share one where
   * the line is long, and what it takes in memory decides. @internal
   */
  run<R>(this: WaiterQueue<Lock>, task: Task<Lock, R>, options?: AcquireOptions): Promise<R> {
    if (options !== undefined || this.observer !== undefined || !(this.brisk || this.#size > 1000)) {
      const signal = options?.signal
      return this.join(options).then(lock => this.start(task, lock, signal))
    }
    const { full } = this
    if (full !== undefined) return this.#refuse(full)
    const last = this.#usual.previous
    if (last instanceof Party && !last.full) {
      this.#size++
      return last.join(task)
    }
    const party = new Party(this)
    this.enter(party)
    return party.join(task)
  }

  /** @internal */
  start<R>(this: WaiterQueue<Lock>, task: Task<Lock, R>, lock: Lock, signal?: AbortSignal): R | PromiseLike<R> {
    const result = runGranted(task, lock, signal)
    this.brisk = typeof result !== 'object'
    return result
  }

  /** Why nobody more may join, if so. @internal */
  get full(): QueueFullError | undefined {
    const limit = this.#options?.maxWaiting
    if (limit === undefined || this.#size < limit) return undefined
    return new QueueFullError(`${this.label}: maxWaiting is ${limit}, and so many wait already`)
  }

  #refuse(reason: unknown): Promise<never> {
    return refuse(this.observer, this.#source, reason)
  }

  /** Puts a place at the end of its lane. @internal */
  enter(place: Place<T>, options?: AcquireOptions): void {
    this.#size++
    let lane = this.#usual
    if (options?.priority) {
      this.#lanes ??= new Lanes()
      lane = this.#lanes.get(options.priority)
    }
    const last = lane.previous
    last.next = place
    place.previous = last
    place.next = lane
    lane.previous = place
  }

  /** One who stands at `place` leaves it, and if no `others` stand there, the place leaves the line. @internal */
  exit(place: Place<T>, others = 0): void {
    this.#size--
    if (others === 0) this.unlink(place)
  }

  private unlink(place: Place<T>): void {
    const { next, previous } = place
    previous.next = next
    next.previous = previous
    place.next = place
    place.previous = place
    // Both sides are the lane itself: it is empty.
    if (next === previous && next !== this.#usual) (this.#lanes as Lanes<T>).delete(next as Lane<T>)
  }

  /** Lets one go who does not want to wait any longer. @internal */
  leave(candidate: Candidate<T>, reason: unknown, rejection?: Promise<never>): void {
    this.exit(candidate)
    candidate.reject(reason, rejection)
    this.#left()
  }

  #left(): void {
    const onLeave = this.#options?.onLeave
    if (onLeave !== undefined) callOut(onLeave)
  }
}

/**
 * Lets those go whose signal has aborted without our having heard of it, and returns whether there were any. For a
 * primitive that acts on how many wait: `grant` only passes over those whom it comes across. Looks at those of the
 * highest priority. A function, so that only those who need it carry it. O(n). @internal
 */
export function sweep<T>(queue: WaiterQueue<T>): boolean {
  const leaving: Candidate<T>[] = []
  for (let place: Link<T> | undefined = queue.first; place instanceof Place; place = place.next)
    if (place instanceof Candidate && place.signal?.aborted) leaving.push(place)
  // Only now: an observer that is told of one may bring in others.
  for (const candidate of leaving) candidate.abort()
  return leaving.length > 0
}

/** `Mutex "tools"`: how a primitive is called in messages. @internal */
export const labelOf = (kind: string, options: LockOptions | undefined): string =>
  typeof options?.name === 'string' ? `${kind} "${options.name}"` : kind

/**
 * What every waiting primitive has in common: it can be closed, its waiters can be sent away, and one can wait until it
 * is free.
 */
export abstract class Waitable implements AsyncDisposable {
  /** @internal */
  readonly options: LockOptions | undefined
  /** Those who wait until the primitive is free. */
  #spectators: WaiterQueue<void> | undefined = undefined
  #closed: { readonly reason: unknown; readonly done: Promise<void> } | undefined = undefined

  /** @internal */
  constructor(options: LockOptions | undefined) {
    this.options = options
    checkLockOptions(this, options)
  }

  /** How many callers wait. */
  abstract get waiting(): number
  /** @internal */
  abstract get label(): string
  /** Nobody holds and nobody waits. @internal */
  abstract get isFree(): boolean
  /** @internal */
  abstract rejectWaiters(reason: unknown): void
  /** @internal */
  abstract describe(): string

  /** @internal */
  makeRequest(): LockRequest {
    return { source: this, keys: NO_KEYS }
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed !== undefined
  }

  /**
   * Rejects everyone who waits now, with `reason` if one is given, else with a `LockCancelledError`. Holders are not
   * touched, and whoever comes later waits as usual. O(waiters).
   */
  cancelWaiters(reason: unknown = new LockCancelledError(`${this.label}: the wait was cancelled`)): void {
    this.rejectWaiters(reason)
  }

  /**
   * Closes for good: rejects everyone who waits and everyone who comes, with `reason` if one is given, else with a
   * `LockClosedError`. Resolves when the last holder has released. Further calls return the same promise, and the first
   * reason stands.
   *
   * *Cancellation*: cannot be cancelled. Awaiting it while holding the lock waits for oneself.
   */
  close(reason?: unknown): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = { reason, done: this.whenFree() }
      this.rejectWaiters(this.#closedReason)
    }
    return this.#closed.done
  }

  /** `close()`, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Resolves when nobody holds and nobody waits, without taking anything: by the time the caller goes on, somebody
   * may have come. `close` and `cancelWaiters` do not reject it.
   *
   * *Cancellation*: an abort rejects with `signal.reason`, a timeout (ms) with `LockTimeoutError`; nothing else
   * changes.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option.
   */
  whenFree(options?: AcquireOptions): Promise<void> {
    checkAcquireOptions(this, options)
    if (this.isFree && !options?.signal?.aborted) return Promise.resolve()
    this.#spectators ??= new WaiterQueue<void>(undefined, this)
    return this.#spectators.wait(options)
  }

  /** To be called whenever the primitive may have become free. @internal */
  freed(): void {
    if (this.#spectators !== undefined && this.isFree) while (this.#spectators.grant()) {}
  }

  /** What refuses a caller who comes now, whatever the state of the lock: closed, or aborted. @internal */
  refusal(options: AcquireOptions | undefined, source: Source): Promise<never> | undefined {
    checkAcquireOptions(source, options)
    if (this.#closed !== undefined) return refuse(this.options?.observer, source, this.#closedReason)
    const signal = options?.signal
    return signal?.aborted ? refuse(this.options?.observer, source, signal.reason) : undefined
  }

  /** An error of its own for each call, so that its stack names that caller. */
  get #closedReason(): unknown {
    const { reason } = this.#closed as { reason: unknown }
    return reason === undefined ? new LockClosedError(`${this.label}: closed`) : reason
  }

  /** What `describe` says of those who wait, if there are any. @internal */
  get andWaiting(): string {
    return this.waiting > 0 ? `, ${this.waiting} waiting` : ''
  }

  /** @internal */
  [inspect](): string {
    return `${this.label} { ${this.closed ? 'closed, ' : ''}${this.describe()} }`
  }
}

/**
 * The line of a primitive that has to look again whenever somebody leaves it. A function, so that only those who need it
 * carry it. @internal
 */
export function makeLine<T>(owner: Waitable, onLeave: () => void): WaiterQueue<T> {
  const { observer, maxWaiting } = owner.options ?? {}
  return new WaiterQueue<T>({ observer, maxWaiting, onLeave }, owner)
}
