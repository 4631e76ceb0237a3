// A Mutex or a KeyedMutex and its model, driven by the same operations and compared after each.

import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import type { AcquireOptions, KeyedMutex, Lock, LockObserver, LockRequest, Mutex } from 'latchkey'
import { vi } from 'vitest'
import { Session, type World } from './harness.js'
import { LockModel, type ModelSignal, type Refusal, type Request, type TaskKind, type Wish } from './model.js'
import { microtasks } from './settings.js'
import type { WatchedSignal } from './signals.js'

/** Mutex and KeyedMutex under one set of names. */
export interface Subject {
  readonly lock: { readonly waiting: number; readonly closed: boolean }
  readonly allKeys: readonly unknown[]
  acquire(keys: readonly unknown[], many: boolean, options?: AcquireOptions): Promise<Lock>
  tryAcquire(keys: readonly unknown[], many: boolean): Lock | undefined
  runExclusive(
    keys: readonly unknown[],
    many: boolean,
    task: (lock: Lock) => unknown,
    options?: AcquireOptions
  ): Promise<unknown>
  cancelWaiters(reason?: unknown): void
  close(reason?: unknown): Promise<void>
  whenFree(options?: AcquireOptions): Promise<void>
  isLocked(key: unknown): boolean
  /** What only one of the two shows: as the lock has it, and as it should be. */
  extras(model: LockModel): { seen: string; expected: string }
  /** The keys that an observer is told of a request for these. */
  toldKeys(keys: readonly unknown[]): readonly unknown[]
}

export const MUTEX_KEY = 'the mutex'

export function mutexSubject(lock: Mutex): Subject {
  return {
    lock,
    allKeys: [MUTEX_KEY],
    acquire: (_keys, _many, options) => lock.acquire(options),
    tryAcquire: () => lock.tryAcquire(),
    runExclusive: (_keys, _many, task, options) => lock.runExclusive(task, options),
    cancelWaiters: reason => lock.cancelWaiters(reason),
    close: reason => lock.close(reason),
    whenFree: options => lock.whenFree(options),
    isLocked: () => lock.locked,
    extras(model) {
      const words = [model.closed && 'closed', model.holder(MUTEX_KEY) ? 'locked' : 'free']
      if (model.waiting.length > 0) words.push(`${model.waiting.length} waiting`)
      return { seen: inspect(lock), expected: `Mutex "subject" { ${words.filter(Boolean).join(', ')} }` }
    },
    toldKeys: () => []
  }
}

export function keyedSubject(lock: KeyedMutex<unknown>, allKeys: readonly unknown[]): Subject {
  return {
    lock,
    allKeys,
    acquire: (keys, many, options) => (many ? lock.acquireMany(keys, options) : lock.acquire(keys[0], options)),
    tryAcquire: (keys, many) => (many ? lock.tryAcquireMany(keys) : lock.tryAcquire(keys[0])),
    runExclusive: (keys, many, task, options) =>
      many ? lock.runExclusiveMany(keys, task, options) : lock.runExclusive(keys[0], task, options),
    cancelWaiters: reason => lock.cancelWaiters(reason),
    close: reason => lock.close(reason),
    whenFree: options => lock.whenFree(options),
    isLocked: key => lock.isLocked(key),
    extras(model) {
      const list = (keys: Iterable<unknown>, lines: (key: unknown) => number) =>
        [...keys].map(key => `${label(key)} with ${lines(key)} in line`).sort()
      const seen = list(lock.keys(), key => lock.waitingFor(key))
      const expected = list(model.keys, key => model.line(key).length)
      return {
        seen: `${lock.size} keys: ${seen.join(', ')}`,
        expected: `${model.keys.size} keys: ${expected.join(', ')}`
      }
    },
    toldKeys: keys => [...new Set(keys)]
  }
}

const label = (key: unknown) => (typeof key === 'object' ? 'object' : String(key))

