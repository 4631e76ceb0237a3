// The sessions of one PostgresLock: the shared one, and a bounded number of dedicated ones.
//
//   dedicated:   opened ──▶ borrowed ──granted──▶ holding ──gives up the last──▶ idle ──▶ borrowed, or closed after a while
//                              └──── not granted ────────────────────────────▶ idle
//
// What is borrowed may wait at the server, and nothing else can be asked of it. What holds waits for nothing: it can be
// asked for further keys when the shared session cannot, because it has them.

import { type Timer, unref } from '../timers.js'
import type { ConnectionSettings } from './connection.js'
import { PostgresSession } from './session.js'
import type { LockStatements } from './statements.js'

/** How long a dedicated session is kept for the next waiter, in ms. */
const IDLE_MS = 10_000
/** How soon a connection is asked for again after the server had none left, in ms. */
const CONNECT_AGAIN_MS = 5000

export class SessionPool {
  readonly #connection: ConnectionSettings
  readonly #statements: LockStatements
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
  /** Dedicated sessions that hold something and wait for nothing. */
  readonly #holding = new Set<PostgresSession>()
  /** Wakes the callers that wait for a dedicated session, in order of arrival. */
  readonly #wanting = new Set<() => void>()
  /** Why the server opened no further connection, and when it said so. */
  #noConnection: unknown
  #refusedAt = Number.NEGATIVE_INFINITY

  constructor(connection: ConnectionSettings, statements: LockStatements, most: number) {
    this.#connection = connection
    this.#statements = statements
    this.#most = most
  }

  /** Why the server opened no further connection, when it was last asked for one. */
  get noConnection(): unknown {
    return this.#noConnection
  }

  /** The shared session, if it is open. */
  get ready(): PostgresSession | undefined {
    return this.#ready
  }

  async shared(): Promise<PostgresSession> {
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

  async closeAll(): Promise<void> {
    await this.#shared?.catch(() => {})
    await Promise.all([...this.#open].map(session => session.close('the lock was closed')))
  }

  /**
   * A session that may be asked for all of these keys and waits for nothing: the shared one, or one that holds other keys.
   * `undefined`: there is none now. What is returned must be asked in the same instant.
   */
  find(ids: readonly bigint[]): PostgresSession | undefined {
    const canTry = (session: PostgresSession) => ids.every(id => session.canTry(id))
    if (this.#ready !== undefined && canTry(this.#ready)) return this.#ready
    for (const session of this.#holding) if (session.isValid && canTry(session)) return session
    return undefined
  }

  /** Whether a dedicated session is there, or may be opened. */
  mayBorrow(): boolean {
    if (this.#idle.length > 0) return true
    return this.#dedicated < this.#most && performance.now() - this.#refusedAt > CONNECT_AGAIN_MS
  }

  /** A dedicated session that holds nothing, or none if there may be no more, or the server has no connection left. */
  async borrow(): Promise<PostgresSession | undefined> {
    if (!this.mayBorrow()) return undefined
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

  /** Something has been tried on this session, or given up: makes it idle if it is dedicated, waits and holds nothing. */
  settle(session: PostgresSession): void {
    if (this.#holding.has(session) && session.isEmpty) this.#makeIdle(session)
  }

  /** What was borrowed waits no more, whether or not it holds something. */
  giveBack(session: PostgresSession): void {
    if (!session.isValid) return
    this.#holding.add(session)
    this.settle(session)
  }

  /** Calls `wake` when a dedicated session may be had. */
  want(wake: () => void): void {
    this.#wanting.add(wake)
  }

  /** `wake` is not called any more. Returns whether it was called before. */
  unwant(wake: () => void): boolean {
    return !this.#wanting.delete(wake)
  }

  wakeNext(): void {
    const [wake] = this.#wanting
    if (wake === undefined) return
    this.#wanting.delete(wake)
    wake()
  }

  async #openSession(): Promise<PostgresSession> {
    const session = await PostgresSession.open(this.#connection, this.#statements)
    this.#open.add(session)
    session.validity.onLoss(() => this.#open.delete(session))
    return session
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

  #makeIdle(session: PostgresSession): void {
    this.#holding.delete(session)
    const timer = unref(setTimeout(() => void session.close('it was not needed any more'), IDLE_MS))
    this.#idle.push({ session, timer })
    this.wakeNext()
  }

  #lost(session: PostgresSession): void {
    this.#holding.delete(session)
    const at = this.#idle.findIndex(idle => idle.session === session)
    if (at >= 0) clearTimeout(this.#idle.splice(at, 1)[0]?.timer)
    this.#sessionLeft()
  }

  #sessionLeft(): void {
    this.#dedicated--
    this.wakeNext()
  }
}
