// Which resources are subscribed to, at which server.
//
// What is wanted is counted here, what a server was asked for is kept with its connection, and `settle` makes the second
// follow the first: after each call, and after each list, because a server that returns knows nothing of what was wanted.
// One at a time for each URI.

import { KeyedMutex } from 'latchkey'
import type { Connection } from './connection.js'
import { withTimeout } from './requests.js'
import { scoped } from './scoped.js'
import type { RequestOptions, ToolSource } from './types.js'

export class Subscriptions<S extends ToolSource> {
  readonly #wanted = new Map<string, number>()
  readonly #locks = new KeyedMutex<string>({ name: 'ToolHub subscriptions' })

  /** One more wants it. If the server refuses, that is taken back. */
  async add(uri: string, connection: Connection<S>, options: RequestOptions): Promise<void> {
    this.#count(uri, 1)
    try {
      await scoped(options.signal, () => this.#settle(uri, connection, options))
    } catch (error) {
      this.#count(uri, -1)
      // It may have got through all the same, or be about to.
      this.#settle(uri, connection, {}).catch(() => {})
      throw error
    }
  }

  /** One less wants it. */
  async remove(uri: string, connection: Connection<S> | undefined, options: RequestOptions): Promise<void> {
    this.#count(uri, -1)
    if (connection !== undefined) await this.#settle(uri, connection, options)
  }

  /**
   * A server that has come back knows nothing of what was wanted of it. What it refuses is told by its status.
   *
   * @param owns whether a URI is one of its own now
   */
  async again(connection: Connection<S>, owns: (uri: string) => boolean): Promise<void> {
    for (const uri of [...this.#wanted.keys()]) {
      if (connection.subscribed.has(uri) || !owns(uri)) continue
      const { signal } = connection.life
      await scoped(signal, signal => this.#settle(uri, connection, { signal })).catch(error => {
        connection.error = error
      })
    }
  }

  #count(uri: string, by: 1 | -1): void {
    const count = Math.max(0, (this.#wanted.get(uri) ?? 0) + by)
    if (count === 0) this.#wanted.delete(uri)
    else this.#wanted.set(uri, count)
  }

  /** Asks the server for what is wanted, if it was not asked before, or tells it to stop. */
  #settle(uri: string, connection: Connection<S>, options: RequestOptions): Promise<void> {
    return this.#locks.runExclusive(uri, async () => {
      const { source, subscribed, life } = connection
      const isWanted = this.#wanted.has(uri)
      if (source === undefined || life.signal.aborted || subscribed.has(uri) === isWanted) return
      const request = withTimeout(options, connection.timeout) as { signal?: AbortSignal }
      if (isWanted) {
        await source.subscribeResource?.({ uri }, request)
        subscribed.add(uri)
      } else {
        subscribed.delete(uri)
        await source.unsubscribeResource?.({ uri }, request)
      }
    })
  }
}
