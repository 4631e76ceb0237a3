// One connection of a PostgresLock, what it holds, and whether it can be relied on.
//
// Session-level advisory locks end with their session and only with it. So what a holder relies on is the session: every
// answer renews its validity, a heartbeat asks when no caller does, and when it is lost, so is all that it held.
//
// A session that holds a key is given it again in any mode, past all that wait for it. So it is never asked for a key
// that it holds, or is being asked for: `canTry` says so.

import { LockEngineError, type LockMode } from '../contract.js'
import { keepAlive } from '../keep-alive.js'
import { instant, type Validity } from '../validity.js'
import { type ConnectionSettings, closeClient, openConnection, type SessionInfo } from './connection.js'
import { codeOfLoss, explain } from './errors.js'
import { type GrantRow, type Hold, holdOf } from './hold.js'
import { StatementQueue, type Values } from './statement-queue.js'
import { CANCEL, HEARTBEAT, type LockStatements, type Statement, UNLOCK_ALL, UNLOCK_STRAYS } from './statements.js'

/** What is asked for in one statement with others. */
export interface Wanted {
  readonly id: bigint
  readonly mode: LockMode
}

/** A connection of the lock's own. */
export class PostgresSession {
  readonly #info: SessionInfo
  readonly #statements: LockStatements
  /** By number. Validity runs out only while there are some, or a query is open. */
  readonly #held = new Map<bigint, Hold>()
  /** Keys that it is being asked for. */
  readonly #asked = new Set<bigint>()
  /** How many statements that may take something are under way. */
  #attempts = 0
  /** Queries that should be answered soon. */
  #pending = 0
  readonly #queue: StatementQueue
  /** Stops the heartbeat, while there is one. */
  #stopHeartbeat: (() => void) | undefined

