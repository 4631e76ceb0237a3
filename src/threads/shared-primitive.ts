// What the locks between threads have in common: how the callers of one thread share its one place in the word, and how
// that is waited for without blocking the thread, or blocking it.
//
//      caller ──▶ queue of this thread ──▶ standing: has the turn of this thread, and its place ──▶ holder
//                 (a `Mutex` of core)      in the word                                              │
//                                                                  leaves the word, passes the turn ◀┘
//
// A caller that blocks the thread cannot wait for one that does not: that one could never go on. So it goes first, with the
// place of the thread; the caller that stood there takes a new place when it has released. Where a caller of this thread
// holds already, blocking would never end, and is refused.

import {
  check,
  checkFunction,
  checkNames,
  checkObject,
  inspect,
  NO_SETTINGS,
  readAcquireOptions,
  show
} from '../core/arguments.js'
import {
  type AbortTarget,
  Deadline,
  expires,
  reasonOf,
  retraced,
  subscribe,
  timeoutError,
  unrefTimer,
  unsubscribe
} from '../core/cancellation.js'
import { DeadlockError, LockClosedError } from '../core/errors.js'
import { asyncDispose, type Grantor, Hold, runGranted, runHolding } from '../core/hold.js'
import type { AcquireOptions, Lock, Task } from '../core/lock.js'
import { $handOff, $kind, $label, $makeRequest, $settings } from '../core/members.js'
import { Mutex } from '../core/mutex.js'
import { BYTES, canBlock, canWaitAsync, isOurs, NAP, nameOf, Places, type Rule } from './places.js'
import {
  awaitEndOf,
  checkSharing,
  isWorker,
  liveAs,
  onEnd,
  tokenOfThread,
  unsupported,
  type WatchableWorker
} from './platform.js'

/** How often a waiter looks where it cannot be woken, in ms. */
const POLL = 5

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
export interface SharedHandle<Kind extends string = string> {
  /** The class that can attach to it. */
  readonly kind: Kind
  /** What the lock is called. */
  readonly name: string | undefined
  /** Where it is. */
  readonly memory: SharedArrayBuffer
}

/** Tells the constructor that the memory is there already. @internal */
export class Attachment {
  readonly handle: SharedHandle

  constructor(handle: SharedHandle) {
    this.handle = handle
  }
}

/** Where the callers of one thread queue. */
class Turns extends Mutex {
  readonly #label: string

  constructor(label: string) {
    super()
    this.#label = label
  }

  override get [$label](): string {
    return this.#label
  }
}

class SharedHold extends Hold implements SharedLock {
  readonly abandoned: boolean
  /** The right to the place of this thread; `undefined`: another caller has it, and waits behind this one. */
  readonly turn: Lock | undefined
  readonly mode: number

  constructor(grantor: Grantor, mode: number, turn: Lock | undefined, abandoned: boolean) {
    super(grantor)
    this.mode = mode
    this.turn = turn
    this.abandoned = abandoned
  }
}

/** The caller of this thread that waits in the word. */
interface Standing extends AbortTarget {
  readonly mode: number
  readonly turn: Lock
  readonly signal: AbortSignal | undefined
  resolve(lock: SharedLock): void
  reject(reason: unknown): void
}

/** The locks that this thread is attached to, whichever copy of the package made them. */
const attached = (): Map<string, WeakRef<SharedPrimitive>> => {
  const global = globalThis as { [key: symbol]: unknown }
  const key = Symbol.for('latchkey.threads')
  global[key] ??= new Map()
  return global[key] as Map<string, WeakRef<SharedPrimitive>>
}

const collected = /* @__PURE__ */ new FinalizationRegistry<string>(name => {
  if (attached().get(name)?.deref() === undefined) attached().delete(name)
})

/** What `SharedMutex`, `SharedSemaphore` and `SharedReadWriteLock` have in common. */
export abstract class SharedPrimitive implements AsyncDisposable, Grantor {
  /** @internal */
  readonly [$settings] = NO_SETTINGS
  /** @internal */
  readonly [$kind]: string
  /**
   * Resolves once the end of this thread can be noticed by a thread that watches it: at once, except in browsers and in
   * the web workers of Deno, where it takes a turn of the event loop.
   */
  readonly ready: Promise<void>
  readonly #name: string | undefined
  readonly #places: Places
  readonly #turns: Turns
  readonly #endLife: (() => void) | undefined
  #holder: SharedHold | undefined
  #standing: Standing | undefined
  /** While a caller stands. It keeps the process alive, which a pending `Atomics.waitAsync` does not. */
  #timer: ReturnType<typeof setInterval> | undefined
  /** Whether a wake-up is waited for. There is one at most, and it serves every caller that stands. */
  #listening = false
  #watched: WeakSet<object> | undefined
  #followsLocks = false
  #closing: { readonly reason: unknown; done?: Promise<void> } | undefined
  #onFree: (() => void) | undefined

