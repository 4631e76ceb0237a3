// Keyed locks in PostgreSQL: advisory locks on connections of the lock's own, or in the caller's transaction.
//
//   try on the shared session ──free──▶ held there, beside others
//        │ busy
//        ├── a dedicated session is free ──▶ wait in the server's queue ──▶ held there
//        └── all are in use ──▶ wait for one, or a while, and try again
//
// The shared session never waits for a lock: an unlock would stand behind it. A dedicated one waits for one key, and then
// holds it. What waits in the server's queue cannot be overtaken, since a key that is given up goes to its head at once.

import { LockTimeoutError, must } from '../core/errors.js'
import { type EngineOptions, type Guarantees, LockEngineError } from './contract.js'
import type { Grant } from './lease.js'
import { LocalFirstLock } from './local-first.js'
import { engineOptions, isWholeFrom, mustBe } from './options.js'
import type { Patience } from './patience.js'
import { type PostgresClient, PostgresSession } from './postgres-session.js'
import { sha256Start } from './sha256.js'
import { unref } from './trust.js'

export type { PostgresClient } from './postgres-session.js'

/** What a `PostgresLock` is made with. */
export interface PostgresLockOptions extends EngineOptions {
  /**
   * How many connections it opens at most: one that all share, and one for each key that is waited for. At least 2,
   * default 4. Beyond that, keys are tried again and again instead of standing in the server's queue.
   */
  connections?: number | undefined
  /** Instead of the hash, to see what happens when two keys meet. @internal */
  hash?: ((text: string) => bigint) | undefined
}

/** How long a dedicated session is kept for the next waiter, in ms. */
const IDLE = 10_000

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
export class PostgresLock extends LocalFirstLock<bigint> {
  readonly guarantees: Guarantees = { fifo: true, fencing: true, survives: ['crash', 'pause'] }
  readonly #connect: () => PostgresClient
  readonly #prefix: string
  readonly #lease: number
  readonly #hash: (text: string) => bigint
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
  readonly #idle: { session: PostgresSession; timer: ReturnType<typeof setTimeout> }[] = []
  /** Wakes those who wait for a dedicated session, in order of arrival. */
  readonly #wanting = new Set<() => void>()

