// A store that is not waited for longer than a limit.

import { SessionStoreTimeoutError } from './errors.js'
import type { Awaitable, Session, SessionLease, SessionStore } from './types.js'

export class BoundedStore<Data> implements SessionStore<Data> {
  readonly #store: SessionStore<Data>
  readonly #label: string
  readonly #limit: number

  /** @param limit in ms; `Infinity` for none */
  constructor(store: SessionStore<Data>, label: string, limit: number) {
    this.#store = store
    this.#label = label
    this.#limit = limit
  }

  get(id: string): Awaitable<Session<Data> | undefined | null> {
    return this.#bounded('get', this.#store.get(id))
  }

  set(session: Session<Data>, lease: SessionLease): Awaitable<void> {
    return this.#bounded('set', this.#store.set(session, lease))
  }

  delete(id: string, lease: SessionLease): Awaitable<void> {
    return this.#bounded('delete', this.#store.delete(id, lease))
  }

  count(now: number): Awaitable<number> {
    return this.#bounded('count', this.#store.count(now))
  }

  expired(now: number): Awaitable<Iterable<string> | AsyncIterable<string>> {
    return this.#bounded('expired', this.#store.expired(now))
  }

  /** @throws TypeError if the store cannot list. */
  list(now: number): Awaitable<Iterable<Session<Data>> | AsyncIterable<Session<Data>>> {
    if (typeof this.#store.list !== 'function') throw new TypeError(`${this.#label}: the store has no method list`)
    return this.#bounded('list', this.#store.list(now))
  }

  /** The items of what `expired` and `list` return: each is waited for as long as a call. */
  async *items<T>(list: Awaitable<Iterable<T> | AsyncIterable<T>>): AsyncGenerator<T, void, undefined> {
    const items = await list
    if (Symbol.iterator in items) {
      yield* items
      return
    }
    const iterator = items[Symbol.asyncIterator]()
    let isDone = false
    try {
      for (;;) {
        const { done, value } = await this.#bounded('next', iterator.next())
        if (done) break
        yield value
      }
      isDone = true
    } finally {
      if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => {})
    }
  }

  /** A store that answers at once needs no timer. */
  #bounded<R>(call: string, answer: Awaitable<R>): Awaitable<R> {
    if (this.#limit === Infinity || typeof (answer as PromiseLike<R> | undefined)?.then !== 'function') return answer
    return new Promise<R>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new SessionStoreTimeoutError(`${this.#label}: the store took longer than ${this.#limit} ms to ${call}`))
      }, this.#limit)
      Promise.resolve(answer)
        .finally(() => clearTimeout(timer))
        .then(resolve, reject)
    })
  }
}
