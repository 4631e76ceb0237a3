// The mutex between threads: how the callers of one thread share its one place in the word, and how that is waited for
// without blocking the thread, or blocking it.
//
//      caller ──▶ queue of this thread ──▶ standing: has the turn of this thread, and its place ──▶ holder
//                 (a `Mutex` of core)      in the word                                              │
//                                                                  leaves the word, passes the turn ◀┘
//
// A caller that blocks the thread cannot wait for one that does not: that one could never go on. So it goes first, with the
// place of the thread; the caller that stood there takes a new place when it has released. Where a caller of this thread
// holds already, blocking would never end, and is refused.
//
// Long because each public method says what it does; there is little code between.

import {
  check,
  checkFunction,
  checkNames,
  checkObject,
  inspect,
  NO_SETTINGS,
  readAcquireOptions
} from '../core/arguments.js'
import { Deadline, reasonOf, retraced, timeoutError } from '../core/cancellation.js'
import { DeadlockError, LockClosedError } from '../core/errors.js'
import { asyncDispose, type Grantor, Hold, runGranted, runHolding } from '../core/hold.js'
import type { AcquireOptions, Lock, Task } from '../core/lock.js'
import { $handOff, $label, $makeRequest, $settings } from '../core/members.js'
import { Mutex } from '../core/mutex.js'
import { attached, remember } from './attach.js'
import { isOurs, MOST, NAP, nameOf, Places } from './places.js'
import {
  afterGrace,
  canBlock,
  checkSharing,
  lifeOf,
  tokenOfThread,
  unsupported,
  type WatchableWorker,
  webLocks
} from './platform.js'
import type { SharedAcquireOptions, SharedLock, SharedMutexHandle, SharedOptions, SharedSyncOptions } from './types.js'

const KIND = 'SharedMutex'

/** The one implementation of `SharedLock`. */
class SharedHold extends Hold implements SharedLock {
  readonly abandoned: boolean

  constructor(grantor: Grantor, abandoned: boolean) {
    super(grantor)
    this.abandoned = abandoned
  }
}

/** The caller of this thread that waits in the word. */
interface Standing {
  readonly turn: Lock
  readonly deadline: Deadline
  resolve(lock: SharedLock): void
  reject(reason: unknown): void
}

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
export class SharedMutex implements AsyncDisposable {
  /** @internal */
  readonly [$settings] = NO_SETTINGS
  /** @internal */
  readonly [$label]: string
  /**
   * Resolves once the end of this thread can be noticed by a thread that watches it: at once, except in browsers and in
   * the web workers of Deno, where it takes a turn of the event loop.
   */
  readonly ready: Promise<void>
  readonly #name: string | undefined
  readonly #places: Places
  readonly #turns = new Mutex()
  /** Lets the Web Lock of this thread go. */
  #endLife: (() => void) | undefined
  #holds = false
  /** The turn of the caller that holds. It has none if it blocked while another caller had it. */
  #turn: Lock | undefined
  #standing: Standing | undefined
  /** While a caller stands. It keeps the process alive, which a pending `Atomics.waitAsync` does not. */
  #timer: ReturnType<typeof setInterval> | undefined
  /** Whether a ring is waited for. There is one wait at most, and it serves every caller that stands. */
  #listens = false
  #watched: WeakSet<object> | undefined
  #following: Promise<void> | undefined
  #closing: { readonly reason: unknown; done?: Promise<void> } | undefined
  #onFree: (() => void) | undefined

  /**
   * Makes a lock in new memory, and attaches this thread.
   *
   * @throws TypeError for a wrong option, Error with the code `ERR_THREADS_UNSUPPORTED` where threads share no memory: a
   * page has to be cross-origin isolated.
   */
  constructor(options?: SharedOptions)
  /** @internal */
  constructor(options: SharedOptions, memory: SharedArrayBuffer)
  constructor(options: SharedOptions = {}, memory?: SharedArrayBuffer) {
    checkSharing(KIND)
    checkNames(KIND, options, ['name'])
    const { name } = options
    check(name === undefined || typeof name === 'string', KIND, 'options.name', 'a string', name)
    this.#name = name
    const label = name === undefined ? KIND : `${KIND} ${JSON.stringify(name)}`
    this[$label] = label
    const places = new Places(memory, tokenOfThread(label), label)
    this.#places = places
    remember(places.name, this)
    this.ready = new Promise(resolve => {
      const life = new Promise<void>(end => {
        this.#endLife = end
      })
      const held = () => {
        places.announce()
        resolve()
        return life
      }
      Promise.resolve(places.token < 0 && lifeOf(places.name, places.token, held)).then(() => resolve())
    })
  }

  /**
   * Attaches this thread to the lock of another one. A second call in one thread returns the same object.
   *
   * @throws TypeError for what is no handle of a `SharedMutex`, RangeError if 15 threads are attached.
   */
  static attach(handle: SharedMutexHandle): SharedMutex {
    checkSharing(KIND)
    checkObject(KIND, 'handle', handle)
    const { kind, memory, name } = handle
    check(kind === KIND, KIND, 'handle', `the handle of a ${KIND}`, handle)
    check(isOurs(memory), KIND, 'handle.memory', `the SharedArrayBuffer of a ${KIND} of this version`, memory)
    const known = attached().get(nameOf(memory))?.deref() as SharedMutex | undefined
    return known && !known.closed ? known : new SharedMutex({ name }, memory)
  }

