// Keyed locks in PostgreSQL: advisory locks on connections of the lock's own, or in the caller's transaction.
//
//   try on the shared session ──free──▶ held there, beside others
//        │ busy
//        ├── a dedicated session is free ──▶ wait in the server's queue ──▶ held there
//        └── all are in use ──▶ wait for one, or a while, and try again
//
// The shared session never waits for a lock: an unlock would stand behind it. A dedicated one waits for one key, and then
// holds it. What waits in the server's queue cannot be overtaken, since a key that is given up goes to its head at once.

import { must } from '../../core/errors.js'
import type { EngineOptions, Guarantees } from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import type { EngineGrant } from '../lease.js'
import { engineOptions, isWholeFrom, mustBe, sourceOf } from '../options.js'
import { type Timer, unref } from '../timers.js'
import type { Wait } from '../wait.js'
import type { PostgresClient } from './connection.js'
import { keyIdOf } from './key-id.js'
import { PostgresSession } from './session.js'

const KIND = 'PostgresLock'

/** What a `PostgresLock` is made with. */
export interface PostgresLockOptions extends EngineOptions {
  /**
   * How many connections it opens at most: one that all share, and one for each key that is waited for. At least 2,
   * default 4. Beyond that, keys are tried again and again instead of standing in the server's queue.
   */
  connections?: number | undefined
}

/** How long a dedicated session is kept for the next waiter, in ms. */
const IDLE_MS = 10_000

/**
 * A `KeyedLock` in PostgreSQL, on connections of its own, which it opens when they are needed.
 *
 * Holding is bound to a session: if the server or the network ends it, its leases are lost at once; if it falls silent,
 * they are lost when `lease` ms have passed since its last answer. The server keeps the key of a holder that is merely
 * slow or stopped.
 *
 * @example
 * ```ts no-run
 * import pg from 'pg'
 * import { PostgresLock } from 'latchkey/postgres'
 *
 * const locks = new PostgresLock(() => new pg.Client({ connectionString: 'postgres://db/app', keepAlive: true }))
 * await locks.runExclusive('invoice 7', async lease => {
 *   await fetch('https://example.org/pay', { method: 'POST', signal: lease.signal })
 * })
 * await locks.close()
 * ```
 */
export class PostgresLock extends EngineLock<bigint> {
  readonly guarantees: Guarantees = { fifo: true, fencing: true, survives: ['crash', 'pause'] }
  readonly #label: string
  readonly #connect: () => PostgresClient
  readonly #namespace: string
  readonly #lease: number
  /** How many dedicated sessions there may be. */
  readonly #most: number
  /** The one that tries, unlocks and cancels, once it was needed. */
  #shared: Promise<PostgresSession> | undefined
  /** The same, once it is open. */
  #ready: PostgresSession | undefined
  /** Every session that is open. */
  readonly #open = new Set<PostgresSession>()
  /** Dedicated sessions, those that are being opened included. */
  #dedicated = 0
  readonly #idle: { session: PostgresSession; timer: Timer }[] = []
  /** Wakes the callers that wait for a dedicated session, in order of arrival. */
  readonly #wanting = new Set<() => void>()

