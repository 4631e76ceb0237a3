// What the guarantees (G1 to G12) say a lock does, written to be obviously right and nothing else: lists instead of a
// linked queue, no promises, no timers, no callbacks. A Mutex is the case of a single key.
//
// The model keeps its own clock and is told what happens to it. Whatever a real lock may do a few microtasks later (start
// a task, release after one) waits for `flush`, so the model says nothing of how many microtasks anything takes.

/** Why a promise rejects: with this very value, or with an error of this code; `shared`: one object for all it rejects. */
export type Refusal = { readonly is: unknown } | { readonly code: string; readonly shared?: boolean }

export interface ModelSignal {
  aborted: boolean
  reason: unknown
}

/** What a task does: finish at once, throw at once, or go on until `finish`; `early` gives the lock back first. */
export type TaskKind = 'value' | 'throw' | 'async' | 'thenable' | 'early'

export interface Ask {
  readonly keys: readonly unknown[]
  readonly priority: number
  readonly timeout: number
  readonly signal: ModelSignal | undefined
  /** Present: runExclusive. Absent: acquire. */
  readonly task?: TaskKind
}

/**
 * One acquisition.
 *
 *     waiting -> holding -> released
 *        \-> refused (at once, or after waiting)
 *
 * With a task: idle -> due (granted while it waited) -> running -> ending (finished, the lock not yet seen back) -> ended
 */
export class Request {
  state: 'waiting' | 'holding' | 'released' | 'refused' = 'waiting'
  task: 'idle' | 'due' | 'running' | 'ending' | 'ended' = 'idle'
  /** The reasons that may be given: more than one where the guarantees leave the choice. */
  refusals: readonly Refusal[] = []
  /** What an observer is told. */
  readonly told: string[] = []
  readonly deadline: number

  constructor(
    readonly id: number,
    readonly ask: Ask,
    now: number
  ) {
    this.deadline = now + ask.timeout
  }

  get started(): boolean {
    return this.task === 'running' || this.task === 'ending' || this.task === 'ended'
  }

  /** What became of it, in one of the words of `FATES`. */
  get fate(): string {
    const when = this.told.includes('queued') ? 'after waiting' : 'at once'
    const [refusal] = this.refusals
    if (!refusal) return `served ${when}`
    if (this.state === 'released') return 'granted, then aborted before its task started'
    return `refused ${when}: ${'is' in refusal ? 'a reason' : refusal.code}`
  }

  wants(key: unknown): boolean {
    return this.ask.keys.includes(key)
  }
}

/** What can become of a request: a test that has not seen all of them has not tried enough. */
export const FATES = [
  'served at once',
  'served after waiting',
  'granted, then aborted before its task started',
  'refused at once: a reason',
  'refused at once: ERR_LOCK_TIMEOUT',
  'refused at once: ERR_QUEUE_FULL',
  'refused at once: ERR_LOCK_CLOSED',
  'refused after waiting: a reason',
  'refused after waiting: ERR_LOCK_TIMEOUT',
  'refused after waiting: ERR_LOCK_CANCELLED',
  'refused after waiting: ERR_LOCK_CLOSED'
]

/** One call of whenFree. */
export class Wish {
  state: 'waiting' | 'granted' | 'refused' = 'waiting'
  refusals: readonly Refusal[] = []

  constructor(
    readonly signal: ModelSignal | undefined,
    readonly deadline: number
  ) {}
}

const timedOut: Refusal = { code: 'ERR_LOCK_TIMEOUT' }

export class LockModel {
  readonly requests: Request[] = []
  /** Those of them who wait or hold. */
  #live: Request[] = []
  readonly wishes: Wish[] = []
  /** Who was granted what, in order. */
  readonly grants: Request[] = []
  /** Why no more requests are taken. */
  closed: Refusal | undefined
  #now = 0

  constructor(readonly maxWaiting: number) {}

  // What can be seen.

  /** Everyone who waits, in the order in which they will be served. */
  get waiting(): Request[] {
    const waiting = this.#live.filter(({ state }) => state === 'waiting')
    return waiting.sort((a, b) => b.ask.priority - a.ask.priority || a.id - b.id)
  }

  get holding(): Request[] {
    return this.#live.filter(({ state }) => state === 'holding')
  }

  /** A lock on no key at all holds nothing. */
  get free(): boolean {
    return this.waiting.length === 0 && this.holding.every(({ ask }) => ask.keys.length === 0)
  }

  /** Nobody is left to do anything. */
  get done(): boolean {
    return this.#live.length === 0 && !this.requests.some(({ task }) => task === 'running' || task === 'ending')
  }

  holder(key: unknown): Request | undefined {
    return this.holding.find(request => request.wants(key))
  }

  line(key: unknown): Request[] {
    return this.waiting.filter(request => request.wants(key))
  }

