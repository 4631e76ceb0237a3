// One connection of a PostgresLock, and whether it can be trusted.
//
// Session-level advisory locks end with their session and only with it. So what a holder relies on is the session: every
// answer renews the trust in it, a heartbeat asks when nobody else does, and when it is lost, so is all that it held.

import { LockEngineError } from './contract.js'
import { instant, Trust, unref } from './trust.js'

/**
 * What is needed of a connection: a `Client` of `pg` that has not been connected fits. It is the lock's own from then on.
 */
export interface PostgresClient {
  /** Opens the connection. */
  connect(): Promise<unknown>
  /** Sends one statement, prepared under its name if it has one. */
  query(query: { name?: string; text: string; values?: unknown[] }): Promise<{ rows: unknown[] }>
  /** Closes the connection. */
  end(): Promise<unknown>
  /** Tells that the connection broke. */
  on(event: 'error', listener: (error: Error) => void): unknown
  /** Tells that the connection is closed. */
  on(event: 'end', listener: () => void): unknown
  /** A pool has this. Its statements go to any connection, so it cannot hold a lock. */
  readonly totalCount?: never
}

const TRY = {
  name: 'latchkey-try',
  // The order is what makes the number a fencing token: it is drawn when the lock is ours, so after every earlier holder's.
  text: 'select case when pg_try_advisory_lock($1) then pg_current_xact_id()::text end as token'
}
const BLOCK = {
  name: 'latchkey-block',
  text: "select case when pg_advisory_lock($1)::text = '' then pg_current_xact_id()::text end as token"
}
const UNLOCK = { name: 'latchkey-unlock', text: 'select pg_advisory_unlock($1) as unlocked' }
/**
 * Keys are given up together, but tried one by one: a statement has one transaction number, so a key that was taken late
 * in it could have a smaller token than a holder in between.
 */
const UNLOCK_MANY = {
  name: 'latchkey-unlock-many',
  text: `select n::int, pg_advisory_unlock(id) as unlocked
    from unnest($1::bigint[]) with ordinality as held(id, n)`
}
const CANCEL = { name: 'latchkey-cancel', text: 'select pg_cancel_backend($1)' }
const UNLOCK_ALL = { name: 'latchkey-unlock-all', text: 'select pg_advisory_unlock_all()' }
const BEAT = { name: 'latchkey-beat', text: 'select 1' }

const WHO = {
  text: `select pg_backend_pid() as pid, pg_is_in_recovery() as replica,
    current_setting('application_name') as application`
}
/** What the user's own settings must not do to a session that waits and holds. Old servers lack some of these. */
const SETTINGS = {
  text: `select set_config(name, '0', false) from pg_settings
    where name in ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'transaction_timeout')`
}
/** So that the server notices a client that died while it waited, and gives up its place. Some platforms cannot. */
const NOTICE_THE_DEAD = { text: "set client_connection_check_interval = '1s'" }

/** A statement that waits for its turn. */
interface Question {
  readonly query: { name: string; text: string; values?: unknown[] }
  readonly resolve: (rows: unknown[]) => void
  readonly reject: (error: unknown) => void
}

/** What a session is made of. */
interface Introduction {
  readonly label: string
  readonly lease: number
  readonly client: PostgresClient
  readonly trust: Trust
  readonly pid: number
  readonly owner: string
}

/** A connection of the lock's own. @internal */
export class PostgresSession {
  readonly #made: Introduction
  /** How many keys are held here, or about to be. Trust is spent only while there are some, or a question is open. */
  #holders = 0
  /** Questions that should be answered soon. */
  #pending = 0
  /** Those of them that have not been sent: a connection answers one at a time. */
  readonly #line: Question[] = []
  /** Keys that wait to be given up. They go first and together: whoever is next waits for them. */
  readonly #unlocks: { id: bigint; resolve: (unlocked: boolean) => void; reject: (error: unknown) => void }[] = []
  #busy = false
  #beat: ReturnType<typeof setInterval> | undefined

