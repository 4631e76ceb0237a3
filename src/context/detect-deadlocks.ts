// Locks that refuse a wait that would never end.
//
// A lock that is watched has its methods wrapped, each on the lock itself: they note in which scope the call is made and,
// before it waits, ask the graph. What the lock then does, an observer tells in the instant in which it happens, so the
// graph is what the lock is, hand-offs and aborts included. Nothing of this is in the lock: one that is not watched
// neither knows nor pays. Long because the kinds of lock are taken apart in kinds.ts, and what a call does is told in one place.

import { AsyncLocalStorage } from 'node:async_hooks'
import { check, checkFunction } from '../core/arguments.js'
import type { DeadlockError } from '../core/errors.js'
import { rejectImmediately } from '../core/hold.js'
import type { AcquireOptions, LockObserver, LockRequest } from '../core/lock.js'
import { $isFree, $label, $makeRequest, $settings } from '../core/members.js'
import { invokeCallback } from '../core/observer.js'
import { callerOf, captureOrigin } from '../core/stack.js'
import { deadlockErrorOf } from './describe.js'
import { cycleOf, isWanted, Scope, type Wait } from './graph.js'
import { kindOf, type Method, type Watchable, type WatchableEngineLock } from './kinds.js'
import { outsideAll } from './reentrant-mutex.js'
import type { DeadlockDetector, DetectorOptions, TaskOptions } from './types.js'
import {
  type Call,
  CallGrant,
  forgetIdle,
  type Internals,
  mayWait,
  resourceOf,
  retakingOf,
  taskScopeOf,
  type Watched
} from './watched.js'

/**
 * Makes a detector of deadlocks. One is enough for a program; several know of each other's locks.
 *
 * A wait is refused if it would never end unless a caller gave up: if each of those it waits for waits, directly or over any
 * number of locks, keys and holders, for the caller. That one of them may leave, because it has a signal or a timeout,
 * does not count.
 *
 * `AsyncLocalStorage` tells which caller is which. The task of a scoped lock (`runExclusive` and the like) is inside the work that
 * called it, and so is all that the task starts. What is taken by hand belongs to the task scope (`run`) in which it
 * is taken; outside any it belongs to no scope, and is taken to come back.
 *
 * @throws TypeError for a wrong option.
 *
 * @example
 * ```ts
 * import { Mutex } from 'latchkey'
 * import { detectDeadlocks } from 'latchkey/context'
 *
 * const detector = detectDeadlocks()
 * const mutex = detector.watch(new Mutex({ name: 'tools' }))
 *
 * await mutex.runExclusive(() => mutex.runExclusive(() => {}))
 * // rejects DeadlockError: Mutex "tools": waiting would never end: …
 * ```
 */
export function detectDeadlocks(options: DetectorOptions = {}): DeadlockDetector {
  const source = 'detectDeadlocks'
  check(typeof options === 'object' && options !== null, source, 'options', 'an object', options)
  const { stacks = false, onDeadlock = 'reject' } = options
  check(typeof stacks === 'boolean', source, 'options.stacks', 'a boolean', stacks)
  const isKnown = onDeadlock === 'reject' || onDeadlock === 'report' || typeof onDeadlock === 'function'
  check(isKnown, source, 'options.onDeadlock', "'reject', 'report' or a function", onDeadlock)
  const report = onDeadlock === 'report' ? warnProcess : onDeadlock
  return new Detector(stacks, report === 'reject' ? undefined : report)
}

/** Tells the process, where there is one, else the console. */
function warnProcess(error: DeadlockError): void {
  const { process, console } = globalThis as {
    process?: { emitWarning?: (message: string, options: { type: string; code: string }) => void }
    console?: { warn?: (message: string) => void }
  }
  if (typeof process?.emitWarning === 'function')
    process.emitWarning(error.message, { type: 'DeadlockWarning', code: error.code })
  else console?.warn?.(error.message)
}

/** One for all detectors: each storage costs something at every promise of the program. */
const scopes = new AsyncLocalStorage<Scope>()