  /** Locked: held, or promised to somebody who waits. */
  get keys(): Set<unknown> {
    return new Set(this.#live.flatMap(({ ask }) => ask.keys))
  }

  /** How many live timers the lock needs: none, or some. */
  get timed(): boolean {
    return [...this.waiting, ...this.#wishing].some(({ deadline }) => deadline < Number.POSITIVE_INFINITY)
  }

  listensTo(signal: ModelSignal): boolean {
    return this.waiting.some(({ ask }) => ask.signal === signal) || this.#wishing.some(wish => wish.signal === signal)
  }

  // What can be done.

  request(ask: Ask): Request {
    const request = this.#newRequest(ask)
    const refusals: Refusal[] = []
    if (ask.signal?.aborted) refusals.push({ is: ask.signal.reason })
    if (this.closed) refusals.push(this.closed)
    if (refusals.length > 0) this.#refuse(request, ...refusals)
    else if (this.#isUnused(ask.keys, request)) this.#grant(request)
    else if (ask.timeout === 0) this.#refuse(request, timedOut)
    else if (ask.keys.some(key => this.line(key).length > this.maxWaiting))
      this.#refuse(request, { code: 'ERR_QUEUE_FULL' })
    else {
      request.told.push('queued')
      // It may go before all who wait for a key that is free and promised to one who lacks another key.
      this.#handOver()
    }
    return request
  }

  /** Whether a try is to succeed: it waits for nobody and overtakes nobody. */
  mayTry(keys: readonly unknown[]): boolean {
    return !this.closed && this.#isUnused(keys)
  }

  tried(keys: readonly unknown[]): Request {
    const request = this.#newRequest({ keys, priority: 0, timeout: Number.POSITIVE_INFINITY, signal: undefined })
    this.#grant(request)
    return request
  }

  release(request: Request): void {
    if (request.state !== 'holding') return
    request.state = 'released'
    this.#live = this.#live.filter(other => other !== request)
    request.told.push('released')
    this.#handOver()
  }

  /** The task has finished; whether the lock is back already is for `release` or `flush` to say. */
  finish(request: Request): void {
    request.task = 'ending'
  }

  abort(signal: ModelSignal, reason: unknown): void {
    signal.aborted = true
    signal.reason = reason
    for (const request of this.waiting.filter(({ ask }) => ask.signal === signal)) this.#refuse(request, { is: reason })
    for (const wish of this.#wishing.filter(wish => wish.signal === signal)) this.#refuse(wish, { is: reason })
    this.#handOver()
  }

  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      // Timers that are due at the same moment fire in the order in which they were set: the sort is stable.
      const next = [...this.#live.filter(({ state }) => state === 'waiting'), ...this.#wishing]
        .filter(({ deadline }) => deadline <= until)
        .sort((a, b) => a.deadline - b.deadline)[0]
      if (!next) break
      this.#now = next.deadline
      this.#refuse(next, timedOut)
      this.#handOver()
    }
    this.#now = until
  }

  cancelWaiters(refusal: Refusal): void {
    for (const request of this.waiting) this.#refuse(request, refusal)
    this.#handOver()
  }

  close(refusal: Refusal): void {
    this.closed ??= refusal
    this.cancelWaiters(this.closed)
  }

  whenFree(signal: ModelSignal | undefined, timeout: number): Wish {
    const wish = new Wish(signal, this.#now + timeout)
    this.wishes.push(wish)
    if (signal?.aborted) this.#refuse(wish, { is: signal.reason })
    else if (this.free) wish.state = 'granted'
    else if (timeout === 0) this.#refuse(wish, timedOut)
    return wish
  }

  /** Everything that happens by itself once the caller lets go of the thread: tasks start, and those that ended release. */
  flush(): void {
    for (;;) {
      const next = this.holding.find(request => request.task === 'due' || request.task === 'ending')
      if (!next) break
      if (next.task === 'ending') this.release(next)
      else if (next.ask.signal?.aborted) {
        // The grant came first, then the abort, before the task could start: the lock passes on.
        next.task = 'idle'
        next.refusals = [{ is: next.ask.signal.reason }]
        this.release(next)
      } else this.#start(next)
    }
    for (const request of this.requests) if (request.task === 'ending') request.task = 'ended'
  }

  // How it comes about.

  get #wishing(): Wish[] {
    return this.wishes.filter(wish => wish.state === 'waiting')
  }

  #newRequest(ask: Ask): Request {
    const request = new Request(this.requests.length, ask, this.#now)
    this.requests.push(request)
    this.#live.push(request)
    return request
  }

  #isUnused(keys: readonly unknown[], except?: Request): boolean {
    return this.#live.every(other => other === except || !keys.some(key => other.wants(key)))
  }

  #isFirstAndFree(request: Request): boolean {
    return request.ask.keys.every(key => !this.holder(key) && this.line(key)[0] === request)
  }

  #grant(request: Request): void {
    const waited = request.told.length > 0
    request.state = 'holding'
    request.told.push('granted')
    this.grants.push(request)
    if (request.ask.task === undefined) return
    if (waited) request.task = 'due'
    else this.#start(request)
  }

  #start(request: Request): void {
    request.task = 'running'
    if (request.ask.task === 'value' || request.ask.task === 'throw') this.finish(request)
    if (request.ask.task === 'early') this.release(request)
  }

  #refuse(asked: Request | Wish, ...refusals: Refusal[]): void {
    asked.state = 'refused'
    asked.refusals = refusals
    if (asked instanceof Wish) return
    asked.told.push('abandoned')
    this.#live = this.#live.filter(other => other !== asked)
  }

  /** After anyone has left: whoever is now first in every line, of keys that are all free, holds them. */
  #handOver(): void {
    for (const request of this.waiting) if (this.#isFirstAndFree(request)) this.#grant(request)
    if (this.free) for (const wish of this.#wishing) wish.state = 'granted'
  }
}