  /**
   * @param connect makes a client that has not been connected, such as `() => new pg.Client(config)`. It must lead to the
   * server itself, not to a pooler. Do not lend it clients of the application's pool: who holds a lock would then starve
   * who needs a connection to get on.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(connect: () => PostgresClient, options?: PostgresLockOptions) {
    super('PostgresLock', options)
    must(typeof connect === 'function', this, 'connect', 'a function that makes a client', connect)
    const { namespace, lease } = engineOptions(this, options)
    const { connections = 4, hash = sha256Start } = options ?? {}
    mustBe(this, 'options.connections', 'a whole number >= 2', connections, isWholeFrom(2))
    this.#connect = connect
    this.#prefix = `${namespace}\0`
    this.#lease = lease
    this.#hash = hash
    this.#most = connections - 1
  }

  protected identify(key: string): bigint {
    return this.#hash(this.#prefix + key)
  }

  protected async take(id: bigint, patience: Patience | undefined): Promise<Grant | undefined> {
    for (let tries = 0; ; tries++) {
      const session = this.#ready ?? (await this.#sharedSession())
      const token = await session.tryLock(id)
      if (token !== undefined) return grant(session, id, token, () => {})
      if (patience === undefined || patience.ended) return undefined
      if (this.#idle.length > 0 || this.#dedicated < this.#most) return this.#queue(id, patience)
      await this.#waitForSession(patience, tries)
      if (patience.ended) return undefined
    }
  }

  protected async disconnect(): Promise<void> {
    await this.#shared?.catch(() => {})
    await Promise.all([...this.#open].map(session => session.close('the lock was closed')))
  }

  async #sharedSession(): Promise<PostgresSession> {
    this.#shared ??= this.#openSession().then(session => {
      this.#ready = session
      session.trust.onLoss(() => {
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
    const session = await PostgresSession.open(this.label, this.#lease, this.#connect)
    this.#open.add(session)
    session.trust.onLoss(() => this.#open.delete(session))
    return session
  }

  /** Waits in the server's queue, on a session that does nothing else. */
  async #queue(id: bigint, patience: Patience): Promise<Grant | undefined> {
    const session = await this.#borrow()
    const giveBack = () => this.#giveBack(session)
    if (patience.ended) {
      giveBack()
      return undefined
    }
    const waiting = session.lock(id)
    const stop = patience.onEnd(() => void this.#interrupt(session, waiting))
    try {
      const token = await waiting
      if (!patience.ended) return grant(session, id, token, giveBack)
    } catch (error) {
      if (!patience.ended) {
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
      for (let wait = 5; !over && session.good; wait *= 2) {
        const shared = await this.#sharedSession()
        await shared.cancel(session)
        let timer: ReturnType<typeof setTimeout> | undefined
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
      session.trust.onLoss(() => this.#lost(session))
      return session
    } catch (error) {
      this.#oneLess()
      throw error
    }
  }

  #lost(session: PostgresSession): void {
    const at = this.#idle.findIndex(idle => idle.session === session)
    if (at >= 0) clearTimeout(this.#idle.splice(at, 1)[0]?.timer)
    this.#oneLess()
  }

  #oneLess(): void {
    this.#dedicated--
    this.#wakeNext()
  }

  #giveBack(session: PostgresSession): void {
    if (!session.good) return
    const timer = unref(setTimeout(() => void session.close('it was not needed any more'), IDLE))
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
  async #waitForSession(patience: Patience, tries: number): Promise<void> {
    const most = Math.min(5 * 2 ** tries, 100)
    let wake = () => {}
    await patience.pause(most * (0.5 + Math.random() / 2), resolve => {
      wake = resolve
      this.#wanting.add(wake)
    })
    this.#wanting.delete(wake)
  }
}

function grant(session: PostgresSession, id: bigint, token: bigint, after: () => void): Grant {
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
  return { owner: session.owner, token, trust: session.trust, release }
}

/** What `lockInTransaction` needs: any client of `pg`, a pooled one included. */
export interface TransactionClient {
  /** Sends one statement. */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

/** How one call of `lockInTransaction` waits. */
export interface TransactionLockOptions {
  /** As in `PostgresLockOptions`: the same namespace and key exclude each other, whichever way they are locked. */
  namespace?: string | undefined
  /** How long to wait, in ms. `0` does not wait; `undefined` and `Infinity` wait for ever. */
  timeout?: number | undefined
  /** Instead of the hash, to see what happens when two keys meet. @internal */
  hash?: ((text: string) => bigint) | undefined
}

/**
 * Locks `key` until the caller's transaction ends: the strongest form there is, for who loses the lock loses the writes.
 * It works behind a pooler in transaction mode, and excludes holders of the same key of a `PostgresLock`.
 *
 * *Cancellation*: a timeout (ms) leaves the transaction as it was, to go on without the lock or to roll back. The wait
 * ends with the connection, too.
 *
 * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with `LockTimeoutError`, with a
 * `LockEngineError` if the client is in no transaction, or with what the client said.
 *
 * @example
 * ```ts no-run
 * import pg from 'pg'
 * import { lockInTransaction } from 'latchkey/postgres'
 *
 * const client = new pg.Client()
 * await client.query('begin')
 * await lockInTransaction(client, 'account 7', { timeout: 500 })
 * await client.query('update accounts set balance = balance - 10 where id = 7')
 * await client.query('commit') // and the key is free
 * ```
 */
export function lockInTransaction(
  client: TransactionClient,
  key: string,
  options?: TransactionLockOptions
): Promise<void> {
  const source = { label: 'lockInTransaction' }
  const isClient = typeof client === 'object' && client !== null && typeof client.query === 'function'
  must(isClient, source, 'client', 'a client with a query method', client)
  must(typeof key === 'string', source, 'key', 'a string', key)
  const { timeout = Infinity, hash = sha256Start } = options ?? {}
  must(typeof timeout === 'number' && timeout >= 0, source, 'options.timeout', 'a number of ms >= 0', timeout)
  const { namespace } = engineOptions(source, options as EngineOptions | undefined)
  return lockUnderSavepoint(client, key, hash(`${namespace}\0${key}`).toString(), timeout)
}

/** The server takes no longer timeout than this. */
const LONGEST_LOCK_TIMEOUT = 2 ** 31 - 1

/**
 * Under a savepoint, a statement that fails gives back what it took, and the transaction can go on. Outside of a
 * transaction a savepoint is refused, as it should be: the lock would be gone with the statement.
 */
async function lockUnderSavepoint(client: TransactionClient, key: string, id: string, timeout: number): Promise<void> {
  const label = `lockInTransaction key ${JSON.stringify(key)}`
  try {
    await client.query('savepoint latchkey')
  } catch (cause) {
    if ((cause as { code?: string }).code !== '25P01') throw cause
    throw new LockEngineError('ERR_ENGINE_FAILED', `${label}: the client is in no transaction. Send "begin" first`, {
      cause
    })
  }
  if (timeout === 0) {
    const { rows } = await client.query('select pg_try_advisory_xact_lock($1) as locked', [id])
    await client.query('release savepoint latchkey')
    if ((rows[0] as { locked: boolean }).locked) return
    throw new LockTimeoutError(`${label}: would have to wait, and timeout is 0 ms`)
  }
  const limited = timeout <= LONGEST_LOCK_TIMEOUT
  try {
    const before = limited ? await setLockTimeout(client, String(Math.max(1, Math.ceil(timeout)))) : ''
    await client.query('select pg_advisory_xact_lock($1)', [id])
    if (limited) await setLockTimeout(client, before)
    await client.query('release savepoint latchkey')
  } catch (error) {
    // If the connection is gone, this fails too; what failed first is what the caller should see.
    await client.query('rollback to savepoint latchkey').catch(() => {})
    await client.query('release savepoint latchkey').catch(() => {})
    if ((error as { code?: string }).code !== '55P03' || !limited) throw error
    throw Object.assign(new LockTimeoutError(`${label}: waited longer than ${timeout} ms`), { cause: error })
  }
}

/** For the rest of the transaction; returns what it was. */
async function setLockTimeout(client: TransactionClient, value: string): Promise<string> {
  const text = `with before as materialized (select current_setting('lock_timeout') as value)
    select value as before, set_config('lock_timeout', $1, true) from before`
  const { rows } = await client.query(text, [value])
  return (rows[0] as { before: string }).before
}
