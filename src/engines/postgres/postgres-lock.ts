// Keyed locks in PostgreSQL: advisory locks on connections of the lock's own, or in the caller's transaction.
//
//   try on the shared session ──free──▶ held there, beside others
//        │ busy
//        ├── a dedicated session is free ──▶ wait in the server's queue ──▶ held there
//        └── all are in use ──▶ tried again and again, together with all such keys, until one is free
//
// The shared session never waits for a lock: an unlock would stand behind it. A dedicated one waits for one key, and then
// holds it. What waits in the server's queue cannot be overtaken, since a key that is given up goes to its head at once.
//
// A session that holds a key would be given it again, past all that wait. So where this object asks for a key that it holds
// (a second group of callers that share it, or one that waits behind them), it asks on another session.

import { check } from '../../core/arguments.js'
import { type EngineOptions, type Guarantees, type KeyHolder, LockEngineError, type LockMode } from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import type { EngineGrant } from '../lease.js'
import { engineOptions, isWholeFrom, mustBe, sourceOf } from '../options.js'
import type { Wait } from '../wait.js'
import type { PostgresClient } from './connection.js'
import { noAnswer } from './errors.js'
import type { Hold } from './hold.js'
import { holderOf, type InspectedRow } from './inspect.js'
import { keyIdOf } from './key-id.js'
import { applicationOf, isOwner } from './owner.js'
import { Poller } from './poller.js'
import { ServerQueue } from './server-queue.js'
import type { PostgresSession } from './session.js'
import { SessionPool } from './session-pool.js'
import { INSPECT, lockStatements, MOST_PERMITS } from './statements.js'

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
   * takes two places in the lock table, which all users of the server share (docs/distributed/operations.md). Default `1000`.
   */
  maxKeys?: number | undefined
  /**
   * Draws fencing tokens from this sequence instead of the server's clock: for servers whose clock may be set back
   * (docs/distributed/fencing.md). It must exist, and the user needs `USAGE` on it.
   */
  tokenSequence?: string | undefined
}

