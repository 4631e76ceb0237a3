// What one call asks for, and what it makes of what it is granted.

import { check } from '../core/arguments.js'
import type { LockMode } from './contract.js'
import type { Call } from './key-queue.js'
import { type EngineGrant, HeldLease, type Place } from './lease.js'
import { HeldMultiLease } from './multi-lease.js'
import { showKey } from './options.js'

/** A call as its lock knows it. */
export interface KeyCall<Id, L> extends Call<Id> {
  readonly keys: readonly string[]
  lease(grants: readonly EngineGrant[], place: Place): L
}

/** What all calls of a lock have in common. */
export interface Caller<Id> {
  readonly source: string
  /** The name that the user gave the holder, if any. */
  readonly owner: string | undefined
  keyId(key: string): Id
}

/** A call for one key. */
export function callForOne<Id>(caller: Caller<Id>, key: string, mode: LockMode): KeyCall<Id, HeldLease> {
  const { source, owner } = caller
  check(typeof key === 'string', source, 'key', 'a string', key)
  return {
    keys: [key],
    ids: [caller.keyId(key)],
    mode,
    label: () => `${source} key ${showKey(key)}`,
    lease: ([grant], place) => new HeldLease(source, key, grant as EngineGrant, place, mode, owner)
  }
}

/** Each of many keys has no place of its own. */
const NO_PLACE: Place = { release() {} }
/** So many keys are shown in a message. */
const MOST_SHOWN = 10

/** A call for many keys: each id once, in the order in which all processes take them. */
export function callForMany<Id extends string | number | bigint>(
  caller: Caller<Id>,
  keys: Iterable<string>,
  mode: LockMode
): KeyCall<Id, HeldMultiLease> {
  const { source, owner } = caller
  // A string is iterable too, but `acquireMany('alice')` does not mean five keys.
  const isIterable = typeof keys === 'object' && typeof keys?.[Symbol.iterator] === 'function'
  check(isIterable, source, 'keys', 'an iterable of keys', keys)
  const idOf = new Map<string, Id>()
  for (const key of keys) {
    check(typeof key === 'string', source, 'keys', 'an iterable of strings', key)
    idOf.set(key, caller.keyId(key))
  }
  const ids = [...new Set(idOf.values())].sort((a, b) => (a < b ? -1 : 1))
  return {
    keys: [...idOf.keys()],
    ids,
    mode,
    label: () => `${source} keys ${[...idOf.keys()].slice(0, MOST_SHOWN).map(showKey).join(', ')}`,
    lease(grants, place) {
      const leaseOf = new Map<Id, HeldLease>()
      const nameOf = new Map([...idOf].map(([key, id]) => [id, key]))
      for (const [i, id] of ids.entries()) {
        const grant = grants[i] as EngineGrant
        leaseOf.set(id, new HeldLease(source, nameOf.get(id) as string, grant, NO_PLACE, mode, owner))
      }
      const leases = new Map([...idOf].map(([key, id]) => [key, leaseOf.get(id) as HeldLease]))
      return new HeldMultiLease(leases, mode, place)
    }
  }
}
