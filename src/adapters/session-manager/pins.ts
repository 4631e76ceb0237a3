// Sessions that are in use by tasks that do not lock them: they do not expire meanwhile.
//
// In this process a pinned session is live even after its `expiresAt`. For other processes that share the store, it is
// used again before it would expire, for as long as it is pinned.

export class Pins {
  readonly #counts = new Map<string, { count: number; timer: ReturnType<typeof setInterval> | undefined }>()

  has(id: string): boolean {
    return this.#counts.has(id)
  }

  /** @param touch uses the session again, every `interval` ms */
  add(id: string, interval: number, touch: () => unknown): void {
    const known = this.#counts.get(id)
    if (known !== undefined) {
      known.count++
      return
    }
    const timer = setInterval(touch, interval)
    // Node has a handle where others have a number.
    ;(timer as { unref?(): void }).unref?.()
    this.#counts.set(id, { count: 1, timer })
  }

  remove(id: string): void {
    const known = this.#counts.get(id)
    if (known === undefined || --known.count > 0) return
    clearInterval(known.timer)
    this.#counts.delete(id)
  }
}
