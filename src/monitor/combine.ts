// Several observers where a lock takes one.

import { check } from '../core/arguments.js'
import type { LockObserver } from '../core/lock.js'
import { invokeCallback } from '../core/observer.js'

/**
 * An observer that tells all of `observers`, in their order. One that throws does not keep the others from being told.
 *
 * @throws TypeError if one of them is no object.
 */
export function combineObservers(...observers: LockObserver[]): Required<LockObserver> {
  observers.forEach((observer, index) => {
    const isObject = typeof observer === 'object' && observer !== null
    check(isObject, { label: 'combineObservers' }, `observers[${index}]`, 'an object', observer)
  })
  const tell = <E extends keyof LockObserver>(event: E, ...args: Parameters<Required<LockObserver>[E]>) => {
    for (const observer of observers)
      invokeCallback(() => (observer[event] as ((...args: unknown[]) => void) | undefined)?.(...args))
  }
  return {
    queued: request => tell('queued', request),
    granted: request => tell('granted', request),
    released: request => tell('released', request),
    abandoned: (request, reason) => tell('abandoned', request, reason)
  }
}
