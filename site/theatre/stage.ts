// The locks, each the real one, behind one face: ask, release, leave. The stage keeps note of every request and of
// what the lock does with it; it decides nothing.

import { KeyedMutex, type Lock, type LockObserver, type LockRequest, Mutex, ReadWriteLock, Semaphore } from 'latchkey'
import { BuggyMutex, PromiseChain, ReadersFirst, RepairedMutex } from './hand-rolled.js'
import type { LockName, Schedule, Step } from './schedule.js'

/** One acquisition, from the call to its end. */
export interface Request {
  readonly client: string
  readonly step: Step
  /** What it is for: the keys of a `KeyedMutex`, one nameless line everywhere else. */
  readonly keys: readonly string[]
  /** How many permits it takes; 1 where permits do not count. */
  readonly permits: number
  state: 'waits' | 'holds' | 'released' | 'left'
  /** How many later requests were let in before it, while it waited. */
  overtaken: number
  /** The client has stopped looking, and the lock does not know: the request is still in the queue, or holds the lock. */
  ghost: boolean
  release: () => void
  leave: () => void
  expire: () => void
}

/** What the lock does, while it does it. */
export interface Audience {
  /** `atOnce`: before the call that brought it about has returned. */
  granted(request: Request, atOnce: boolean): void
  left(request: Request, reason: unknown): void
}

export interface Stage {
  ask(request: Request): void
  release(request: Request): void
  /** The requests in the queue for a key, first to last. */
  line(key: string): Request[]
  /** Whether the lock counts as taken. */
  isTaken(key: string): boolean
  /** How many wait, as the lock itself says. `undefined` if it does not. */
  readonly waiting: number | undefined
}

export function setStage({ lock, size }: Schedule, audience: Audience): Stage {
  if (lock === 'buggy') return new HandRolledStage(new BuggyMutex(), audience)
  if (lock === 'repaired') return new HandRolledStage(new RepairedMutex(), audience)
  if (lock === 'chain') return new HandRolledStage(new PromiseChain(), audience)
  if (lock === 'readers-first') return new HandRolledStage(new ReadersFirst(), audience)
  return new LatchkeyStage(lock, size, audience)
}

/** How long a client waits, in ms, before its time is up. The step `timeout` is what ends it, so the number is never felt. */
const PATIENCE = 5000

class LatchkeyStage implements Stage {
  readonly #requests: Request[] = []
  readonly #byLock = new Map<LockRequest, Request>()
  readonly #lock: Mutex | KeyedMutex | Semaphore | ReadWriteLock
  #asking: Request | undefined

  constructor(lock: LockName, size: number, audience: Audience) {
    const observer: LockObserver = {
      queued: seen => this.#note(seen),
      granted: seen => audience.granted(this.#note(seen), true),
      abandoned: (seen, reason) => audience.left(this.#note(seen), reason)
    }
    if (lock === 'keyed') this.#lock = new KeyedMutex({ observer })
    else if (lock === 'semaphore') this.#lock = new Semaphore(size, { observer })
    else if (lock === 'rw') this.#lock = new ReadWriteLock({ observer })
    else this.#lock = new Mutex({ observer })
  }

  /** The first that is heard of a request is heard while it asks. */
  #note(seen: LockRequest): Request {
    const request = this.#byLock.get(seen) ?? (this.#asking as Request)
    this.#byLock.set(seen, request)
    return request
  }

  ask(request: Request): void {
    const controller = new AbortController()
    this.#asking = request
    this.#requests.push(request)
    const { result, expire } = withTimerInHand(() =>
      this.#acquire(request, { signal: controller.signal, timeout: PATIENCE })
    )
    this.#asking = undefined
    request.leave = () => controller.abort()
    request.expire = expire
    result.then(
      lock => {
        request.release = () => lock.release()
      },
      () => {} // `abandoned` has told
    )
  }

  #acquire({ keys, permits, step }: Request, options: { signal: AbortSignal; timeout: number }): Promise<Lock> {
    const lock = this.#lock
    if (lock instanceof KeyedMutex) return lock.acquireMany(keys, options)
    if (lock instanceof Semaphore) return lock.acquire({ ...options, permits })
    if (lock instanceof Mutex) return lock.acquire(options)
    return step.verb === 'read' ? lock.acquireRead(options) : lock.acquireWrite(options)
  }

