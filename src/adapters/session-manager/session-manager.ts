/// <reference lib="esnext.disposable" preserve="true" />
// Sessions that several requests use at once: each is created once, never loses an update, and ends once.
//
// | what                 | guarded by                                 | the race it closes                         |
// |----------------------|--------------------------------------------|--------------------------------------------|
// | load → change → save | the keyed lock, one key per session id     | both load, both save: one update is lost   |
// | absent → present     | the same key                               | both create: one holds what is not there   |
// | present → deleted    | the same key                               | the save of a running task brings it back  |
// | expired → swept      | the same key, only if it is free, and then | the sweep deletes what was used meanwhile, |
// |                      | a second look                              | or waits for a task that holds it          |
// | ours → another's     | `lease.held` before each write, and the    | a process that slept past its lease        |
// |                      | lease as an argument of each write         | overwrites what the next holder wrote      |
// | live → expired       | pins, which tasks hold that do not lock    | a stream of events outlives its session    |
// | open → closed        | one field, set in one synchronous step     | a task starts after `close` looked around  |
//
// The lock and the store come from outside, so the table holds for one process and for many: it is the lock that knows
// how far "one at a time" reaches.
//
// Long because each method says here what it promises.

import { KeyedMutex, LeaseLostError, LockClosedError } from 'latchkey'
import { BoundedStore } from './bounded-store.js'
import { check, checkMethods, LONGEST_TIMER, show } from './checks.js'
import { SessionNotFoundError } from './errors.js'
import { MemorySessionStore } from './memory-store.js'
import { Pins } from './pins.js'
import type {
  Awaitable,
  Session,
  SessionLease,
  SessionLock,
  SessionManagerArguments,
  SessionManagerOptions,
  SessionOptions
} from './types.js'

/** A call on its way: it waits for its session until it has begun. */
interface Call {
  begun: boolean
  /** Rejects the caller's promise. */
  turnAway: (reason: unknown) => void
}

/**
 * Creates, uses and ends sessions: one caller at a time per session, any number of sessions at a time.
 *
 * A session lives until `ttl` ms have passed since its last use. Every call that finds it is a use, unless it fails:
 * then the store stays as it was. From the moment of expiry a session is absent to every call, whether or not the sweep
 * has been there; but it is not taken from a task that holds it, however long that takes.
 *
 * Calls for one session are served in order of arrival if the lock is fair, as `KeyedMutex` is. Awaiting one inside a
 * task or a change that holds the same session waits for itself.
 *
 * Misuse throws a `TypeError` or `RangeError` at the call. Otherwise calls reject with what the lock (timeout, abort,
 * lost lease), the store, `create`, the change or the task failed with, unchanged; with `SessionNotFoundError`; or,
 * after `close()`, with its reason or a `LockClosedError`. The session is unlocked in every case.
 *
 * @example
 * ```ts
 * import { SessionManager } from 'latchkey/adapters/session-manager'
 *
 * const sessions = new SessionManager({ ttl: 30 * 60_000, create: () => ({ visits: 0 }) })
 * await sessions.createSession('alice')
 *
 * const visit = () => sessions.updateSession('alice', data => ({ visits: data.visits + 1 }))
 * await Promise.all([visit(), visit(), visit()])
 *
 * console.log((await sessions.getSession('alice'))?.data) // → { visits: 3 }
 * await sessions.close()
 * ```
 */
export class SessionManager<Data = Record<string, unknown>> implements AsyncDisposable {
  readonly #label: string
  readonly #ttl: number
  readonly #create: (id: string) => Awaitable<Data>
  readonly #store: BoundedStore<Data>
  readonly #maxAge: number
  readonly #onExpire: ((session: Session<Data>) => Awaitable<void>) | undefined
  readonly #generateId: () => string
  readonly #pins = new Pins()
  readonly #lock: SessionLock
  readonly #now: () => number
  readonly #timer: ReturnType<typeof setInterval> | undefined
  /** The calls that have not settled. */
  readonly #calls = new Set<Call>()
  /** How many calls and sweeps have begun and not settled. Only falls once the manager is closed. */
  #running = 0
  #sweeping: Promise<number> | undefined
  #closing: Promise<void> | undefined
  #reason: unknown
  /** Resolves `#closing`. */
  #idle = (): void => {}

