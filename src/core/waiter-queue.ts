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
//   Party      callers of `run` without options: they cannot leave, so up to 32 of them share one promise
//   Waiter     a caller of `wait` without options: its neighbours, and how to resolve its promise
//   Candidate  a caller who may leave, or is watched: with a signal, a timeout or an observer

import { LockCancelledError, LockClosedError, LockTimeoutError, misuse, type Named, QueueFullError } from './errors.js'
import {
  type AcquireOptions,
  asyncDispose,
  callOut,
  checkAcquireOptions,
  checkLockOptions,
  Hold,
  inspect,
  type Lock,
  type LockOptions,
  type LockRequest,
  runGranted,
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
 * What makes a promise reject when it is resolved with it. Keeping `resolve` alone, and letting go of the `reject` that
 * comes with it, saves 72 of the 272 bytes that a waiter would take.
 */
const rejection = (reason: unknown): PromiseLike<never> => ({
  // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
  then: (_, reject) => reject?.(reason) as PromiseLike<never>
})

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

  all(): readonly Lane<T>[] {
    return this.#heap
  }

  get(priority: number): Lane<T> {
    let lane = this.#byPriority.get(priority)
    if (lane === undefined) {
      lane = new Lane(priority)
      this.#byPriority.set(priority, lane)
      this.#sift(lane, this.#heap.length)
    }
    return lane
  }

  delete(lane: Lane<T>): void {
    this.#byPriority.delete(lane.priority)
    const last = this.#heap.pop() as Lane<T>
    if (last !== lane) this.#sift(last, lane.index)
  }

  /** Puts `lane` where `index` is free, and moves it until all stand below those with a higher priority. */
  #sift(lane: Lane<T>, index: number): void {
    const heap = this.#heap
    const put = (other: Lane<T>, at: number): number => {
      const free = other.index
      heap[at] = other
      other.index = at
      return free
    }
    while (index > 0) {
      const parent = heap[(index - 1) >> 1] as Lane<T>
      if (parent.priority > lane.priority) break
      index = put(parent, index)
    }
    for (;;) {
      let child = heap[2 * index + 1]
      const right = heap[2 * index + 2]
      if (child && right && right.priority > child.priority) child = right
      if (child === undefined || child.priority < lane.priority) break
      index = put(child, index)
    }
    put(lane, index)
  }
}

/** One place in line, or several in a row. @internal */
export abstract class Place<T> extends Link<T> {
  /** Serves the first who stands here, who leaves the line. */
  abstract grant(queue: WaiterQueue<T>, value: T): void
  /** Leaves the line and turns away all who stand here; how many they were. */
  abstract reject(queue: WaiterQueue<T>, reason: unknown): number
}

class Waiter<T> extends Place<T> {
  readonly #resolve: Resolve<T>

  constructor(resolve: Resolve<T>) {
    super()
    this.#resolve = resolve
  }

  grant(queue: WaiterQueue<T>, value: T): void {
    queue.unlink(this)
    this.#resolve(value)
  }

  reject(queue: WaiterQueue<T>, reason: unknown): number {
    this.#resolve(rejection(reason))
    return queue.exit(this)
  }
}

/**
 * Callers of `run` who stand next to each other.
 *
 * All of them wait for one `turn`, which settles when the first is granted. Each then takes its ticket in a reaction of
 * its own, so in the async context of its own caller. If the tasks before it ended at once, it has been granted by now
 * and goes on; otherwise it waits once more, alone. A caller in a long line so costs one promise and one slot, as in a
 * bare chain of promises (docs/decisions/waiters-share-a-promise.md).
 */
class Party<T> extends Place<T> {
  static readonly SIZE = 32

  private readonly turn: Promise<void>
  private readonly start: Resolve<void>
  /** By ticket. A slot is emptied when its task runs. */
  private readonly tasks: (Task<T, unknown> | undefined)[] = []
  /** Tickets below this have been granted. */
  private granted = 0
  /** Tickets below this have been taken: their reactions have run, and parked themselves if they were early. */
  private taken = 0
  /**
   * What was granted last. Only an exclusive lock is granted to a party, so its owner is done before the next grant.
   */
  private value: T | undefined = undefined
  /** By ticket: wakes one that parked. */
  private gates: Resolve<void>[] | undefined = undefined
  private refusal: { readonly reason: unknown } | undefined = undefined