/** Whether there was ever a priority: then newcomers may be ahead of others, who depend on them. */
let prioritised = false

const NONE: readonly Scope[] = []

class Detector implements DeadlockDetector {
  readonly #stacks: boolean
  readonly #watched = new WeakSet<object>()
  /** What is known of requests: they wait, then hold. */
  readonly #waits = new WeakMap<LockRequest, { wait: Wait; call: Call }>()
  readonly #grants = new WeakMap<LockRequest, CallGrant>()
  /** Of locks that make requests at the call. */
  readonly #calls = new WeakMap<LockRequest, Call>()
  #call: Call | undefined = undefined
  #order = 0

  /** Undefined: the wait is refused. */
  readonly #report: ((error: DeadlockError) => void) | undefined

  constructor(stacks: boolean, report: ((error: DeadlockError) => void) | undefined) {
    this.#stacks = stacks
    this.#report = report
  }

  watch<L extends Watchable | WatchableEngineLock>(lock: L): L {
    const source = 'DeadlockDetector'
    const kind = kindOf(lock)
    check(kind !== undefined, source, 'lock', 'a lock of this package that can be held', lock)
    if (this.#watched.has(lock)) return lock
    const internals = lock as unknown as Watchable & Internals
    const watched: Watched = {
      lock: internals,
      kind,
      trusted: true,
      resources: new Map(),
      label: internals[$label],
      keyed: kind.keyed,
      get capacity() {
        return kind.capacity?.(internals)
      },
      get heldAmount() {
        return kind.heldAmount?.(internals)
      }
    }
    this.#observe(watched)
    if (kind.leased) this.#hearRequests(watched)
    this.#watched.add(lock)
    for (const [name, method] of Object.entries(kind.methods)) this.#wrap(watched, name, method)
    return lock
  }

  run<R>(task: () => R | PromiseLike<R>, options?: TaskOptions): Promise<R> {
    return this.#start('run', this.#scope, task, options)
  }

  detach<R>(task: () => R | PromiseLike<R>, options?: TaskOptions): Promise<R> {
    return outsideAll(() => this.#start('detach', undefined, task, options))
  }

  #start<R>(
    method: string,
    parent: Scope | undefined,
    task: () => R | PromiseLike<R>,
    options?: TaskOptions
  ): Promise<R> {
    const source = `DeadlockDetector.${method}`
    checkFunction(source, 'task', task)
    check(
      options === undefined || (typeof options === 'object' && options !== null),
      source,
      'options',
      'an object',
      options
    )
    const name = options?.name
    check(name === undefined || typeof name === 'string', source, 'options.name', 'a string', name)
    const scope = new Scope(parent, true, name)
    const started = new Promise<R>(resolve => resolve(scopes.run(scope, task)))
    return ended(started, scope)
  }

  /** In which the caller is, unless it has outlived it. */
  get #scope(): Scope | undefined {
    const scope = scopes.getStore()
    return scope?.ended ? undefined : scope
  }

  /** Has the lock tell what happens, besides whom it tells already. */
  #observe(watched: Watched): void {
    const { lock } = watched
    const unused = lock[$isFree] && !(lock.waiting > 0)
    if (!unused)
      throw new TypeError(`DeadlockDetector: lock must be watched while it is free, and ${lock[$label]} is in use`)
    const settings = lock[$settings]
    lock[$settings] = { ...settings, observer: this.#observer(watched, settings.observer) }
  }

