/**
 * What the clinic examines: a lock of any make, reduced to what can be done with it.
 *
 * The author of a lock chose its names and its shape. `recogniseAll` (recognise.ts) finds them out and makes a
 * `Subject` of them; the explorer and the suites drive nothing else. What a lock does not offer is absent here, and a
 * guarantee that would need it is "not offered".
 */

/** What a member of a lock is used for. */
export type Use = 'acquire' | 'release' | 'run' | 'tryAcquire'

/** Gives one grant back. Called once more, it is the release that should change nothing. */
export type Release = () => unknown

/** How to options. A subject that cannot do what is asked for here says so in {@link Subject.takes}. */
export interface RequestOptions {
  readonly signal?: AbortSignal
  /** In ms of waiting. */
  readonly timeout?: number
  /** Of a semaphore; 1 when absent. */
  readonly permits?: number
  /** Of a read-write lock; `write` when absent. */
  readonly mode?: 'read' | 'write'
}

/** A lock of any make. `key` is ignored by one that has no keys. */
export interface Subject {
  /** The lock itself, fresh, as its author's code made it. */
  readonly lock: unknown
  /** The shape that was recognised, in words: `acquire() → releaser function`. */
  readonly shape: string
  readonly kind: 'mutex' | 'semaphore' | 'read-write-lock'
  readonly keyed: boolean
  /** How many may hold at once: 1 for a mutex. */
  readonly capacity: number
  /** What its way of asking takes: `acquire`, or `run` where there is no `acquire`. */
  readonly takes: { readonly signal: boolean; readonly timeout: boolean }
  /** What `run` takes, where that is not the same. */
  readonly runTakes?: { readonly signal: boolean; readonly timeout: boolean }
  /** A semaphore that gives several permits to one request. */
  readonly weighted?: boolean
  /** `handle`: each grant has a release of its own. `anyone`: one `release()` of the lock, which any caller may call. */
  readonly released: 'handle' | 'anyone' | 'by the task'

  /** The members that are driven, as they are written. */
  readonly driven?: Readonly<Partial<Record<Use, string>>>
  /** Members that look like part of its API and are not driven. */
  readonly leftOut?: readonly string[]
  /** It does keep callers waiting, though not when as many are inside as it was told. */
  readonly letsInMore?: boolean
  /** What the lock uses, and was made without. */
  readonly missing?: readonly string[]
  /**
   * Why a fault may be one of the way in which the lock is driven. While there is a doubt, nothing is called broken, but
   * unsure.
   */
  readonly doubts?: readonly string[]
  /** The hints to give if this is not how it is used, as flags of the command line. */
  readonly hint?: string

  /** Waits until it is granted. */
  acquire?(key: string, options: RequestOptions): PromiseLike<Release>
  /** Without waiting: `undefined` when it is taken. */
  tryAcquire?(key: string, options: RequestOptions): Release | undefined | PromiseLike<Release | undefined>
  /** Runs a task under the lock. */
  run?(key: string, task: (...given: unknown[]) => unknown, options: RequestOptions): PromiseLike<unknown>
  /** Rejects current waiters and all later calls. */
  close?(): unknown
  /** Rejects current waiters. */
  cancelWaiters?(key: string): unknown
  /** The number of waiters, as the lock tells it. */
  waiting?(): number
  /** Whether it is held, as the lock tells it. */
  isLocked?(key: string): boolean
  /** How many keys it has an entry for: told by the lock, or counted in the one `Map` that it keeps. */
  entries?(): number
}

/** Makes of a lock what can be done with it. */
export type SubjectFactory = (lock: unknown) => Subject