const isCapacity = (value: unknown): boolean => isWholeFrom(1)(value) && (value as number) <= MOST_PERMITS
const isName = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.includes('\0')

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
  readonly guarantees: Guarantees
  readonly #label: string
  readonly #namespace: string
  /** What holders are called, if the user said so. */
  readonly #owner: string | undefined
  /** Whether the tokens of other holders can be seen: they are the moments of their grants. */
  readonly #showsTokens: boolean
  readonly #sessions: SessionPool
  readonly #queue: ServerQueue
  readonly #poller: Poller
  readonly #maxKeys: number
  /** How many keys are held or waited for at the server. */
  #keys = 0

  /**
   * @param connect makes a client that has not been connected, such as `() => new pg.Client(config)`. It must lead to the
   * server itself, not to a pooler. Do not lend it clients of the application's pool: a holder of a lock would then starve
   * a query that needs a connection to get on.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(connect: () => PostgresClient, options?: PostgresLockOptions) {
    super(KIND, options, { modes: ['exclusive', 'shared'], capacity: true })
    const source = sourceOf(KIND, options)
    check(typeof connect === 'function', source, 'connect', 'a function that makes a client', connect)
    const { namespace, lease } = engineOptions(source, options)
    const { connections = 4, maxKeys = 1000, tokenSequence, owner, capacity = 1 } = options ?? {}
    mustBe(source, 'options.connections', 'a whole number >= 2', connections, isWholeFrom(2))
    mustBe(source, 'options.maxKeys', 'a whole number >= 1', maxKeys, isWholeFrom(1))
    mustBe(source, 'options.tokenSequence', 'the name of a sequence', tokenSequence, isName)
    mustBe(
      source,
      'options.owner',
      'a name that takes 1 to 54 bytes (other than ASCII: three for each)',
      owner,
      isOwner
    )
    mustBe(source, 'options.capacity', `a whole number from 1 to ${MOST_PERMITS}`, capacity, isCapacity)
    const statements = lockStatements(tokenSequence, capacity)
    const application = owner === undefined ? undefined : applicationOf(owner)
    const sessions = new SessionPool({ label: source, lease, connect, application }, statements, connections - 1)
    this.guarantees = { fifo: true, fencing: capacity === 1, survives: ['crash', 'pause'] }
    this.#label = source
    this.#namespace = namespace
    this.#owner = owner
    this.#showsTokens = capacity === 1 && tokenSequence === undefined
    this.#maxKeys = maxKeys
    this.#sessions = sessions
    this.#queue = new ServerQueue({ lease, shared: () => sessions.shared() })
    this.#poller = new Poller({
      connect: () => sessions.shared(),
      find: id => sessions.find([id]),
      settle: session => sessions.settle(session)
    })
  }

  protected keyId(key: string): bigint {
    return keyIdOf(this.#namespace, key)
  }

  protected async acquireKey(id: bigint, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined> {
    this.#reserve(1)
    let granted: EngineGrant | undefined
    try {
      granted = await this.#acquire(id, wait, mode)
    } finally {
      if (granted === undefined) this.#keys--
    }
    return granted
  }

  protected override async acquireKeys(
    ids: readonly bigint[],
    mode: LockMode
  ): Promise<readonly EngineGrant[] | undefined> {
    this.#reserve(ids.length)
    let granted: EngineGrant[] | undefined
    try {
      granted = await this.#tryOnOne(ids, async session => {
        const holds = await session.tryAll(ids, mode)
        return holds?.map((hold, i) => this.#grant(session, ids[i] as bigint, hold))
      })
    } finally {
      if (granted === undefined) this.#keys -= ids.length
    }
    return granted
  }

  protected override async inspectKey(id: bigint): Promise<readonly KeyHolder[]> {
    const session = this.#sessions.ready ?? (await this.#sessions.shared())
    try {
      const rows = (await session.ask(INSPECT, [String(id)])) as InspectedRow[]
      const holders = rows.map(row => holderOf(row, this.#showsTokens))
      return holders.sort((a, b) => a.since.getTime() - b.since.getTime())
    } catch (error) {
      throw session.explain(error)
    }
  }

  protected disconnect(): Promise<void> {
    return this.#sessions.closeAll()
  }

  async #acquire(id: bigint, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined> {
    let isAnswered = false
    let diagnosis: unknown
    if (wait === undefined)
      return this.#tryOnOne([id], async session => {
        const hold = await session.try(id, mode)
        return hold && this.#grant(session, id, hold)
      })
    wait.diagnosis = () => (isAnswered ? (diagnosis ?? this.#sessions.noConnection) : noAnswer(this.#label))
    if (this.#sessions.ready === undefined) await this.#sessions.shared()
    const session = this.#sessions.find([id])
    if (session !== undefined) {
      const hold = await this.#settled(session, session.try(id, mode))
      if (hold !== undefined) return this.#grant(session, id, hold)
    }
    isAnswered = true
    while (!wait.ended) {
      const dedicated = await this.#sessions.borrow()
      if (dedicated !== undefined) {
        const tell = (reason: unknown) => {
          diagnosis = reason
        }
        const hold = await this.#queue
          .acquire(dedicated, id, mode, wait, tell)
          .finally(() => this.#sessions.giveBack(dedicated))
        return hold && this.#grant(dedicated, id, hold)
      }
      const granted = await this.#pollUntilBorrow(id, mode, wait)
      if (granted !== undefined) return granted
    }
    return undefined
  }

  /** Without waiting: on the shared session, or on another if that has one of the keys. `undefined` if there is none. */
  async #tryOnOne<T>(ids: readonly bigint[], run: (session: PostgresSession) => Promise<T>): Promise<T | undefined> {
    if (this.#sessions.ready === undefined) await this.#sessions.shared()
    const session = this.#sessions.find(ids)
    if (session !== undefined) return this.#settled(session, run(session))
    const dedicated = await this.#sessions.borrow()
    return dedicated && run(dedicated).finally(() => this.#sessions.giveBack(dedicated))
  }

  async #settled<T>(session: PostgresSession, answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } finally {
      this.#sessions.settle(session)
    }
  }

  /** Tries a key with all others that have no session, until it is taken or a dedicated session may be had. */
  async #pollUntilBorrow(id: bigint, mode: LockMode, wait: Wait): Promise<EngineGrant | undefined> {
    let wake = () => {}
    const result = await this.#poller.poll(id, mode, wait, interrupt => {
      wake = interrupt
      this.#sessions.want(wake)
    })
    // One that was woken and does not go on leaves the session to the next.
    if (this.#sessions.unwant(wake) && (result !== 'interrupted' || wait.ended)) this.#sessions.wakeNext()
    return result === 'interrupted' ? undefined : this.#grant(result.session, id, result.hold)
  }

  #grant(session: PostgresSession, id: bigint, hold: Hold): EngineGrant {
    const release = async () => {
      try {
        return await session.unlock(hold)
      } catch (error) {
        void session.close('an unlock failed')
        throw error
      } finally {
        this.#keys--
        this.#sessions.settle(session)
        this.#queue.permitFreed(id)
      }
    }
    return { owner: this.#owner ?? session.owner, token: hold.token, validity: session.validity, release }
  }

  #reserve(keys: number): void {
    if (this.#keys + keys > this.#maxKeys) throw this.#tooManyKeys()
    this.#keys += keys
  }

  #tooManyKeys(): LockEngineError {
    return new LockEngineError(
      'ERR_ENGINE_TOO_MANY_KEYS',
      `${this.#label}: ${this.#maxKeys} keys are held or waited for here, which is options.maxKeys. Each takes a ` +
        "places in the server's lock table, which all its users share. Do keys come from outside, or are leases not released?"
    )
  }
}
