// What a holder holds, and how a task runs under it.
//
//      granted ──release()──▶ released: the grantor hands off to the next waiter before `release` returns
//
// A lock object knows the primitive that granted it until it is released, and that is what makes a release one-shot.

import { inspect, isObject, type Settings } from './arguments.js'
import { reasonOf } from './cancellation.js'
import type { Lock, LockRequest, Task } from './lock.js'
import { $grantor, $handOff, $label, $makeRequest, $request, $settings, $transferTo } from './members.js'
import { notifyObserver } from './observer.js'

/** What callers ask, as messages and observers know it. */
export interface Source {
  readonly [$label]: string
  readonly [$settings]: Settings
  [$makeRequest](): LockRequest
}

/** Where a lock comes from, and goes back to. */
export interface Grantor extends Source {
  /** Makes the next waiter the owner of what came back with `hold`. Called once for each lock that was granted. */
  [$handOff](hold: Hold): void
}

// Where the runtime has no `Symbol.dispose` yet, `using` cannot be compiled against it either, unless a polyfill came
// first; the registered symbol is what polyfills agree on.
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose')
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')

/** Frozen locks that were released: they cannot keep that themselves. */
const releasedFrozen = new WeakSet<Hold>()

/** Takes its right from a lock, frozen or not. `false`: it had none any more. */
function end(hold: Hold): boolean {
  try {
    hold[$grantor] = undefined
  } catch {
    if (releasedFrozen.has(hold)) return false
    releasedFrozen.add(hold)
  }
  return true
}

/** The one implementation of `Lock`. */
export class Hold implements Lock {
  /** The primitive that granted this; `undefined` once it was released. */
  declare [$grantor]: Grantor | undefined
  /** What an observer knows this acquisition by. Absent where there is no observer. */
  declare [$request]?: LockRequest

  constructor(grantor: Grantor) {
    this[$grantor] = grantor
  }

  get held(): boolean {
    return this[$grantor] !== undefined && !releasedFrozen.has(this)
  }

  /** Moves the right to `other` without releasing it. This one counts as released. */
  [$transferTo]<H extends Lock>(other: H): H {
    const target = other as Lock as Hold
    target[$grantor] = this[$grantor]
    if (this[$request] !== undefined) target[$request] = this[$request]
    end(this)
    return other
  }

  release(): void {
    // Called without its lock, `this` is `undefined` or whatever calls: a lock that stays locked must not look released.
    if (!(this instanceof Hold)) throw new TypeError('Lock: release must be called on its lock: lock.release()')
    const grantor = this[$grantor]
    if (grantor === undefined || !end(this)) return
    if (this[$request] !== undefined) notifyObserver(grantor[$settings].observer, 'released', this[$request])
    grantor[$handOff](this)
  }

  [dispose](): void {
    this.release()
  }

  toString(): string {
    return `Lock { ${this.held ? 'held' : 'released'} }`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect](): string {
    return this.toString()
  }

  /** Vue makes no proxy of what says this: private state cannot be reached through one. */
  get __v_skip(): true {
    return true
  }
}

/**
 * Makes `Class` inherit from `Hold` as `extends` does, but with a constructor that makes the whole object by itself: V8
 * does not inline `super()`. Only for what is made at each acquire (docs/decisions/no-super-on-hot-paths.md).
 */
export function inheritHold(Class: { prototype: object }): void {
  Object.setPrototypeOf(Class.prototype, Hold.prototype)
  noThenable(Class)
}

/**
 * Resolving a promise looks for `then` on the value and on everything it inherits from. A lock says at once that it has
 * none (docs/decisions/waiters-share-a-promise.md).
 */
function noThenable(Class: { prototype: object }): void {
  // biome-ignore lint/suspicious/noThenProperty: it says that this is no thenable
  ;(Class.prototype as { then?: undefined }).then = undefined
}
noThenable(Hold)

/** Hands out a lock on what was free. */
export function grantFree<L extends Lock>(grantor: Grantor, lock: L): L {
  const { observer } = grantor[$settings]
  if (observer !== undefined) {
    const request = grantor[$makeRequest]()
    ;(lock as Lock as Hold)[$request] = request
    notifyObserver(observer, 'granted', request)
  }
  return lock
}

/** Rejects a caller who never joined a queue. */
export function rejectImmediately(source: Source, reason: unknown): Promise<never> {
  const { observer } = source[$settings]
  if (observer !== undefined) notifyObserver(observer, 'abandoned', source[$makeRequest](), reason)
  return Promise.reject(reason)
}

/** Lets a caller through that has nothing to wait for and nothing to hold. */
export function passImmediately<T>(source: Source, value: T): Promise<T> {
  const { observer } = source[$settings]
  if (observer !== undefined) notifyObserver(observer, 'granted', source[$makeRequest]())
  return Promise.resolve(value)
}

/** Runs a task under a lock that the caller has just taken. A synchronous throw becomes a rejection. */
export async function runHolding<L extends Lock, R>(task: Task<L, R>, lock: L): Promise<R> {
  try {
    return await task(lock)
  } finally {
    lock.release()
  }
}

// Taken here: a promise may have a `then` of its own, and it is `await` that decides what the result is.
const { then } = Promise.prototype

/** Calls `task` now. A throw becomes a rejection; a promise with a `then` of its own is taken as `await` takes it. */
export function awaited<R>(task: () => R | PromiseLike<R>): Promise<R> {
  return new Promise(resolve => {
    const result = task()
    const hasOwnThen = result instanceof Promise && Object.hasOwn(result, 'then')
    resolve(hasOwnThen ? (then.call(result) as Promise<R>) : result)
  })
}

/** For a promise with a `then` of its own: as `await` does, this asks what the promise is, and not its `then`. */
function releaseAfter<R>(settled: Promise<R>, lock: Lock): Promise<R> {
  return then.call(
    settled,
    value => {
      lock.release()
      return value
    },
    error => {
      lock.release()
      throw error
    }
  ) as Promise<R>
}

/**
 * The same for a lock that was waited for, inside a promise reaction. That turns throws into rejections and awaits
 * results by itself, so a task that returns a primitive value costs no further promise. If the caller's signal has
 * aborted since the grant, the task is not started.
 */
export function runGranted<L extends Lock, R>(task: Task<L, R>, lock: L, signal?: AbortSignal): R | PromiseLike<R> {
  let result: R | PromiseLike<R>
  try {
    if (signal?.aborted) throw reasonOf(signal)
    result = task(lock)
    if (isObject(result) || typeof result === 'function') {
      // It may be a thenable. The lock is free before the caller hears of the result.
      const settled = Promise.resolve(result)
      if (Object.hasOwn(settled, 'then')) return releaseAfter(settled, lock)
      const release = () => lock.release()
      settled.then(release, release)
      return settled
    }
  } catch (error) {
    lock.release()
    throw error
  }
  lock.release()
  return result
}

/**
 * A function whose every call runs `fn` under a lock, with the `this` and the arguments of the call.
 *
 * @param run takes the lock for a call with these arguments, and runs the task
 */
export function wrapFunction<This, Args extends unknown[], R>(
  fn: (this: This, ...args: Args) => R,
  run: (task: () => R, args: Args) => Promise<unknown>
): (this: This, ...args: Args) => Promise<Awaited<R>> {
  return function (...args) {
    return run(() => fn.apply(this, args), args) as Promise<Awaited<R>>
  }
}