  constructor() {
    super()
    this.turn = new Promise<never>(capture)
    this.start = captured as Resolve<void>
  }

  /** Nobody joins once the first was granted: `turn` has settled, so a newcomer's reaction would run too early. */
  get full(): boolean {
    return this.granted > 0 || this.tasks.length === Party.SIZE
  }

  join<R>(task: Task<T, R>): Promise<R> {
    this.tasks.push(task)
    return this.turn.then(this.take) as Promise<R>
  }

  grant(queue: WaiterQueue<T>, value: T): void {
    const ticket = this.granted++
    this.value = value
    if (this.granted === this.tasks.length) queue.unlink(this)
    if (ticket < this.taken) this.gates?.[ticket]?.()
    else if (ticket === 0) this.start()
  }

  reject(queue: WaiterQueue<T>, reason: unknown): number {
    this.refusal = { reason }
    for (let ticket = this.granted; ticket < this.taken; ticket++) this.gates?.[ticket]?.()
    this.start()
    return queue.exit(this, this.tasks.length - this.granted)
  }

  private readonly take = (): unknown => {
    const ticket = this.taken++
    if (ticket < this.granted || this.refusal !== undefined) return this.run(ticket)
    const gate = new Promise<never>(capture)
    this.gates ??= []
    this.gates[ticket] = captured as Resolve<void>
    return gate.then(() => this.run(ticket))
  }

  private run(ticket: number): unknown {
    const task = this.tasks[ticket] as Task<T, unknown>
    this.tasks[ticket] = undefined
    if (ticket >= this.granted) throw this.refusal?.reason
    return runGranted(task as Task<Lock, unknown>, this.value as Lock)
  }
}

/** What a waiter that expired is resolved with. */
class Expired {
  readonly error: LockTimeoutError

  constructor(error: LockTimeoutError) {
    this.error = error
  }
}

/** What V8 and JavaScriptCore add to `Error`. */
interface StackCapturer {
  captureStackTrace?: (error: Error, below: unknown) => void
}

/**
 * Throws where a waiter has expired. The error was made in a timer, where no caller is on the stack. Here, in a
 * reaction of the promise that the caller awaits, V8 sees who that is; taking the stack at every call instead would
 * cost 2 to 10 µs for each wait that never expires (docs/decisions/timeout-stacks.md).
 */
function unlessExpired<T>(value: T | Expired): T {
  if (!(value instanceof Expired)) return value
  ;(Error as StackCapturer).captureStackTrace?.(value.error, unlessExpired)
  throw value.error
}

/** How far platform timers count, in ms: 24.8 days. A longer wait takes several of them. */
const LONGEST_TIMER = 2 ** 31 - 1

const expires = (options: AcquireOptions | undefined): options is { timeout: number } =>
  options?.timeout !== undefined && options.timeout !== Infinity

class Candidate<T> extends Place<T> {
  readonly #queue: WaiterQueue<T>
  readonly #resolve: Resolve<T>
  readonly #signal: AbortSignal | undefined
  readonly #request: LockRequest | undefined
  #timer: ReturnType<typeof setTimeout> | undefined = undefined

  constructor(queue: WaiterQueue<T>, resolve: Resolve<T>, options: AcquireOptions, request: LockRequest | undefined) {
    super()
    this.#queue = queue
    this.#resolve = resolve
    this.#signal = options.signal
    this.#request = request
    if (options.signal !== undefined) subscribe(options.signal, this)
    if (expires(options)) this.#arm(options.timeout, options.timeout)
  }

  get aborted(): AbortSignal | undefined {
    return this.#signal?.aborted ? this.#signal : undefined
  }

  grant(queue: WaiterQueue<T>, value: T): void {
    queue.unlink(this)
    this.#detach()
    if (this.#request !== undefined) {
      if (value instanceof Hold) value.request = this.#request
      tell(queue.observer, 'granted', this.#request)
    }
    this.#resolve(value)
  }

  reject(queue: WaiterQueue<T>, reason: unknown, resolution: T | PromiseLike<T> = rejection(reason)): number {
    this.#detach()
    this.#resolve(resolution)
    queue.exit(this)
    if (this.#request !== undefined) tell(queue.observer, 'abandoned', this.#request, reason)
    return 1
  }

  abort(): void {
    this.#queue.leave(this, this.#signal?.reason)
  }

  #arm(left: number, timeout: number): void {
    const delay = Math.min(left, LONGEST_TIMER)
    this.#timer = setTimeout(() => (left > delay ? this.#arm(left - delay, timeout) : this.#expire(timeout)), delay)
  }

  #expire(timeout: number): void {
    const error = new LockTimeoutError(`${this.#queue.label}: waited longer than ${timeout} ms`)
    this.#queue.leave(this, error, new Expired(error) as T)
  }