  /** @internal */
  constructor(kind: string, rule: Rule, options: SharedOptions | Attachment | undefined, capacity = 1) {
    this[$kind] = kind
    checkSharing(kind)
    if (options instanceof Attachment) this.#name = options.handle.name
    else if (options !== undefined) {
      checkNames(kind, options, ['name'])
      const { name } = options
      check(name === undefined || typeof name === 'string', kind, 'options.name', 'a string', name)
      this.#name = name
    }
    const isNew = !(options instanceof Attachment)
    const memory = isNew ? new SharedArrayBuffer(BYTES) : options.handle.memory
    const label = this[$label]
    const places = new Places(memory, rule, tokenOfThread(label), label, isNew ? capacity : undefined)
    this.#places = places
    this.#turns = new Turns(label)
    attached().set(places.name, new WeakRef(this))
    collected.register(this, places.name)
    let ready = () => {}
    const isReady = new Promise<void>(resolve => {
      ready = resolve
    })
    if (places.token < 0)
      this.#endLife = liveAs(places.name, places.token, () => {
        places.announce()
        ready()
      })
    if (this.#endLife === undefined) ready()
    this.ready = isReady
  }

  /** @internal */
  get [$label](): string {
    return this.#name === undefined ? this[$kind] : `${this[$kind]} ${JSON.stringify(this.#name)}`
  }

  /** What another thread attaches with. */
  get handle(): SharedHandle {
    return { kind: this[$kind], name: this.#name, memory: this.#places.buffer }
  }

  /** The number of this thread at this lock, from 1. One that is free again is given to the next thread. */
  get thread(): number {
    return this.#places.me
  }

  /** Whether a thread holds. */
  get locked(): boolean {
    return this.#places.look().holding > 0
  }

  /** How many callers of this thread wait. */
  get waiting(): number {
    return this.#turns.waiting + (this.#standing === undefined ? 0 : 1)
  }

  /** Whether `close` has been called in this thread. */
  get closed(): boolean {
    return this.#closing !== undefined
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
    const isWorkerLike = typeof worker.once === 'function' || typeof worker.addEventListener === 'function'
    check(isWorkerLike, this, 'worker', 'a Worker', worker)
    this.#watched ??= new WeakSet()
    if (this.#watched.has(worker)) return
    let forget = () => {}
    const token = onEnd(this[$label], worker, () => {
      for (const number of this.#places.numbersOf(token)) this.#places.repair(number, token)
      forget()
    })
    if (token === 0) this.#followLocks()
    // The main thread has no thread above it that could take over.
    else if (isWorker(this.#places.token)) forget = this.#places.noteWatch(token, this[$label])
    this.#watched.add(worker)
  }

  /**
   * Takes a thread that has ended out of the queue, frees its number, and wakes the holders. `watch` calls it. By hand it
   * is for runtimes in which `watch` cannot know: if the thread still runs, two threads may hold. Nothing if no thread
   * has this number.
   *
   * @param thread what `thread` was there
   * @throws RangeError for a wrong number, or the one of this thread.
   */
  repair(thread: number): void {
    const ok = Number.isInteger(thread) && thread >= 1 && thread <= 15 && thread !== this.thread
    check(ok, this, 'thread', 'the number of another thread, from 1 to 15', thread)
    this.#places.repair(thread, this.#places.owner(thread))
  }

  /**
   * Closes the lock for this thread, not for others: rejects its current waiters and all later calls, with `reason` if
   * one is given, else with a `LockClosedError`. Resolves when the last holder of this thread has released; then its
   * number is free for another thread, unless this thread watches workers. Further calls return the same promise.
   *
   * *Cancellation*: cannot be cancelled. A holder that awaits it waits for itself.
   */
  close(reason?: unknown): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = { reason }
      this.#closing.done = this.#end()
    }
    return this.#closing.done as Promise<void>
  }

  /** `close()`, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What this is and how it stands, such as `SharedMutex "index" { held by thread 2, 1 thread waits }`. */
  toString(): string {
    const { threads, holding } = this.#places.look()
    const holders = threads.slice(0, holding)
    const words = [
      ...(this.closed ? ['closed'] : []),
      holding === 0 ? 'free' : `held by thread${holding > 1 ? 's' : ''} ${holders.join(', ')}`,
      ...(threads.length > holding ? [`then ${threads.slice(holding).join(', ')}`] : [])
    ]
    return `${this[$label]} { ${words.join(', ')} }`
  }

  /** @internal */
  [inspect](): string {
    return this.toString()
  }

  /** @internal */
  protected get capacityOfPlaces(): number {
    return this.#places.capacity
  }

  /** @internal */
  protected get holdersNow(): number {
    return this.#places.look().holding
  }

  /** @internal */
  protected acquireAs(mode: number, options: SharedAcquireOptions | undefined): Promise<SharedLock> {
    const wait = readAcquireOptions(this, options, undefined)
    const refusal = this.#refusal(wait?.signal)
    if (refusal !== undefined) return Promise.reject(refusal.reason)
    const lock = this.tryAcquireAs(mode)
    if (lock !== undefined) return Promise.resolve(lock)
    return this.#wait(mode, wait)
  }

  /** @internal */
  protected tryAcquireAs(mode: number): SharedHold | undefined {
    if (this.#closing !== undefined || this.#holder !== undefined) return undefined
    const turn = this.#turns.tryAcquire()
    if (turn === undefined) return undefined
    if (this.#places.tryJoin(mode)) return this.#hold(mode, turn)
    turn.release()
    return undefined
  }

  /** @internal */
  protected runAs<R>(mode: number, task: Task<SharedLock, R>, options: SharedAcquireOptions | undefined): Promise<R> {
    checkFunction(this, 'task', task)
    const wait = readAcquireOptions(this, options, undefined)
    const refusal = this.#refusal(wait?.signal)
    if (refusal !== undefined) return Promise.reject(refusal.reason)
    const lock = this.tryAcquireAs(mode)
    if (lock !== undefined) return runHolding(task, lock as SharedLock)
    return this.#wait(mode, wait).then(lock => runGranted(task, lock, wait?.signal))
  }

  /** @internal */
  protected acquireSyncAs(mode: number, options: SharedSyncOptions | undefined): SharedLock {
    const { timeout = Infinity, signal } = readAcquireOptions(this, options, undefined) ?? {}
    const refusal = this.#refusal(signal)
    if (refusal !== undefined) throw refusal.reason
    if (!canBlock())
      throw unsupported(
        this[$label],
        'this thread must not block, as that of a page must not. Wait with acquire(), or take it with tryAcquire()'
      )
    if (this.#holder !== undefined && timeout > 0)
      throw new DeadlockError(
        `${this[$label]}: another caller of this thread holds, and cannot release while this one blocks the thread. Wait with acquire(), or take it with tryAcquire()`
      )
    const lock = this.#holder === undefined ? this.#acquireSync(mode, timeout) : undefined
    if (lock === undefined) throw timeoutError(this[$label], timeout)
    return lock
  }

  #acquireSync(mode: number, timeout: number): SharedLock | undefined {
    const places = this.#places
    const standing = this.#standing
    const turn = this.#turns.tryAcquire()
    const hasPlace = standing?.mode === mode
    if (standing !== undefined && !hasPlace) places.leave(standing.mode)
    let holds = hasPlace ? places.holds() : places.tryJoin(mode)
    if (!holds && timeout > 0) {
      if (!hasPlace) places.join(mode)
      holds = places.sleep(timeout)
      if (!holds && !hasPlace) places.leave(mode)
    }
    if (holds) return this.#hold(mode, turn)
    if (standing !== undefined && !hasPlace) this.#stand(standing)
    turn?.release()
    return undefined
  }

  /** The place of this thread is left, then taken again for the caller that stands, if one does. */
  [$handOff](hold: Hold): void {
    const { mode, turn } = hold as SharedHold
    this.#holder = undefined
    this.#places.leave(mode)
    if (this.#standing !== undefined) this.#stand(this.#standing)
    turn?.release()
    this.#onFree?.()
  }

  /** @internal */
  [$makeRequest](): { source: object; keys: readonly unknown[] } {
    return { source: this, keys: [] }
  }

  #refusal(signal: AbortSignal | undefined): { readonly reason: unknown } | undefined {
    if (this.#closing !== undefined) return { reason: this.#closedReason() }
    return signal?.aborted ? { reason: reasonOf(signal) } : undefined
  }

  #closedReason(): unknown {
    const { reason } = this.#closing as { reason: unknown }
    return reason === undefined ? new LockClosedError(`${this[$label]}: closed in this thread`) : reason
  }

  #hold(mode: number, turn: Lock | undefined): SharedHold {
    this.#holder = new SharedHold(this, mode, turn, this.#places.takeAbandoned())
    return this.#holder
  }

  async #wait(mode: number, wait: AcquireOptions | undefined): Promise<SharedLock> {
    if (wait?.timeout === 0) throw timeoutError(this[$label], 0)
    const deadline = expires(wait) ? new Deadline(this[$label], wait) : undefined
    const signal = deadline?.signal ?? wait?.signal
    try {
      const turn = await this.#turns.acquire({ signal })
      const refusal = this.#refusal(signal)
      if (refusal !== undefined) {
        turn.release()
        throw refusal.reason
      }
      return await new Promise<SharedLock>((resolve, reject) => {
        const standing: Standing = {
          mode,
          turn,
          signal,
          resolve,
          reject,
          abort: () => this.#abandon(standing, reasonOf(signal as AbortSignal))
        }
        if (signal !== undefined) subscribe(signal, standing)
        this.#standing = standing
        this.#timer = setInterval(this.#look, canWaitAsync() ? NAP : POLL)
        if (this.#holder === undefined) this.#stand(standing)
      })
    } catch (error) {
      if (error === deadline?.expired) return retraced(error as Error)
      throw error
    } finally {
      deadline?.stop()
    }
  }

  /** Takes a place in the word for the caller that stands, whose thread has none. */
  #stand(standing: Standing): void {
    if (this.#places.join(standing.mode)) this.#grant(standing)
    else this.#look()
  }

  /** Grants to the caller that stands if this thread holds by now; else sees to it that it is woken. */
  readonly #look = (): void => {
    const standing = this.#standing
    // While another caller of this thread holds, the place is that one's.
    while (standing !== undefined && this.#holder === undefined) {
      const wakeUps = this.#places.wakeUps()
      if (this.#places.holds()) {
        this.#grant(standing)
        return
      }
      if (this.#listening || !canWaitAsync()) return
      const woken = this.#places.wakeUp(wakeUps)
      if (woken === undefined) continue
      this.#listening = true
      woken.then(() => {
        this.#listening = false
        this.#look()
      })
    }
  }

  #grant(standing: Standing): void {
    this.#forget(standing)
    standing.resolve(this.#hold(standing.mode, standing.turn))
  }

  /** The caller that stands leaves, unless it holds by now: a grant that came first stands. */
  #abandon(standing: Standing, reason: unknown): void {
    if (this.#holder === undefined) {
      if (this.#places.holds()) {
        this.#grant(standing)
        return
      }
      this.#places.leave(standing.mode)
    }
    this.#forget(standing)
    if (this.#listening) this.#places.stir()
    standing.turn.release()
    standing.reject(reason)
  }

  #forget({ signal }: Standing): void {
    if (signal !== undefined && this.#standing !== undefined) unsubscribe(signal, this.#standing)
    this.#standing = undefined
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #end(): Promise<void> {
    if (this.#standing !== undefined) this.#abandon(this.#standing, this.#closedReason())
    await this.#turns.close(this.#closedReason())
    if (this.#holder !== undefined)
      await new Promise<void>(resolve => {
        this.#onFree = resolve
      })
    // A repair is claimed by the number of the thread that makes it.
    if (this.#watched !== undefined) return
    this.#places.detach()
    this.#endLife?.()
    attached().delete(this.#places.name)
  }

  /** Waits for the end of every thread that lives by a Web Lock, of those that attach later too. */
  async #followLocks(): Promise<void> {
    if (this.#followsLocks) return
    this.#followsLocks = true
    const places = this.#places
    const followed = new Set<number>()
    for (;;) {
      const news = places.news()
      for (const [thread, token] of places.watchable()) {
        if (followed.has(token)) continue
        followed.add(token)
        awaitEndOf(places.name, token, () => {
          places.repair(thread, token)
          followed.delete(token)
        })
      }
      if (canWaitAsync()) await places.newsAfter(news)
      else
        await new Promise<void>(resolve => {
          unrefTimer(setTimeout(resolve, 10 * POLL))
        })
    }
  }
}

/** The lock that this thread has for a handle already, or a new one. @internal */
export function attachTo<P extends SharedPrimitive, Kind extends string>(
  kind: Kind,
  handle: unknown,
  create: (attachment: Attachment) => P
): P {
  checkSharing(kind)
  checkObject(kind, 'handle', handle)
  const { kind: theirs, memory, name } = handle as SharedHandle
  check(theirs === kind, kind, 'handle', `the handle of a ${kind}`, handle)
  const isShared = Object.prototype.toString.call(memory) === '[object SharedArrayBuffer]' && isOurs(memory)
  if (!isShared)
    throw new TypeError(
      `${kind}: handle.memory must be the SharedArrayBuffer of a ${kind}, of the same version of this package, got ${show(memory)}`
    )
  check(name === undefined || typeof name === 'string', kind, 'handle.name', 'a string', name)
  const known = attached().get(nameOf(memory))?.deref()
  if (known !== undefined && !known.closed) return known as P
  return create(new Attachment({ kind, memory, name }))
}
