/// <reference lib="esnext.disposable" preserve="true" />
// The words that all primitives share: what a holder holds, how a caller waits, what an observer is told.

/**
 * The right that an `acquire` granted, until it is released.
 *
 * Only the lock that was granted can release, and only once: a second call does nothing, and can never free the lock of
 * another caller. It is disposable, so `using lock = await mutex.acquire()` releases at the end of the block, whichever
 * way the block ends.
 */
export interface Lock extends Disposable {
  /** Whether this lock has not been released yet. */
  readonly held: boolean
  /**
   * Releases the lock and hands it to the first waiter before it returns. A second call does nothing.
   *
   * @throws TypeError if it is called without its lock, as in `const { release } = lock`.
   */
  release(): void
}

/** How one call waits. Each option is read once, before the call looks at the lock. */
export interface AcquireOptions {
  /** Ends the wait when it aborts; the call rejects with the signal's `reason`, untouched. */
  signal?: AbortSignal | undefined
  /**
   * How long to wait, in ms. `0` does not wait at all; `Infinity` waits forever. Default: the `timeout` of the
   * primitive, and without one `Infinity`. Never limits how long the lock is held.
   */
  timeout?: number | undefined
  /** Which waiter goes first: a higher priority before a lower one, in order of arrival within one. Default `0`. */
  priority?: number | undefined
}

/** What every primitive is made with. It keeps a copy: later changes to the object change nothing. */
export interface LockOptions {
  /** Names the primitive in errors, in `inspect` and to an observer. */
  name?: string | undefined
  /** How many callers may wait at once; one more is refused with `QueueFullError`. Default `Infinity`. */
  maxWaiting?: number | undefined
  /** How long a call waits that has no `timeout` of its own, in ms. Default `Infinity`. */
  timeout?: number | undefined
  /** Its methods are called for each request. Without an observer there is no cost. */
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
 * Watches each request: `queued` (unless it was granted or refused at once), then either `granted` and in the end
 * `released`, or `abandoned` with the error that the caller was rejected with.
 *
 * The calls are synchronous. What they tell has happened completely, and is what the primitive shows; `released` is told
 * before the lock is handed to the next waiter. An observer that throws does no harm: its error is reported as uncaught.
 */
export interface LockObserver {
  /** The caller waits. */
  queued?(request: LockRequest): void
  /** The caller holds: at once, or after having been queued. */
  granted?(request: LockRequest): void
  /** The holder released. */
  released?(request: LockRequest): void
  /** The caller left without the lock, or was refused; `reason` is what it was rejected with. */
  abandoned?(request: LockRequest, reason: unknown): void
}

/** What runs under a lock. It may release the lock early; whatever it returns is awaited. */
export type Task<L, R> = (lock: L) => R | PromiseLike<R>
