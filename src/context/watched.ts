// A lock that is watched: what it is known by, and the calls that are made of it.

import type { Source } from '../core/hold.js'
import type { AcquireOptions, LockOptions, LockRequest } from '../core/lock.js'
import { $isFree, $isReturning, $request, $settings } from '../core/members.js'
import type { Ask, Grant, Resource, Scope, WatchedLock } from './graph.js'
import type { Kind, Watchable } from './kinds.js'

/** A call that is being made: what the lock tells of it meanwhile is about this. */
export interface Call {
  readonly watched: Watched
  readonly ask: Ask
  /** In which it waits. */
  readonly scope: Scope | undefined
  /** To which it belongs when it is granted. */
  readonly owner: Scope | undefined
  /**
   * Scopes whose own lock on the same may be had again by this call: `Condition.wait` gives back the lock that a task was
   * given, and takes the mutex again by hand.
   */
  readonly retaking: readonly Scope[]
  readonly priority: number
  readonly isLeaving: (() => boolean) | undefined
}

/** A lock that is watched. */
export interface Watched extends WatchedLock {
  readonly lock: Watchable & Internals
  readonly kind: Kind
  trusted: boolean
  readonly resources: Map<unknown, Resource>
}

/** What locks have for this package alone. Nothing else of this folder looks into them. */
export interface Internals extends Source {
  [$settings]: LockOptions
  readonly [$isFree]: boolean
  readonly closed: boolean
  /** Only of those that hold leases. */
  [$isReturning]?(request: LockRequest): boolean
}

/** What was granted to a call. */
export class CallGrant implements Grant {
  readonly resources: readonly Resource[]
  readonly amount: number
  readonly origin: string | undefined
  readonly #call: Call
  readonly #request: LockRequest

  constructor(call: Call, request: LockRequest) {
    const { resources, amount, origin } = call.ask
    this.resources = resources
    this.amount = amount
    this.origin = origin
    this.#call = call
    this.#request = request
  }

  /**
   * The scope whose lock goes on in what was granted, if there is one: only when it does, that is known. What is being
   * given back keeps no caller.
   */
  get owner(): Scope | undefined {
    const { owner, retaking, watched } = this.#call
    if (watched.lock[$isReturning]?.(this.#request)) return undefined
    if (retaking.length === 0) return owner
    return retaking.find(({ lock }) => requestOf(lock) === this.#request) ?? owner
  }

  /** All scopes that it may belong to. */
  get owners(): readonly Scope[] {
    const { owner, retaking } = this.#call
    return owner === undefined ? retaking : [owner, ...retaking]
  }
}

/** What a lock that is held is known by to observers. */
function requestOf(lock: object | undefined): LockRequest | undefined {
  const { held, [$request]: request } = (lock ?? {}) as { held?: boolean; [$request]?: LockRequest }
  return held === true ? request : undefined
}

/** The enclosing scopes that had the same lock for their task and have given it back. */
export const retakingOf = (scope: Scope | undefined, watched: WatchedLock): Scope[] =>
  [...(scope?.enclosing() ?? [])].filter(
    ({ lock, watched: own }) => own === watched && lock !== undefined && requestOf(lock) === undefined
  )

/** Whether a call would wait if it had to, as far as its options say. What they are not is for the lock to say. */
export function mayWait(lock: Internals, options: AcquireOptions | undefined): boolean {
  return !lock.closed && options?.timeout !== 0 && !options?.signal?.aborted
}

/** The innermost task scope, to which belongs what is taken by hand. */
export function taskScopeOf(scope: Scope | undefined): Scope | undefined {
  for (const enclosing of scope?.enclosing() ?? []) if (enclosing.isTask) return enclosing
  return undefined
}

/** The one that others hold or wait for, or a new one, which stays if the call comes to hold or to wait. */
export function resourceOf(watched: Watched, key: unknown): Resource {
  const known = watched.resources.get(key)
  if (known !== undefined) return known
  const resource: Resource = { watched, key, grants: new Set(), waits: new Set(), claims: new Set() }
  watched.resources.set(key, resource)
  return resource
}

/** Lets go of a key that is neither held nor waited for. What has no keys is one resource for good. */
export function forgetIdle(ask: Ask | undefined): void {
  for (const { watched, key, grants, waits } of ask?.resources ?? [])
    if (key !== undefined && grants.size === 0 && waits.size === 0) (watched as Watched).resources.delete(key)
}