  private constructor(info: SessionInfo, statements: LockStatements) {
    this.#info = info
    this.#statements = statements
    this.#queue = new StatementQueue(info.client, info.validity, ({ id }) => this.#held.delete(id))
    info.validity.onLoss(() => this.#fail())
  }

  static async open(settings: ConnectionSettings, statements: LockStatements): Promise<PostgresSession> {
    return new PostgresSession(await openConnection(settings), statements)
  }

  get validity(): Validity {
    return this.#info.validity
  }

  get owner(): string {
    return this.#info.owner
  }

  /** Whether this can still be used. */
  get isValid(): boolean {
    return this.validity.isValid
  }

  /** Whether it holds nothing and is not being asked for anything. */
  get isEmpty(): boolean {
    return this.#held.size === 0 && this.#attempts === 0
  }

  /** Whether it may be asked for a key. For one more permit it always may: the statement leaves out those that it has. */
  canTry(id: bigint): boolean {
    return this.#statements.permits !== undefined || !(this.#held.has(id) || this.#asked.has(id))
  }

  /** Takes the key, or a permit of it, if it is free. Rejects with what an operator can read. */
  try(id: bigint, mode: LockMode): Promise<Hold | undefined> {
    const { permits, values } = this.#statements
    return this.#attempt([id], () => {
      if (permits !== undefined) return this.#askForPermit(permits.try, id)
      const statement = this.#statements.try[mode]
      return this.#ask(
        statement,
        () => [String(id), ...values],
        ([row]) => this.#keep(id, mode, row as GrantRow)
      )
    })
  }

  /** The same for several keys, each on its own, in one statement. No key comes twice. */
  tryEach(wanted: readonly Wanted[]): Promise<(Hold | undefined)[]> {
    const { permits, tryEach, values } = this.#statements
    const ids = wanted.map(({ id }) => id)
    return this.#attempt(ids, () => {
      const listed = ids.map(String)
      const modes = wanted.map(({ mode }) => String(mode === 'shared'))
      const ask = permits === undefined ? tryEach : permits.try
      const give = permits === undefined ? () => [listed, modes, ...values] : this.#permitValues(listed)
      return this.#ask(ask, give, rows => {
        const holds: (Hold | undefined)[] = wanted.map(() => undefined)
        for (const row of rows as GrantRow[]) {
          const at = Number(row.n) - 1
          const { id, mode } = wanted[at] as Wanted
          holds[at] = this.#keep(id, mode, row)
        }
        return holds
      })
    })
  }

  /** All keys, in this order, or none of them. */
  tryAll(ids: readonly bigint[], mode: LockMode): Promise<Hold[] | undefined> {
    const { permits, tryAll, values } = this.#statements
    if (permits !== undefined) return this.#tryAllPermits(ids, mode)
    return this.#attempt(ids, () =>
      this.#ask(
        tryAll[mode],
        () => [ids.map(String), ...values],
        rows => {
          const holds = (rows as GrantRow[]).map((row, i) => this.#keep(ids[i] as bigint, mode, row))
          return holds.length === ids.length && !holds.includes(undefined) ? (holds as Hold[]) : undefined
        }
      )
    )
  }

  async #tryAllPermits(ids: readonly bigint[], mode: LockMode): Promise<Hold[] | undefined> {
    const holds: Hold[] = []
    for (const id of ids) {
      const hold = await this.try(id, mode).catch(async error => {
        await this.#giveUp(holds)
        throw error
      })
      if (hold === undefined) {
        await this.#giveUp(holds)
        return undefined
      }
      holds.push(hold)
    }
    return holds
  }

  async #giveUp(holds: readonly Hold[]): Promise<void> {
    await Promise.all(holds.map(hold => this.unlock(hold))).catch(() => this.close('an unlock failed'))
  }

  /**
   * Waits for the key, or for the gate of its permits, for as long as it takes. Nothing else can be asked meanwhile.
   * Resolves to `undefined` if it has the gate and there is no permit: `look` then, until there is one.
   */
  async block(id: bigint, mode: LockMode): Promise<Hold | undefined> {
    const { permits, values } = this.#statements
    const { name, text } = permits === undefined ? this.#statements.block[mode] : permits.block
    const parameters = permits === undefined ? [String(id), ...values] : this.#permitValues([String(id)])()
    this.#attempts++
    try {
      const { rows } = await this.#info.client.query({ name, text, values: parameters })
      const hold = this.#keep(id, mode, rows[0] as GrantRow)
      // The answer has just come. When the question was asked says nothing here: the server may have kept it for hours.
      this.validity.renew(instant())
      this.#startHeartbeat()
      return hold
    } finally {
      this.#attempts--
    }
  }

  /** With the gate of a key: a permit if there is one. */
  async look(id: bigint): Promise<Hold | undefined> {
    const { permits } = this.#statements
    return permits && this.#askForPermit(permits.look, id)
  }

  /** Whether other processes hold permits that do not exist here: their capacity is greater. */
  async holdsBeyond(id: bigint): Promise<boolean> {
    const { permits } = this.#statements
    if (permits === undefined) return false
    const [row] = (await this.ask(permits.beyond, [String(id)])) as { beyond: string }[]
    return row?.beyond !== '0'
  }

  /** `false` if this session did not hold it. */
  unlock(hold: Hold): Promise<boolean> {
    return this.#timed(this.#queue.unlock(hold))
  }

  /**
   * After a lock statement that failed or was cancelled, which may hold the lock all the same: gives up whatever this
   * session has, or else ends it. A cancellation that comes late hits the first try.
   */
  async reconcile(): Promise<void> {
    try {
      await this.ask(UNLOCK_ALL).catch(() => this.ask(UNLOCK_ALL))
    } catch (cause) {
      this.validity.invalidate({ why: 'what a failed statement left could not be cleared away', cause })
    }
    this.#held.clear()
    this.#suspendIfIdle()
  }

  /** Ends the statement that `other` waits for. Without an effect if it does not wait. */
  async cancel(other: PostgresSession): Promise<void> {
    await this.ask(CANCEL, [other.#info.pid])
  }

  /** The rows of an answer. */
  ask(statement: Statement, values: Values = []): Promise<unknown[]> {
    return this.#ask(
      statement,
      () => values,
      rows => rows
    )
  }

  /** Ends the session, and with it all that it holds. Resolves when the connection is closed, in bounded time. */
  close(why: string): Promise<void> {
    this.validity.invalidate({ why })
    return closeClient(this.#info.client)
  }

  /** What went wrong, in words that say what to do. */
  explain(error: unknown): unknown {
    const { label, validity } = this.#info
    if (validity.loss === undefined) return explain(label, error)
    const text = `${label}: ${validity.loss.why} while the server was asked. Nothing is held there; ask again`
    return new LockEngineError(codeOfLoss(validity.loss.timedOut), text, { cause: validity.loss.cause ?? error })
  }

  /** Runs what may take these keys, and makes sure that nothing is left if it fails. */
  async #attempt<T>(ids: readonly bigint[], ask: () => Promise<T>): Promise<T> {
    for (const id of ids) this.#asked.add(id)
    this.#attempts++
    try {
      return await ask()
    } catch (error) {
      // The server may have granted it all the same: a client gives up, or an operator cancels, in any moment.
      await this.#unlockStrays()
      throw this.explain(error)
    } finally {
      this.#attempts--
      for (const id of ids) this.#asked.delete(id)
    }
  }

  #askForPermit(statement: Statement, id: bigint): Promise<Hold | undefined> {
    return this.#ask(statement, this.#permitValues([String(id)]), ([row]) =>
      this.#keep(id, 'exclusive', row as GrantRow)
    )
  }

  /** Begins anywhere, for most permits are taken where most processes begin; leaves out those that it has. */
  #permitValues(ids: string[]): () => Values {
    const { capacity } = this.#statements.permits ?? { capacity: 1 }
    return () => [ids, String(Math.floor(Math.random() * capacity)), [...this.#held.keys()].map(String)]
  }

  /** What a row grants, kept at once: before the next statement is made. */
  #keep(id: bigint, mode: LockMode, row: GrantRow): Hold | undefined {
    const hold = holdOf(id, mode, row)
    if (hold !== undefined) this.#held.set(hold.id, hold)
    return hold
  }

  /** Makes sure that this session holds nothing of which it does not know, at worst by ending the session. */
  async #unlockStrays(): Promise<void> {
    const known = () => [...this.#held.values()]
    const unlock = () =>
      this.#ask(
        UNLOCK_STRAYS,
        () => [known().map(({ id }) => String(id)), known().map(({ mark }) => String(mark))],
        () => {}
      )
    try {
      // A cancellation that comes late hits the first.
      await unlock().catch(unlock)
    } catch (cause) {
      this.validity.invalidate({ why: 'a lock without a holder could not be given back', cause })
    }
  }

  #ask<T>(statement: Statement, values: () => Values, read: (rows: unknown[]) => T): Promise<T> {
    return this.#timed(this.#queue.ask(statement, values, read))
  }

  /** Watches over the session until a query is answered. */
  async #timed<T>(answer: Promise<T>): Promise<T> {
    // The first query of an idle session: there is nothing to lose yet, and no answer may take forever.
    if (++this.#pending === 1 && this.#held.size === 0) this.validity.renewIfSuspended(instant())
    this.#startHeartbeat()
    try {
      return await answer
    } finally {
      this.#pending--
      this.#suspendIfIdle()
    }
  }

  /** The session is lost. */
  #fail(): void {
    this.#stopHeartbeat?.()
    this.#stopHeartbeat = undefined
    this.#queue.fail()
  }

  #suspendIfIdle(): boolean {
    const idle = this.#pending === 0 && this.#held.size === 0
    if (idle) this.validity.suspend()
    return idle
  }

  /** Asks for a sign of life now and then, for as long as there are holders or a query is open. */
  #startHeartbeat(): void {
    if (this.#stopHeartbeat !== undefined || this.validity.loss !== undefined) return
    const beat = async () => {
      if (this.#suspendIfIdle()) {
        // What is returned then is ignored.
        this.#stopHeartbeat?.()
        this.#stopHeartbeat = undefined
      } else await this.ask(HEARTBEAT)
      return true
    }
    this.#stopHeartbeat = keepAlive(this.validity, this.#info.lease, beat)
  }
}
