/// <reference lib="esnext.disposable" preserve="true" />

import { inspect } from '../../core/arguments.js'
import type { SyncPlace } from '../engine-lock.js'
import { type Held, tokenOf } from './backend.js'

// Where the runtime has no such symbol yet, polyfills agree on the registered one.
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose')

/** The hold on one key that a synchronous call was granted. `using lease = locks.acquireSync(key)` gives it back. */
export interface SyncLease extends Disposable {
  /** What was asked for. */
  readonly key: string
  /** The name of the holder. */
  readonly owner: string
  /** Whether the key is still ours: not released, and its entry not removed. It is looked up at each look. */
  readonly held: boolean
  /** Fencing token: greater for every later holder of the key. */
  readonly token: bigint
  /** Gives the key back. A second call does nothing. Never throws. */
  release(): void
}

/** The one implementation of `SyncLease`. @internal */
export class HeldSyncLease implements SyncLease {
  readonly key: string
  readonly owner: string
  readonly token: bigint
  readonly #held: Held
  readonly #place: SyncPlace
  #isReleased = false

  constructor(key: string, owner: string, held: Held, place: SyncPlace) {
    this.key = key
    this.owner = owner
    this.token = tokenOf(held.number, 0)
    this.#held = held
    this.#place = place
  }

  get held(): boolean {
    return !this.#isReleased && this.#held.isThere()
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#held.release()
    this.#place.release()
  }

  [dispose](): void {
    this.release()
  }

  [inspect](): string {
    return `SyncLease ${JSON.stringify(this.key)} { ${this.held ? 'held' : this.#isReleased ? 'released' : 'lost'} }`
  }
}
