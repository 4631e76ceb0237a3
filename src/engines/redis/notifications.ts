// The channel of one lock object, on which the server tells it which of its waiters is next.

import type { Timer } from '../timers.js'
import { type RedisSubscriber, subscribe } from './client.js'
import { explain } from './errors.js'

/** A waiter that may be notified, even between its question and the answer, when it does not listen yet. */
export interface PendingWaiter {
  notified: boolean
  wake: () => void
}

/** How soon a subscription that failed is tried again, in ms. */
const RETRY_MS = 5000

/** One subscription for all that wait in a lock, from the first that has to. */
export class Notifications {
  readonly #label: string
  readonly #subscriber: RedisSubscriber | undefined
  readonly #channel: string
  /** By owner. */
  readonly #waiters = new Map<string, PendingWaiter>()
  #subscription: Promise<() => Promise<unknown>> | undefined
  #subscribed = false
  #closed = false
  #failure: unknown
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(label: string, subscriber: RedisSubscriber | undefined, channel: string) {
    this.#label = label
    this.#subscriber = subscriber
    this.#channel = channel
  }

  /** Whether messages arrive. */
  get subscribed(): boolean {
    return this.#subscribed
  }

  /** Why they do not, if it was tried. */
  get failure(): unknown {
    return this.#failure
  }

  register(owner: string): PendingWaiter {
    const waiter: PendingWaiter = { notified: false, wake: () => {} }
    this.#waiters.set(owner, waiter)
    return waiter
  }

  unregister(owner: string): void {
    this.#waiters.delete(owner)
  }

  /**
   * No waiter waits for it: until it stands they ask often, and then once more, for what was said before. If it fails, a
   * waiter tries again after a while.
   */
  subscribe(): void {
    if (this.#subscriber === undefined || this.#subscription !== undefined || this.#closed) return
    if (performance.now() - this.#failedAt < RETRY_MS) return
    const notify = (waiter: PendingWaiter) => {
      waiter.notified = true
      waiter.wake()
    }
    this.#subscription = subscribe(this.#subscriber, this.#channel, owner => {
      const waiter = this.#waiters.get(owner)
      if (waiter !== undefined) notify(waiter)
    })
    this.#subscription.then(
      () => {
        this.#subscribed = true
        this.#failure = undefined
        for (const waiter of this.#waiters.values()) notify(waiter)
      },
      error => {
        this.#subscription = undefined
        this.#failure = explain(this.#label, error)
        this.#failedAt = performance.now()
      }
    )
  }

  /** Unsubscribes, in at most `ms`: a client that is not connected keeps what it is told for later. */
  async close(ms: number): Promise<void> {
    this.#closed = true
    if (this.#subscription === undefined) return
    const unsubscribed = this.#subscription.then(unsubscribe => unsubscribe()).catch(() => {})
    let timer: Timer | undefined
    const tooLong = new Promise<void>(resolve => {
      timer = setTimeout(resolve, ms)
    })
    await Promise.race([unsubscribed, tooLong])
    clearTimeout(timer)
  }
}
