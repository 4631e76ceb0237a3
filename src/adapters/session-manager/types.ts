// What sessions are, and what a manager asks of a lock and of a store.

/** What an implementation may return at once or later. */
export type Awaitable<T> = T | PromiseLike<T>

/** What a session is, in the store and to its users. */
export interface Session<Data> {
  /** The id it was created with. */
  readonly id: string
  /** When it was created, in ms as the manager's `now` tells them. Never changes. */
  readonly createdAt: number
  /** When it was last used, in ms as the manager's `now` tells them. Absent if it was stored by something else. */
  readonly lastAccessedAt?: number
  /** When it ends unless it is used before, in ms as the manager's `now` tells them. */
  readonly expiresAt: number
  /** What it holds. A copy: only what `withSession` and `updateSession` save reaches the store. */
  data: Data
}

/** How one call waits for its session. */
export interface SessionOptions {
  /** When it aborts, the call leaves the queue and rejects with the signal's `reason`, untouched. */
  signal?: AbortSignal | undefined
  /** How long to wait for the session, in ms. Never limits the task, the change or the store. */
  timeout?: number | undefined
}

/** The hold on one session: an in-process `Lock`, or a lease on an engine that may lose it. */
export interface SessionLease {
  /** Whether the session is still ours. The manager does not write once this is `false`. */
  readonly held: boolean
  /** Aborts when the lease is lost. Absent where that cannot happen. */
  readonly signal?: AbortSignal
  /** Fencing token, greater for every later holder. Absent where the lock has none. */
  readonly token?: bigint
}

/** A lease that is released by hand. */
export interface ReleasableLease extends SessionLease {
  /** Gives the session back. Never throws because the lease was lost. */
  release(): Awaitable<void>
}

/** What a manager needs of a keyed lock: `KeyedMutex<string>` fits, and so do keyed locks that span processes. */
export interface SessionLock {
  /** Runs `task` while it holds `key`, and settles as the task does, after the key is free again. */
  runExclusive<R>(key: string, task: (lease: SessionLease) => Awaitable<R>, options?: SessionOptions): Promise<R>
  /** Takes `key` if it is free now; `undefined` if it is not. */
  tryAcquire(key: string): Awaitable<ReleasableLease | undefined>
}

/**
 * Where sessions are kept. The manager never calls it for one id twice at a time, except that `expired` and `count` may
 * run whenever they like. Any call may return a promise; what it throws or rejects with reaches the caller unchanged.
 *
 * What `get` returns and `set` takes belongs to the caller afterwards: keep a copy, as a store that serializes does.
 */
export interface SessionStore<Data> {
  /** The session, expired or not; `undefined` or `null` if there is none. */
  get(id: string): Awaitable<Session<Data> | undefined | null>
  /** Keeps `session` under `session.id`. A store that checks fencing tokens refuses one below the last it saw. */
  set(session: Session<Data>, lease: SessionLease): Awaitable<void>
  /** Removes the session; nothing happens if there is none. */
  delete(id: string, lease: SessionLease): Awaitable<void>
  /** The ids of all sessions with `expiresAt <= now`, in any order. They may be stale by the time they are used. */
  expired(now: number): Awaitable<Iterable<string> | AsyncIterable<string>>
  /** How many sessions have `expiresAt > now`. */
  count(now: number): Awaitable<number>
  /** The sessions with `expiresAt > now`, in any order. Only for the manager's `list` and `clear`. */
  list?(now: number): Awaitable<Iterable<Session<Data>> | AsyncIterable<Session<Data>>>
}

/** What a manager is made with. */
export interface SessionManagerOptions<Data> {
  /** Names the manager in errors. */
  name?: string | undefined
  /** How long a session lives after its last use, in ms. Default 30 minutes. */
  ttl?: number | undefined
  /** How long a session lives at most, however often it is used, in ms. Default `Infinity`. */
  maxAge?: number | undefined
  /**
   * How long one call of the store may take, in ms. Default 30 seconds; `Infinity` for no limit. A call that takes longer
   * rejects with a `SessionStoreTimeoutError`, and the session is free again; a write may still take effect later.
   */
  storeTimeout?: number | undefined
  /** Is called with each session that was removed because it had expired. What it rejects with counts as a failure. */
  onExpire?: ((session: Session<Data>) => Awaitable<void>) | undefined
  /** Makes the ids of `regenerate`. Default `crypto.randomUUID`. */
  generateId?: (() => string) | undefined
  /** How often expired sessions are removed, in ms; `Infinity`: never. Default one minute, or `ttl` if that is less. */
  sweepInterval?: number | undefined
  /**
   * Is told when a sweep by the timer has failed. By default nothing is told: expired sessions are absent, swept or not, and
   * the next sweep tries again.
   */
  onSweepError?: ((error: unknown) => void) | undefined
  /** Makes the data of a new session, once per session and while the session is locked. Default: an empty object. */
  create?: ((id: string) => Awaitable<Data>) | undefined
  /** Default: a `MemorySessionStore`. */
  store?: SessionStore<Data> | undefined
  /** Its keys are the session ids. It stays the caller's: `close()` does not close it. Default: a `KeyedMutex`. */
  lock?: SessionLock | undefined
  /** The clock, in ms. Managers that share a store need clocks that agree to well within `ttl`. Default `Date.now`. */
  now?: (() => number) | undefined
}

/** The options of a manager whose data cannot begin as an empty object. */
export interface SessionManagerOptionsWithCreate<Data> extends SessionManagerOptions<Data> {
  create: (id: string) => Awaitable<Data>
}

/** The arguments of `new SessionManager`: `create` may be left out only where an empty object is a `Data`. */
export type SessionManagerArguments<Data> =
  Record<never, never> extends Data
    ? [options?: SessionManagerOptions<Data>]
    : [options: SessionManagerOptionsWithCreate<Data>]