  private constructor(made: Introduction) {
    this.#made = made
    made.trust.onLoss(() => this.#fall())
  }

  /** Connects, and refuses what cannot keep a session-level lock. */
  static async open(label: string, lease: number, connect: () => PostgresClient): Promise<PostgresSession> {
    const client = connect()
    const trust = new Trust(lease)
    // At once, and for good: a client without a listener ends the process when its connection breaks.
    client.on('error', cause => trust.lose({ why: `the connection broke (${cause.message})`, cause }))
    client.on('end', () => trust.lose({ why: 'the connection was closed' }))
    const failed = new Promise<never>((_, reject) => {
      trust.onLoss(({ why, cause, silent }) =>
        reject(new LockEngineError(codeOf(silent), `${label}: ${why} while it was connected to`, { cause }))
      )
    })
    failed.catch(() => {})
    trust.renew(instant())
    try {
      const session = new PostgresSession(await Promise.race([introduce(label, lease, client, trust), failed]))
      trust.onLoss(() => void hangUp(client))
      return session
    } catch (error) {
      void hangUp(client)
      throw explain(label, error)
    }
  }

  get trust(): Trust {
    return this.#made.trust
  }

  get owner(): string {
    return this.#made.owner
  }

  /** Whether this can still be used. */
  get good(): boolean {
    return this.trust.good
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
      if (token == null) this.#oneLess()
    }
    return token == null ? undefined : BigInt(token)
  }