  release(request: Request): void {
    request.release()
  }

  line(key: string): Request[] {
    return this.#requests.filter(({ state, keys }) => state === 'waits' && keys.includes(key))
  }

  isTaken(key: string): boolean {
    const lock = this.#lock
    if (lock instanceof KeyedMutex) return lock.isLocked(key)
    if (lock instanceof Semaphore) return lock.available < lock.capacity
    if (lock instanceof Mutex) return lock.locked
    return lock.writing || lock.readers > 0
  }

  get waiting(): number {
    return this.#lock.waiting
  }
}

/** Makes a call, and keeps the timer that it starts: time passes when the schedule says so, not while the visitor reads. */
function withTimerInHand<T>(call: () => T): { result: T; expire: () => void } {
  const { setTimeout: start } = globalThis
  let expire = () => {}
  globalThis.setTimeout = ((callback: (...args: unknown[]) => void, _ms: number, ...args: unknown[]) => {
    expire = () => callback(...args)
    return 0
  }) as unknown as typeof start
  try {
    return { result: call(), expire: () => expire() }
  } finally {
    globalThis.setTimeout = start
  }
}

interface HandRolled {
  acquire(kind: 'read' | 'write'): Promise<() => void>
  queue?: unknown[]
}

class HandRolledStage implements Stage {
  readonly #lock: HandRolled
  readonly #audience: Audience
  readonly #requests: Request[] = []
  readonly #places = new Map<unknown, Request>()
  /** The requests that are in the queue or hold the lock, whether or not their clients are still there. */
  readonly #granted = new Set<Request>()

  constructor(lock: HandRolled, audience: Audience) {
    this.#lock = lock
    this.#audience = audience
  }

  ask(request: Request): void {
    const { queue } = this.#lock
    this.#requests.push(request)
    const promise = this.#lock.acquire(request.step.verb === 'write' ? 'write' : 'read')
    const place = queue?.find(entry => !this.#places.has(entry))
    if (place !== undefined) this.#places.set(place, request)
    // All that its callers can do is to stop looking, as in `Promise.race([mutex.acquire(), aborted])`.
    const stopLooking = (reason: unknown) => {
      request.ghost = true
      this.#audience.left(request, reason)
    }
    request.leave = () => stopLooking(new DOMException('', 'AbortError'))
    request.expire = () => stopLooking(new DOMException('', 'TimeoutError'))
    this.#look()
    promise.then(release => {
      request.release = release
      this.#grant(request, false)
    })
  }

  release(request: Request): void {
    request.release()
    this.#look()
  }

  /** A request that was in the queue before a call and is not after it was granted by that call. */
  #look(): void {
    if (this.#lock.queue === undefined) return
    const waiting = new Set(this.line())
    for (const request of this.#requests) if (!waiting.has(request)) this.#grant(request, true)
  }

  #grant(request: Request, atOnce: boolean): void {
    if (this.#granted.has(request)) return
    this.#granted.add(request)
    this.#audience.granted(request, atOnce)
  }

  line(): Request[] {
    const { queue } = this.#lock
    if (queue === undefined) return this.#requests.filter(request => !this.#granted.has(request))
    return queue.flatMap(place => this.#places.get(place) ?? [])
  }

  isTaken(): boolean {
    const { locked, readers, writing } = this.#lock as { locked?: boolean; readers?: number; writing?: boolean }
    if (locked !== undefined) return locked
    if (readers !== undefined) return writing === true || readers > 0
    return this.#requests.some(({ state, ghost }) => state === 'holds' || state === 'waits' || ghost)
  }

  get waiting(): number | undefined {
    return this.#lock.queue?.length
  }
}
