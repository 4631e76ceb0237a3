// The keys that are waited for without a place in the server's queue: all of them are tried together.

import { pollInterval, startPolling } from '../polling.js'
import type { Wait } from '../wait.js'
import type { PostgresSession } from './session.js'

/** How often the keys are tried, in ms. */
const POLL_MS = 50
/** How many keys are tried in one statement. With more, each waits for its turn. */
const KEYS_PER_POLL = 200

/** What became of a key: its token and the session that holds it, or why it is not tried any more. */
export type PollResult = { readonly session: PostgresSession; readonly token: bigint } | 'interrupted'

interface PolledKey {
  readonly id: bigint
  readonly resolve: (result: PollResult) => void
  readonly reject: (error: unknown) => void
}

/** Tries keys in one statement for all, again and again, for as long as there are any. */
export class Poller {
  readonly #open: () => Promise<PostgresSession>
  /** In the order in which they are tried: those that were tried go to the end. */
  readonly #keys = new Set<PolledKey>()
  #running = false

  constructor(open: () => Promise<PostgresSession>) {
    this.#open = open
  }

  /** Resolves when the key is taken, at the end of the wait, or when `hold` is told so. */
  poll(id: bigint, wait: Wait, hold: (interrupt: () => void) => void): Promise<PollResult> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#keys.delete(key)
        stop()
      }
      const key: PolledKey = {
        id,
        resolve(result) {
          settle()
          resolve(result)
        },
        reject(error) {
          settle()
          reject(error)
        }
      }
      let stop = () => {}
      this.#keys.add(key)
      hold(() => key.resolve('interrupted'))
      stop = wait.onEnd(() => key.resolve('interrupted'))
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    const stopPolling = startPolling()
    while (this.#keys.size > 0) {
      await new Promise(resolve => setTimeout(resolve, pollInterval(POLL_MS, 1000)))
      const keys = [...this.#keys].slice(0, KEYS_PER_POLL)
      if (keys.length > 0) await this.#try(keys)
    }
    stopPolling()
    this.#running = false
  }

  async #try(keys: readonly PolledKey[]): Promise<void> {
    try {
      const session = await this.#open()
      const tokens = await session.tryMany(keys.map(({ id }) => id))
      for (const key of keys) {
        const token = tokens.get(key.id)
        // One that left meanwhile has been told nothing of the grant.
        if (token !== undefined && !this.#keys.has(key))
          void session.unlock(key.id).catch(() => session.close('an unlock failed'))
        else if (token !== undefined) key.resolve({ session, token })
        else if (this.#keys.delete(key)) this.#keys.add(key)
      }
    } catch (error) {
      for (const key of keys) if (this.#keys.has(key)) key.reject(error)
    }
  }
}
