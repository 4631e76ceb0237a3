// The channel of one process, on which the server tells it which of its waiters is next.

import { type RedisSubscriber, subscribe } from './client.js'

/** A waiter that may be notified, even between its question and the answer, when it does not listen yet. */
export interface PendingWaiter {
  notified: boolean
  wake: () => void
}

/** One subscription for all that wait in a lock, from the first that has to. */
export class Notifications {
  readonly #subscriber: RedisSubscriber | undefined
  readonly #channel: string
  /** By owner. */
  readonly #waiters = new Map<string, PendingWaiter>()
  #subscription: Promise<() => Promise<unknown>> | undefined
  #subscribed = false

  constructor(subscriber: RedisSubscriber | undefined, channel: string) {
    this.#subscriber = subscriber
    this.#channel = channel
  }

  /** Whether messages arrive. */
  get subscribed(): boolean {
    return this.#subscribed
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
   * No waiter waits for it: until it stands they ask often, and then once more, for what was said before. If it fails the
   * next waiter tries again.
   */
  subscribe(): void {
    if (this.#subscriber === undefined || this.#subscription !== undefined) return
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
        for (const waiter of this.#waiters.values()) notify(waiter)
      },
      () => {
        this.#subscription = undefined
      }
    )
  }

  async close(): Promise<void> {
    const unsubscribe = await this.#subscription?.catch(() => undefined)
    await unsubscribe?.().catch(() => {})
  }
}
