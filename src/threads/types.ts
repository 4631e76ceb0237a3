/// <reference lib="esnext.disposable" preserve="true" />
// What users see of the lock between threads.

import type { Lock } from '../core/lock.js'

/** The hold of one thread. */
export interface SharedLock extends Lock {
  /**
   * Whether the thread of the last holder ended while it held: what the lock guards may be half changed. Said once, to
   * the first holder after it, who has to mend the data or to throw them away before it releases.
   */
  readonly abandoned: boolean
}

/** How one call waits. */
export interface SharedAcquireOptions {
  /** Ends the wait when it aborts; the call rejects with the signal's `reason`, untouched. */
  signal?: AbortSignal | undefined
  /** How long to wait, in ms. `0` does not wait at all; `undefined` and `Infinity` wait forever. Never limits holding. */
  timeout?: number | undefined
}

/** How one synchronous call waits. */
export interface SharedSyncOptions {
  /** How long to block the thread, in ms. `0` does not block at all; `undefined` and `Infinity` block until it is granted. */
  timeout?: number | undefined
}

/** What a lock between threads is made with. */
export interface SharedOptions {
  /** Names the lock in errors and in `inspect`, in all threads. */
  name?: string | undefined
}

/** What `attach` is given, in another thread. It can be sent by `postMessage`, and in `workerData`. */
export interface SharedMutexHandle {
  /** The class that can attach to it. */
  readonly kind: 'SharedMutex'
  /** What the lock is called. */
  readonly name: string | undefined
  /** Where it is. */
  readonly memory: SharedArrayBuffer
}
