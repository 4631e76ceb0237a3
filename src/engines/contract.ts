/// <reference lib="esnext.disposable" preserve="true" />
// One lock for one process and for many: the names that all engines share, and the two errors they add.

import { LeaseLostError } from '../core/errors.js'
import type { LockObserver } from '../core/lock.js'

/**
 * How a key is held: alone, or together with others that share it. Named as `navigator.locks` names it. A caller that waits
 * for a key alone stops those that come later and would share it, so it is not starved.
 */
export type LockMode = 'exclusive' | 'shared'

/** One holder of a key, as the engine shows it. */
export interface KeyHolder {
  /** The name of the holder: `options.owner` of its lock, if that was given. */
  readonly owner: string
  /** Its fencing token, if it has one. */
  readonly token?: bigint | undefined
  /** Since when it holds the key. */
  readonly since: Date
  /** How it holds it. */
  readonly mode: LockMode
}

/** How one call that does not wait takes a key. */
export interface TryOptions {
  /** Whether to hold the key alone or to share it. Default `'exclusive'`. */
  mode?: LockMode | undefined
}

/** How one call takes a key, and how it waits. */
export interface WaitOptions extends TryOptions {
  /** Cancels the wait when it aborts; the call rejects with the signal's `reason`, untouched. */
  signal?: AbortSignal | undefined
  /**
   * How long to wait, in ms, connecting and asking the engine included. `0` does not wait at all; `undefined` and
   * `Infinity` wait forever. Never limits holding.
   */
  timeout?: number | undefined
}

/** The hold on one key, which an engine outside of this process may lose. */
export interface Lease extends AsyncDisposable {
  /** What was asked for. */
  readonly key: string
  /** The name of the holder, as the engine shows it: `options.owner` of its lock, if that was given. */
  readonly owner: string
  /** How it is held. */
  readonly mode: LockMode
  /**
   * Whether the key is still ours: not released, not lost, and the time for which the engine's last word counts not over
   * on either clock. It is worked out at each look, so a process that was stopped and goes on sees `false` at once.
   */
  readonly held: boolean
  /**
   * Aborts with a `LeaseLostError` the moment the lease can no longer be relied on. A release does not abort it. Its `aborted`
   * and `throwIfAborted()` look at the clocks, as `held` does; what only listens to it hears of a pause once timers run.
   */
  readonly signal: AbortSignal
  /** Fencing token: greater for every later holder of the key. Absent where the engine has none. */
  readonly token?: bigint
  /** Gives the key back. A second call returns the same promise. Never rejects: what is lost is free already. */
  release(): Promise<void>
}

/**
 * A lock for each key. `InProcessLock`, `PostgresLock` and `RedisLock` fit, so a program goes from one process to many
 * by changing what it constructs.
 */
export interface KeyedLock {
  /** Waits until `key` is free and takes it. */
  acquire(key: string, options?: WaitOptions): Promise<Lease>
  /** Takes `key` if it is free now, else resolves to `undefined`. */
  tryAcquire(key: string, options?: TryOptions): Promise<Lease | undefined>
  /**
   * Runs `task` while holding `key`, and settles as the task does once it has ended and the key was given back. If the
   * task succeeded but the lease was lost while it ran, rejects with a `LeaseLostDuringTaskError`, which has the result.
   */
  runExclusive<T>(key: string, task: (lease: Lease) => T | PromiseLike<T>, options?: WaitOptions): Promise<T>
}

/** The hold on several keys at once. It ends as a whole. */
export interface MultiLease extends AsyncDisposable {
  /** What was asked for, each once, in the order given. */
  readonly keys: readonly string[]
  /** How they are held. */
  readonly mode: LockMode
  /** Whether every key is still ours, as `held` of a `Lease` tells it. */
  readonly held: boolean
  /** Aborts with the `LeaseLostError` of the first key that is lost; as `signal` of a `Lease`, it looks at the clocks. */
  readonly signal: AbortSignal
  /** The fencing token of each key. Empty where the engine has none. */
  readonly tokens: ReadonlyMap<string, bigint>
  /** Gives all keys back. A second call returns the same promise. Never rejects. */
  release(): Promise<void>
}

/** What an engine can do beside holding one key alone. A call that asks for what is not offered throws, and says so. */
export interface Offers {
  /** How a key can be held. */
  readonly modes: readonly LockMode[]
  /** Whether `options.capacity` may be more than 1. */
  readonly capacity: boolean
  /** How many keys are acquired together: in one step where all are free, or always one after another. */
  readonly many: 'one step' | 'in order'
  /** Whether it can tell who holds a key. */
  readonly inspect: boolean
}

