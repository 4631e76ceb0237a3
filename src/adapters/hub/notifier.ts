// Tells of changes: once for all that come within a while.

import type { Kind } from './types.js'

export class Notifier {
  readonly #onChange: ((kinds: ReadonlySet<Kind>) => void) | undefined
  readonly #delay: number
  #pending: Set<Kind> | undefined

  /** @param delay in ms; 0: none */
  constructor(onChange: ((kinds: ReadonlySet<Kind>) => void) | undefined, delay: number) {
    this.#onChange = onChange
    this.#delay = delay
  }

  add(kinds: ReadonlySet<Kind>): void {
    if (this.#onChange === undefined) return
    const isWaiting = this.#pending !== undefined
    this.#pending = new Set([...(this.#pending ?? []), ...kinds])
    if (this.#delay === 0) this.#tell()
    else if (!isWaiting) setTimeout(() => this.#tell(), this.#delay)
  }

  #tell(): void {
    const kinds = this.#pending ?? new Set()
    this.#pending = undefined
    try {
      this.#onChange?.(kinds)
    } catch (error) {
      // It harms no change: the error is reported as uncaught.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