  /**
   * Starts the timer of the sweep, which keeps neither a Node process alive nor, after `close()`, anything else.
   *
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(...args: SessionManagerArguments<Data>) {
    const options: SessionManagerOptions<Data> = args[0] === undefined ? {} : args[0]
    check(typeof options === 'object' && options !== null, 'SessionManager', 'options', 'an object', options)
    const { name, ttl = 30 * 60_000, sweepInterval = Math.min(ttl, 60_000), onSweepError = () => {} } = options
    const { maxAge = Infinity, storeTimeout = 30_000, onExpire, generateId = () => crypto.randomUUID() } = options
    const { create = () => ({}) as Data, store = new MemorySessionStore<Data>(), now = () => Date.now() } = options
    check(name === undefined || typeof name === 'string', 'SessionManager', 'options.name', 'a string', name)
    const label = name === undefined ? 'SessionManager' : `SessionManager ${show(name)}`
    const { lock = new KeyedMutex<string>({ name: `${label} sessions` }) } = options
    const timed = typeof sweepInterval === 'number' && sweepInterval > 0 && sweepInterval <= LONGEST_TIMER
    // A ttl without end would not survive JSON: Infinity comes back as null, which has expired.
    check(Number.isFinite(ttl) && ttl > 0, label, 'options.ttl', 'a finite number > 0 (milliseconds)', ttl)
    const interval = `a number > 0 and <= ${LONGEST_TIMER} (milliseconds), or Infinity`
    check(timed || sweepInterval === Infinity, label, 'options.sweepInterval', interval, sweepInterval)
    const isAge = typeof maxAge === 'number' && maxAge > 0
    check(isAge, label, 'options.maxAge', 'a number > 0 (milliseconds), or Infinity', maxAge)
    const isBound = typeof storeTimeout === 'number' && storeTimeout > 0 && storeTimeout <= LONGEST_TIMER
    check(isBound || storeTimeout === Infinity, label, 'options.storeTimeout', interval, storeTimeout)
    check(onExpire === undefined || typeof onExpire === 'function', label, 'options.onExpire', 'a function', onExpire)
    for (const [argument, value] of Object.entries({ onSweepError, create, now, generateId }))
      check(typeof value === 'function', label, `options.${argument}`, 'a function', value)
    checkMethods(label, 'options.store', store, ['get', 'set', 'delete', 'expired', 'count'])
    checkMethods(label, 'options.lock', lock, ['runExclusive', 'tryAcquire'])
    this.#label = label
    this.#ttl = ttl
    this.#create = create
    this.#store = new BoundedStore(store, label, storeTimeout)
    this.#maxAge = maxAge
    this.#onExpire = onExpire
    this.#generateId = generateId
    this.#lock = lock
    this.#now = now
    if (!timed) return
    this.#timer = setInterval(() => {
      if (this.#sweeping === undefined) this.sweep().catch(onSweepError)
    }, sweepInterval)
    // Node has a handle where others have a number.
    ;(this.#timer as { unref?(): void }).unref?.()
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Creates the session, or uses the live one that is there: the same `createdAt`, the same data. However many call at
   * once, `create` runs once.
   *
   * *Cancellation*: an abort or a timeout (ms) ends the wait for the session and changes nothing. Once the session is
   * ours, neither touches the call: what the store is doing would be in doubt.
   */
  createSession(id: string, options?: SessionOptions): Promise<Session<Data>> {
    return this.#exclusive(id, options, async (session, lease, expired) => {
      if (session !== undefined) return this.#touch(session, lease)
      if (expired !== undefined) await this.#onExpire?.(expired)
      const createdAt = this.#now()
      return this.#save({ id, createdAt, data: await this.#create(id) }, lease)
    })
  }

  /**
   * The session, or `undefined` if it is absent. That is a use, so it writes to the store, and it waits its turn: what
   * it returns is never the half of another caller's change. The result is a copy.
   *
   * *Cancellation*: as for `createSession`.
   */
  getSession(id: string, options?: SessionOptions): Promise<Session<Data> | undefined> {
    return this.#exclusive(id, options, async (session, lease) => session && this.#touch(session, lease))
  }

  /**
   * The session as it is in the store, or `undefined` if it is absent. Not a use: it neither waits for the session nor
   * writes, and so may see what a task that runs is about to replace.
   *
   * *Cancellation*: none; it takes as long as the store.
   */
  async peek(id: string): Promise<Session<Data> | undefined> {
    this.#checkId(id)
    if (this.closed) throw this.#refusal()
    const session = await this.#store.get(id)
    return session && this.#isLive(session) ? session : undefined
  }

  /**
   * Replaces the data by what `change` makes of it, and resolves to the session with its new data. No other change can
   * come between what `change` was given and what it returned. If it throws or rejects, the store stays as it was.
   *
   * *Cancellation*: as for `createSession`; a change that has begun runs to its end and is saved.
   *
   * @throws Rejects with `SessionNotFoundError` if the session is absent, and with a `TypeError` if `change` returns
   * `undefined`, as one does that altered its argument and forgot to return it.
   */
  updateSession(id: string, change: (data: Data) => Awaitable<Data>, options?: SessionOptions): Promise<Session<Data>> {
    check(typeof change === 'function', this.#label, 'change', 'a function', change)
    return this.#exclusive(id, options, async (session, lease) => {
      this.#checkFound(id, session)
      const data = await change(session.data)
      check(data !== undefined, this.#label, 'what change returns', 'the new data', data)
      return this.#save({ ...session, data }, lease)
    })
  }

  /**
   * Gives `task` the session, for itself alone until it has ended, and resolves to its result. What the task did to
   * `session.data` is saved if it succeeded; if it threw or rejected, the store stays as it was. The lease tells a task
   * on a distributed lock when it has lost the session (`lease.signal`), after which nothing is saved.
   *
   * *Cancellation*: as for `createSession`; a task that has begun runs to its end and is saved. To end it early, give
   * it a signal of its own.
   *
   * @throws Rejects with `SessionNotFoundError` if the session is absent; the task is not started then.
   */
  withSession<R>(
    id: string,
    task: (session: Session<Data>, lease: SessionLease) => Awaitable<R>,
    options?: SessionOptions
  ): Promise<R> {
    check(typeof task === 'function', this.#label, 'task', 'a function', task)
    return this.#exclusive(id, options, async (session, lease) => {
      this.#checkFound(id, session)
      const draft = { ...session }
      const result = await task(draft, lease)
      await this.#save({ ...session, data: draft.data }, lease)
      return result
    })
  }

  /**
   * Uses the session while `task` runs, together with any number of others: it does not expire meanwhile, and is not
   * locked. For what takes long and changes little, such as a stream of events. The task is given a copy, and what it does
   * to that is not saved: for a change, it calls `updateSession`. Resolves to the task's result. `deleteSession` ends a
   * session that is in use as any other.
   *
   * *Cancellation*: as for `createSession`; a task that has begun runs to its end.
   *
   * @throws Rejects with `SessionNotFoundError` if the session is absent; the task is not started then.
   */
  useSession<R>(id: string, task: (session: Session<Data>) => Awaitable<R>, options?: SessionOptions): Promise<R> {
    check(typeof task === 'function', this.#label, 'task', 'a function', task)
    let isPinned = false
    const unpin = () => {
      isPinned = false
      this.#pins.remove(id)
      this.#ended()
    }
    // What fails is tried again the next time; and in this process the session lives on.
    const touch = () => (this.closed ? Promise.resolve() : this.getSession(id).then(() => {})).catch(() => {})
    const pinned = this.#exclusive(id, options, async (session, lease) => {
      this.#checkFound(id, session)
      const touched = await this.#touch(session, lease)
      this.#pins.add(id, Math.min(this.#ttl / 2, LONGEST_TIMER), touch)
      // Here and not when the task starts: `close` must not miss it in between.
      this.#running++
      isPinned = true
      return touched
    })
    const use = async (session: Session<Data>) => {
      try {
        return await task({ ...session })
      } finally {
        void touch().finally(unpin) // the ttl begins anew, and until it has the session cannot expire
      }
    }
    return pinned.then(use, error => {
      if (isPinned) unpin() // the lock failed to give the session back
      throw error
    })
  }

  /**
   * Gives the session another id, against one that an attacker has fixed before a login, and resolves to it.
   * `createdAt` and the data stay. The old id is absent from then on, also for its waiters.
   *
   * *Cancellation*: as for `createSession`.
   *
   * @throws Rejects with `SessionNotFoundError` if the session is absent.
   */
  regenerate(id: string, options?: SessionOptions): Promise<Session<Data>> {
    return this.#exclusive(id, options, async (session, lease) => {
      this.#checkFound(id, session)
      const newId = this.#generateId()
      this.#checkId(newId, 'what options.generateId returns')
      const other = newId === id ? undefined : await this.#lock.tryAcquire(newId)
      if (!other) throw new Error(`${this.#label}: what options.generateId returns is in use`)
      try {
        if (await this.#store.get(newId)) throw new Error(`${this.#label}: what options.generateId returns is in use`)
        const saved = await this.#save({ ...session, id: newId }, other)
        await this.#remove(id, lease)
        return saved
      } finally {
        await other.release()
      }
    })
  }

  /**
   * The sessions that are live, as the store lists them. Not a use.
   *
   * *Cancellation*: none; it takes as long as the store.
   *
   * @throws Rejects with a `TypeError` if the store has no `list`.
   */
  async list(): Promise<Session<Data>[]> {
    const sessions: Session<Data>[] = []
    for await (const session of this.#store.items(this.#store.list(this.#now()))) sessions.push(session)
    return sessions
  }

  /**
   * Ends all sessions that are live now, each as `deleteSession` does, a hundred at a time; resolves to how many.
   *
   * *Cancellation*: as for `createSession`, for those that have not ended yet.
   *
   * @throws Rejects with a `TypeError` if the store has no `list`.
   */
  async clear(options?: SessionOptions): Promise<number> {
    const ids = (await this.list()).map(({ id }) => id)
    let ended = 0
    for (let i = 0; i < ids.length; i += BATCH) {
      const batch = ids.slice(i, i + BATCH).map(id => this.deleteSession(id, options))
      for (const wasLive of await Promise.all(batch)) if (wasLive) ended++
      await turn()
    }
    return ended
  }

  /**
   * Ends the session, after the callers that came before; resolves to whether there was a live one. Only a later
   * `createSession` brings it back.
   *
   * *Cancellation*: as for `createSession`.
   */
  deleteSession(id: string, options?: SessionOptions): Promise<boolean> {
    return this.#exclusive(id, options, async (session, lease) => {
      if (session !== undefined) await this.#remove(id, lease)
      return session !== undefined
    })
  }

  /**
   * How many sessions are live, as the store counts them: all managers' that share it. Those that have expired do not
   * count, swept or not. A number where the store knows at once, as the one in memory does, and a promise where it has
   * to be asked; `await` serves both. It waits for no session.
   *
   * *Cancellation*: none; it takes as long as the store.
   */
  get activeCount(): Awaitable<number> {
    return this.#store.count(this.#now())
  }

  /**
   * Removes the sessions that have expired, as the timer does; resolves to how many. Each is locked and looked at once
   * more, so none that was used meanwhile is lost; one that is in use is left to the next sweep. A failure does not
   * keep the others from being swept: it rejects with the first in the end. While a sweep runs, this returns that one.
   *
   * *Cancellation*: none; it waits for no session. `close()` ends it after the session at hand.
   */
  sweep(): Promise<number> {
    if (this.closed) return Promise.reject(this.#refusal())
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  /**
   * Stops the sweep, rejects current waiters and later calls with `reason` if one is given, else with a
   * `LockClosedError`, and resolves when the calls that hold a session have settled. Store and lock stay open: they are
   * yours. A further call returns the same promise, and the first reason stands.
   *
   * *Cancellation*: none. Awaiting it inside a task waits for itself.
   */
  close(reason?: unknown): Promise<void> {
    if (this.#closing === undefined) {
      this.#reason = reason
      this.#closing = new Promise(resolve => {
        this.#idle = resolve
      })
      clearInterval(this.#timer)
      for (const call of this.#calls) if (!call.begun) call.turnAway(this.#refusal())
      if (this.#running === 0) this.#idle()
    }
    return this.#closing
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Runs `section` on the live session, if there is one, its id locked. Everything but the sweep comes by here. */
  #exclusive<R>(
    id: string,
    options: SessionOptions | undefined,
    section: (session: Session<Data> | undefined, lease: SessionLease, expired: Session<Data> | undefined) => Promise<R>
  ): Promise<R> {
    this.#checkId(id)
    if (this.closed) return Promise.reject(this.#refusal())
    const call: Call = { begun: false, turnAway: () => {} }
    const begin = async (lease: SessionLease) => {
      // `close` has turned the caller away. Its place in the queue was kept, for any lock may be used; here it ends.
      if (this.closed) throw this.#refusal()
      call.begun = true
      this.#running++
      const session = await this.#store.get(id)
      const isLive = session && this.#isLive(session)
      return section(isLive ? session : undefined, lease, isLive ? undefined : (session ?? undefined))
    }
    // Not in an async function, so that misuse of the lock, too, throws at the call of our caller.
    const turn = this.#lock.runExclusive(id, begin, options)
    return new Promise((resolve, reject) => {
      call.turnAway = reject
      this.#calls.add(call)
      const settled = () => {
        this.#calls.delete(call)
        if (call.begun) this.#ended()
      }
      turn.then(settled, settled)
      turn.then(resolve, reject)
    })
  }

  #ended(): void {
    if (--this.#running === 0) this.#idle()
  }

  #refusal(): unknown {
    return this.#reason === undefined ? new LockClosedError(`${this.#label} was closed`) : this.#reason
  }

  #isLive({ id, expiresAt }: Session<Data>): boolean {
    return expiresAt > this.#now() || this.#pins.has(id)
  }

  #checkId(id: unknown, argument = 'id'): void {
    check(typeof id === 'string' && id !== '', this.#label, argument, 'a non-empty string', id)
  }

  /** When a session ends that is used now. */
  #expiryOf({ createdAt }: { readonly createdAt: number }): number {
    return Math.min(this.#now() + this.#ttl, createdAt + this.#maxAge)
  }

  #checkFound(id: string, session: Session<Data> | undefined): asserts session is Session<Data> {
    if (session === undefined) throw new SessionNotFoundError(`${this.#label}: there is no live session ${show(id)}`)
  }

  /** Moves the expiry on. In a burst of uses the clock stands still, and one write serves all. */
  async #touch(session: Session<Data>, lease: SessionLease): Promise<Session<Data>> {
    const isUsedNow = session.expiresAt === this.#expiryOf(session) && session.lastAccessedAt === this.#now()
    return isUsedNow ? session : this.#save(session, lease)
  }

  async #save(session: Omit<Session<Data>, 'expiresAt'>, lease: SessionLease): Promise<Session<Data>> {
    this.#checkHeld(session.id, lease)
    const saved = { ...session, lastAccessedAt: this.#now(), expiresAt: this.#expiryOf(session) }
    await this.#store.set(saved, lease)
    return saved
  }

  async #remove(id: string, lease: SessionLease): Promise<void> {
    this.#checkHeld(id, lease)
    await this.#store.delete(id, lease)
  }

  /** Nothing is written to a session that another process may hold by now. */
  #checkHeld(id: string, lease: SessionLease): void {
    if (lease.held) return
    throw lease.signal?.reason ?? new LeaseLostError(`${this.#label}: lost the lock of session ${show(id)}`)
  }

  async #sweep(): Promise<number> {
    this.#running++
    const failures: unknown[] = []
    let swept = 0
    try {
      let seen = 0
      for await (const id of this.#store.items(this.#store.expired(this.#now()))) {
        if (this.closed) break
        if (++seen % BATCH === 0) await turn()
        try {
          if (await this.#evict(id)) swept++
        } catch (error) {
          failures.push(error)
        }
      }
    } finally {
      this.#ended()
    }
    if (failures.length > 0) throw failures[0]
    return swept
  }

  async #evict(id: string): Promise<boolean> {
    const lease = await this.#lock.tryAcquire(id)
    // In use: its holder moves its expiry on, or leaves it to the next sweep.
    if (!lease) return false
    try {
      // The list was made before we had the lock. Look again.
      const session = await this.#store.get(id)
      if (!session || this.#isLive(session)) return false
      await this.#remove(id, lease)
      await this.#onExpire?.(session)
      return true
    } finally {
      await lease.release()
    }
  }
}

/** So many sessions are swept, or cleared, before others get a turn of the event loop. */
const BATCH = 100

/** Lets timers and requests have their turn: what a store in memory and a free lock do never gives them one. */
const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0))