/** The choices a step leaves to the run, each an index into what there is to choose from at that moment. */
export type Pick = number

export interface AskStep {
  keys: readonly unknown[]
  many: boolean
  priority: number | undefined
  timeout: number | undefined
  signal: Pick | undefined
  task: TaskKind | undefined
}

const results = (id: number): unknown => [{ of: id }, undefined, null, 0, ''][id % 5]

type Outcome = { settled: 'resolved'; value: unknown } | { settled: 'rejected'; reason: unknown }

interface Watch extends WatchedSignal {
  readonly model: ModelSignal
  readonly name: string
  /** Called by a listener that was on the signal before any lock's. */
  first: () => void
}

type MakeSubject = (options: { maxWaiting?: number; observer?: LockObserver; name: string }) => Subject

/** The request on whose behalf code runs. One for all sessions: each storage makes every promise dearer, for good. */
const context = new AsyncLocalStorage<Request>()

export class Locks extends Session<Request> {
  readonly model: LockModel
  readonly #subject: Subject
  readonly #log: string[] = []
  readonly #problems: string[] = []

  /** Those at hand. */
  #watches: Watch[] = []
  readonly #allSignals: Watch[] = []

  /** The locks the callers have in their hands. */
  readonly #locks = new Map<Request, Lock>()
  /** In the order in which their callers saw it. */
  readonly #served: Request[] = []
  readonly #outcomes = new Map<Request | Wish, Outcome>()
  /** Those whose outcome was compared: a promise settles once. */
  readonly #outcomesSeen = new Set<Request>()
  readonly #results = new Map<Request, Outcome>()
  readonly #gates = new Map<Request, { resolve(value: unknown): void; reject(reason: unknown): void }>()
  readonly #oneError = new Map<Refusal, unknown>()
  #closing: { promise: Promise<void>; outcome?: Outcome } | undefined

  /** The request that the step under way makes: the first thing an observer is told must be about it. */
  #making: Request | undefined
  readonly #told = new Map<LockRequest, Request>()
  readonly #toldOf = new Map<Request, string[]>()
  readonly #toldSeen = new Set<Request>()

  constructor(make: MakeSubject, world: World) {
    super(world, 0)
    const { maxWaiting, observed } = world
    this.model = new LockModel(maxWaiting ?? Number.POSITIVE_INFINITY)
    this.#subject = make({
      name: 'subject',
      ...(maxWaiting === undefined ? {} : { maxWaiting }),
      ...(observed ? { observer: this.#strictObserver() } : {})
    })
    for (let i = 0; i < 3; i++) this.#watches.push(this.#newWatch())
  }

  // Steps. Each does the same to the model and to the lock.

