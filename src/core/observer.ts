// What a user hung into a lock, and how it is called: never in the middle of a change.
//
// A callback may use the lock, abort a signal or throw. So the state changes first, completely, and then the observer is
// told. Where one change makes several things happen, `holdBack` collects the calls and `letOut` makes them at the end.

import type { LockObserver, LockRequest } from './lock.js'

/** The keys of a request to a primitive that has none. */
export const NO_KEYS: readonly unknown[] = []

/** Reports what a callback threw as uncaught, and so keeps it away from the lock. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

/** Calls what a user hung into a lock; what it throws is reported as uncaught. */
export function invokeCallback(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    report(error)
  }
}

/** What is to be told at the end of a change, in order. */
type Outbox = (() => void)[] & { told?: true }

/** How many changes are under way, each inside the other. */
let depth = 0
/** Of the outermost change. Made when there is something to tell. */
let outbox: Outbox | undefined
/** The outbox in which something was last to be told of a request. */
const outboxes = new WeakMap<LockRequest, Outbox>()

/** Begins a change: nothing is told before `letOut`, which a `finally` has to call. */
export function holdBack(): void {
  depth++
}

/** Ends a change. At the end of the outermost one, all that was held back is told, in order. */
export function letOut(): void {
  if (--depth > 0 || outbox === undefined) return
  const own = outbox
  outbox = undefined
  for (const tell of own) tell()
  own.told = true
}

/** Calls `callback` when what happened before has been told. */
export function afterwards(callback: () => void): void {
  if (depth > 0) {
    outbox ??= []
    outbox.push(() => invokeCallback(callback))
  } else invokeCallback(callback)
}

/** Tells an observer, now or at the end of the change that is under way. */
export function notifyObserver(
  observer: LockObserver | undefined,
  event: keyof LockObserver,
  request: LockRequest,
  reason?: unknown
): void {
  if (observer === undefined) return
  // A callback may release what it has not been told of yet: all that is told of one request is told in order.
  let own = outboxes.get(request)
  if (own === undefined || own.told) {
    if (depth === 0) {
      deliver(observer, event, request, reason)
      return
    }
    outbox ??= []
    own = outbox
    outboxes.set(request, own)
  }
  own.push(() => deliver(observer, event, request, reason))
}

function deliver(observer: LockObserver, event: keyof LockObserver, request: LockRequest, reason: unknown): void {
  try {
    // Each by its name: to look a member up by a variable costs 20 ns.
    if (event === 'granted') observer.granted?.(request)
    else if (event === 'released') observer.released?.(request)
    else observer[event]?.(request, reason)
  } catch (error) {
    report(error)
  }
}
