// Open or shut. A manual-reset event: `asyncio.Event` and .NET's `ManualResetEvent` under a name that says what it
// does.

import { must } from '../core/errors.js'
import type { LockOptions } from '../core/lock.js'
import { labelOf } from '../core/waiter-queue.js'
import { Passage } from './passage.js'

/** What a `Gate` is made with. */
export interface GateOptions extends LockOptions {
  /** Whether it is open from the start. Default `false`. */
  open?: boolean | undefined
}

/**
 * A gate that is opened and shut by hand: while it is open everyone passes, while it is shut everyone waits.
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
export class Gate extends Passage {
  #open: boolean

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: GateOptions) {
    super(options)
    const open: unknown = options?.open
    must(open === undefined || typeof open === 'boolean', this, 'options.open', 'a boolean', open)
    this.#open = open === true
  }

  /** Whether it is open. */
  get isOpen(): boolean {
    return this.#open
  }

  /** Opens: lets all who wait now pass, in order, and everyone who comes until `shut`. O(waiting). */
  open(): void {
    this.#open = true
    this.letPass()
  }

  /** Shuts: whoever comes from now on waits. Those whom `open` has let pass have passed. O(1). */
  shut(): void {
    this.#open = false
  }

  /** @internal */
  get passable(): boolean {
    return this.#open
  }

  /** @internal */
  get label(): string {
    return labelOf('Gate', this.options)
  }

  /** @internal */
  describe(): string {
    return `${this.#open ? 'open' : 'shut'}${this.andWaiting}`
  }
}
