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
//   Waiter     a caller of `wait` without options: next, previous, and how to resolve its promise
//   Candidate  a caller who may leave or overtake: with a signal, a timeout, a priority or an observer

import { LockCancelledError, LockClosedError, LockTimeoutError, misuse, QueueFullError } from './errors.js'
import {
  type AcquireOptions,
  asyncDispose,
  callOut,
  checkAcquireOptions,
  checkLockOptions,
  Hold,
  inspect,
  type Lock,
  type LockObserver,
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
function rejection(reason: unknown): PromiseLike<never> {
  // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
  return { then: (_, reject) => reject?.(reason) as PromiseLike<never> }
}

/**
 * One place in line, or several in a row. Linked both ways, so that anyone can leave from anywhere at once.
 * @internal
 */
export abstract class Place<T> {
  next: Place<T> | undefined = undefined
  previous: Place<T> | undefined = undefined

  /** Why the first who stands here must not be served any more. */
  get aborted(): AbortSignal | undefined {
    return undefined
  }
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
    queue.unlink(this)
    this.#resolve(rejection(reason))
    return 1
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

  readonly #turn: Promise<void>
  readonly #start: Resolve<void>
  /** By ticket. A slot is emptied when its task runs. */
  readonly #tasks: (Task<T, unknown> | undefined)[] = []
  /** Tickets below this have been granted. */
  #granted = 0
  /** Tickets below this have been taken: their reactions have run, and parked themselves if they were early. */
  #taken = 0
  /** What was granted last. Only an exclusive lock is granted to a party, so its owner is done before the next grant. */
  #value: T | undefined = undefined
  /** By ticket: wakes one that parked. */
  #gates: Resolve<void>[] | undefined = undefined
  #refusal: { readonly reason: unknown } | undefined = undefined

  constructor() {
    super()
    this.#turn = new Promise<never>(capture)
    this.#start = captured as Resolve<void>
  }

  /** Nobody joins once the first was granted: `#turn` has settled, so a newcomer's reaction would run too early. */
  get full(): boolean {
    return this.#granted > 0 || this.#tasks.length === Party.SIZE
  }

  join<R>(task: Task<T, R>): Promise<R> {
    this.#tasks.push(task)
    return this.#turn.then(this.#take) as Promise<R>
  }

  grant(queue: WaiterQueue<T>, value: T): void {
    const ticket = this.#granted++
    this.#value = value
    if (this.#granted === this.#tasks.length) queue.unlink(this)
    if (ticket < this.#taken) this.#gates?.[ticket]?.()
    else if (ticket === 0) this.#start()
  }

  reject(queue: WaiterQueue<T>, reason: unknown): number {
    queue.unlink(this)
    this.#refusal = { reason }
    for (let ticket = this.#granted; ticket < this.#taken; ticket++) this.#gates?.[ticket]?.()
    this.#start()
    return this.#tasks.length - this.#granted
  }

  readonly #take = (): unknown => {
    const ticket = this.#taken++
    if (ticket < this.#granted || this.#refusal !== undefined) return this.#run(ticket)
    const gate = new Promise<never>(capture)
    this.#gates ??= []
    this.#gates[ticket] = captured as Resolve<void>
    return gate.then(() => this.#run(ticket))
  }

  #run(ticket: number): unknown {
    const task = this.#tasks[ticket] as Task<T, unknown>
    this.#tasks[ticket] = undefined
    if (ticket >= this.#granted) throw this.#refusal?.reason
    return runGranted(task as Task<Lock, unknown>, this.#value as Lock)
  }
}

/** A place that may carry a priority. @internal */
export abstract class RankedPlace<T> extends Place<T> {
  readonly priority: number
  /** Where in the `Ranking` this stands. */
  index = -1
  /** Breaks ties within a priority: lower came first. */
  arrival = 0

  constructor(priority: number) {
    super()
    this.priority = priority
  }

  precedes(other: RankedPlace<T>): boolean {
    return this.priority === other.priority ? this.arrival < other.arrival : this.priority > other.priority
  }
}

/** Places with a priority other than 0: a binary heap whose members know their index, to leave in O(log n). */
class Ranking<T> {
  readonly #heap: RankedPlace<T>[] = []
  #arrivals = 0

  get top(): RankedPlace<T> | undefined {
    return this.#heap[0]
  }

  add(place: RankedPlace<T>): void {
    place.arrival = this.#arrivals++
    this.#sift(place, this.#heap.length)
  }

  delete(place: RankedPlace<T>): void {
    const last = this.#heap.pop() as RankedPlace<T>
    if (last !== place) this.#sift(last, place.index)
  }

  /** Puts `place` where `index` is free, moving it up or down until everyone stands below those who precede them. */
  #sift(place: RankedPlace<T>, index: number): void {
    const heap = this.#heap
    for (let parent: RankedPlace<T>; index > 0; index = (index - 1) >> 1) {
      parent = heap[(index - 1) >> 1] as RankedPlace<T>
      if (!place.precedes(parent)) break
      heap[index] = parent
      parent.index = index
    }
    for (;;) {
      const left = 2 * index + 1
      let child = heap[left]
      const right = heap[left + 1]
      if (child !== undefined && right?.precedes(child)) child = right
      if (child === undefined || !child.precedes(place)) break
      const next = child.index
      heap[index] = child
      child.index = index
      index = next
    }
    heap[index] = place
    place.index = index
  }
}

/** The longest that a platform timer takes; a longer wait is made of several. */
const LONGEST_TIMER = 2 ** 31 - 1

/** What a waiter that expired is resolved with. */
class Expired {
  readonly error: LockTimeoutError

  constructor(error: LockTimeoutError) {
    this.error = error
  }
}

/**
 * Throws where a waiter has expired. The error was made in a timer, where no caller is on the stack. Here, in a reaction
 * of the promise that the caller awaits, V8 sees who that is; taking the stack at every call instead would cost 2 to
 * 10 µs for each wait that never expires (docs/decisions/timeout-stacks.md).
 */
function unlessExpired<T>(value: T | Expired): T {
  if (!(value instanceof Expired)) return value
  ;(Error as { captureStackTrace?: (error: Error) => void }).captureStackTrace?.(value.error)
  throw value.error
}

const expires = (options: AcquireOptions | undefined): options is { timeout: number } =>
  options?.timeout !== undefined && options.timeout !== Infinity

class Candidate<T> extends RankedPlace<T> {
  readonly #queue: WaiterQueue<T>
  readonly #resolve: Resolve<T>
  readonly #signal: AbortSignal | undefined
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  readonly request: LockRequest | undefined

  constructor(queue: WaiterQueue<T>, resolve: Resolve<T>, options: AcquireOptions, request: LockRequest | undefined) {
    super(options.priority ?? 0)
    this.#queue = queue
    this.#resolve = resolve
    this.request = request
    this.#signal = options.signal
    if (options.signal !== undefined) subscribe(options.signal, this)
    if (expires(options)) this.#arm(options.timeout, options.timeout)
  }

  override get aborted(): AbortSignal | undefined {
    return this.#signal?.aborted ? this.#signal : undefined
  }

  grant(queue: WaiterQueue<T>, value: T): void {
    queue.withdraw(this)
    this.#detach()
    if (this.request !== undefined) {
      if (value instanceof Hold) value.request = this.request
      tell(queue.observer, 'granted', this.request)
    }
    this.#resolve(value)
  }

  reject(queue: WaiterQueue<T>, reason: unknown, resolution: T | PromiseLike<T> = rejection(reason)): number {
    queue.withdraw(this)
    this.#detach()
    this.#resolve(resolution)
    if (this.request !== undefined) tell(queue.observer, 'abandoned', this.request, reason)
    return 1
  }

  abort(): void {
    this.#queue.leave(this, this.#signal?.reason)
  }

  #arm(left: number, timeout: number): void {
    const delay = Math.min(left, LONGEST_TIMER)
    this.#timer = setTimeout(() => {
      if (left > delay) this.#arm(left - delay, timeout)
      else this.#expire(timeout)
    }, delay)
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

interface Subscription {
  readonly candidates: Set<Candidate<never>>
  readonly listener: () => void
}

/**
 * One platform listener for each signal, however many wait on it: the platform walks a list of listeners to add one and
 * to remove one, which makes 100,000 of them quadratic.
 */
const subscriptions = new WeakMap<AbortSignal, Subscription>()

function subscribe<T>(signal: AbortSignal, candidate: Candidate<T>): void {
  let subscription = subscriptions.get(signal)
  if (subscription === undefined) {
    const candidates = new Set<Candidate<never>>()
    const listener = () => {
      for (const waiting of candidates) waiting.abort()
    }
    subscription = { candidates, listener }
    subscriptions.set(signal, subscription)
    signal.addEventListener('abort', listener)
  }
  subscription.candidates.add(candidate as Candidate<never>)
}

function unsubscribe<T>(signal: AbortSignal, candidate: Candidate<T>): void {
  const subscription = subscriptions.get(signal)
  if (!subscription?.candidates.delete(candidate as Candidate<never>) || subscription.candidates.size > 0) return
  subscriptions.delete(signal)
  signal.removeEventListener('abort', subscription.listener)
}

/** Whom a queue waits for: who names it in errors, limits it and is told of it. @internal */
export interface QueueOwner {
  readonly label: string
  readonly options: LockOptions | undefined
  readonly onLeave?: (() => void) | undefined
  makeRequest(): LockRequest
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
 * @example A gate that lets one waiter through for each `admit()`:
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
  readonly #owner: QueueOwner
  #head: Place<T> | undefined = undefined
  #tail: Place<T> | undefined = undefined
  /** Those who may have overtaken the list. */
  #ranking: Ranking<T> | undefined = undefined
  /** How many callers wait: those in the list, those in the ranking, each member of a party. */
  #size = 0

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: WaiterQueueOptions)
  /** @internal */
  constructor(options: undefined, owner: QueueOwner)
  constructor(options?: WaiterQueueOptions, owner?: QueueOwner) {
    if (owner !== undefined) {
      this.#owner = owner
      return
    }
    checkLockOptions('WaiterQueue', options)
    const onLeave = options?.onLeave
    if (onLeave !== undefined && typeof onLeave !== 'function')
      misuse('WaiterQueue', 'options.onLeave', 'a function', onLeave)
    const label = labelOf('WaiterQueue', options)
    this.#owner = { label, options, onLeave, makeRequest: () => ({ source: this, keys: [] }) }
  }

  /** How many callers wait. */
  get size(): number {
    return this.#size
  }

  /**
   * Joins the line and resolves to what `grant` gives this waiter. O(1), O(log n) with a priority.
   *
   * *Cancellation*: an abort or a timeout takes the waiter out of the line at once, in O(1), and calls `onLeave`; the
   * order of all others is unchanged. If a grant and an abort race, the one that came first stands.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason`, `LockTimeoutError`,
   * `QueueFullError`, or what `rejectAll` was given.
   */
  wait(options?: AcquireOptions): Promise<T> {
    checkAcquireOptions(this.label, options)
    if (options?.signal?.aborted) return this.refuse(options.signal.reason)
    return this.join(options)
  }

  /**
   * Gives `value` to the first live waiter, who owns it when this returns. Returns `false`, and gives nothing, when nobody
   * waits. O(1), O(log n) with priorities.
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
    const before = this.#size
    for (let place = this.#first; place !== undefined; place = this.#first) this.#size -= place.reject(this, reason)
    return before - this.#size
  }

  /** @internal */
  [inspect](): string {
    return `${this.label} { ${this.#size} waiting }`
  }

  /** @internal */
  get label(): string {
    return this.#owner.label
  }

  /** @internal */
  get observer(): LockObserver | undefined {
    return this.#owner.options?.observer
  }

  /** Who is to be served next. Sends away those in front whose abort has not reached us yet, but came first. @internal */
  get next(): Place<T> | undefined {
    for (;;) {
      const place = this.#first
      const aborted = place?.aborted
      if (place === undefined || aborted === undefined) return place
      this.#size -= place.reject(this, aborted.reason)
    }
  }

  get #first(): Place<T> | undefined {
    const top = this.#ranking?.top
    return top === undefined || (top.priority < 0 && this.#head !== undefined) ? this.#head : top
  }

  /** `wait` for options that were checked and a signal that has not aborted. @internal */
  join(options: AcquireOptions | undefined): Promise<T> {
    if (options?.timeout === 0) return this.refuse(new LockTimeoutError(`${this.label}: taken, and timeout is 0 ms`))
    if (this.isFull) return this.refuseFull()
    const promise = new Promise<T>(capture as (resolve: Resolve<T>) => void)
    const resolve: Resolve<T> = captured
    const observed = this.observer !== undefined
    if (!observed && !(options?.signal || options?.priority || expires(options))) {
      this.#size++
      this.#append(new Waiter(resolve))
      return promise
    }
    const request = observed ? this.#owner.makeRequest() : undefined
    this.enter(new Candidate(this, resolve, options ?? {}, request))
    if (request !== undefined) tell(this.observer, 'queued', request)
    return expires(options) ? promise.then(unlessExpired) : promise
  }

  /** Waits without options, then runs `task` with the lock, in the caller's async context. @internal */
  run<R>(task: Task<T, R>): Promise<R> {
    if (this.isFull) return this.refuseFull()
    this.#size++
    let party = this.#tail
    if (!(party instanceof Party) || party.full) {
      party = new Party<T>()
      this.#append(party)
    }
    return (party as Party<T>).join(task)
  }

  /** Rejects one caller who never joined. @internal */
  refuse(reason: unknown): Promise<never> {
    if (this.observer !== undefined) tell(this.observer, 'abandoned', this.#owner.makeRequest(), reason)
    return Promise.reject(reason)
  }

  /** @internal */
  get isFull(): boolean {
    return this.#size >= (this.#owner.options?.maxWaiting ?? Infinity)
  }

  /** @internal */
  refuseFull(): Promise<never> {
    return this.refuse(
      new QueueFullError(`${this.label}: ${this.#size} wait already, which is all that maxWaiting allows`)
    )
  }

  /** Puts a place at the end of the line, or where its priority belongs. @internal */
  enter(place: RankedPlace<T>): void {
    this.#size++
    if (place.priority === 0) this.#append(place)
    else {
      this.#ranking ??= new Ranking()
      this.#ranking.add(place)
    }
  }

  /** Gives up what `enter` took. @internal */
  exit(place: RankedPlace<T>): void {
    this.#size--
    this.withdraw(place)
  }

  /** Lets one go who does not want to wait any longer. @internal */
  leave(candidate: Candidate<T>, reason: unknown, resolution?: T): void {
    this.#size -= candidate.reject(this, reason, resolution)
    const { onLeave } = this.#owner
    if (onLeave !== undefined) callOut(onLeave)
  }

  /** @internal */
  withdraw(place: RankedPlace<T>): void {
    if (place.priority === 0) this.unlink(place)
    else this.#ranking?.delete(place)
  }

  /** @internal */
  unlink(place: Place<T>): void {
    const { next, previous } = place
    if (previous === undefined) this.#head = next
    else previous.next = next
    if (next === undefined) this.#tail = previous
    else next.previous = previous
  }

  #append(place: Place<T>): void {
    const last = this.#tail
    if (last === undefined) this.#head = place
    else last.next = place
    place.previous = last
    this.#tail = place
  }
}

/** `Mutex "tools"`: how a primitive is called in messages. @internal */
export function labelOf(kind: string, options: LockOptions | undefined): string {
  return options?.name === undefined ? kind : `${kind} ${JSON.stringify(options.name)}`
}

/** What `close` and `whenFree` need; made when one of them is first called. */
interface Exit {
  readonly line: WaiterQueue<void>
  closing: Promise<void> | undefined
  reason: unknown
}

/**
 * What every waiting primitive has in common: it can be closed, its waiters can be sent away, and one can wait until it
 * is free.
 */
export abstract class Waitable implements AsyncDisposable {
  /** @internal */
  readonly options: LockOptions | undefined
  #exit: Exit | undefined = undefined

  /** @internal */
  constructor(options: LockOptions | undefined) {
    this.options = options
  }

  /** Neither closed nor observed: what a fast path may rely on. @internal */
  get plain(): boolean {
    return this.#exit === undefined && this.options?.observer === undefined
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
    return this.#exit?.closing !== undefined
  }

  /**
   * Rejects everyone who waits now, with `reason` if one is given, else with a `LockCancelledError`. Holders are not
   * touched, and whoever comes later waits as usual. O(waiters).
   */
  cancelWaiters(reason?: unknown): void {
    this.rejectWaiters(reason === undefined ? new LockCancelledError(`${this.label}: the wait was cancelled`) : reason)
  }

  /**
   * Closes for good: rejects everyone who waits and everyone who comes, with `reason` if one is given, else with a
   * `LockClosedError`. Resolves when the last holder has released. Further calls return the same promise, and the first
   * reason stands.
   *
   * *Cancellation*: cannot be cancelled. Awaiting it while holding the lock waits for oneself.
   */
  close(reason?: unknown): Promise<void> {
    const exit = this.#getExit()
    if (exit.closing === undefined) {
      exit.reason = reason
      exit.closing = this.whenFree()
      this.rejectWaiters(this.closedReason)
    }
    return exit.closing
  }

  /** `close()`, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Resolves when nobody holds and nobody waits, without taking anything: by the time the caller goes on, somebody may have
   * come. `close` and `cancelWaiters` do not reject it.
   *
   * *Cancellation*: an abort rejects with `signal.reason`, a timeout (ms) with `LockTimeoutError`; nothing else changes.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option.
   */
  whenFree(options?: AcquireOptions): Promise<void> {
    checkAcquireOptions(this.label, options)
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason)
    return this.isFree ? Promise.resolve() : this.#getExit().line.join(options)
  }

  /** To be called whenever the primitive may have become free. @internal */
  freed(): void {
    const line = this.#exit?.line
    if (line !== undefined && this.isFree) while (line.grant()) {}
  }

  /** What refuses a caller who comes now whatever the state of the lock: closed, or aborted. @internal */
  refusal(
    options: AcquireOptions | undefined,
    owner: Pick<QueueOwner, 'makeRequest'> = this
  ): Promise<never> | undefined {
    checkAcquireOptions(this.label, options)
    const closed = this.closed
    if (!closed && !options?.signal?.aborted) return undefined
    const reason: unknown = closed ? this.closedReason : options?.signal?.reason
    if (this.options?.observer !== undefined) tell(this.options.observer, 'abandoned', owner.makeRequest(), reason)
    return Promise.reject(reason)
  }

  /** @internal */
  [inspect](): string {
    return `${this.label} { ${this.closed ? 'closed, ' : ''}${this.describe()} }`
  }

  /** An error of its own for each call, so that its stack names that caller. @internal */
  get closedReason(): unknown {
    return this.#exit?.reason ?? new LockClosedError(`${this.label}: closed`)
  }

  #getExit(): Exit {
    this.#exit ??= {
      line: new WaiterQueue<void>(undefined, {
        label: this.label,
        options: undefined,
        makeRequest: () => this.makeRequest()
      }),
      closing: undefined,
      reason: undefined
    }
    return this.#exit
  }
}