  /**
   * @param connect makes a client that has not been connected, such as `() => new pg.Client(config)`. It must lead to the
   * server itself, not to a pooler. Do not lend it clients of the application's pool: a holder of a lock would then starve
   * a query that needs a connection to get on.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(connect: () => PostgresClient, options?: PostgresLockOptions) {
    super(KIND, options)
    const source = sourceOf(KIND, options)
    must(typeof connect === 'function', source, 'connect', 'a function that makes a client', connect)
    const { namespace, lease } = engineOptions(source, options)
    const { connections = 4 } = options ?? {}
    mustBe(source, 'options.connections', 'a whole number >= 2', connections, isWholeFrom(2))
    this.#label = source.label
    this.#connect = connect
    this.#namespace = namespace
    this.#lease = lease
    this.#most = connections - 1
  }

  protected keyId(key: string): bigint {
    return keyIdOf(this.#namespace, key)
  }

  protected async acquireKey(id: bigint, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    for (let tries = 0; ; tries++) {
      const session = this.#ready ?? (await this.#sharedSession())
      const token = await session.tryLock(id)
      if (token !== undefined) return grant(session, id, token, () => {})
      if (wait === undefined || wait.ended) return undefined
      if (this.#idle.length > 0 || this.#dedicated < this.#most) return this.#queue(id, wait)
      await this.#waitForSession(wait, tries)
      if (wait.ended) return undefined
    }
  }

  protected async disconnect(): Promise<void> {
    await this.#shared?.catch(() => {})
    await Promise.all([...this.#open].map(session => session.close('the lock was closed')))
  }

  async #sharedSession(): Promise<PostgresSession> {
    this.#shared ??= this.#openSession().then(session => {
      this.#ready = session
      session.validity.onLoss(() => {
        this.#ready = undefined
        this.#shared = undefined
      })
      return session
    })
    const opening = this.#shared
    try {
      return await opening
    } catch (error) {
      if (this.#shared === opening) this.#shared = undefined
      throw error
    }
  }

  async #openSession(): Promise<PostgresSession> {
    const session = await PostgresSession.open(this.#label, this.#lease, this.#connect)
    this.#open.add(session)
    session.validity.onLoss(() => this.#open.delete(session))
    return session
  }

  /** Waits in the server's queue, on a session that does nothing else. */
  async #queue(id: bigint, wait: Wait): Promise<EngineGrant | undefined> {
    const session = await this.#borrow()
    const giveBack = () => this.#giveBack(session)
    if (wait.ended) {
      giveBack()
      return undefined
    }
    const waiting = session.lock(id)
    const stop = wait.onEnd(() => void this.#interrupt(session, waiting))
    try {
      const token = await waiting
      if (!wait.ended) return grant(session, id, token, giveBack)
    } catch (error) {
      if (!wait.ended) {
        await session.reconcile()
        giveBack()
        throw session.explain(error)
      }
    } finally {
      stop()
    }
    await this.#interrupted.get(session)
    await session.reconcile()
    giveBack()
    return undefined
  }

  /** The cancellations under way. Until one is over it could hit whatever its session does next. */
  readonly #interrupted = new WeakMap<PostgresSession, Promise<void>>()

  #interrupt(session: PostgresSession, waiting: Promise<unknown>): void {
    let over = false
    const settled = waiting.then(
      () => {},
      () => {}
    )
    void settled.then(() => {
      over = true
    })
    const insist = async () => {
      // A cancellation that overtakes the statement finds nothing to cancel. So it is asked for until it was heard.
      for (let wait = 5; !over && session.isValid; wait *= 2) {
        const shared = await this.#sharedSession()
        await shared.cancel(session)
        let timer: Timer | undefined
        const pause = new Promise<void>(resolve => {
          timer = setTimeout(resolve, wait)
        })
        await Promise.race([settled, pause])
        clearTimeout(timer)
        if (wait > this.#lease) throw new Error('the server does not cancel')
      }
    }
    const done = insist().catch(() => session.close('a statement could not be cancelled'))
    this.#interrupted.set(session, done)
  }

  async #borrow(): Promise<PostgresSession> {
    const idle = this.#idle.pop()
    if (idle !== undefined) {
      clearTimeout(idle.timer)
      return idle.session
    }
    this.#dedicated++
    try {
      const session = await this.#openSession()
      session.validity.onLoss(() => this.#lost(session))
      return session
    } catch (error) {
      this.#sessionLeft()
      throw error
    }
  }

  #lost(session: PostgresSession): void {
    const at = this.#idle.findIndex(idle => idle.session === session)
    if (at >= 0) clearTimeout(this.#idle.splice(at, 1)[0]?.timer)
    this.#sessionLeft()
  }

  #sessionLeft(): void {
    this.#dedicated--
    this.#wakeNext()
  }

  #giveBack(session: PostgresSession): void {
    if (!session.isValid) return
    const timer = unref(setTimeout(() => void session.close('it was not needed any more'), IDLE_MS))
    this.#idle.push({ session, timer })
    this.#wakeNext()
  }

  #wakeNext(): void {
    const [wake] = this.#wanting
    if (wake === undefined) return
    this.#wanting.delete(wake)
    wake()
  }

  /** Until a dedicated session may be had, or for a while: the key may come free before. */
  async #waitForSession(wait: Wait, tries: number): Promise<void> {
    const most = Math.min(5 * 2 ** tries, 100)
    let wake = () => {}
    await wait.pause(most * (0.5 + Math.random() / 2), resolve => {
      wake = resolve
      this.#wanting.add(wake)
    })
    this.#wanting.delete(wake)
  }
}

function grant(session: PostgresSession, id: bigint, token: bigint, after: () => void): EngineGrant {
  const release = async () => {
    try {
      return await session.unlock(id)
    } catch (error) {
      void session.close('an unlock failed')
      throw error
    } finally {
      after()
    }
  }
  return { owner: session.owner, token, validity: session.validity, release }
}
