// What a holder holds, and how it ends.
//
//                release
//      held ───────────────────────────▶ released
//        │
//        └── no longer valid, or the ──▶ lost ──▶ released
//            engine says "not yours"
//
// A lost lease keeps its place in the queue of this process until it is released: its task may still be running, and no
// other caller here should join it.

import { inspect } from '../core/arguments.js'
import { LeaseLostError } from '../core/errors.js'
import { asyncDispose } from '../core/hold.js'
import type { Lease, LockMode } from './contract.js'
import { showKey } from './options.js'
import type { Loss, Validity } from './validity.js'

/** What an engine granted. */
export interface EngineGrant {
  /** The name of the holder, as the engine shows it. */
  readonly owner: string
  /** Fencing token, greater for every later holder. */
  readonly token?: bigint | undefined
  /** Whether the grant can still be relied on. Absent where it cannot be lost. */
  readonly validity?: Pick<Validity, 'isValid' | 'onLoss'> | undefined
  /** Is called at the first look at the signal of the lease: from then on a loss should be told without being asked for. */
  watch?(): void
  /**
   * Gives it back, in bounded time. `false`: it was not ours any more. Whatever it rejects with is ignored: an engine
   * that cannot be asked frees the key by itself.
   */
  release(): Promise<boolean>
}

/** What a holder has in this process: its place in the queue, or one of the leases that are counted without a place. */
export interface Place {
  /** Is called once, when the key has been given back. */
  release(): void
}

/** The one implementation of `Lease`. @internal */
export class HeldLease implements Lease {
  readonly key: string
  readonly owner: string
  readonly mode: LockMode
  declare readonly token?: bigint
  readonly #label: string
  readonly #grant: EngineGrant
  readonly #place: Place
  readonly #stopListening: (() => void) | undefined
  /** Made at the first look at the signal: most leases are short and never watched. */
  #controller: AbortController | undefined
  #loss: LeaseLostError | undefined
  #released: Promise<void> | undefined
  /** Is called when its holder begins to release it. */
  onReleasing: (() => void) | undefined = undefined
  /** Is called when the key has been given back, before the next caller of this process has it. */
  onReleased: (() => void) | undefined = undefined

  /** @param owner the name that the user gave the holder, if any */
  constructor(
    label: string,
    key: string,
    grant: EngineGrant,
    place: Place,
    mode: LockMode = 'exclusive',
    owner: string = grant.owner
  ) {
    this.key = key
    this.owner = owner
    this.mode = mode
    if (grant.token !== undefined) this.token = grant.token
    this.#label = label
    this.#grant = grant
    this.#place = place
    this.#stopListening = grant.validity?.onLoss(loss => this.#lose(loss))
  }

  get held(): boolean {
    return this.#released === undefined && this.loss === undefined
  }

  get signal(): AbortSignal {
    void this.loss
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#loss !== undefined) this.#controller.abort(this.#loss)
      else if (this.#released === undefined) {
        this.#grant.watch?.()
        if (this.#grant.validity !== undefined) this.#lookAtClocks(this.#controller.signal)
      }
    }
    return this.#controller.signal
  }

  /**
   * Timers come too late for a process that was stopped and continues: the code that runs next may look at its signal before
   * any of them. So a look at the signal is a look at the clocks, as with `held`.
   */
  #lookAtClocks(signal: AbortSignal): void {
    Object.defineProperties(signal, {
      aborted: {
        configurable: true,
        get: () => {
          void this.loss
          return this.#loss !== undefined
        }
      },
      throwIfAborted: {
        configurable: true,
        value: () => {
          void this.loss
          if (this.#loss !== undefined) throw this.#loss
        }
      }
    })
  }

  /** Why the lease was lost before it was released, if it was: looked up on the clocks. @internal */
  get loss(): LeaseLostError | undefined {
    if (this.#released === undefined) void this.#grant.validity?.isValid
    return this.#loss
  }

  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  [asyncDispose](): Promise<void> {
    return this.release()
  }

  [inspect](): string {
    const state = this.#loss ? 'lost' : this.held ? 'held' : 'released'
    return `Lease ${showKey(this.key)} { ${state} }`
  }

  async #release(): Promise<void> {
    this.onReleasing?.()
    void this.loss // a last look at the clocks while it still counts
    this.#stopListening?.()
    try {
      const ours = await this.#grant.release()
      if (!ours) this.#lose({ why: 'the engine had given it up before it was released' })
    } catch {
      // The engine frees by itself what it cannot be asked to free.
    } finally {
      this.onReleased?.()
      this.#place.release()
    }
  }

  #lose({ why, cause }: Loss): void {
    if (this.#loss !== undefined) return
    const text = `${this.#label} key ${showKey(this.key)}: the lease was lost: ${why}`
    this.#loss = new LeaseLostError(`${text}. Stop what it protects; a later holder may be at work`, { cause })
    this.#controller?.abort(this.#loss)
  }
}
