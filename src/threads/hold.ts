// Inside one thread: the queue of its callers, and what one of them holds.

import { type Grantor, Hold } from '../core/hold.js'
import type { Lock } from '../core/lock.js'
import { $label } from '../core/members.js'
import { Mutex } from '../core/mutex.js'
import type { SharedLock } from './types.js'

/** Where the callers of one thread queue. */
export class Turns extends Mutex {
  readonly #label: string

  constructor(label: string) {
    super()
    this.#label = label
  }

  override get [$label](): string {
    return this.#label
  }
}

/** The one implementation of `SharedLock`. */
export class SharedHold extends Hold implements SharedLock {
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
