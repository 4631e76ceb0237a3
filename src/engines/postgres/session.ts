// One connection of a PostgresLock, and whether it can be relied on.
//
// Session-level advisory locks end with their session and only with it. So what a holder relies on is the session: every
// answer renews its validity, a heartbeat asks when no caller does, and when it is lost, so is all that it held.

import { LockEngineError } from '../contract.js'
import { keepAlive } from '../keep-alive.js'
import { instant, type Validity } from '../validity.js'
import { closeClient, openConnection, type PostgresClient, type SessionInfo } from './connection.js'
import { codeOfLoss, explain } from './errors.js'
import { BLOCK, CANCEL, HEARTBEAT, type Statement, TRY, UNLOCK, UNLOCK_ALL, UNLOCK_MANY } from './statements.js'

/** A statement that waits until the connection is free: it answers one at a time. */
interface QueuedQuery {
  readonly query: { name: string; text: string; values?: unknown[] }
  readonly resolve: (rows: unknown[]) => void
  readonly reject: (error: unknown) => void
}

/** A key that waits to be given up. */
interface QueuedUnlock {
  readonly id: bigint
  readonly resolve: (unlocked: boolean) => void
  readonly reject: (error: unknown) => void
}

/** A connection of the lock's own. */
export class PostgresSession {
  readonly #info: SessionInfo
  /** How many keys are held here, or about to be. Validity runs out only while there are some, or a query is open. */
  #holders = 0
  /** Queries that should be answered soon. */
  #pending = 0
  /** Those of them that have not been sent. */
  readonly #queue: QueuedQuery[] = []
  /** These go first and together: the next holder waits for them. */
  readonly #unlocks: QueuedUnlock[] = []
  #busy = false
  /** Stops the heartbeat, while there is one. */
  #stopHeartbeat: (() => void) | undefined

  private constructor(info: SessionInfo) {
    this.#info = info
    info.validity.onLoss(() => this.#fail())
  }

  static async open(label: string, lease: number, connect: () => PostgresClient): Promise<PostgresSession> {
    return new PostgresSession(await openConnection(label, lease, connect))
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

  /** Takes the lock if it is free: its token. Rejects with what an operator can read. */
  async tryLock(id: bigint): Promise<bigint | undefined> {
    this.#holders++
    let token: string | null | undefined
    try {
      const [row] = (await this.#ask(TRY, id)) as { token: string | null }[]
      token = row?.token
    } catch (error) {
      throw this.explain(error)
    } finally {
      if (token == null) this.#holderLeft()
    }
    return token == null ? undefined : BigInt(token)
  }

  /** Waits for the lock, for as long as it takes. Nothing else can be asked meanwhile. */
  async lock(id: bigint): Promise<bigint> {
    const { rows } = await this.#info.client.query({ ...BLOCK, values: [id.toString()] })
    this.#holders++
    // The answer has just come. When the question was asked says nothing here: the server may have kept it for hours.
    this.validity.renew(instant())
    this.#startHeartbeat()
    return BigInt((rows[0] as { token: string }).token)
  }

  /** `false` if this session did not hold it. */
  async unlock(id: bigint): Promise<boolean> {
    try {
      return await this.#timed(
        new Promise((resolve, reject) => {
          this.#unlocks.push({ id, resolve, reject })
          this.#send()
        })
      )
    } finally {
      this.#holderLeft()
    }
  }

  /**
   * After a lock statement that failed or was cancelled, which may hold the lock all the same: gives up whatever this
   * session has, or else ends it. A cancellation that comes late hits the first try.
   */
  async reconcile(): Promise<void> {
    try {
      await this.#ask(UNLOCK_ALL).catch(() => this.#ask(UNLOCK_ALL))
    } catch (cause) {
      this.validity.invalidate({ why: 'what a failed statement left could not be cleared away', cause })
    }
    this.#holders = 0
    this.#suspendIfIdle()
  }

  /** Ends the statement that `other` waits for. Without an effect if it does not wait. */
  async cancel(other: PostgresSession): Promise<void> {
    await this.#ask(CANCEL, other.#info.pid)
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

  #ask({ name, text }: Statement, value?: bigint | number): Promise<unknown[]> {
    const query = { name, text, values: value === undefined ? [] : [value.toString()] }
    return this.#timed(
      new Promise((resolve, reject) => {
        this.#queue.push({ query, resolve, reject })
        this.#send()
      })
    )
  }

  /** Watches over the session until a query is answered. */
  async #timed<T>(answer: Promise<T>): Promise<T> {
    // The first query of an idle session: there is nothing to lose yet, and no answer may take forever.
    if (++this.#pending === 1 && this.#holders <= 1) this.validity.renewIfSuspended(instant())
    this.#startHeartbeat()
    try {
      return await answer
    } finally {
      this.#pending--
      this.#suspendIfIdle()
    }
  }

  /** Sends what is next, unless an answer is still to come. */
  #send(): void {
    if (this.#busy) return
    if (this.validity.loss !== undefined) {
      this.#fail()
      return
    }
    const unlocks = this.#unlocks.splice(0)
    const next = unlocks.length > 0 ? unlockAll(unlocks) : this.#queue.shift()
    if (next === undefined) return
    this.#busy = true
    const asked = instant()
    const done = () => {
      this.#busy = false
      this.#send()
    }
    this.#info.client.query(next.query).then(
      ({ rows }) => {
        this.validity.renew(asked)
        next.resolve(rows)
        done()
      },
      error => {
        next.reject(error)
        done()
      }
    )
  }

  /** The session is lost: what was not sent never will be. */
  #fail(): void {
    this.#stopHeartbeat?.()
    this.#stopHeartbeat = undefined
    const { loss } = this.validity
    for (const { reject } of [...this.#unlocks.splice(0), ...this.#queue.splice(0)]) reject(new Error(loss?.why))
  }

  #holderLeft(): void {
    this.#holders--
    this.#suspendIfIdle()
  }

  #suspendIfIdle(): boolean {
    const idle = this.#pending === 0 && this.#holders === 0
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
      } else await this.#ask(HEARTBEAT)
      return true
    }
    this.#stopHeartbeat = keepAlive(this.validity, this.#info.lease, beat)
  }
}

function unlockAll(unlocks: QueuedUnlock[]): QueuedQuery {
  const ids = unlocks.map(({ id }) => id.toString())
  const alone = ids.length === 1
  const { name, text } = alone ? UNLOCK : UNLOCK_MANY
  const query = { name, text, values: alone ? ids : [ids] }
  return {
    query,
    resolve(rows) {
      for (const [i, row] of (rows as { n?: number; unlocked: boolean }[]).entries())
        unlocks[row.n === undefined ? i : row.n - 1]?.resolve(row.unlocked)
    },
    reject(error) {
      for (const { reject } of unlocks) reject(error)
    }
  }
}