  /** What another thread attaches with. */
  get handle(): SharedMutexHandle {
    return { kind: KIND, name: this.#name, memory: this.#places.buffer }
  }

  /** The number of this thread at this lock, from 1. One that is free again is given to the next thread. */
  get thread(): number {
    return this.#places.me
  }

  /** Whether a thread holds. */
  get locked(): boolean {
    return this.#places.look().length > 0
  }

  /** How many callers of this thread wait. */
  get waiting(): number {
    return this.#turns.waiting + (this.#standing ? 1 : 0)
  }

  /** Whether `close` has been called in this thread. */
  get closed(): boolean {
    return this.#closing !== undefined
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
    return this.#acquire(readAcquireOptions(this, options, undefined))
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
    const { timeout = Infinity, signal } = readAcquireOptions(this, options, undefined) ?? {}
    this.#refuse(signal)
    if (!canBlock()) throw unsupported(this[$label], 'this thread must not block; use acquire()')
    if (this.#holds) {
      if (timeout > 0) throw new DeadlockError(`${this[$label]}: a caller of this thread holds, and could not release`)
      throw timeoutError(this[$label], timeout)
    }
    const places = this.#places
    const stands = this.#standing !== undefined
    const turn = this.#turns.tryAcquire()
    if ((stands || !places.join()) && !places.sleep(timeout)) {
      if (!stands) places.leave()
      turn?.release()
      throw timeoutError(this[$label], timeout)
    }
    return this.#hold(turn)
  }

  /** Takes the lock if no thread holds or waits, else returns `undefined`, as it does when this is closed. */
  tryAcquire(): SharedLock | undefined {
    if (this.#closing || this.#holds) return undefined
    const turn = this.#turns.tryAcquire()
    if (turn && this.#places.tryJoin()) return this.#hold(turn)
    turn?.release()
    return undefined
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
    checkFunction(this, 'task', task)
    return this.#run(task, readAcquireOptions(this, options, undefined))
  }

  /**
   * Watches a worker: when it ends, whatever the way, `repair` takes it out of the queue. Call it in the thread that made
   * the worker, before the worker may end; a second call does nothing. It keeps no process alive. This thread must not
   * block without a timeout: it could not hear that a worker has ended.
   *
   * @throws TypeError if it is no worker, RangeError if it has ended, Error with the code `ERR_THREADS_UNSUPPORTED` where
   * the end of this worker cannot be noticed.
   */
  watch(worker: WatchableWorker): void {
    checkObject(this, 'worker', worker)
    check(!!(worker.once ?? worker.addEventListener), this, 'worker', 'a Worker', worker)
    if (this.#watched?.has(worker)) return
    const places = this.#places
    const { threadId } = worker
    if (typeof threadId === 'number') {
      if (threadId < 0) throw new RangeError(`${this[$label]}: the worker has ended already`)
      // The main thread has no thread above it that could take over.
      if (places.token !== 1) places.noteWatch(threadId + 1, this[$label])
      const ended = () => afterGrace(() => places.ended(threadId + 1))
      if (worker.once) worker.once('exit', ended)
      else worker.addEventListener?.('close' as never, ended)
    } else {
      if (!webLocks()) throw unsupported(this[$label], 'watches workers of node:worker_threads only, here')
      this.#following ??= this.#followLives()
    }
    this.#watched ??= new WeakSet()
    this.#watched.add(worker)
  }

  /**
   * Takes a thread that has ended out of the queue, frees its number, and wakes the holder. `watch` calls it. By hand it
   * is for runtimes in which `watch` cannot know: if the thread still runs, two threads may hold. Nothing if no thread
   * has this number.
   *
   * @param thread what `thread` was there
   * @throws RangeError for a wrong number, or the one of this thread.
   */
  repair(thread: number): void {
    const isOther = Number.isInteger(thread) && thread > 0 && thread <= MOST && thread !== this.thread
    check(isOther, this, 'thread', 'the number of another thread, from 1 to 15', thread)
    this.#places.repair(thread)
  }

  /**
   * Closes the lock for this thread, not for others: rejects its current waiters and all later calls, with `reason` if
   * one is given, else with a `LockClosedError`. Resolves when the last holder of this thread has released; then its
   * number is free for another thread, unless this thread watches workers. Further calls return the same promise.
   *
   * *Cancellation*: cannot be cancelled. A holder that awaits it waits for itself.
   */
  close(reason?: unknown): Promise<void> {
    if (!this.#closing) {
      this.#closing = { reason }
      this.#closing.done = this.#end()
    }
    return this.#closing.done as Promise<void>
  }

  /** `close()`, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What this is and how it stands, such as `SharedMutex "index" { held by thread 2, then 3 }`. */
  toString(): string {
    const [holder, ...others] = this.#places.look()
    const held = holder ? `held by thread ${holder}` : 'free'
    const then = others.length > 0 ? `, then ${others.join(', ')}` : ''
    return `${this[$label]} { ${this.closed ? 'closed, ' : ''}${held}${then} }`
  }

  /** @internal */
  [inspect](): string {
    return this.toString()
  }

  /** The place of this thread is left, then taken again for the caller that stands, if one does. */
  [$handOff](): void {
    const turn = this.#turn
    this.#turn = undefined
    this.#holds = false
    this.#places.leave()
    if (this.#standing) this.#stand()
    turn?.release()
    this.#onFree?.()
  }

  /** @internal */
  [$makeRequest](): { source: object; keys: readonly unknown[] } {
    return { source: this, keys: [] }
  }

  /** Throws what a caller is refused with, if it is. */
  #refuse(signal: AbortSignal | undefined): void {
    if (this.#closing) throw this.#closedReason()
    if (signal?.aborted) throw reasonOf(signal)
  }

  #closedReason(): unknown {
    const { reason } = this.#closing as { reason: unknown }
    return reason === undefined ? new LockClosedError(`${this[$label]}: closed in this thread`) : reason
  }

  async #acquire(wait: AcquireOptions | undefined): Promise<SharedLock> {
    this.#refuse(wait?.signal)
    return this.tryAcquire() ?? (await this.#wait(wait))
  }

  async #run<R>(task: Task<SharedLock, R>, wait: AcquireOptions | undefined): Promise<R> {
    this.#refuse(wait?.signal)
    const lock = this.tryAcquire()
    return lock ? runHolding(task, lock) : runGranted(task, await this.#wait(wait), wait?.signal)
  }

  #hold(turn: Lock | undefined): SharedLock {
    this.#holds = true
    this.#turn = turn
    return new SharedHold(this, this.#places.takeAbandoned())
  }

  async #wait(wait: AcquireOptions = {}): Promise<SharedLock> {
    if (wait.timeout === 0) throw timeoutError(this[$label], 0)
    const deadline = new Deadline(this[$label], wait)
    const { signal } = deadline
    try {
      // At once, if it can be: threads are served in the order in which their callers asked.
      const turn = this.#turns.tryAcquire() ?? (await this.#turns.acquire({ signal }))
      try {
        this.#refuse(signal)
      } catch (error) {
        turn.release()
        throw error
      }
      return await new Promise<SharedLock>((resolve, reject) => {
        this.#standing = { turn, deadline, resolve, reject }
        deadline.addEventListener('', () => this.#giveUp(deadline.reason))
        this.#timer = setInterval(this.#look, NAP)
        if (!this.#holds) this.#stand()
      })
    } catch (error) {
      if (error === deadline.expired) return retraced(error as Error)
      throw error
    } finally {
      deadline.stop()
    }
  }

  /** Takes a place in the word for the caller that stands, whose thread has none. */
  #stand(): void {
    this.#places.join()
    this.#look()
  }

  /** Grants to the caller that stands if this thread holds by now; else sees to it that it is woken. */
  readonly #look = (): void => {
    // While another caller of this thread holds, the place is that one's.
    if (!this.#standing || this.#holds) return
    const { me } = this.#places
    const rings = this.#places.rings(me)
    if (this.#places.holds()) {
      const { turn, resolve } = this.#settle()
      resolve(this.#hold(turn))
    } else if (!this.#listens) {
      this.#listens = true
      this.#places.nextRing(me, rings).then(() => {
        this.#listens = false
        this.#look()
      })
    }
  }

  /** The caller that stands leaves, unless it holds by now: a grant that came first stands. */
  #giveUp(reason: unknown): void {
    const places = this.#places
    if (!this.#holds) {
      if (places.holds()) {
        this.#look()
        return
      }
      places.leave()
    }
    const { turn, reject } = this.#settle()
    // So that no wait for a ring is left.
    if (this.#listens) places.ring(places.me)
    turn.release()
    reject(reason)
  }

  #settle(): Standing {
    const standing = this.#standing as Standing
    standing.deadline.removeEventListener()
    this.#standing = undefined
    clearInterval(this.#timer)
    return standing
  }

  async #end(): Promise<void> {
    const reason = this.#closedReason()
    if (this.#standing) this.#giveUp(reason)
    await this.#turns.close(reason)
    if (this.#holds)
      await new Promise<void>(resolve => {
        this.#onFree = resolve
      })
    // A repair is claimed by the number of the thread that makes it.
    if (this.#watched) return
    this.#places.detach()
    this.#endLife?.()
    attached().delete(this.#places.name)
  }

  /** Waits for the end of every thread that lives by a Web Lock, of those that attach later too. */
  async #followLives(): Promise<void> {
    const places = this.#places
    const followed = new Set<number>()
    for (;;) {
      const news = places.rings(0)
      for (let thread = 1; thread <= MOST; thread++) {
        const token = places.watchable(thread)
        if (!token || followed.has(token)) continue
        followed.add(token)
        lifeOf(places.name, token, () => afterGrace(() => places.repair(thread, token)))
      }
      await places.nextRing(0, news)
    }
  }
}
