import type { Task } from '../core/lock.js'
import type { Rule } from './places.js'
import {
  attachTo,
  type SharedAcquireOptions,
  type SharedHandle,
  type SharedLock,
  type SharedOptions,
  SharedPrimitive,
  type SharedSyncOptions
} from './shared-primitive.js'

/** The first place holds. */
const EXCLUSIVE: Rule = { bits: 4, most: 15, holding: digits => (digits === '' ? 0 : 1) }

/** The handle of a `SharedMutex`. */
export type SharedMutexHandle = SharedHandle<'SharedMutex'>

/**
 * A mutual exclusion lock between the threads of one process, in shared memory, for data in a `SharedArrayBuffer` or in
 * the memory of WebAssembly that several threads change.
 *
 * Threads are served first come, first served, one caller of each at a time. Up to 15 threads can be attached. It is not
 * reentrant. If a thread that is watched ends while it holds, the next holder learns so by `lock.abandoned`.
 *
 * @example
 * ```ts
 * import { SharedMutex } from 'latchkey/threads'
 *
 * const mutex = new SharedMutex({ name: 'index' })
 * // In the worker: SharedMutex.attach(handle)
 * mutex.handle.kind // → 'SharedMutex'
 * const lock = await mutex.acquire({ timeout: 500 })
 * console.log(mutex) // → SharedMutex "index" { held by thread 1 }
 * lock.abandoned // → false
 * lock.release()
 * ```
 */
export class SharedMutex extends SharedPrimitive {
  /**
   * Makes a lock in new memory, and attaches this thread.
   *
   * @throws TypeError for a wrong option, Error with the code `ERR_THREADS_UNSUPPORTED` where threads share no memory: a
   * page has to be cross-origin isolated.
   */
  constructor(options?: SharedOptions) {
    super('SharedMutex', EXCLUSIVE, options)
  }

  /**
   * Attaches this thread to the lock of another one. A second call in one thread returns the same object.
   *
   * @throws TypeError for what is no handle of a `SharedMutex`, RangeError if 15 threads are attached.
   */
  static attach(handle: SharedMutexHandle): SharedMutex {
    return attachTo('SharedMutex', handle, attachment => new SharedMutex(attachment as SharedOptions))
  }

  override get handle(): SharedMutexHandle {
    return super.handle as SharedMutexHandle
  }

  /**
   * Waits until this thread holds, without blocking it. O(1), beside the threads that stand in the queue.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once; the order of the others is
   * unchanged. A grant that came first stands. A signal that is already aborted rejects even when the lock is free.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError` or `LockClosedError`.
   */
  acquire(options?: SharedAcquireOptions): Promise<SharedLock> {
    return this.acquireAs(0, options)
  }

  /**
   * Blocks the thread until it holds. It goes before the callers of this thread that wait in `acquire`, which cannot go
   * on while the thread is blocked.
   *
   * *Cancellation*: by the timeout (ms) alone: a blocked thread hears no signal.
   *
   * @throws TypeError or RangeError for a wrong option, `LockTimeoutError`, `LockClosedError`; `DeadlockError` if a caller
   * of this thread holds; Error with the code `ERR_THREADS_UNSUPPORTED` where blocking is not allowed, such as in the main
   * thread of a browser.
   */
  acquireSync(options?: SharedSyncOptions): SharedLock {
    return this.acquireSyncAs(0, options)
  }

  /** Takes the lock if no thread holds or waits, else returns `undefined`, as it does when this is closed. */
  tryAcquire(): SharedLock | undefined {
    return this.tryAcquireAs(0)
  }

  /**
   * Runs `task` under the lock and releases it when the task has ended, whichever way; resolves or rejects as the task
   * does. On a free lock the task starts before this returns.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started. Once it has started, neither
   * signal nor timeout touches it.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, or with
   * what the task threw.
   */
  runExclusive<R>(task: Task<SharedLock, R>, options?: SharedAcquireOptions): Promise<R> {
    return this.runAs(0, task, options)
  }
}