  #detach(): void {
    clearTimeout(this.#timer)
    if (this.#signal !== undefined) unsubscribe(this.#signal, this)
  }
}

interface Abortable {
  abort(): void
}

interface Subscription {
  readonly candidates: Set<Abortable>
  readonly listener: () => void
}

/**
 * One platform listener for each signal, however many wait on it: the platform walks a list of listeners to add one and
 * to remove one, which makes 100,000 of them quadratic.
 */
const subscriptions = new WeakMap<AbortSignal, Subscription>()

function subscribe(signal: AbortSignal, candidate: Abortable): void {
  let subscription = subscriptions.get(signal)
  if (subscription === undefined) {
    const candidates = new Set<Abortable>()
    const listener = () => {
      for (const waiting of candidates) waiting.abort()
    }
    subscription = { candidates, listener }
    subscriptions.set(signal, subscription)
    signal.addEventListener('abort', listener)
  }
  subscription.candidates.add(candidate)
}

function unsubscribe(signal: AbortSignal, candidate: Abortable): void {
  const subscription = subscriptions.get(signal)
  if (!subscription?.candidates.delete(candidate) || subscription.candidates.size > 0) return
  subscriptions.delete(signal)
  signal.removeEventListener('abort', subscription.listener)
}

/** What a queue is part of: it names the queue in messages and its callers to an observer. @internal */
export interface Source extends Named {
  makeRequest(): LockRequest
}

/** Rejects a caller who never joined a line. @internal */
export function refuse(options: LockOptions | undefined, source: Source, reason: unknown): Promise<never> {
  if (options?.observer !== undefined) tell(options.observer, 'abandoned', source.makeRequest(), reason)
  return Promise.reject(reason)
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
  readonly #source: Source
  /** The lane of priority 0. */
  readonly #usual: Lane<T> = new Lane<T>(0)
  #lanes: Lanes<T> | undefined = undefined
  /** How many callers wait, each member of a party counted. */
  #size = 0

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
    const onLeave: unknown = options?.onLeave
    if (onLeave !== undefined && typeof onLeave !== 'function') misuse(this, 'options.onLeave', 'a function', onLeave)
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
    const place = this.next
    if (place === undefined) return false
    this.#size--
    place.grant(this, value)
    return true
  }

  /** Rejects everybody who waits now with `reason`, in the order of the line, and returns how many they were. O(n). */
  rejectAll(reason: unknown): number {
    return this.rejectThese(this.places(), reason)
  }

