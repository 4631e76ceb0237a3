// Timers of the engines.

import { unrefTimer } from '../core/cancellation.js'

export type Timer = ReturnType<typeof setTimeout>

/** Lets the process end although the timer is still running. */
export function unref(timer: Timer): Timer {
  unrefTimer(timer)
  return timer
}

/** Something to be called later, until it is cancelled. */
export interface Alarm {
  cancel(): void
}

/** An alarm in the ring of its timer. */
class Entry implements Alarm {
  readonly due: number
  readonly callback: () => void
  previous: Entry = this
  next: Entry = this

  constructor(due: number, callback: () => void) {
    this.due = due
    this.callback = callback
  }

  cancel(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.next = this.previous = this
  }
}

/**
 * Calls things back after one and the same time, with one timer of the platform for all of them, which keeps no process
 * alive.
 *
 * Most alarms are cancelled: a command is answered long before its time is over. To make and clear a timer of the platform
 * for each took an eighth of a lock and its release in Redis over loopback (Node 20, 2026-11). Here an alarm joins a ring
 * and leaves it; the timer goes on, and looks for what is due when it fires.
 */
export class SharedTimer {
  readonly #ms: number
  /** Where the ring begins and ends. In between, in order of when they are due. */
  readonly #ring = new Entry(Infinity, () => {})
  #timer: Timer | undefined
  /** When it fires. */
  #fires = 0

  constructor(ms: number) {
    this.#ms = ms
  }

  /** @param from when the time begins, as `performance.now()` tells it: now, or a little earlier */
  add(callback: () => void, from: number): Alarm {
    const entry = new Entry(from + this.#ms, callback)
    let last = this.#ring.previous
    while (last !== this.#ring && last.due > entry.due) last = last.previous
    entry.previous = last
    entry.next = last.next
    last.next.previous = entry
    last.next = entry
    // One that should have fired long ago is gone: a test took its fake timers away.
    if (this.#timer === undefined || entry.due < this.#fires || from > this.#fires + 1000) {
      const now = performance.now()
      this.#arm(Math.max(entry.due - now, 1), now)
    }
    return entry
  }

  #arm(ms: number, now: number): void {
    clearTimeout(this.#timer)
    this.#fires = now + ms
    this.#timer = unref(setTimeout(this.#fire, Math.ceil(ms)))
  }

  readonly #fire = (): void => {
    this.#timer = undefined
    const now = performance.now()
    for (let { next } = this.#ring; next !== this.#ring && next.due <= now; next = this.#ring.next) {
      next.cancel()
      next.callback()
    }
    const { next } = this.#ring
    if (next === this.#ring) return
    // What was called may have added something, and set the timer for that.
    if (this.#timer === undefined || next.due < this.#fires) this.#arm(Math.max(next.due - now, 1), now)
  }
}