  ask({ keys, many, priority, timeout, signal, task }: AskStep): void {
    const watch = signal === undefined ? undefined : this.#watches[signal % this.#watches.length]
    const request = this.model.request({
      keys: many ? [...new Set(keys)] : keys.slice(0, 1),
      priority: priority ?? 0,
      timeout: timeout ?? Number.POSITIVE_INFINITY,
      signal: watch?.model,
      ...(task ? { task } : {})
    })
    const options: AcquireOptions = {
      ...(priority === undefined ? {} : { priority }),
      ...(timeout === undefined ? {} : { timeout }),
      ...(watch ? { signal: watch.signal } : {})
    }
    const given = Object.keys(options).length > 0 ? options : undefined
    this.#note(
      `#${request.id} ${task ? `run "${task}"` : 'acquire'} ${many ? `many of ${keys.map(label)}` : label(keys[0])}`,
      ...(priority === undefined ? [] : [`priority ${priority}`]),
      ...(timeout === undefined ? [] : [`timeout ${timeout}`]),
      ...(watch ? [watch.name] : [])
    )
    const promise = this.#make(request, () =>
      task
        ? this.#subject.runExclusive(keys, many, this.#task(request, task), given)
        : this.#subject.acquire(keys, many, given)
    )
    this.#follow(request, promise, value => {
      if (!task) this.#serve(request, value as Lock)
    })
    if (request.started !== this.#locks.has(request) && task)
      this.#problems.push(`#${request.id} the task ${request.started ? 'did not start' : 'started'} at the call`)
    // A task that ended at the call: whether its lock is back at once or a microtask later is the lock's business.
    if (request.task === 'ending' && this.#locks.get(request)?.held === false) this.model.release(request)
  }

  tryAcquire({ keys, many }: { keys: readonly unknown[]; many: boolean }): void {
    const asked = many ? [...new Set(keys)] : keys.slice(0, 1)
    const allowed = this.model.mayTry(asked)
    this.#note(`#${this.model.requests.length} try ${many ? `many of ${keys.map(label)}` : label(keys[0])}`)
    if (!allowed) {
      if (this.#subject.tryAcquire(keys, many)) this.#problems.push('tryAcquire got a lock that was not free')
      return
    }
    const request = this.model.tried(asked)
    const lock = this.#make(request, () => this.#subject.tryAcquire(keys, many))
    if (lock) this.#serve(request, lock)
    else this.#problems.push('tryAcquire did not get a free lock')
  }

  release(pick: Pick, again: boolean, dispose: boolean): void {
    const state = again ? 'released' : 'holding'
    const request = pickOf(
      pick,
      [...this.#locks.keys()].filter(request => request.state === state)
    )
    if (!request) return
    this.#note(`#${request.id} ${again ? 'released again' : 'released'}`)
    this.model.release(request)
    this.#releaseLock(request, dispose)
  }

  settle(pick: Pick, how: 'resolved' | 'rejected'): void {
    const request = pickOf(
      pick,
      [...this.#gates.keys()].filter(({ task }) => task === 'running')
    )
    if (!request) return
    this.#note(`#${request.id} its task is ${how}`)
    const value = results(request.id)
    this.model.finish(request)
    this.#results.set(request, how === 'resolved' ? { settled: how, value } : { settled: how, reason: value })
    this.#gates.get(request)![how === 'resolved' ? 'resolve' : 'reject'](value)
  }

  /**
   * In the same tick a lock may be released: before the abort, or amid it, by a listener of the caller that is on the
   * signal before or after the lock's own.
   */
  abort(signal: Pick, reason: unknown, release?: { pick: Pick; when: 'before' | 'first' | 'last' }): void {
    const live = this.#watches.filter(({ model }) => !model.aborted)
    const watch =
      pickOf(
        signal,
        live.filter(({ model }) => this.model.listensTo(model))
      ) ?? pickOf(signal, live)!
    const holding = [...this.#locks.keys()].filter(({ state }) => state === 'holding')
    const released = release && pickOf(release.pick, holding)
    const when = { before: 'just before', first: 'in its first listener', last: 'in its last listener' }
    this.#note(
      `abort ${watch.name} with ${inspect(reason)}`,
      ...(release && released ? [`#${released.id} released ${when[release.when]}`] : [])
    )
    // The aborted one stays at hand for a while, for requests that come too late.
    this.#watches = [...this.#watches, this.#newWatch()].slice(-5)
    const early = release?.when === 'before'
    if (released && early) this.model.release(released)
    this.model.abort(watch.model, reason)
    if (released && !early) this.model.release(released)
    if (release && released) {
      const giveBack = () => this.#releaseLock(released, false)
      if (release.when === 'before') giveBack()
      else if (release.when === 'first') watch.first = giveBack
      else watch.signal.addEventListener('abort', giveBack, { once: true })
    }
    watch.abort(reason)
  }

  advance(ms: number): void {
    this.#note(`${ms} ms pass`)
    this.model.advance(ms)
    vi.advanceTimersByTime(ms)
  }

  cancelWaiters(reason: { value: unknown } | undefined): void {
    this.#note(`cancelWaiters(${reason ? inspect(reason.value) : ''})`)
    this.model.cancelWaiters(reason ? { is: reason.value } : { code: 'ERR_LOCK_CANCELLED', shared: true })
    if (reason) this.#subject.cancelWaiters(reason.value)
    else this.#subject.cancelWaiters()
  }

  close(reason: { value: unknown } | undefined): void {
    this.#note(`close(${reason ? inspect(reason.value) : ''})`)
    this.model.close(reason ? { is: reason.value } : { code: 'ERR_LOCK_CLOSED' })
    const promise = reason ? this.#subject.close(reason.value) : this.#subject.close()
    if (this.#closing) {
      if (this.#closing.promise !== promise) this.#problems.push('close() gave another promise the second time')
      return
    }
    const closing: { promise: Promise<void>; outcome?: Outcome } = { promise }
    this.#closing = closing
    promise.then(
      value => {
        closing.outcome = { settled: 'resolved', value }
      },
      reason => {
        closing.outcome = { settled: 'rejected', reason }
      }
    )
  }

  whenFree(signal: Pick | undefined, timeout: number | undefined): void {
    const watch = signal === undefined ? undefined : this.#watches[signal % this.#watches.length]
    const wish = this.model.whenFree(watch?.model, timeout ?? Number.POSITIVE_INFINITY)
    this.#note(
      `when free ${this.model.wishes.length - 1}`,
      ...(watch ? [watch.name] : []),
      timeout ? `timeout ${timeout}` : ''
    )
    const options: AcquireOptions = {
      ...(timeout === undefined ? {} : { timeout }),
      ...(watch ? { signal: watch.signal } : {})
    }
    this.#follow(wish, this.#subject.whenFree(options))
  }

  async flush(): Promise<void> {
    this.#note('microtasks run')
    this.model.flush()
    await microtasks()
    this.#checkOutcomes()
  }

  // What must hold after every step, and at the end.

  check(): void {
    const { model } = this
    const { seen, expected } = this.#subject.extras(model)
    this.#compare('the lock', seen, expected)
    this.#compare('waiting', this.#subject.lock.waiting, model.waiting.length)
    this.#compare('closed', this.#subject.lock.closed, model.closed !== undefined)
    for (const key of this.#subject.allKeys)
      this.#compare(`${label(key)} locked`, this.#subject.isLocked(key), model.keys.has(key))
    for (const [request, lock] of this.#locks)
      this.#compare(`#${request.id} held`, lock.held, request.state === 'holding')
    for (const watch of this.#allSignals)
      this.#compare(`listeners on ${watch.name}`, watch.listeners - 2, model.listensTo(watch.model) ? 1 : 0)
    this.#compare('timers run', vi.getTimerCount() > 0, model.timed)
    if (this.world.observed) this.#checkTold()
    this.#fail()
  }

  /** Everyone lets go; whoever still waits is served; then nothing may be left. */
  async finish(): Promise<void> {
    let rounds = 0
    do {
      if (rounds++ > 3 * this.model.requests.length + 3) throw new Error('the model does not come to an end')
      await this.flush()
      this.release(0, false, false)
      this.settle(0, 'resolved')
      this.check()
    } while (!this.model.done)
    this.#compare('free in the end', this.model.free, true)
    for (const watch of this.#allSignals) this.#compare(`listeners left on ${watch.name}`, watch.listeners - 2, 0)
    this.#compare('timers left', vi.getTimerCount(), 0)
    if (!this.model.closed) {
      this.tryAcquire({ keys: this.#subject.allKeys, many: true })
      this.release(0, false, false)
      this.check()
    }
    this.#fail()
  }

  #checkOutcomes(): void {
    for (const request of this.model.requests) {
      if (this.#outcomesSeen.has(request)) continue
      if (this.#outcomes.has(request)) this.#outcomesSeen.add(request)
      const name = `#${request.id}`
      const lock = this.#locks.get(request)
      if (request.refusals.length > 0) this.#checkRefused(name, request)
      else if (request.ask.task) this.#checkResult(name, request)
      else if (request.state === 'waiting') this.#compare(`${name} settled`, this.#outcomes.has(request), false)
      else if (!lock) this.#problems.push(`${name} was granted and its caller has not got the lock`)
    }
    for (const [i, wish] of this.model.wishes.entries()) {
      const name = `when free ${i}`
      if (wish.state === 'refused') this.#checkRefused(name, wish)
      else
        this.#compare(
          `${name} settled`,
          this.#outcomes.get(wish)?.settled,
          wish.state === 'granted' ? 'resolved' : undefined
        )
    }
    if (this.#closing)
      this.#compare('close()', this.#closing.outcome?.settled, this.model.free ? 'resolved' : undefined)
    for (const key of this.#subject.allKeys) {
      const inOrder = (requests: readonly Request[]) =>
        requests.filter(({ ask, task }) => ask.keys.includes(key) && !(ask.task && task === 'idle')).map(({ id }) => id)
      this.#compare(`order of ${label(key)}`, inOrder(this.#served).join(), inOrder(this.model.grants).join())
    }
    this.#fail()
  }

  #checkRefused(name: string, asked: Request | Wish): void {
    const outcome = this.#outcomes.get(asked)
    if (outcome?.settled !== 'rejected') this.#problems.push(`${name} should be rejected, is ${inspect(outcome)}`)
    else if (!asked.refusals.some(refusal => this.#isFor(refusal, outcome.reason)))
      this.#problems.push(`${name} rejected with ${inspect(outcome.reason)}, not ${inspect(asked.refusals)}`)
  }

  #checkResult(name: string, request: Request): void {
    const outcome = this.#outcomes.get(request)
    const expected = request.task === 'ended' ? this.#results.get(request) : undefined
    const same =
      outcome?.settled === expected?.settled &&
      (outcome?.settled === 'resolved'
        ? Object.is(outcome.value, (expected as typeof outcome).value)
        : Object.is(outcome?.reason, (expected as typeof outcome)?.reason))
    if (!same) this.#problems.push(`${name} is ${inspect(outcome)}, not ${inspect(expected)}`)
  }

  #isFor(refusal: Refusal, reason: unknown): boolean {
    if ('is' in refusal) return Object.is(refusal.is, reason)
    if (!(reason instanceof Error) || (reason as Error & { code?: unknown }).code !== refusal.code) return false
    if (!refusal.shared) return true
    if (!this.#oneError.has(refusal)) this.#oneError.set(refusal, reason)
    return this.#oneError.get(refusal) === reason
  }

  #checkTold(): void {
    for (const request of this.model.requests) {
      if (this.#toldSeen.has(request)) continue
      this.#compare(`told of #${request.id}`, this.#toldOf.get(request)?.join(), request.told.join())
      if (request.state === 'released' || request.state === 'refused') this.#toldSeen.add(request)
    }
  }

  // How it is done.

  #make<T>(request: Request, call: () => T): T {
    this.#making = request
    const made = context.run(request, call)
    this.#making = undefined
    return made
  }

  #follow(asked: Request | Wish, promise: Promise<unknown>, resolved: (value: unknown) => void = () => {}): void {
    const settle = (outcome: Outcome) => {
      if (this.#outcomes.has(asked)) this.#problems.push('a promise settled twice')
      this.#outcomes.set(asked, outcome)
    }
    promise.then(
      value => {
        resolved(value)
        settle({ settled: 'resolved', value })
      },
      reason => settle({ settled: 'rejected', reason })
    )
  }

  #serve(request: Request, lock: Lock): void {
    this.#locks.set(request, lock)
    this.#served.push(request)
    this.#compare(`#${request.id} shown`, inspect(lock), 'Lock { held }')
  }

  #task(request: Request, kind: TaskKind): (lock: Lock) => unknown {
    return lock => {
      if (this.#locks.has(request)) this.#problems.push(`#${request.id} its task started twice`)
      if (context.getStore() !== request) this.#problems.push(`#${request.id} its task is in another's context`)
      this.#serve(request, lock)
      const value = results(request.id)
      if (kind === 'value') {
        this.#results.set(request, { settled: 'resolved', value })
        return value
      }
      if (kind === 'throw') {
        this.#results.set(request, { settled: 'rejected', reason: value })
        throw value
      }
      if (kind === 'early') lock.release()
      const promise = new Promise((resolve, reject) => {
        this.#gates.set(request, { resolve, reject })
      })
      return kind === 'thenable'
        ? { then: (...handlers: Parameters<typeof promise.then>) => promise.then(...handlers) }
        : promise
    }
  }

  #releaseLock(request: Request, dispose: boolean): void {
    const lock = this.#locks.get(request)!
    if (dispose) lock[Symbol.dispose]()
    else lock.release()
  }

  /** Holds each event against the model at once. */
  #strictObserver(): LockObserver {
    const tell = (event: string) => (about: LockRequest, reason?: unknown) => {
      const request = this.#told.get(about) ?? this.#meet(about)
      if (!request) {
        this.#problems.push(`an observer was told "${event}" of a request that nobody made`)
        return
      }
      if (this.#toldSeen.has(request)) this.#problems.push(`#${request.id} an observer was told "${event}" too late`)
      this.#toldOf.get(request)!.push(event)
      if (event === 'abandoned' && !request.refusals.some(refusal => this.#isFor(refusal, reason)))
        this.#problems.push(`#${request.id} an observer was told of abandonment for ${inspect(reason)}`)
      if (event === 'granted') this.#checkAlone(request)
    }
    return {
      queued: tell('queued'),
      granted: tell('granted'),
      released: tell('released'),
      abandoned: tell('abandoned')
    }
  }

  /** The first that an observer is told of the request under way. */
  #meet(about: LockRequest): Request | undefined {
    const request = this.#making
    if (!request) return
    this.#making = undefined
    this.#told.set(about, request)
    this.#toldOf.set(request, [])
    const keys = this.#subject.toldKeys(request.ask.keys)
    if (about.source !== this.#subject.lock) this.#problems.push('an observer was told of another source')
    if (about.keys.length !== keys.length || keys.some(key => !about.keys.includes(key)))
      this.#problems.push(`#${request.id} an observer was told the keys ${about.keys.map(label)}`)
    return request
  }

  /** As observers tell it, a key that is granted was released by whoever had it before. */
  #checkAlone(granted: Request): void {
    for (const [request, events] of this.#toldOf)
      if (request !== granted && events.at(-1) === 'granted' && request.ask.keys.some(key => granted.wants(key)))
        this.#problems.push(`#${granted.id} was told granted before #${request.id} was told released`)
  }

  #newWatch(): Watch {
    const name = `signal ${this.#allSignals.length}`
    const watched = this.newSignal()
    const watch: Watch = Object.defineProperties(
      { model: { aborted: false, reason: undefined }, name, first: () => {} },
      Object.getOwnPropertyDescriptors(watched)
    ) as Watch
    watch.signal.addEventListener('abort', () => watch.first())
    this.#allSignals.push(watch)
    return watch
  }

  #note(...words: string[]): void {
    this.#log.push(words.filter(Boolean).join(', '))
  }

  #compare(what: string, seen: unknown, expected: unknown): void {
    if (!Object.is(seen, expected)) this.#problems.push(`${what}: is ${inspect(seen)}, should be ${inspect(expected)}`)
  }

  #fail(): void {
    if (this.#problems.length === 0) return
    const log = this.#log.map((line, i) => `  ${i + 1}. ${line}`)
    throw new Error(`${this.#problems.join('\n')}\n\nSteps:\n${log.join('\n')}\n`)
  }
}

function pickOf<T>(pick: Pick, from: readonly T[]): T | undefined {
  return from[pick % from.length]
}
