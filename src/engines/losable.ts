// What is held until something is heard of its loss: for engines that tell of a loss, and set no deadline.

import type { Loss } from './validity.js'

/** As `Validity`, without clocks: valid until it is said to be lost. */
export class Losable {
  readonly #listeners = new Set<(loss: Loss) => void>()
  #loss: Loss | undefined

  /** Why it was lost, if it was. */
  get loss(): Loss | undefined {
    return this.#loss
  }

  /** Whether it has not been lost. */
  get isValid(): boolean {
    return this.#loss === undefined
  }

  /** From now on no caller may rely on it. The first loss stands. */
  invalidate(loss: Loss): void {
    if (this.#loss !== undefined) return
    this.#loss = loss
    for (const listener of this.#listeners) listener(loss)
    this.end()
  }

  /** Calls `listener` at the loss, or now if that has come. Returns how to stop listening. */
  onLoss(listener: (loss: Loss) => void): () => void {
    if (this.#loss !== undefined) listener(this.#loss)
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** No listener is called any more. */
  end(): void {
    this.#listeners.clear()
  }
}
