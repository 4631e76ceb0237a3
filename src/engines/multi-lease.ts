// The hold on several keys: one lease for each, which end together.

import { inspect } from '../core/arguments.js'
import type { LeaseLostError } from '../core/errors.js'
import { asyncDispose } from '../core/hold.js'
import { anySignal } from './any-signal.js'
import type { LockMode, MultiLease } from './contract.js'
import type { HeldLease, Place } from './lease.js'

/** The one implementation of `MultiLease`. @internal */
export class HeldMultiLease implements MultiLease {
  readonly keys: readonly string[]
  readonly mode: LockMode
  readonly tokens: ReadonlyMap<string, bigint>
  /** One for each key of the engine. */
  readonly #leases: readonly HeldLease[]
  readonly #place: Place
  #signal: AbortSignal | undefined
  #released: Promise<void> | undefined
  /** Is called when its holder begins to release it. */
  onReleasing: (() => void) | undefined = undefined
  /** Is called when the keys have been given back, before the next callers of this process have them. */
  onReleased: (() => void) | undefined = undefined

  /**
   * @param leases the lease of each key: two keys may have the same
   * @param place what goes to the next callers once all keys have been given back
   */
  constructor(leases: ReadonlyMap<string, HeldLease>, mode: LockMode, place: Place) {
    this.keys = [...leases.keys()]
    this.mode = mode
    this.tokens = new Map([...leases].flatMap(([key, { token }]) => (token === undefined ? [] : [[key, token]])))
    this.#leases = [...new Set(leases.values())]
    this.#place = place
  }

  get held(): boolean {
    return this.#released === undefined && this.loss === undefined
  }

  get signal(): AbortSignal {
    void this.loss
    this.#signal ??= anySignal(this.#leases.map(({ signal }) => signal)).signal
    return this.#signal
  }

  /** Why the first key that is lost was lost. @internal */
  get loss(): LeaseLostError | undefined {
    for (const { loss } of this.#leases) if (loss !== undefined) return loss
    return undefined
  }

  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  [asyncDispose](): Promise<void> {
    return this.release()
  }

  [inspect](): string {
    const state = this.#released ? 'released' : this.loss ? 'lost' : 'held'
    return `MultiLease { ${this.#leases.length} keys, ${state} }`
  }

  async #release(): Promise<void> {
    this.onReleasing?.()
    void this.loss // a last look at the clocks while it still counts
    await Promise.all(this.#leases.map(lease => lease.release()))
    this.onReleased?.()
    this.#place.release()
  }
}
