// How a key is waited for in the server's queue, and how that wait is ended.

import type { LockMode } from '../contract.js'
import { pollInterval, startPolling } from '../polling.js'
import type { Timer } from '../timers.js'
import type { Wait } from '../wait.js'
import type { Hold } from './hold.js'
import type { PostgresSession } from './session.js'

/** How often the first of those that wait for a permit looks for one, in ms. */
const LOOK_MS = 25
/** After so many looks it asks whether another process allows more. That reads the whole lock table of the server. */
const LOOKS_BEFORE_DOUBT = 4

export interface ServerQueueSettings {
  /** For how long a session is trusted without an answer, in ms. */
  readonly lease: number
  /** The session that cancels statements of others. */
  readonly shared: () => Promise<PostgresSession>
}

/** Waits at the server on sessions that do nothing else. */
export class ServerQueue {
  readonly #settings: ServerQueueSettings
  /** Those that look for a permit wake up when one is given up here. */
  readonly #looking = new Map<bigint, () => void>()

  constructor(settings: ServerQueueSettings) {
    this.#settings = settings
  }

  /**
   * Waits until the key is taken on this session, or the wait is over: then the session holds nothing, or is lost.
   *
   * @param tellDiagnosis is told what may keep the caller waiting, once it is known
   */
  async acquire(
    session: PostgresSession,
    id: bigint,
    mode: LockMode,
    wait: Wait,
    tellDiagnosis: (diagnosis: unknown) => void
  ): Promise<Hold | undefined> {
    if (wait.ended) return undefined
    try {
      const hold = (await this.#block(session, id, mode, wait)) ?? (await this.#look(session, id, wait, tellDiagnosis))
      if (hold !== undefined && !wait.ended) return hold
    } catch (error) {
      if (!wait.ended) {
        await session.reconcile()
        throw session.explain(error)
      }
    }
    await session.reconcile()
    return undefined
  }

  /** A permit of this key has been given up in this process. */
  permitFreed(id: bigint): void {
    this.#looking.get(id)?.()
  }

  /** In the queue of the key, or of the gate of its permits. */
  async #block(session: PostgresSession, id: bigint, mode: LockMode, wait: Wait): Promise<Hold | undefined> {
    const waiting = session.block(id, mode)
    let interrupted: Promise<void> | undefined
    const stop = wait.onEnd(() => {
      interrupted = this.#interrupt(session, waiting)
    })
    try {
      return await waiting
    } finally {
      stop()
      // Until it is over it could hit whatever the session does next.
      await interrupted
    }
  }

  /** First of those that wait for a permit: looks for one again and again. All others wait for this one. */
  async #look(
    session: PostgresSession,
    id: bigint,
    wait: Wait,
    tellDiagnosis: (diagnosis: unknown) => void
  ): Promise<Hold | undefined> {
    if (wait.ended) return undefined
    const stopPolling = startPolling()
    try {
      for (let looks = 1; !wait.ended; looks++) {
        await wait.pause(pollInterval(LOOK_MS, 1000), wake => this.#looking.set(id, wake))
        if (wait.ended) return undefined
        const hold = await session.look(id)
        if (hold !== undefined) return hold
        if (looks === LOOKS_BEFORE_DOUBT && (await session.holdsBeyond(id)))
          tellDiagnosis(
            new Error('another process holds this key with a greater options.capacity; make it the same in all')
          )
      }
      return undefined
    } finally {
      this.#looking.delete(id)
      stopPolling()
    }
  }

  async #interrupt(session: PostgresSession, waiting: Promise<unknown>): Promise<void> {
    let over = false
    const settled = waiting.then(
      () => {},
      () => {}
    )
    void settled.then(() => {
      over = true
    })
    try {
      // A cancellation that overtakes the statement finds nothing to cancel. So it is asked for until it was heard.
      for (let wait = 5; !over && session.isValid; wait *= 2) {
        const shared = await this.#settings.shared()
        await shared.cancel(session)
        let timer: Timer | undefined
        const pause = new Promise<void>(resolve => {
          timer = setTimeout(resolve, wait)
        })
        await Promise.race([settled, pause])
        clearTimeout(timer)
        if (wait > this.#settings.lease) throw new Error('the server does not cancel')
      }
    } catch {
      void session.close('a statement could not be cancelled')
    }
  }
}