/** Everything that the locks of this package offer beyond `KeyedLock`: `InProcessLock`, `PostgresLock`, `RedisLock`, … */
export interface DistributedLock extends KeyedLock, AsyncDisposable {
  /** What this lock promises. */
  readonly guarantees: Guarantees
  /** What this lock can do. */
  readonly offers: Offers
  /** How many may hold one key at a time. */
  readonly capacity: number
  /** `runExclusive` with `mode: 'shared'`. */
  runShared<T>(key: string, task: (lease: Lease) => T | PromiseLike<T>, options?: SharedOptions): Promise<T>
  /** Waits until all of `keys` are free and takes them. No order of keys can deadlock, between processes either. */
  acquireMany(keys: Iterable<string>, options?: WaitOptions): Promise<MultiLease>
  /** Takes all of `keys` if they are free now, else none. */
  tryAcquireMany(keys: Iterable<string>, options?: TryOptions): Promise<MultiLease | undefined>
  /** Runs `task` while holding all of `keys`. */
  runExclusiveMany<T>(
    keys: Iterable<string>,
    task: (lease: MultiLease) => T | PromiseLike<T>,
    options?: WaitOptions
  ): Promise<T>
  /** Who holds `key` now: of several, the one that has held it longest. */
  inspect(key: string): Promise<KeyHolder | undefined>
  /** All that hold `key` now; first the one that has held it longest. */
  holders(key: string): Promise<readonly KeyHolder[]>
  /** Rejects current waiters and all later calls; resolves when the last holder has released. */
  close(reason?: unknown): Promise<void>
}

/** How one call of `runShared` waits. */
export type SharedOptions = Omit<WaitOptions, 'mode'>

/**
 * What a lock can go through without two holders of one key at a time.
 *
 * - `crash`: a holder or a waiter is killed. The key comes to the next within a bound.
 * - `pause`: a holder stops for longer than its lease and goes on. No other caller was granted meanwhile.
 * - `failover`: the engine is replaced by a replica that may lag behind.
 */
export type FailureMode = 'crash' | 'pause' | 'failover'

/** What a lock promises. What is not named here is not promised: docs/distributed/operations.md has the whole table. */
export interface Guarantees {
  /** Whether waiters that stand in the engine's queue are served in order of arrival. */
  readonly fifo: boolean
  /** Whether leases have tokens that grow. */
  readonly fencing: boolean
  /** What exclusion survives. */
  readonly survives: readonly FailureMode[]
}

/** What every distributed lock is made with. */
export interface DistributedOptions {
  /** Names the lock in errors. */
  name?: string | undefined
  /** How many callers of this process may wait for one key; one more is refused with `QueueFullError`. */
  maxWaiting?: number | undefined
  /** How long a call waits that does not say so itself, in ms. Default `Infinity`. */
  timeout?: number | undefined
  /**
   * The name under which `inspect` and `holders` show this lock as the holder of a key. Default: what the engine knows. In
   * PostgreSQL that is the name of the application and the server's process; in Redis the name of the lock, the machine and the
   * process; for `LocalLock` the process and its thread; for `InProcessLock` `this process`. A `WebLock` can show who holds
   * only with a name from here.
   */
  owner?: string | undefined
  /**
   * How many may hold one key at a time: a semaphore whose permits end with their holder. The same in all processes: one
   * with a smaller number waits longer, one with a greater lets more in. Default `1`.
   */
  capacity?: number | undefined
  /**
   * Is told of everything that happens to the callers of this process. Each is `queued` first, for the engine at least,
   * unless it does not wait.
   */
  observer?: LockObserver | undefined
}

/** What `PostgresLock` and `RedisLock` are made with, beside what is their own. */
export interface EngineOptions extends DistributedOptions {
  /** Keeps the keys of one program apart from those of another on the same engine. Default `'latchkey'`. */
  namespace?: string | undefined
  /** How long the engine's last word is trusted, in ms: at least 100. Default `10000`. */
  lease?: number | undefined
}

/** The task of `runExclusive` succeeded, but it may not have been alone: its lease was lost while it ran. */
export class LeaseLostDuringTaskError<T = unknown> extends LeaseLostError {
  /** What the task returned. */
  readonly result: T

  constructor(message: string, result: T, options?: { cause?: unknown }) {
    super(message, options)
    this.result = result
  }
}

/** What kept a lock from asking its engine; each is explained, with what to do, in docs/distributed/operations.md. */
export type LockEngineErrorCode =
  | 'ERR_ENGINE_POOLER'
  | 'ERR_ENGINE_REPLICA'
  | 'ERR_ENGINE_TOO_MANY_CONNECTIONS'
  | 'ERR_ENGINE_TOO_MANY_KEYS'
  | 'ERR_ENGINE_SCRIPT_REFUSED'
  | 'ERR_ENGINE_TOO_FEW_REPLICAS'
  | 'ERR_ENGINE_CAPACITY'
  | 'ERR_ENGINE_TIMEOUT'
  | 'ERR_ENGINE_ACCESS'
  | 'ERR_ENGINE_DIRECTORY'
  | 'ERR_ENGINE_NETWORK_DIRECTORY'
  | 'ERR_ENGINE_NO_SPACE'
  | 'ERR_ENGINE_TOO_MANY_FILES'
  | 'ERR_ENGINE_PATH_TOO_LONG'
  | 'ERR_ENGINE_WIPED'
  | 'ERR_ENGINE_UNSUPPORTED'
  | 'ERR_ENGINE_FAILED'

/** The engine refuses, fails or does not answer. The text says what to do; `cause` is what the client said. */
export class LockEngineError extends Error {
  /** Stable; compare this where two copies of the package may meet in one process. */
  readonly code: LockEngineErrorCode

  constructor(code: LockEngineErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }

  /** Its own name. */
  override get name(): 'LockEngineError' {
    return 'LockEngineError'
  }
}