  /** Waits for the lock, for as long as it takes. Nothing else can be asked meanwhile. */
  async lock(id: bigint): Promise<bigint> {
    const { rows } = await this.#made.client.query({ ...BLOCK, values: [id.toString()] })
    this.#holders++
    // The answer has just come. When the question was asked says nothing here: the server may have kept it for hours.
    this.trust.renew(instant())
    this.#watch()
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
      this.#oneLess()
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
      this.trust.lose({ why: 'what a failed statement left could not be cleared away', cause })
    }
    this.#holders = 0
    this.#restIfIdle()
  }

  /** Ends the statement that `other` waits for. Without an effect if it does not wait. */
  async cancel(other: PostgresSession): Promise<void> {
    await this.#ask(CANCEL, other.#made.pid)
  }

  /** Ends the session, and with it all that it holds. Resolves when the connection is closed, in bounded time. */
  close(why: string): Promise<void> {
    this.trust.lose({ why })
    return hangUp(this.#made.client)
  }

  /** What went wrong, in words that say what to do. */
  explain(error: unknown): unknown {
    const { label, trust } = this.#made
    if (trust.loss === undefined) return explain(label, error)
    const text = `${label}: ${trust.loss.why} while the server was asked. Nothing is held there; ask again`
    return new LockEngineError(codeOf(trust.loss.silent), text, { cause: trust.loss.cause ?? error })
  }

  #ask(question: { name: string; text: string }, value?: bigint | number): Promise<unknown[]> {
    const { name, text } = question
    const query = { name, text, values: value === undefined ? [] : [value.toString()] }
    return this.#timed(
      new Promise((resolve, reject) => {
        this.#line.push({ query, resolve, reject })
        this.#send()
      })
    )
  }

  /** Watches over the session until a question is answered. */
  async #timed<T>(answer: Promise<T>): Promise<T> {
    // The first question of an idle session: there is nothing to lose yet, and no answer may take for ever.
    if (++this.#pending === 1 && this.#holders <= 1) this.trust.renewIfResting(instant())
    this.#watch()
    try {
      return await answer
    } finally {
      this.#pending--
      this.#restIfIdle()
    }
  }

  /** Sends what is next, unless an answer is still to come. */
  #send(): void {
    if (this.#busy) return
    if (this.trust.loss !== undefined) {
      this.#fall()
      return
    }
    const unlocks = this.#unlocks.splice(0)
    const next = unlocks.length > 0 ? unlockAll(unlocks) : this.#line.shift()
    if (next === undefined) return
    this.#busy = true
    const asked = instant()
    const go = () => {
      this.#busy = false
      this.#send()
    }
    this.#made.client.query(next.query).then(
      ({ rows }) => {
        this.trust.renew(asked)
        next.resolve(rows)
        go()
      },
      error => {
        next.reject(error)
        go()
      }
    )
  }

  /** The session is lost: what was not sent never will be. */
  #fall(): void {
    clearInterval(this.#beat)
    this.#beat = undefined
    const { loss } = this.trust
    for (const { reject } of [...this.#unlocks.splice(0), ...this.#line.splice(0)]) reject(new Error(loss?.why))
  }

  #oneLess(): void {
    this.#holders--
    this.#restIfIdle()
  }

  #restIfIdle(): boolean {
    const idle = this.#pending === 0 && this.#holders === 0
    if (idle) this.trust.rest()
    return idle
  }

  /** Asks for a sign of life now and then, for as long as somebody holds or waits for an answer. */
  #watch(): void {
    if (this.#beat !== undefined || this.trust.loss !== undefined) return
    const beat = () => {
      if (this.#restIfIdle()) {
        clearInterval(this.#beat)
        this.#beat = undefined
      } else if (this.#pending === 0) this.#ask(BEAT).catch(() => {})
    }
    this.#beat = unref(setInterval(beat, this.#made.lease / 3))
  }
}

const codeOf = (silent = false) => (silent ? 'ERR_ENGINE_SILENT' : 'ERR_ENGINE_FAILED')

function unlockAll(
  unlocks: { id: bigint; resolve: (unlocked: boolean) => void; reject: (error: unknown) => void }[]
): Question {
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

async function introduce(label: string, lease: number, client: PostgresClient, trust: Trust): Promise<Introduction> {
  if ('totalCount' in client)
    throw new LockEngineError(
      'ERR_ENGINE_POOLER',
      `${label}: this is a Pool. Its statements go to any of its connections; make a Client instead`
    )
  await client.connect()
  const { rows } = await client.query(WHO)
  const { pid, replica, application } = rows[0] as { pid: number; replica: boolean; application: string }
  const { processID } = client as { processID?: unknown }
  if (processID !== pid)
    throw new LockEngineError(
      'ERR_ENGINE_POOLER',
      `${label}: this is a pooler, not the server (the client was told process ${processID}, the server is ${pid}). ` +
        'In transaction mode two clients would hold one lock. Connect to the server itself, or use lockInTransaction(), ' +
        'which works behind a pooler'
    )
  if (replica)
    throw new LockEngineError(
      'ERR_ENGINE_REPLICA',
      `${label}: this server is a replica, and its locks exclude nobody on the primary. Connect to the primary ` +
        '(for example with target_session_attrs=read-write)'
    )
  await client.query(SETTINGS)
  await client.query(NOTICE_THE_DEAD).catch(() => {})
  trust.rest()
  return { label, lease, client, trust, pid, owner: `${application || 'latchkey'}, server process ${pid}` }
}

/** For how long a server is given to take its leave, in ms. */
const LEAVE = 1000

/** Ends a connection whether or not the other side answers. A second call waits for the same end. */
async function hangUp(client: PostgresClient): Promise<void> {
  // pg waits for the server to hang up in turn. One that hangs would keep the socket, and the socket the process.
  const { connection } = client as { connection?: { stream?: { destroy?(): void } } }
  let timer: ReturnType<typeof setTimeout> | undefined
  const giveUp = new Promise<void>(resolve => {
    timer = setTimeout(() => {
      connection?.stream?.destroy?.()
      resolve()
    }, LEAVE)
  })
  try {
    await Promise.race([client.end(), giveUp])
  } catch {
    // It is closed, or has never been open.
  }
  clearTimeout(timer)
}

function explain(label: string, error: unknown): unknown {
  if (error instanceof LockEngineError) return error
  const { code, message } = error as { code?: string; message?: string }
  if (code === '53300')
    return new LockEngineError(
      'ERR_ENGINE_TOO_MANY_CONNECTIONS',
      `${label}: the server has too many connections (${message}). Lower options.connections of the locks, the sizes of ` +
        'the pools beside them, or raise max_connections',
      { cause: error }
    )
  return new LockEngineError('ERR_ENGINE_FAILED', `${label}: the server could not be asked (${message})`, {
    cause: error
  })
}
