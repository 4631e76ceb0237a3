// What stands in a queue, and how each kind of waiter is settled.
//
// Waiting is paid in memory, so there are three kinds of places, from slim to rich:
//
//   TurnBatch           callers of `runExclusive` without options: they cannot leave (task-batches.ts)
//   Waiter              a caller of `acquire` without options: its neighbours, and how to resolve its promise
//   CancellableWaiter   a caller that may leave, is observed, or asks for much: with a signal, a timeout, an observer or
//                       a weight
//
//                 grant
//      queued ───────────────▶ granted ──▶ (the holder releases)
//        │
//        └── abort, timeout, ─▶ abandoned
//            rejectAll

import type { Settings } from './arguments.js'
import {
  type AbortTarget,
  expires,
  reasonOf,
  retraced,
  startTimer,
  stopTimer,
  subscribe,
  type TimerTarget,
  timeoutError,
  unsubscribe
} from './cancellation.js'
import { Hold, runGranted } from './hold.js'
import { Link } from './lanes.js'
import type { AcquireOptions, Lock, LockRequest, Task } from './lock.js'
import { $exit, $label, $leave, $request, $settings } from './members.js'
import { notifyObserver } from './observer.js'

export type Resolve<T> = (value: T | PromiseLike<T>) => void

/** A promise's `resolve`, carried out of the executor by a variable: no closure is made for each promise. */
let captured: Resolve<never> | undefined
export const capture = (resolve: Resolve<never>): void => {
  captured = resolve
}

/** The `resolve` of the promise that was just made. */
export function takeCaptured<T>(): Resolve<T> {
  const resolve = captured as Resolve<T>
  captured = undefined // or the last waiter would stay reachable
  return resolve
}

/** What a place needs of the queue in which it stands. */
export interface PlaceQueue<T> {
  readonly [$label]: string
  readonly [$settings]: Settings
  [$exit](place: Place<T>, others?: number): void
  [$leave](waiter: CancellableWaiter<T>, reason: unknown, rejection?: Promise<never>): void
}

/** One place in a queue, which several waiters may share. */
export abstract class Place<T> extends Link {
  /** Serves the first waiter here, who leaves the queue. */
  abstract grant(queue: PlaceQueue<T>, value: T): void
  /** Rejects all waiters here, once they are out of the queue. */
  abstract reject(reason: unknown): void
  /** Whether the waiter has aborted, and the event has not reached us yet: the abort came first. */
  get aborted(): boolean {
    return false
  }
  /** Lets the first waiter here leave, which has aborted. What depends on it is up to the caller of this. */
  dropAborted(_queue: PlaceQueue<T>): void {}
  /** How much the first waiter here asks for. */
  get weight(): number {
    return 1
  }
}

/** Half of the class below, which inherits without `super()`. */
export interface Waiter<T> extends Place<T> {}
export class Waiter<T> {
  readonly #resolve: Resolve<T>

  constructor(resolve: Resolve<T>) {
    this.next = this
    this.previous = this
    this.#resolve = resolve
  }

  grant(queue: PlaceQueue<T>, value: T): void {
    queue[$exit](this)
    this.settle(value)
  }

  settle(value: T | PromiseLike<T>): void {
    this.#resolve(value)
  }

  // Keeping `resolve` alone, and letting go of the `reject` that comes with it, saves a quarter of what a waiter takes.
  reject(reason: unknown, rejection: Promise<never> = Promise.reject(reason)): void {
    this.#resolve(rejection)
  }
}
Object.setPrototypeOf(Waiter.prototype, Place.prototype)

export class CancellableWaiter<T> extends Waiter<T> implements AbortTarget, TimerTarget {
  readonly #queue: PlaceQueue<T>
  readonly #request: LockRequest | undefined
  protected readonly signal: AbortSignal | undefined
  readonly #timeout: number | undefined
  readonly #weight: number
  timer: unknown = undefined

  constructor(
    resolve: Resolve<T>,
    queue: PlaceQueue<T>,
    options: AcquireOptions | undefined,
    request: LockRequest | undefined,
    weight: number
  ) {
    super(resolve)
    this.#queue = queue
    this.#request = request
    this.signal = options?.signal
    this.#timeout = options?.timeout
    this.#weight = weight
    if (this.signal !== undefined) subscribe(this.signal, this)
    if (expires(options)) startTimer(this, options.timeout)
  }

  override get weight(): number {
    return this.#weight
  }

  override get aborted(): boolean {
    return this.signal?.aborted === true
  }

  override grant(queue: PlaceQueue<T>, value: T): void {
    const request = this.#request
    this.#detach()
    if (request !== undefined && value instanceof Hold) value[$request] = request
    super.grant(queue, value)
    if (request !== undefined) notifyObserver(queue[$settings].observer, 'granted', request)
  }

  override reject(reason: unknown, rejection?: Promise<never>): void {
    this.#detach()
    super.reject(reason, rejection)
    if (this.#request !== undefined) notifyObserver(this.#queue[$settings].observer, 'abandoned', this.#request, reason)
  }

  abort(): void {
    this.#leave(reasonOf(this.signal as AbortSignal))
  }

  override dropAborted(queue: PlaceQueue<T>): void {
    queue[$exit](this)
    this.reject(reasonOf(this.signal as AbortSignal))
  }

  expire(): void {
    const error = timeoutError(this.#queue[$label], this.#timeout as number)
    this.#leave(error, retraced(error))
  }

  #leave(reason: unknown, rejection?: Promise<never>): void {
    // What stands nowhere has been served, or is being rejected.
    if (this.next !== this) this.#queue[$leave](this, reason, rejection)
  }

  #detach(): void {
    stopTimer(this)
    if (this.signal !== undefined) unsubscribe(this.signal, this)
  }
}

/** A waiter whose task runs when it is granted. It carries the task, so that no closure has to. */
export class CancellableTaskWaiter<L extends Lock, R> extends CancellableWaiter<L> {
  readonly #task: Task<L, R>
  #lock: L | undefined = undefined

  constructor(task: Task<L, R>, ...rest: ConstructorParameters<typeof CancellableWaiter<L>>) {
    super(...rest)
    this.#task = task
  }

  /** Its promise resolves to the waiter itself, on which one reaction, the same for all, then calls `run`. */
  override settle(lock: L): void {
    this.#lock = lock
    super.settle(this as never)
  }

  run(): R | PromiseLike<R> {
    return runGranted(this.#task, this.#lock as L, this.signal)
  }
}
