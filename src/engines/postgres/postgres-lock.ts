// Keyed locks in PostgreSQL: advisory locks on connections of the lock's own, or in the caller's transaction.
//
//   try on the shared session ──free──▶ held there, beside others
//        │ busy
//        ├── a dedicated session is free ──▶ wait in the server's queue ──▶ held there
//        └── all are in use ──▶ tried again and again, together with all such keys, until one is free
//
// The shared session never waits for a lock: an unlock would stand behind it. A dedicated one waits for one key, and then
// holds it. What waits in the server's queue cannot be overtaken, since a key that is given up goes to its head at once.

import { check } from '../../core/arguments.js'
import { type EngineOptions, type Guarantees, LockEngineError } from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import type { EngineGrant } from '../lease.js'
import { engineOptions, isWholeFrom, mustBe, sourceOf } from '../options.js'
import { type Timer, unref } from '../timers.js'
import type { Wait } from '../wait.js'
import type { ConnectionSettings, PostgresClient } from './connection.js'
import { noAnswer } from './errors.js'
import { keyIdOf } from './key-id.js'
import { Poller, type PollResult } from './poller.js'
import { PostgresSession } from './session.js'
import { type LockStatements, lockStatements } from './statements.js'

const KIND = 'PostgresLock'

/** What a `PostgresLock` is made with. */
export interface PostgresLockOptions extends EngineOptions {
  /**
   * How many connections it opens at most: one that all share, and one for each key that is waited for. At least 2,
   * default 4. Beyond that, keys are tried again and again instead of standing in the server's queue.
   */
  connections?: number | undefined
  /**
   * How many keys this object may hold and wait for at the server, at most; one more rejects with a `LockEngineError`. Each
   * takes a place in the lock table, which all users of the server share (docs/distributed/operations.md). Default `1000`.
   */
  maxKeys?: number | undefined
  /**
   * Draws fencing tokens from this sequence instead of the server's clock: for servers whose clock may be set back
   * (docs/distributed/fencing.md). It must exist, and the user needs `USAGE` on it.
   */
  tokenSequence?: string | undefined
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.includes('\0')

/** How long a dedicated session is kept for the next waiter, in ms. */
const IDLE_MS = 10_000
/** How soon a connection is asked for again after the server had none left, in ms. */
const CONNECT_AGAIN_MS = 5000

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
  readonly #connection: ConnectionSettings
  readonly #statements: LockStatements
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
  readonly #poller = new Poller(() => this.#sharedSession())
  readonly #maxKeys: number
  /** How many keys are held or waited for at the server. */
  #keys = 0
  /** Why the server opened no further connection, and when it said so. */
  #noConnection: unknown
  #refusedAt = Number.NEGATIVE_INFINITY

  /**
   * @param connect makes a client that has not been connected, such as `() => new pg.Client(config)`. It must lead to the
   * server itself, not to a pooler. Do not lend it clients of the application's pool: a holder of a lock would then starve
   * a query that needs a connection to get on.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(connect: () => PostgresClient, options?: PostgresLockOptions) {
    super(KIND, options)
    const source = sourceOf(KIND, options)
    check(typeof connect === 'function', source, 'connect', 'a function that makes a client', connect)
    const { namespace, lease } = engineOptions(source, options)
    const { connections = 4, maxKeys = 1000, tokenSequence } = options ?? {}
    mustBe(source, 'options.connections', 'a whole number >= 2', connections, isWholeFrom(2))
    mustBe(source, 'options.maxKeys', 'a whole number >= 1', maxKeys, isWholeFrom(1))
    mustBe(source, 'options.tokenSequence', 'the name of a sequence', tokenSequence, isName)
    this.#connection = { label: source, lease, connect }
    this.#statements = lockStatements(tokenSequence)
    this.#namespace = namespace
    this.#lease = lease
    this.#most = connections - 1
    this.#maxKeys = maxKeys
  }

  protected keyId(key: string): bigint {
    return keyIdOf(this.#namespace, key)
  }

  protected async acquireKey(id: bigint, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    if (this.#keys >= this.#maxKeys) throw this.#tooManyKeys()
    this.#keys++
    let granted: EngineGrant | undefined
    try {
      granted = await this.#acquire(id, wait)
    } finally {
      if (granted === undefined) this.#keys--
    }
    return granted
  }

  async #acquire(id: bigint, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    let isAnswered = false
    if (wait !== undefined) wait.diagnosis = () => (isAnswered ? this.#noConnection : noAnswer(this.#connection.label))
    const session = this.#ready ?? (await this.#sharedSession())
    const token = await session.tryLock(id)
    isAnswered = true
    if (token !== undefined) return this.#grant(session, id, token)
    for (;;) {
      if (wait === undefined || wait.ended) return undefined
      const dedicated = this.#mayBorrow() ? await this.#borrowOrNone() : undefined
      if (dedicated !== undefined) return this.#queue(dedicated, id, wait)
      const result = await this.#pollUntilBorrow(id, wait)
      if (result !== 'interrupted') return this.#grant(result.session, id, result.token)
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
    const session = await PostgresSession.open(this.#connection, this.#statements)
    this.#open.add(session)
    session.validity.onLoss(() => this.#open.delete(session))
    return session
  }

  /** Waits in the server's queue, on a session that does nothing else. */
  async #queue(session: PostgresSession, id: bigint, wait: Wait): Promise<EngineGrant | undefined> {
    const giveBack = () => this.#giveBack(session)
    if (wait.ended) {
      giveBack()
      return undefined
    }
    const waiting = session.lock(id)
    const stop = wait.onEnd(() => void this.#interrupt(session, waiting))
    try {
      const token = await waiting
      if (!wait.ended) return this.#grant(session, id, token, giveBack)
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

  #mayBorrow(): boolean {
    if (this.#idle.length > 0) return true
    return this.#dedicated < this.#most && performance.now() - this.#refusedAt > CONNECT_AGAIN_MS
  }

  /** A dedicated session, or none if the server has no connection left: then the key is tried like those beyond it. */
  async #borrowOrNone(): Promise<PostgresSession | undefined> {
    try {
      const session = await this.#borrow()
      this.#noConnection = undefined
      return session
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_ENGINE_TOO_MANY_CONNECTIONS') throw error
      this.#noConnection = error
      this.#refusedAt = performance.now()
      return undefined
    }
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

  /** Tries a key with all others that have no session, until it is taken or a dedicated session may be had. */
  async #pollUntilBorrow(id: bigint, wait: Wait): Promise<PollResult> {
    let wake = () => {}
    const result = await this.#poller.poll(id, wait, interrupt => {
      wake = interrupt
      this.#wanting.add(wake)
    })
    // One that was woken and does not go on leaves the session to the next.
    if (!this.#wanting.delete(wake) && (result !== 'interrupted' || wait.ended)) this.#wakeNext()
    return result
  }

  #grant(session: PostgresSession, id: bigint, token: bigint, after = () => {}): EngineGrant {
    const release = async () => {
      try {
        return await session.unlock(id)
      } catch (error) {
        void session.close('an unlock failed')
        throw error
      } finally {
        this.#keys--
        after()
      }
    }
    return { owner: session.owner, token, validity: session.validity, release }
  }

  #tooManyKeys(): LockEngineError {
    return new LockEngineError(
      'ERR_ENGINE_TOO_MANY_KEYS',
      `${this.#connection.label}: ${this.#maxKeys} keys are held or waited for here, which is options.maxKeys. Each takes a ` +
        "place in the server's lock table, which all its users share. Do keys come from outside, or are leases not released?"
    )
  }
}
