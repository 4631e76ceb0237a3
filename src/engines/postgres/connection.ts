// How a connection of a PostgresLock is opened, checked and closed.

import { check } from '../../core/arguments.js'
import { LockEngineError } from '../contract.js'
import { instant, Validity } from '../validity.js'
import { codeOfLoss, explain } from './errors.js'
import { ownerOf } from './owner.js'
import { NO_TIMEOUTS, NOTICE_DEAD_CLIENTS, SESSION_INFO, SET_APPLICATION } from './statements.js'

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
  /** A client of a pool has this. It is connected already, and the application needs it. */
  readonly release?: never
}

/** How connections of a lock are made. */
export interface ConnectionSettings {
  /** What messages call the lock. */
  readonly label: string
  readonly lease: number
  readonly connect: () => PostgresClient
  /** What the server should call its sessions, if that is not up to the client. */
  readonly application: string | undefined
}

/** A connection that can keep session-level locks, and what is known of it. */
export interface SessionInfo {
  readonly label: string
  readonly lease: number
  readonly client: PostgresClient
  /** Whether the session can be relied on. When it is lost, the connection is closed. */
  readonly validity: Validity
  readonly pid: string
  readonly owner: string
}

/** Connects, and refuses what cannot keep a session-level lock. */
export async function openConnection({ label, lease, connect, application }: ConnectionSettings): Promise<SessionInfo> {
  const client = mustBeClient(label, connect())
  const validity = new Validity(lease)
  // At once, and for good: a client without a listener ends the process when its connection breaks.
  client.on('error', cause => validity.invalidate({ why: `the connection broke (${cause.message})`, cause }))
  client.on('end', () => validity.invalidate({ why: 'the connection was closed' }))
  const failed = new Promise<never>((_, reject) => {
    validity.onLoss(({ why, cause, timedOut }) =>
      reject(new LockEngineError(codeOfLoss(timedOut), `${label}: ${why} while it was connected to`, { cause }))
    )
  })
  failed.catch(() => {})
  validity.renew(instant())
  try {
    const { pid, owner } = await Promise.race([prepare(label, client, application), failed])
    validity.suspend()
    validity.onLoss(() => void closeClient(client))
    return { label, lease, client, validity, pid, owner }
  } catch (error) {
    void closeClient(client)
    throw explain(label, error)
  }
}

/** Refuses what is no client, such as a promise for one or the function of another package. */
function mustBeClient(label: string, value: unknown): PostgresClient {
  const client = value as PostgresClient | null | undefined
  const methods = [client?.connect, client?.query, client?.end, client?.on]
  const isClient = typeof value === 'object' && methods.every(method => typeof method === 'function')
  check(isClient, label, 'what connect returns', 'a client such as `new pg.Client()`', value)
  return client as PostgresClient
}

async function prepare(
  label: string,
  client: PostgresClient,
  named: string | undefined
): Promise<{ pid: string; owner: string }> {
  if ('totalCount' in client)
    throw new LockEngineError(
      'ERR_ENGINE_POOLER',
      `${label}: this is a Pool. Its statements go to any of its connections; make a Client instead`
    )
  if ('release' in client)
    throw new LockEngineError(
      'ERR_ENGINE_POOLER',
      `${label}: this client is one of a Pool. A lock would keep it from the queries that the holders need; make a ` +
        'Client of its own'
    )
  withoutQueryTimeout(client)
  await client.connect()
  const { rows } = await client.query(SESSION_INFO)
  const { pid, replica, application } = rows[0] as { pid: string; replica: string; application: string }
  const { processID } = client as { processID?: unknown }
  if (String(processID) !== pid)
    throw new LockEngineError(
      'ERR_ENGINE_POOLER',
      `${label}: this is a pooler, not the server (the client was told process ${processID}, the server is ${pid}). ` +
        'In transaction mode two clients would hold one lock. Connect to the server itself, or use lockInTransaction(), ' +
        'which works behind a pooler'
    )
  if (replica === 'true')
    throw new LockEngineError(
      'ERR_ENGINE_REPLICA',
      `${label}: this server is a replica, and its locks exclude no client of the primary. Connect to the primary ` +
        '(for example with target_session_attrs=read-write)'
    )
  await client.query(NO_TIMEOUTS)
  if (named !== undefined) await client.query({ ...SET_APPLICATION, values: [named] })
  await client.query(NOTICE_DEAD_CLIENTS).catch(() => {})
  return { pid, owner: ownerOf(named ?? application, pid) }
}

/**
 * `query_timeout` of pg rejects a statement that goes on at the server: a grant that comes after it would have no holder.
 * The lock watches over its connections by itself.
 */
function withoutQueryTimeout(client: PostgresClient): void {
  const { connectionParameters } = client as { connectionParameters?: { query_timeout?: unknown } }
  if (connectionParameters?.query_timeout) connectionParameters.query_timeout = 0
}

/** For how long the other side may take to close the connection in turn, in ms. */
const CLOSE_TIMEOUT_MS = 1000

const closing = new WeakMap<PostgresClient, Promise<void>>()

/**
 * Ends a connection whether or not the other side answers. A second call waits for the same end: each `end()` of pg adds a
 * listener, and each holder on a broken connection closes it.
 */
export function closeClient(client: PostgresClient): Promise<void> {
  let closed = closing.get(client)
  if (closed === undefined) {
    closed = endClient(client)
    closing.set(client, closed)
  }
  return closed
}

async function endClient(client: PostgresClient): Promise<void> {
  // pg waits for the server to close in turn. One that hangs would keep the socket, and the socket the process.
  const { connection } = client as { connection?: { stream?: { destroy?(): void } } }
  let timer: ReturnType<typeof setTimeout> | undefined
  const destroyed = new Promise<void>(resolve => {
    timer = setTimeout(() => {
      connection?.stream?.destroy?.()
      resolve()
    }, CLOSE_TIMEOUT_MS)
  })
  try {
    await Promise.race([client.end(), destroyed])
  } catch {
    // It is closed, or has never been open.
  }
  clearTimeout(timer)
}
