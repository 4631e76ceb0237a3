// Open or shut. A manual-reset event: `asyncio.Event` and .NET's `ManualResetEvent` under a name that says what it
// does.

import { check } from '../core/arguments.js'
import type { LockOptions } from '../core/lock.js'
import { $describe, $kind, $settings } from '../core/members.js'
import { $isOpenNow, $releaseWaiters, Openable } from './openable.js'

/** What a `Gate` is made with. */
export interface GateOptions extends LockOptions {
  /** Whether it is open from the start. Default `false`. */
  open?: boolean | undefined
}

/**
 * A gate that is opened and shut by hand: while it is open every caller passes, while it is shut every caller waits.
 *
 * @example
 * ```ts
 * import { Gate } from 'latchkey'
 *
 * const ready = new Gate({ name: 'ready' })
 * const passed: string[] = []
 * const waiting = [1, 2].map(n => ready.wait().then(() => passed.push(`${n}`)))
 *
 * ready.open()
 * await Promise.all(waiting)
 * await ready.wait() // it is still open
 * console.log(passed.join(' '), ready.isOpen) // prints: 1 2 true
 * ```
 */
export class Gate extends Openable {
  #open: boolean

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: GateOptions) {
    super(options, ['open'])
    const { open }: { open?: unknown } = this[$settings] as GateOptions
    check(open === undefined || typeof open === 'boolean', this, 'options.open', 'a boolean', open)
    this.#open = open === true
  }

  /** Whether it is open. */
  get isOpen(): boolean {
    return this.#open
  }

  /** Opens: current waiters pass, in order, and so does every later caller until `shut`. O(waiting). */
  open(): void {
    this.#open = true
    this[$releaseWaiters]()
  }

  /** Shuts: later callers wait. Those that `open` let pass have passed. O(1). */
  shut(): void {
    this.#open = false
  }

  override get [$isOpenNow](): boolean {
    return this.#open
  }

  override get [$kind](): string {
    return 'Gate'
  }

  override [$describe](): string {
    return this.#open ? 'open' : 'shut'
  }
}