  /** Everyone in line now, first to last. @internal */
  places(): Place<T>[] {
    const lanes = [...(this.#lanes?.all() ?? []), this.#usual].sort((a, b) => b.priority - a.priority)
    const places: Place<T>[] = []
    for (const lane of lanes)
      for (let place = lane.next; place !== lane; place = place.next) places.push(place as Place<T>)
    return places
  }

  /** Rejects those who are still in line. An observer may bring in others meanwhile: they stay. @internal */
  rejectThese(places: Place<T>[], reason: unknown): number {
    let count = 0
    for (const place of places) if (place.next !== place) count += place.reject(this, reason)
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
    return { source: this, keys: [] }
  }

  /** @internal */
  get observer(): LockOptions['observer'] {
    return this.#options?.observer
  }

  /**
   * Who is to be served next. A signal may have aborted without its event having reached us yet: it came first.
   * @internal
   */
  get next(): Place<T> | undefined {
    const place = this.first()
    if (!(place instanceof Candidate && place.aborted)) return place
    for (let gone: Place<T> | undefined = place; gone instanceof Candidate && gone.aborted; gone = this.first())
      gone.reject(this, gone.aborted.reason)
    this.#left()
    return this.next
  }

  private first(): Place<T> | undefined {
    const usual = this.#usual
    const highest = this.#lanes?.highest
    const lane = highest === undefined || (highest.priority < 0 && usual.next !== usual) ? usual : highest
    return lane.next === lane ? undefined : (lane.next as Place<T>)
  }

  /** `wait` for options that were checked and a signal that has not aborted. @internal */
  join(options?: AcquireOptions): Promise<T> {
    if (options?.timeout === 0) return this.#refuse(new LockTimeoutError(`${this.label}: taken, and timeout is 0 ms`))
    const { full } = this
    if (full !== undefined) return this.#refuse(full)
    const promise = new Promise<T>(capture as (resolve: Resolve<T>) => void)
    const resolve = captured as Resolve<T>
    if (this.observer === undefined && !options?.signal && !expires(options)) {
      this.enter(new Waiter(resolve), options)
      return promise
    }
    const request = this.observer && this.#source.makeRequest()
    this.enter(new Candidate(this, resolve, options ?? {}, request), options)
    if (request !== undefined) tell(this.observer, 'queued', request)
    return expires(options) ? promise.then(unlessExpired) : promise
  }

  /** Waits without options, then runs `task` with the lock, in the caller's async context. @internal */
  run<R>(task: Task<T, R>): Promise<R> {
    const { full } = this
    if (full !== undefined) return this.#refuse(full)
    let party = this.#usual.previous
    if (party instanceof Party && !party.full) this.#size++
    else {
      party = new Party<T>()
      this.enter(party as Party<T>, undefined)
    }
    return (party as Party<T>).join(task)
  }

  /** Why nobody more may join, if so. @internal */
  get full(): QueueFullError | undefined {
    const limit = this.#options?.maxWaiting
    if (limit === undefined || this.#size < limit) return undefined
    return new QueueFullError(`${this.label}: maxWaiting is ${limit}, and so many wait already`)
  }

  #refuse(reason: unknown): Promise<never> {
    return refuse(this.#options, this.#source, reason)
  }

  /** Puts a place at the end of its lane. @internal */
  enter(place: Place<T>, options: AcquireOptions | undefined): void {
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

  /** Takes out a place, and with it those who stand there; how many they are. @internal */
  exit(place: Place<T>, count = 1): number {
    this.#size -= count
    this.unlink(place)
    return count
  }

  /** Lets one go who does not want to wait any longer. @internal */
  leave(candidate: Candidate<T>, reason: unknown, resolution?: T): void {
    candidate.reject(this, reason, resolution)
    this.#left()
  }

  #left(): void {
    const onLeave = this.#options?.onLeave
    if (onLeave !== undefined) callOut(onLeave)
  }

  /** @internal */
  unlink(place: Link<T>): void {
    const { next, previous } = place
    previous.next = next
    next.previous = previous
    place.next = place
    place.previous = place
    // Both sides are the lane itself: it is empty.
    if (next === previous && next !== this.#usual) this.#lanes?.delete(next as Lane<T>)
  }
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
  }

  /** How many callers wait. */
  abstract get waiting(): number
  /** @internal */
  abstract get label(): string
  /** Nobody holds and nobody waits. @internal */
  abstract get isFree(): boolean
  /** @internal */
  abstract makeRequest(): LockRequest
  /** @internal */
  abstract rejectWaiters(reason: unknown): void
  /** @internal */
  abstract describe(): string

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed !== undefined
  }

  /** Neither closed nor observed: what a fast path may rely on. @internal */
  get plain(): boolean {
    return this.#closed === undefined && this.options?.observer === undefined
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
      this.rejectWaiters(this.closedReason)
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
  refusal(options: AcquireOptions | undefined, source: Source = this): Promise<never> | undefined {
    checkAcquireOptions(source, options)
    if (this.closed) return refuse(this.options, source, this.closedReason)
    const signal = options?.signal
    return signal?.aborted ? refuse(this.options, source, signal.reason) : undefined
  }

  /** An error of its own for each call, so that its stack names that caller. @internal */
  get closedReason(): unknown {
    const reason = this.#closed?.reason
    return reason === undefined ? new LockClosedError(`${this.label}: closed`) : reason
  }

  /** @internal */
  [inspect](): string {
    return `${this.label} { ${this.closed ? 'closed, ' : ''}${this.describe()} }`
  }
}
