// How one thread watches the workers that it made, and repairs the queue when they have ended.

import { unrefTimer } from '../core/cancellation.js'
import { canWaitAsync, type Places } from './places.js'
import { awaitEndOf, isWorker, onEnd, type WatchableWorker } from './platform.js'

/** How often is looked where the platform wakes no waiter, in ms. */
export const POLL = 5

export class Watch {
  readonly #places: Places
  readonly #label: string
  readonly #workers = new WeakSet<object>()
  #followsLocks = false

  constructor(places: Places, label: string) {
    this.#places = places
    this.#label = label
  }

  /** Watches one worker more. A second time does nothing. */
  add(worker: WatchableWorker): void {
    if (this.#workers.has(worker)) return
    const places = this.#places
    let forget = () => {}
    const token = onEnd(this.#label, worker, () => {
      for (const number of places.numbersOf(token)) places.repair(number, token)
      forget()
    })
    if (token === 0) this.#followLocks()
    // The main thread has no thread above it that could take over.
    else if (isWorker(places.token)) forget = places.noteWatch(token, this.#label)
    this.#workers.add(worker)
  }

  /** Waits for the end of every thread that lives by a Web Lock, of those that attach later too. */
  async #followLocks(): Promise<void> {
    if (this.#followsLocks) return
    this.#followsLocks = true
    const places = this.#places
    const followed = new Set<number>()
    for (;;) {
      const news = places.news()
      for (const [thread, token] of places.watchable()) {
        if (followed.has(token)) continue
        followed.add(token)
        awaitEndOf(places.name, token, () => {
          places.repair(thread, token)
          followed.delete(token)
        })
      }
      if (canWaitAsync()) await places.newsAfter(news)
      else
        await new Promise<void>(resolve => {
          unrefTimer(setTimeout(resolve, 10 * POLL))
        })
    }
  }
}
