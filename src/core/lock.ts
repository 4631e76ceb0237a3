/// <reference lib="esnext.disposable" preserve="true" />
// What a holder holds, and the words that all primitives share.

import { must, type Named } from './errors.js'

/**
 * The right that an `acquire` granted, until it is given back.
 *
 * Only the lock that was granted can release, and only once: whatever is done with it afterwards is a no-op that can
 * never free the lock of somebody else. It is disposable, so `using lock = await mutex.acquire()` releases at the end
 * of the block, whichever way the block ends.
 */
export interface Lock extends Disposable {
  /** Whether this lock has not been released yet. */
  readonly held: boolean
  /**
   * Gives the lock back and hands it to the first waiter, before it returns. A second call does nothing. Never
   * throws.
   */
  release(): void
}

/** How one call waits. */
export interface AcquireOptions {
  /** Gives up waiting when it aborts; the call rejects with the signal's `reason`, untouched. */
  signal?: AbortSignal | undefined
  /**
   * How long to wait, in ms. `0` does not wait at all; `undefined` and `Infinity` wait for ever. Never limits
   * holding.
   */
  timeout?: number | undefined
  /** Who goes first: higher before lower, in order of arrival within one priority. Default `0`. */
  priority?: number | undefined
}

/** What every primitive is made with. */
export interface LockOptions {
  /** Names the primitive in errors, in `inspect` and to an observer. */
  name?: string | undefined
  /** How many may wait at once; one more is refused with `QueueFullError`. Default `Infinity`. */
  maxWaiting?: number | undefined
  /** Is told of everything that happens. Without one, nothing is spent on it. */
  observer?: LockObserver | undefined
}

/** One acquisition as an observer sees it: the same object from the first call to the last. */
export interface LockRequest {
  /** The primitive that was asked. */
  readonly source: object
  /** The keys that were asked for; empty where the primitive has none. */
  readonly keys: readonly unknown[]
}

/**
 * Is told what happens to each request: `queued` (unless it was served or refused at once), then either `granted` and
 * in the end `released`, or `abandoned` with what the caller was rejected with.
 *
 * The calls are synchronous. What they tell has happened, and is what the primitive shows; `released` is told before
 * the lock is handed on. An observer that throws harms nobody: its error is reported as uncaught.
 */
export interface LockObserver {
  /** The caller waits. */
  queued?(request: LockRequest): void
  /** The caller holds: at once, or after having been queued. */
  granted?(request: LockRequest): void
  /** The holder gave it back. */
  released?(request: LockRequest): void
  /** The caller gave up, or was refused; `reason` is what it was rejected with. */
  abandoned?(request: LockRequest, reason: unknown): void
}

/** Reports what a user's callback threw as uncaught, and so keeps it away from the lock. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

/**
 * Calls what a user hung into a lock, and keeps its failures away from the lock: they are reported as uncaught.
 * @internal
 */
export function callOut(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    report(error)
  }
}

/** Tells an observer. Not by way of `callOut`: to make a closure for it costs 10 ns. @internal */
export function tell(
  observer: LockObserver | undefined,
  event: keyof LockObserver,
  request: LockRequest,
  reason?: unknown
): void {
  try {
    // Each by its name: to look a member up by a variable costs 20 ns.
    if (event === 'granted') observer?.granted?.(request)
    else if (event === 'released') observer?.released?.(request)
    else observer?.[event]?.(request, reason)
  } catch (error) {
    report(error)
  }
}

/** The keys of a request to what has none. @internal */
export const NO_KEYS: readonly unknown[] = []

/** What callers ask, as messages and observers know it. @internal */
export interface Source extends Named {
  makeRequest(): LockRequest
}

/** Rejects a caller who never joined a line. @internal */
export function refuse(observer: LockObserver | undefined, source: Source, reason: unknown): Promise<never> {
  if (observer !== undefined) tell(observer, 'abandoned', source.makeRequest(), reason)
  return Promise.reject(reason)
}

/** Where a lock comes from, and goes back to. @internal */
export interface Grantor extends Source {
  readonly options: LockOptions | undefined
  /** Gives what came back with `hold` to those who are next. Called once for each lock that was granted. */
  advance(hold: Hold): void
}

// Where the runtime has no `Symbol.dispose` yet, `using` cannot be compiled against it either, unless a polyfill came
// first; the registered symbol is what polyfills agree on.
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose')
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')
/** @internal */
export const inspect = Symbol.for('nodejs.util.inspect.custom')

/** The one implementation of `Lock`. @internal */
export class Hold implements Lock {
  /** Who granted this; `undefined` once it has been given back, which is what makes a release one-shot. @internal */
  grantor: Grantor | undefined
  /** What an observer knows this acquisition by. Absent where nobody watches. */
  declare request?: LockRequest

  constructor(grantor: Grantor) {
    this.grantor = grantor
  }

  get held(): boolean {
    return this.grantor !== undefined
  }

