// What a detector is asked, and what it promises.

import type { DeadlockError } from '../core/errors.js'
import type { Watchable, WatchableEngineLock } from './kinds.js'

/** What `detectDeadlocks` is called with. */
export interface DetectorOptions {
  /** Whether each edge of a cycle tells where it was asked. Costs some µs for each acquisition. Default `false`. */
  stacks?: boolean | undefined
  /**
   * What becomes of a wait that would never end. `'reject'`, the default: it rejects with a `DeadlockError`. `'report'`:
   * the process is warned (`process.emitWarning`, elsewhere `console.warn`), and the wait goes on as if nothing watched it.
   * A function is called with the error, and the wait goes on. To try the detector out where a refusal could do harm.
   */
  onDeadlock?: 'reject' | 'report' | ((error: DeadlockError) => void) | undefined
}

/** How a task is started that a detector knows. */
export interface TaskOptions {
  /** What messages call it. */
  name?: string | undefined
}

/** Refuses waits that would never end, on the locks that it watches. */
export interface DeadlockDetector {
  /**
   * Watches `lock`, and returns it: a `Mutex`, `KeyedMutex`, `Semaphore`, `ReadWriteLock`, `Pool` or `ReentrantMutex`
   * that is free, or a lock of `latchkey/distributed` and its engines, of which it sees the callers of this process. From now on a wait on it that would close a cycle rejects with a `DeadlockError` at once:
   * it never queues, and what the caller holds stays held. Everything else is as before.
   *
   * @throws TypeError for what is no such lock, or is in use.
   */
  watch<L extends Watchable | WatchableEngineLock>(lock: L): L
  /**
   * Runs `task` in a task scope of its own: what it takes by hand (`acquire`, `tryAcquire`) belongs to the scope until it
   * is released. A task does one thing after another. Branches that run at the same time and lock by hand need a scope
   * each: where a task asks for a lock before it has heard of another, what it takes by hand belongs to no scope. The
   * caller is taken to await it. Resolves or rejects as the task does.
   *
   * *Cancellation*: none; the task is called before this returns.
   *
   * @throws TypeError, at the call, for a wrong argument.
   */
  run<R>(task: () => R | PromiseLike<R>, options?: TaskOptions): Promise<R>
  /**
   * The same for work that the caller does not await. It is in no scope of the caller's, nor inside a `ReentrantMutex`
   * of the caller's: it may wait for what the caller holds.
   *
   * @throws TypeError, at the call, for a wrong argument.
   */
  detach<R>(task: () => R | PromiseLike<R>, options?: TaskOptions): Promise<R>
}
