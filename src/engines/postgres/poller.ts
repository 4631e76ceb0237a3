// The keys that are waited for without a place in the server's queue: all of them are tried together.

import type { LockMode } from '../contract.js'
import { pollInterval, startPolling } from '../polling.js'
import type { Wait } from '../wait.js'
import type { Hold } from './hold.js'
import type { PostgresSession } from './session.js'

/** How often the keys are tried, in ms. */
const POLL_MS = 50
/** How many keys are tried in one statement. With more, each waits for its turn. */
const KEYS_PER_POLL = 200

/** What became of a key: what is held and by which session, or why it is not tried any more. */
export type PollResult = { readonly session: PostgresSession; readonly hold: Hold } | 'interrupted'

interface PolledKey {
  readonly id: bigint
  readonly mode: LockMode
  readonly resolve: (result: PollResult) => void
  readonly reject: (error: unknown) => void
}

export interface PollerSettings {
  /** Connects, if there is no connection any more. */
  readonly connect: () => Promise<unknown>
  /** A session that may be asked for a key in this instant, if there is one. */
  readonly find: (id: bigint) => PostgresSession | undefined
  /** A session was asked, and holds no more than before. */
  readonly settle: (session: PostgresSession) => void
}

/** Tries keys in one statement for all, again and again, for as long as there are any. */
export class Poller {
  readonly #settings: PollerSettings
  /** In the order in which they are tried: those that were tried go to the end. */
  readonly #keys = new Set<PolledKey>()
  #running = false

  constructor(settings: PollerSettings) {
    this.#settings = settings
  }

  /** Resolves when the key is taken, at the end of the wait, or when `hold` is told so. */
  poll(id: bigint, mode: LockMode, wait: Wait, hold: (interrupt: () => void) => void): Promise<PollResult> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#keys.delete(key)
        stop()
      }
      const key: PolledKey = {
        id,
        mode,
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
      // With none, the lock may be closed by now, and should connect no more.
      if (keys.length > 0) await this.#tryAll(keys)
    }
    stopPolling()
    this.#running = false
  }

  async #tryAll(keys: readonly PolledKey[]): Promise<void> {
    try {
      await this.#settings.connect()
    } catch (error) {
      for (const key of keys) if (this.#keys.has(key)) key.reject(error)
    }
    // Each session is asked once, for keys that differ. A key that no session may be asked for stays for the next round.
    const batches = new Map<PostgresSession, Map<bigint, PolledKey>>()
    for (const key of keys) {
      if (!this.#keys.delete(key)) continue
      this.#keys.add(key)
      const session = this.#settings.find(key.id)
      if (session === undefined) continue
      const batch = batches.get(session) ?? new Map<bigint, PolledKey>()
      batches.set(session, batch)
      if (!batch.has(key.id)) batch.set(key.id, key)
    }
    await Promise.all([...batches].map(([session, batch]) => this.#try(session, [...batch.values()])))
  }

  async #try(session: PostgresSession, keys: readonly PolledKey[]): Promise<void> {
    try {
      const holds = await session.tryEach(keys)
      for (const [i, key] of keys.entries()) {
        const hold = holds[i]
        if (hold === undefined) continue
        if (this.#keys.has(key)) key.resolve({ session, hold })
        // One that left meanwhile has been told nothing of the grant.
        else void this.#unlock(session, hold)
      }
    } catch (error) {
      for (const key of keys) if (this.#keys.has(key)) key.reject(error)
    } finally {
      this.#settings.settle(session)
    }
  }

  async #unlock(session: PostgresSession, hold: Hold): Promise<void> {
    try {
      await session.unlock(hold)
      this.#settings.settle(session)
    } catch {
      void session.close('an unlock failed')
    }
  }
}