  /** Gives up the right without giving anything back: it goes on in the lock that is returned. @internal */
  become<H extends Hold>(other: H): H {
    const { grantor } = this
    this.grantor = undefined
    other.grantor = grantor
    if (this.request !== undefined) other.request = this.request
    return other
  }

  release(): void {
    const { grantor } = this
    if (grantor === undefined) return
    this.grantor = undefined
    if (this.request !== undefined) tell((grantor.options as LockOptions).observer, 'released', this.request)
    grantor.advance(this)
  }

  [dispose](): void {
    this.release()
  }

  [inspect](): string {
    return `Lock { ${this.held ? 'held' : 'released'} }`
  }
}

/**
 * Makes `Class` inherit from `Base` as `extends` does, but with a constructor that makes the whole object by itself: V8
 * does not inline `super()`. Worth it only for what is made at each acquire (docs/decisions/no-super-on-hot-paths.md).
 * @internal
 */
export function inherit(Class: { prototype: object }, Base: { prototype: object }): void {
  Object.setPrototypeOf(Class.prototype, Base.prototype)
}

/**
 * Resolving a promise looks for `then` on the value and on everything it inherits from. A lock says at once that it has
 * none: 25 ns less on each contended acquire (docs/decisions/waiters-share-a-promise.md). @internal
 */
export function noThenable(Class: { prototype: Hold }): void {
  // biome-ignore lint/suspicious/noThenProperty: it says that this is no thenable
  ;(Class.prototype as { then?: undefined }).then = undefined
}
noThenable(Hold)

/** Hands out a lock on what was free. @internal */
export function grantFree<L extends Lock>(grantor: Grantor, lock: L): L {
  const observer = grantor.options?.observer
  if (observer !== undefined) {
    const request = grantor.makeRequest()
    ;(lock as Lock as Hold).request = request
    tell(observer, 'granted', request)
  }
  return lock
}

/** What runs under a lock. It may release the lock early; whatever it returns is awaited. */
export type Task<L, R> = (lock: L) => R | PromiseLike<R>

/** Runs a task under a lock that the caller has just taken. A synchronous throw becomes a rejection. @internal */
export async function runHolding<L extends Lock, R>(task: Task<L, R>, lock: L): Promise<R> {
  try {
    return await task(lock)
  } finally {
    lock.release()
  }
}

/**
 * The same for a lock that was waited for, inside a promise reaction. That turns throws into rejections and awaits
 * results by itself, so a task that returns a primitive value costs no further promise. If the caller's signal has
 * aborted since the grant, the task is not started. @internal
 */
export function runGranted<L extends Lock, R>(task: Task<L, R>, lock: L, signal?: AbortSignal): R | PromiseLike<R> {
  let result: R | PromiseLike<R>
  try {
    if (signal?.aborted) throw signal.reason
    result = task(lock)
  } catch (error) {
    lock.release()
    throw error
  }
  if (isObject(result) || typeof result === 'function') {
    // It may be a thenable. `Promise.resolve` asks it once, and the lock is free before the caller hears of the result.
    const settled = Promise.resolve(result)
    const release = () => lock.release()
    settled.then(release, release)
    return settled
  }
  lock.release()
  return result
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Refuses what is not an `AcquireOptions`. @internal */
export function checkAcquireOptions(source: Named, options: unknown): asserts options is AcquireOptions | undefined {
  if (options === undefined) return
  must(isObject(options), source, 'options', 'an object', options)
  const { signal, timeout, priority } = options as AcquireOptions
  // By shape, not by class: a signal of another realm or of a polyfill is as good.
  const isSignal =
    isObject(signal) &&
    typeof signal.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function'
  must(signal === undefined || isSignal, source, 'options.signal', 'an AbortSignal', signal)
  const isTimeout = typeof timeout === 'number' && timeout >= 0
  must(timeout === undefined || isTimeout, source, 'options.timeout', 'a number of ms >= 0', timeout)
  must(priority === undefined || Number.isFinite(priority), source, 'options.priority', 'a finite number', priority)
}

/** Refuses what is not a `LockOptions`. @internal */
export function checkLockOptions(source: Named, options: unknown): asserts options is LockOptions | undefined {
  if (options === undefined) return
  must(isObject(options), source, 'options', 'an object', options)
  const { name, maxWaiting, observer } = options as LockOptions
  must(name === undefined || typeof name === 'string', source, 'options.name', 'a string', name)
  const isLimit = maxWaiting === Infinity || (Number.isInteger(maxWaiting) && (maxWaiting as number) >= 0)
  must(maxWaiting === undefined || isLimit, source, 'options.maxWaiting', 'a whole number >= 0 or Infinity', maxWaiting)
  must(observer === undefined || isObject(observer), source, 'options.observer', 'an object', observer)
  for (const event of ['queued', 'granted', 'released', 'abandoned'] as const)
    if (observer?.[event] !== undefined) mustBeFunction(source, `options.observer.${event}`, observer[event])
}

/** @internal */
export function mustBeFunction(source: Named, argument: string, value: unknown): void {
  must(typeof value === 'function', source, argument, 'a function', value)
}
