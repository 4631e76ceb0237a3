// What a user can say of a lock so that it need not be found out, and the error that asks for it.

import type { Subject } from './subject.js'

/** What the recogniser need not find out. */
export interface Hints {
  /** How it is held, where it offers several ways or none is found. */
  readonly shape?: 'acquire' | 'pair' | 'run' | 'callback'
  /** Names of members. */
  readonly acquire?: string
  readonly release?: string
  /** Of a read-write lock: the members for reading and for writing, instead of `acquire` or `run`. */
  readonly read?: string
  readonly write?: string
  readonly run?: string
  readonly tryAcquire?: string
  readonly keyed?: boolean
  readonly kind?: Subject['kind']
  readonly capacity?: number
  /** The arguments of its class or factory. */
  readonly args?: readonly unknown[]
  /** Whether its way of asking takes these; `false` leaves them alone. */
  readonly signal?: boolean
  readonly timeout?: boolean
  /** What the lock is called, where its class does not say. */
  readonly name?: string
  /** Members that are private in its source, and are left alone. */
  readonly internal?: readonly string[]
  /** What its class or factory uses, and was not given. @internal */
  readonly missing?: readonly string[]
  /** Whether `capacity` is what the lock was told by its author's own words. @internal */
  readonly isCapacitySure?: boolean | undefined
}

/** It cannot be told how this lock is used. The text says what was seen and which hint would settle it. */
export class UnrecognisedError extends Error {
  override readonly name = 'UnrecognisedError'
}