  /** Whose a request is, for a lock that makes it at the call and may tell nothing of it until later. */
  #hearRequests(watched: Watched): void {
    const { lock } = watched
    const original = lock[$makeRequest]
    const value = (...args: []): LockRequest => {
      const request = original.apply(lock, args)
      const call = this.#take(watched)
      if (call !== undefined) this.#calls.set(request, call)
      return request
    }
    Object.defineProperty(lock, $makeRequest, { value, writable: true, configurable: true })
  }

  #observer(watched: Watched, other: LockObserver | undefined): LockObserver {
    const also = (event: keyof LockObserver, ...args: [LockRequest, unknown?]) => {
      if (other?.[event] !== undefined) invokeCallback(() => other[event]?.(...(args as [LockRequest, unknown])))
    }
    return {
      queued: request => {
        const call = this.#calls.get(request) ?? this.#take(watched)
        if (call !== undefined) this.#wait(request, call)
        also('queued', request)
      },
      granted: request => {
        this.#grant(watched, request)
        also('granted', request)
      },
      released: request => {
        this.#release(request)
        also('released', request)
      },
      abandoned: (request, reason) => {
        forgetIdle(this.#leave(request)?.ask)
        also('abandoned', request, reason)
      }
    }
  }

  /** The call that is being made of a lock, once. */
  #take(watched: Watched): Call | undefined {
    const call = this.#call
    if (call?.watched !== watched) return undefined
    this.#call = undefined
    return call
  }

  #wait(request: LockRequest, call: Call): void {
    const wait = this.#enter(call)
    this.#waits.set(request, { wait, call })
  }

  #enter({ ask, scope, priority, isLeaving }: Call): Wait {
    const wait: Wait = { ...ask, scope, priority, isLeaving, order: ++this.#order }
    for (const resource of wait.resources) {
      resource.waits.add(wait)
      if (wait.resources.length > 1) resource.claims.add(wait)
    }
    for (const enclosing of scope?.enclosing() ?? []) enclosing.waits.add(wait)
    return wait
  }

  #exit(wait: Wait): void {
    for (const resource of wait.resources) {
      resource.waits.delete(wait)
      resource.claims.delete(wait)
    }
    // A scope that has ended has taken it from those outside.
    wait.scope?.waits.delete(wait)
    for (const enclosing of wait.scope?.enclosing() ?? []) enclosing.waits.delete(wait)
  }

  #leave(request: LockRequest): Call | undefined {
    const known = this.#waits.get(request)
    if (known === undefined) return undefined
    this.#waits.delete(request)
    this.#exit(known.wait)
    return known.call
  }

  #grant(watched: Watched, request: LockRequest): void {
    const call = this.#leave(request) ?? this.#calls.get(request) ?? this.#take(watched)
    if (call === undefined && watched.kind.leased) return // taken by a call that is not watched, to come back
    if (call === undefined) {
      // No call asked for it: it was split off from another hold, so it is no longer known which caller holds how much.
      watched.trusted = false
      return
    }
    const grant = new CallGrant(watched.kind.leased ? renewed(call) : call, request)
    if (grant.owners.length === 0) {
      forgetIdle(call.ask) // taken to come back: no reason for anything
      return
    }
    for (const resource of grant.resources) resource.grants.add(grant)
    for (const owner of grant.owners) owner.grants.add(grant)
    this.#grants.set(request, grant)
  }

  #release(request: LockRequest): void {
    const grant = this.#grants.get(request)
    if (grant === undefined) return
    this.#grants.delete(request)
    for (const owner of grant.owners) owner.grants.delete(grant)
    for (const resource of grant.resources) resource.grants.delete(grant)
    forgetIdle(grant)
  }

  #wrap(watched: Watched, name: string, method: Method): void {
    const { lock, kind } = watched
    const target = lock as unknown as Record<string, (...args: unknown[]) => unknown>
    const original = target[name] as (...args: unknown[]) => unknown
    const wrapper = (...given: unknown[]): unknown => {
      const args = [...given]
      if (method.options !== undefined) args[method.options] = readOnce(args[method.options])
      watched.trusted ||= lock[$isFree] // all is back, so it is known again who holds what
      const keys = method.keys?.(args) ?? []
      const options = (method.options === undefined ? undefined : args[method.options]) as AcquireOptions | undefined
      const call = this.#callOf(watched, method, keys, method.amount?.(args, lock) ?? 1, options)
      if (
        method.options !== undefined &&
        !method.tries &&
        mayWait(lock, options) &&
        kind.waits(lock, keys, call.ask.amount)
      ) {
        const error = this.#deadlockOf(call)
        if (error !== undefined && this.#report === undefined) {
          forgetIdle(call.ask)
          return rejectImmediately(lock, error)
        }
        if (error !== undefined) invokeCallback(() => this.#report?.(error))
      }
      const task = method.task === undefined ? undefined : args[method.task]
      if (typeof task !== 'function')
        return heard(
          call.owner,
          this.#during(call, () => original.apply(lock, args))
        )
      const scope = call.owner as Scope
      args[method.task as number] = (...held: unknown[]) => {
        if (!kind.leased) scope.lock = held[0] as object | undefined // a lease is not given back and taken again
        return scopes.run(scope, () => task(...held))
      }
      const done = this.#during(call, () => original.apply(lock, args))
      return ended(done as Promise<unknown>, scope)
    }
    Object.defineProperty(lock, name, { value: wrapper, writable: true, configurable: true })
  }

  #callOf(
    watched: Watched,
    method: Method,
    keys: readonly unknown[],
    amount: number,
    options: AcquireOptions | undefined
  ): Call {
    const scope = this.#scope
    const isScoped = method.task !== undefined
    const owner = isScoped ? new Scope(scope, false) : taskScopeOf(scope)
    if (isScoped && owner !== undefined) owner.watched = watched
    if (!isScoped && owner !== undefined && owner.asking > 0) owner.isBranched = true
    const { leased } = watched.kind
    const priority = leased ? 0 : Number(options?.priority ?? 0)
    if (priority !== 0) prioritised = true
    const resources = (watched.kind.keyed ? keys : [undefined]).map(key => resourceOf(watched, key))
    const origin = this.#stacks ? callerOf(captureOrigin()) : undefined
    const retaking = isScoped ? NONE : retakingOf(scope, watched)
    const isLeaving = leased && (() => watched.lock.closed || options?.signal?.aborted === true)
    return { watched, ask: { resources, amount, origin }, scope, owner, retaking, priority, isLeaving }
  }

  /** Makes a call so that what the lock tells meanwhile is known to be about it. */
  #during<R>(call: Call, make: () => R): R {
    const outer = this.#call
    this.#call = call
    try {
      return make()
    } finally {
      this.#call = outer
      forgetIdle(call.ask)
    }
  }

  #deadlockOf(call: Call): DeadlockError | undefined {
    const wait = this.#enter(call)
    const cycle = prioritised || isWanted(call.scope) ? cycleOf(wait) : undefined
    this.#exit(wait)
    // A cycle that others have closed, as they may where that is only reported, is told once.
    if (cycle === undefined || (cycle.length === 0 && this.#report !== undefined)) return undefined
    return deadlockErrorOf(call.watched.label, wait, cycle)
  }
}

/** The same call, if what it is granted was forgotten meanwhile: a call that does not wait keeps nothing known. */
function renewed(call: Call): Call {
  const { watched, ask } = call
  return { ...call, ask: { ...ask, resources: ask.resources.map(({ key }) => resourceOf(watched, key)) } }
}

/** Notes when a task hears of what it asked for by hand, which is before it goes on. */
function heard(task: Scope | undefined, asked: unknown): unknown {
  if (task === undefined || !(asked instanceof Promise)) return asked
  task.asking++
  return asked.then(
    lock => {
      task.asking--
      return lock
    },
    error => {
      task.asking--
      throw error
    }
  )
}

/** Lets a scope end with its work, before what awaits it goes on. */
function ended<R>(work: Promise<R>, scope: Scope): Promise<R> {
  return work.then(
    value => {
      scope.end()
      return value
    },
    error => {
      scope.end()
      throw error
    }
  )
}

/** A copy of the options of a call: the detector looks at them, and then the lock does. */
function readOnce(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options
  const { signal, timeout, priority, permits, mode } = options as AcquireOptions & { permits?: unknown; mode?: unknown }
  return { signal, timeout, priority, permits, mode }
}
