// Keyed locks in the caller's own transaction.

import { check } from '../../core/arguments.js'
import { LockTimeoutError } from '../../core/errors.js'
import { KeyedMutex } from '../../core/keyed-mutex.js'
import { type EngineOptions, LockEngineError, type LockMode } from '../contract.js'
import { engineOptions, mustBe, showKey } from '../options.js'
import { keyIdOf } from './key-id.js'

/** What `lockInTransaction` needs: any client of `pg`, a pooled one included. */
export interface TransactionClient {
  /** Sends one statement. */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

/** How one call of `lockInTransaction` waits. */
export interface TransactionLockOptions {
  /** As in `PostgresLockOptions`: the same namespace and key exclude each other, whichever way they are locked. */
  namespace?: string | undefined
  /**
   * Whether to hold the key alone or to share it with others that do. Default `'exclusive'`. A transaction that shares a key
   * and then asks for it alone waits for the others: if two do so, the server ends one.
   */
  mode?: LockMode | undefined
  /** How long to wait, in ms. `0` does not wait; `undefined` and `Infinity` wait forever. */
  timeout?: number | undefined
}

/**
 * Locks `key` until the caller's transaction ends: the strongest form there is, as a holder that loses the lock loses its writes.
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
  const source = 'lockInTransaction'
  const isClient = typeof client === 'object' && client !== null && typeof client.query === 'function'
  check(isClient, source, 'client', 'a client with a query method', client)
  check(typeof key === 'string', source, 'key', 'a string', key)
  const { timeout = Infinity, mode = 'exclusive' } = options ?? {}
  check(typeof timeout === 'number' && timeout >= 0, source, 'options.timeout', 'a number of ms >= 0', timeout)
  mustBe(source, 'options.mode', "'exclusive' or 'shared'", mode, mode => mode === 'exclusive' || mode === 'shared')
  const label = `lockInTransaction key ${showKey(key)}`
  const { namespace } = engineOptions(source, options as EngineOptions | undefined)
  const suffix = mode === 'shared' ? '_shared' : ''
  const request: Request = { label, id: keyIdOf(namespace, key).toString(), suffix, timeout }
  return oneAtATime(client, label, timeout, left => lockUnderSavepoint(client, request, left))
}

interface Request {
  readonly label: string
  readonly id: string
  /** What the mode adds to the names of the functions of the server. */
  readonly suffix: '' | '_shared'
  /** That of the call, in ms. */
  readonly timeout: number
}

const clients = new KeyedMutex<TransactionClient>()

/**
 * Two calls on one client share its transaction: where the savepoints of both overlap, the first that ends takes away what
 * the other has locked. `run` is given how much of the timeout is left, in ms.
 */
async function oneAtATime(
  client: TransactionClient,
  label: string,
  timeout: number,
  run: (left: number) => Promise<void>
): Promise<void> {
  const since = performance.now()
  const turn = clients.tryAcquire(client) ?? (await clients.acquire(client, { timeout }).catch(waitedTooLong))
  try {
    await run(Math.max(0, timeout - (performance.now() - since)))
  } finally {
    turn.release()
  }

  function waitedTooLong(cause: unknown): never {
    const text = timeout === 0 ? 'would have to wait, and timeout is 0 ms' : `waited longer than ${timeout} ms`
    throw Object.assign(new LockTimeoutError(`${label}: ${text} (another call on this client is waiting)`), { cause })
  }
}

/** The server takes no longer timeout than this. */
const LONGEST_LOCK_TIMEOUT = 2 ** 31 - 1

/**
 * Under a savepoint, a statement that fails gives back what it took, and the transaction can go on. Outside of a
 * transaction a savepoint is refused, as it should be: the lock would be gone with the statement.
 */
async function lockUnderSavepoint(
  client: TransactionClient,
  { label, id, suffix, timeout }: Request,
  left: number
): Promise<void> {
  try {
    await client.query('savepoint latchkey')
  } catch (cause) {
    if (!hasState(cause, '25P01')) throw cause
    throw new LockEngineError('ERR_ENGINE_FAILED', `${label}: the client is in no transaction. Send "begin" first`, {
      cause
    })
  }
  if (timeout === 0) {
    const { rows } = await client.query(`select pg_try_advisory_xact_lock${suffix}($1::text::bigint)::text as locked`, [
      id
    ])
    await client.query('release savepoint latchkey')
    if ((rows[0] as { locked: string }).locked === 'true') return
    throw new LockTimeoutError(`${label}: would have to wait, and timeout is 0 ms`)
  }
  const limited = left <= LONGEST_LOCK_TIMEOUT
  try {
    const before = limited ? await setLockTimeout(client, String(Math.max(1, Math.ceil(left)))) : ''
    await client.query(`select pg_advisory_xact_lock${suffix}($1::text::bigint)::text as locked`, [id])
    if (limited) await setLockTimeout(client, before)
    await client.query('release savepoint latchkey')
  } catch (error) {
    // If the connection is gone, this fails too; what failed first is what the caller should see.
    await client.query('rollback to savepoint latchkey').catch(() => {})
    await client.query('release savepoint latchkey').catch(() => {})
    if (!hasState(error, '55P03') || !limited) throw error
    throw Object.assign(new LockTimeoutError(`${label}: waited longer than ${timeout} ms`), { cause: error })
  }
}

/** Whether the server said this: in the error, in its cause (Drizzle), or in what Prisma keeps of it. */
function hasState(error: unknown, state: string): boolean {
  const { code, cause, meta } = (error ?? {}) as { code?: unknown; cause?: unknown; meta?: { code?: unknown } }
  return code === state || meta?.code === state || (cause !== undefined && hasState(cause, state))
}

/** For the rest of the transaction; returns what it was. */
async function setLockTimeout(client: TransactionClient, value: string): Promise<string> {
  const text = `with before as materialized (select current_setting('lock_timeout') as value)
    select value as before, set_config('lock_timeout', $1, true) from before`
  const { rows } = await client.query(text, [value])
  return (rows[0] as { before: string }).before
}
