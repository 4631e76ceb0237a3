// PostgresLock on a real server: what it does when connections break, hang, are refused or lead elsewhere.

import { LeaseLostError, LockClosedError, LockTimeoutError } from 'latchkey'
import { type Lease, LeaseLostDuringTaskError, LockEngineError } from 'latchkey/distributed'
import { lockInTransaction, PostgresLock, type PostgresLockOptions } from 'latchkey/postgres'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { closeAll } from '../fixtures/closing.js'
import { describePgBouncer, usePgBouncer } from '../fixtures/pgbouncer.js'
import { usePostgres } from '../fixtures/postgres.js'
import { eventually } from '../fixtures/processes.js'
import { raceAbortsWithGrants } from './races.js'

const server = usePostgres({ flags: ['-c', 'shared_preload_libraries=pg_stat_statements'] })
const APPLICATION = 'latchkey-test'

/** Sees the server from outside. */
let admin: pg.Client
beforeAll(async () => {
  admin = new pg.Client({ ...server })
  await admin.connect()
})
afterAll(() => admin.end())

const locks: PostgresLock[] = []
const open = (options?: PostgresLockOptions, config: pg.ClientConfig = {}) => {
  const connect = () => new pg.Client({ ...server, application_name: APPLICATION, ...config })
  const lock = new PostgresLock(connect, options)
  locks.push(lock)
  return lock
}

/** Locks on keys, held or waited for. */
const advisoryLocks = async () =>
  (await admin.query("select pid, granted from pg_locks where locktype = 'advisory' and objsubid = 1")).rows as {
    pid: number
    granted: boolean
  }[]
/** What tells when holders were granted, beside the locks on keys. */
const marks = async () =>
  (await admin.query("select pid from pg_locks where locktype = 'advisory' and objsubid = 2")).rows.length
const waiting = async () => (await advisoryLocks()).filter(({ granted }) => !granted).length
const connections = async () =>
  (await admin.query('select pid from pg_stat_activity where application_name = $1', [APPLICATION])).rows.length

afterEach(async context => {
  if (!(await closeAll(context, locks)))
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      APPLICATION
    ])
  await eventually(advisoryLocks, left => left.length === 0)
  await eventually(marks, left => left === 0)
  await eventually(connections, left => left === 0)
})

const pidOf = ({ owner }: Lease): number => Number(/server process (\d+)$/.exec(owner)?.[1])
const lossOf = ({ signal }: Lease): Promise<unknown> =>
  new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(signal.reason))
  })

test('an owner can be found at the server', async () => {
  const lease = await open().acquire('key')
  expect(lease.owner).toMatch(/^latchkey-test, server process \d+$/)
  expect(await advisoryLocks()).toEqual([{ pid: pidOf(lease), granted: true }])
  await lease.release()
})

describe('loss', () => {
  test('ending the server process ends the leases on it, and nothing else', async () => {
    const lock = open()
    const leases = await Promise.all(['a', 'b'].map(key => lock.acquire(key)))
    const losses = leases.map(lossOf)
    await admin.query('select pg_terminate_backend($1)', [pidOf(leases[0]!)])
    for (const loss of await Promise.all(losses)) {
      expect(loss).toBeInstanceOf(LeaseLostError)
      expect((loss as Error).message).toMatch(
        /^PostgresLock key ".": the lease was lost: the connection broke \(terminat/
      )
    }
    expect(leases.map(({ held }) => held)).toEqual([false, false])
    await Promise.all(leases.map(lease => lease.release()))
    const next = await lock.acquire('a')
    expect(next.held).toBe(true)
    expect(pidOf(next)).not.toBe(pidOf(leases[0]!))
    await next.release()
  })

  test('of a connection with many holders closes it once', async () => {
    let ends = 0
    class Counting extends pg.Client {
      override end(...args: []): Promise<void> {
        ends++
        return super.end(...args)
      }
    }
    const lock = new PostgresLock(() => new Counting({ ...server, application_name: APPLICATION }))
    locks.push(lock)
    const leases = await Promise.all(Array.from({ length: 20 }, (_, i) => lock.acquire(String(i))))
    expect(new Set(leases.map(pidOf)).size).toBe(1)
    // Releases that are under way when it breaks, and later ones.
    const ended = admin.query('select pg_terminate_backend($1)', [pidOf(leases[0]!)])
    await Promise.all(leases.slice(0, 10).map(lease => lease.release()))
    await ended
    await Promise.all(leases.map(lease => lease.release()))
    await lock.close()
    expect(ends).toBe(1)
  })

  test('of a dedicated connection leaves the shared one alone', async () => {
    const [one, other] = [open(), open()]
    const first = await one.acquire('a')
    const kept = await other.acquire('b')
    const waitingLease = other.acquire('a')
    await eventually(waiting, count => count === 1)
    await first.release()
    const dedicated = await waitingLease
    expect(pidOf(dedicated)).not.toBe(pidOf(kept))
    const loss = lossOf(dedicated)
    await admin.query('select pg_terminate_backend($1)', [pidOf(dedicated)])
    expect(await loss).toBeInstanceOf(LeaseLostError)
    expect(kept.held).toBe(true)
    await Promise.all([dedicated.release(), kept.release()])
  })

  test('a server that hangs: the signal aborts no later than the deadline', async () => {
    const lease = 1500
    const lock = open({ lease })
    const held = await lock.acquire('key')
    const pid = pidOf(held)
    const loss = lossOf(held)
    process.kill(pid, 'SIGSTOP')
    // In this process too, so that a busy machine delays both.
    const deadline = new Promise(resolve => setTimeout(() => resolve('the deadline'), lease))
    try {
      expect(await Promise.race([loss, deadline])).toBeInstanceOf(LeaseLostError)
      expect(held.held).toBe(false)
      await held.release()
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })

  test('while a task runs: its result is on the error, and its own error is kept', async () => {
    const lock = open()
    const lose = async (lease: Lease) => {
      const loss = lossOf(lease)
      await admin.query('select pg_terminate_backend($1)', [pidOf(lease)])
      await loss
    }
    const succeeding = lock.runExclusive('key', async lease => {
      await lose(lease)
      return 7
    })
    const error = await succeeding.catch((error: unknown) => error)
    expect(error).toBeInstanceOf(LeaseLostDuringTaskError)
    expect(error).toMatchObject({ result: 7, code: 'ERR_LEASE_LOST', cause: expect.any(LeaseLostError) })
    const own = new Error('own')
    const failing = lock.runExclusive('key', async lease => {
      await lose(lease)
      throw own
    })
    await expect(failing).rejects.toBe(own)
  })

  test('while somebody waits: it is told, and may ask again', async () => {
    const [one, other] = [open(), open()]
    const lease = await one.acquire('key')
    const waitingLease = other.acquire('key')
    const outcome = expect(waitingLease).rejects.toMatchObject({
      code: 'ERR_ENGINE_FAILED',
      message: expect.stringContaining('Nothing is held there; ask again')
    })
    await eventually(waiting, count => count === 1)
    const [waiter] = (await advisoryLocks()).filter(({ granted }) => !granted)
    await admin.query('select pg_terminate_backend($1)', [waiter?.pid])
    await outcome
    await lease.release()
    await (await other.acquire('key')).release()
  })

  test('a statement that somebody cancels leaves no lock, whatever it had taken', async () => {
    const [one, other] = [open(), open()]
    const lease = await one.acquire('key')
    const outcome = expect(other.acquire('key')).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    await eventually(waiting, count => count === 1)
    const [waiter] = (await advisoryLocks()).filter(({ granted }) => !granted)
    await admin.query('select pg_cancel_backend($1)', [waiter?.pid])
    await outcome
    await lease.release()
    expect(await advisoryLocks()).toEqual([])
  })
})

test('settings of the user do not end a wait or a hold', async () => {
  // Long enough for a busy machine to connect, before the lock takes them off.
  const config = { statement_timeout: 500, lock_timeout: 500, options: '-c idle_session_timeout=500' }
  const [one, other] = [open({}, config), open({}, config)]
  const lease = await one.acquire('key')
  // Longer than they would allow.
  await expect(other.acquire('key', { timeout: 1200 })).rejects.toThrow(LockTimeoutError)
  expect(lease.held).toBe(true)
  await lease.release()
})

describe('a try that fails at the client and is granted at the server', () => {
  /** A lock whose clients fail statements once the server has answered them. */
  const openFailing = (fails: (name: string | undefined) => boolean) => {
    const connect = () => {
      const client = new pg.Client({ ...server, application_name: APPLICATION })
      const query = client.query.bind(client) as (query: { name?: string }) => Promise<{ rows: unknown[] }>
      return Object.assign(client, {
        async query(statement: { name?: string }) {
          const answer = await query(statement)
          if (fails(statement.name)) throw new Error('the client has lost patience')
          return answer
        }
      })
    }
    const lock = new PostgresLock(connect as never)
    locks.push(lock)
    return lock
  }

  test('is given back, and the session is kept', async () => {
    let failed = 0
    const lock = openFailing(name => name === 'latchkey-try' && failed++ === 0)
    await expect(lock.acquire('key')).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    expect(await advisoryLocks()).toEqual([])
    expect(await marks()).toBe(0)
    expect(await connections()).toBe(1)
    const lease = await lock.acquire('key')
    expect(lease.held).toBe(true)
    await lease.release()
  })

  test('leaves the other leases of its session alone', async () => {
    let fail = false
    const lock = openFailing(name => fail && name === 'latchkey-try')
    const lease = await lock.acquire('key')
    fail = true
    await expect(lock.tryAcquire('another key')).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    expect(lease.held).toBe(true)
    expect(await advisoryLocks()).toHaveLength(1)
    expect(await marks()).toBe(1)
    expect(await lock.inspect('key')).toMatchObject({ token: lease.token })
    await lease.release()
  })

  test('nor does a release that fails keep the key: its session is ended, and the release rejects nobody', async () => {
    const lock = openFailing(name => name === 'latchkey-unlock')
    const other = open()
    const lease = await lock.acquire('key')
    const next = other.acquire('key')
    await eventually(waiting, count => count === 1)
    await lease.release()
    await (await next).release()
    // What is left are the two sessions of the other; the next caller has a new one.
    await eventually(connections, count => count === 2)
    const again = await lock.acquire('key')
    expect(pidOf(again)).not.toBe(pidOf(lease))
    await again.release()
  })

  test('ends the session if it cannot be given back', async () => {
    const lock = openFailing(name => name === 'latchkey-try' || name?.startsWith('latchkey-unlock') === true)
    await expect(lock.acquire('key')).rejects.toMatchObject({
      code: 'ERR_ENGINE_FAILED',
      message: expect.stringContaining('could not be given back')
    })
    await eventually(connections, left => left === 0)
    expect(await advisoryLocks()).toEqual([])
  })
})

test('a query_timeout of the client does not end a statement of the lock, nor a wait', async () => {
  const config = { query_timeout: 200 }
  const [one, other] = [open({}, config), open({}, config)]
  const first = await one.acquire('key')
  await first.release()
  const pid = pidOf(first)
  process.kill(pid, 'SIGSTOP')
  const trying = one.acquire('key')
  // Longer than the client would wait.
  const stalled = new Promise(resolve => setTimeout(resolve, 500))
  try {
    await stalled
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  const lease = await trying
  expect(pidOf(lease)).toBe(pid)
  await expect(other.acquire('key', { timeout: 500 })).rejects.toThrow(LockTimeoutError)
  expect(lease.held).toBe(true)
  await lease.release()
  await eventually(advisoryLocks, left => left.length === 0)
})

describe('many', () => {
  test('2,000 races of a grant and an abort leave no lock', async () => {
    const granted = await raceAbortsWithGrants(open(), open({ connections: 9 }), 2000)
    // Both outcomes were seen, or it was no race.
    expect(granted).toBeGreaterThan(100)
    expect(granted).toBeLessThan(1900)
    await eventually(advisoryLocks, left => left.length === 0)
  }, 60_000)

  test('1,000 waiters take two connections, and all are served', async () => {
    const [holder, lock] = [open({ connections: 2 }, { application_name: 'holder' }), open({ connections: 2 })]
    const lease = await holder.acquire('key 0')
    const served: number[] = []
    let most = 0
    const all = Array.from({ length: 1000 }, (_, i) =>
      lock.runExclusive(`key ${i % 10}`, async () => {
        if (i % 100 === 0) most = Math.max(most, await connections())
        served.push(i)
      })
    )
    await eventually(waiting, count => count === 1)
    await lease.release()
    await Promise.all(all)
    expect(most).toBeLessThanOrEqual(2)
    expect(await connections()).toBeLessThanOrEqual(2)
    expect(served).toHaveLength(1000)
    for (let key = 0; key < 10; key++) {
      const ofKey = served.filter(i => i % 10 === key)
      expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b))
    }
  })

  test('more keys are waited for than there are connections, and all are served', async () => {
    const [holder, lock] = [open({ connections: 2 }), open({ connections: 2 })]
    const keys = Array.from({ length: 10 }, (_, i) => `key ${i}`)
    const leases = await Promise.all(keys.map(key => holder.acquire(key)))
    const all = Promise.all(keys.map(key => lock.runExclusive(key, () => key)))
    await eventually(waiting, count => count === 1)
    // The one that stands in the queue goes last: all others have to be found by asking.
    for (const lease of leases.reverse()) await lease.release()
    expect(await all).toEqual(keys)
  })
})

describe('keys that are waited for without a place in the queue of the server', () => {
  const statements = async () => {
    const { rows } = await admin.query(
      "select sum(calls)::int as calls from pg_stat_statements where query like '%with ordinality as wanted%'"
    )
    return (rows[0] as { calls: number | null }).calls ?? 0
  }

  test('are tried in one statement for all, and all are granted', async () => {
    await admin.query('create extension if not exists pg_stat_statements')
    const [holder, lock] = [open({ connections: 2 }), open({ connections: 2 })]
    const keys = Array.from({ length: 300 }, (_, i) => `key ${i}`)
    const leases = await Promise.all(keys.map(key => holder.acquire(key)))
    const granted = Promise.all(
      keys.map(async key => {
        const lease = await lock.acquire(key)
        const { token } = lease
        await lease.release()
        return token!
      })
    )
    await eventually(waiting, count => count === 1)
    await eventually(
      async () => lock.waiting,
      count => count === 300
    )
    await admin.query('select pg_stat_statements_reset()')
    const from = performance.now()
    await eventually(statements, count => count >= 10)
    // 300 keys, and at most one statement every 37 ms.
    expect(performance.now() - from).toBeGreaterThan(200)
    for (const lease of leases) await lease.release()
    const tokens = await granted
    for (const [i, token] of tokens.entries()) expect(token).toBeGreaterThan(leases[i]!.token!)
  }, 30_000)

  test('leave when they are not wanted any more, and hold nothing', async () => {
    const [holder, lock] = [open({ connections: 2 }), open({ connections: 2 })]
    const keys = ['a', 'b', 'c']
    const leases = await Promise.all(keys.map(key => holder.acquire(key)))
    const abort = new AbortController()
    const waiters = keys.map(key => lock.acquire(key, { signal: abort.signal }))
    await eventually(waiting, count => count === 1)
    abort.abort('enough')
    for (const outcome of await Promise.allSettled(waiters)) expect(outcome).toMatchObject({ reason: 'enough' })
    await Promise.all(leases.map(lease => lease.release()))
    await eventually(advisoryLocks, left => left.length === 0)
    await lock.close()
  })

  test('are those of a server without a free connection, too', async () => {
    await admin.query("create role two login password 'secret' connection limit 2")
    const [one, other] = [open({}, { user: 'two' }), open({}, { user: 'two' })]
    const lease = await one.acquire('key')
    const waiter = other.acquire('key')
    const error = await other.acquire('another', { timeout: 0 }).then(lease => lease.release())
    expect(error).toBeUndefined()
    const second = other.acquire('key', { timeout: 300 }).catch((error: unknown) => error)
    expect(await second).toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
      cause: { code: 'ERR_ENGINE_TOO_MANY_CONNECTIONS' }
    })
    await lease.release()
    await (await waiter).release()
  })
})

describe('maxKeys', () => {
  test('limits how much of the lock table one process takes', async () => {
    const lock = open({ maxKeys: 3 })
    const leases = await Promise.all(['a', 'b', 'c'].map(key => lock.acquire(key)))
    for (const call of [() => lock.acquire('d'), () => lock.tryAcquire('d'), () => lock.acquire('d', { timeout: 0 })])
      await expect(call()).rejects.toMatchObject({
        code: 'ERR_ENGINE_TOO_MANY_KEYS',
        message: expect.stringContaining('3 keys are held or waited for here, which is options.maxKeys')
      })
    // Callers of one key are one.
    const behind = lock.acquire('a')
    await leases[0]!.release()
    await (await behind).release()
    await (await lock.acquire('d')).release()
    expect(await advisoryLocks()).toHaveLength(2)
    await Promise.all(leases.map(lease => lease.release()))
  })

  test('counts keys that are not granted no longer than they are wanted', async () => {
    const [one, other] = [open(), open({ maxKeys: 1 })]
    const lease = await one.acquire('key')
    for (let i = 0; i < 3; i++) {
      expect(await other.tryAcquire('key')).toBeUndefined()
      await expect(other.acquire('key', { timeout: 5 })).rejects.toThrow(LockTimeoutError)
      await eventually(waiting, count => count === 0)
    }
    await lease.release()
    await eventually(
      async () =>
        other.tryAcquire('free').then(
          lease => lease?.release(),
          () => 'full'
        ),
      full => full !== 'full'
    )
  })
})

test('a client is asked for one thing at a time, as pg 9 is going to demand', async () => {
  let most = 0
  const connect = () => {
    let atOnce = 0
    const client = new pg.Client({ ...server, application_name: APPLICATION })
    const query = client.query.bind(client) as (query: object) => Promise<{ rows: unknown[] }>
    return Object.assign(client, {
      query(statement: object) {
        most = Math.max(most, ++atOnce)
        return query(statement).finally(() => atOnce--)
      }
    })
  }
  const lock = new PostgresLock(connect as never)
  locks.push(lock)
  const keys = Array.from({ length: 30 }, (_, i) => `key ${i}`)
  await Promise.all(keys.map(key => lock.runExclusive(key, () => {})))
  const leases = await Promise.all(keys.map(key => lock.acquire(key)))
  await Promise.all([...keys.map(key => lock.inspect(key)), ...leases.map(lease => lease.release())])
  expect(most).toBe(1)
})

test('what a client reads of types changes nothing', async () => {
  const types = { getTypeParser: () => (value: unknown) => `as read by the user: ${value}` }
  const text = { getTypeParser: (id: number) => (id === 25 ? String : types.getTypeParser()) }
  const [one, other] = [open({}, { types: text as never }), open({}, { types: text as never })]
  const leases = await Promise.all(['a', 'b'].map(key => one.acquire(key)))
  const waiter = other.acquire('a')
  await Promise.all(leases.map(lease => lease.release()))
  expect(leases.map(({ signal }) => signal.aborted)).toEqual([false, false])
  await (await waiter).release()
})

test('two keys on one hash exclude each other, in one process and in several', async () => {
  class OneHash extends PostgresLock {
    protected override keyId() {
      return 7n
    }
  }
  const openOne = () => {
    const lock = new OneHash(() => new pg.Client({ ...server, application_name: APPLICATION }))
    locks.push(lock)
    return lock
  }
  const [one, other] = [openOne(), openOne()]
  let inside = 0
  const task = async () => {
    expect(++inside).toBe(1)
    await new Promise(resolve => setImmediate(resolve))
    inside--
  }
  const tasks = Array.from({ length: 40 }, (_, i) => (i % 2 ? one : other).runExclusive(`key ${i % 4}`, task))
  await Promise.all(tasks)
  const lease = await one.acquire('key 1')
  expect(await one.tryAcquire('key 2')).toBeUndefined()
  expect(await other.tryAcquire('key 2')).toBeUndefined()
  await lease.release()
})

test('namespaces keep keys apart', async () => {
  const [one, other] = [open({ namespace: 'one' }), open({ namespace: 'other' })]
  const lease = await one.acquire('key')
  await (await other.acquire('key', { timeout: 0 })).release()
  await lease.release()
})

test('closing rejects those who wait at the server, and waits for those who hold', async () => {
  const [one, other] = [open({ name: 'one' }), open({ name: 'other' })]
  const lease = await one.acquire('key')
  const rejected = expect(other.acquire('key')).rejects.toThrow(LockClosedError)
  await eventually(waiting, count => count === 1)
  await other.close()
  await rejected
  await expect(other.acquire('key')).rejects.toThrow('PostgresLock "other": closed')
  let closed = false
  const closing = one.close().then(() => {
    closed = true
  })
  expect(await one.tryAcquire('key')).toBeUndefined()
  // As long as one that disconnects at once would need.
  await eventually(connections, count => count === 1)
  expect(await advisoryLocks()).toEqual([{ pid: pidOf(lease), granted: true }])
  expect({ closed, held: lease.held }).toEqual({ closed: false, held: true })
  await lease.release()
  await closing
})

describe('refuses, and says what to do', () => {
  test('a server with too many connections', async () => {
    await admin.query("create role narrow login password 'secret' connection limit 1")
    const [one, other] = [open({}, { user: 'narrow' }), open({}, { user: 'narrow' })]
    const lease = await one.acquire('key')
    const error = await other.acquire('key').catch((error: unknown) => error)
    expect(error).toBeInstanceOf(LockEngineError)
    expect(error).toMatchObject({ code: 'ERR_ENGINE_TOO_MANY_CONNECTIONS', message: expect.stringContaining('Lower') })
    await lease.release()
  })

  test('a server that is not there', async () => {
    const lock = open({}, { port: 1 })
    await expect(lock.acquire('key')).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    await expect(lock.tryAcquire('key')).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
  })

  test('a pool', async () => {
    const pools: pg.Pool[] = []
    const connect = () => {
      const pool = new pg.Pool({ ...server, application_name: APPLICATION })
      pools.push(pool)
      return pool as never
    }
    const lock = new PostgresLock(connect)
    locks.push(lock)
    await expect(lock.acquire('key')).rejects.toMatchObject({
      code: 'ERR_ENGINE_POOLER',
      message: expect.stringContaining('this is a Pool')
    })
    expect(pools.map(({ ended }) => ended)).toEqual([true])
  })

  test('a client of a pool', async () => {
    const pool = new pg.Pool({ ...server, application_name: APPLICATION })
    const client = await pool.connect()
    const lock = new PostgresLock(() => client as never)
    locks.push(lock)
    await expect(lock.acquire('key')).rejects.toMatchObject({
      code: 'ERR_ENGINE_POOLER',
      message: expect.stringContaining('this client is one of a Pool')
    })
    client.release()
    await pool.end()
  })

  test.each<[string, unknown, RegExp]>([
    [
      'a promise',
      Promise.resolve(),
      /what connect returns must be a client such as `new pg.Client\(\)`, got an object/
    ],
    ['a function, as of postgres.js', () => {}, /what connect returns must be a client .*got a function/],
    ['nothing', undefined, /what connect returns must be a client .*got undefined/]
  ])('%s that is no client', async (_, client, message) => {
    const lock = new PostgresLock(() => client as never)
    await expect(lock.acquire('key')).rejects.toThrow(TypeError)
    await expect(lock.acquire('key')).rejects.toThrow(message)
  })

  test('a server that does not answer; a new connection may find one that does', async () => {
    const lock = open({ lease: 400 })
    const lease = await lock.acquire('key')
    await lease.release()
    process.kill(pidOf(lease), 'SIGSTOP')
    try {
      await expect(lock.tryAcquire('key')).rejects.toMatchObject({
        code: 'ERR_ENGINE_TIMEOUT',
        message: expect.stringContaining('Nothing is held there; ask again')
      })
      await (await lock.acquire('key')).release()
    } finally {
      process.kill(pidOf(lease), 'SIGCONT')
    }
  })

  describe('a replica', () => {
    const replica = usePostgres({ standby: true })
    test('before anything is locked', async () => {
      const lock = open({}, { port: replica.port })
      await expect(lock.acquire('key')).rejects.toMatchObject({
        code: 'ERR_ENGINE_REPLICA',
        message: expect.stringContaining('Connect to the primary')
      })
    })
  })

  test.each<[string, () => unknown, RegExp]>([
    ['no function', () => new PostgresLock(undefined as never), /PostgresLock: connect must be a function that makes/],
    ['no keys', () => open({ maxKeys: 0 }), /options.maxKeys must be a whole number >= 1, got 0/],
    ['one connection', () => open({ connections: 1 }), /options.connections must be a whole number >= 2, got 1/],
    [
      'a short lease',
      () => open({ lease: 99 }),
      /options.lease must be a whole number of ms from 100 to 2147483647, got 99/
    ],
    ['NUL in a namespace', () => open({ namespace: 'a\0' }), /options.namespace must be a string without NUL/]
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message)
  })
})

describe('lockInTransaction', () => {
  let client: pg.Client
  beforeAll(async () => {
    client = new pg.Client({ ...server })
    await client.connect()
  })
  afterAll(() => client.end())

  test('excludes those who hold the key in any way, until the transaction ends', async () => {
    const lock = open()
    for (const end of ['commit', 'rollback']) {
      await client.query('begin')
      await lockInTransaction(client, 'key')
      expect(await lock.tryAcquire('key')).toBeUndefined()
      await client.query(end)
      await (await lock.acquire('key', { timeout: 0 })).release()
    }
  })

  test('gives up in time, and the transaction goes on as it was', async () => {
    const lease = await open().acquire('key')
    await client.query('begin')
    await client.query("set local lock_timeout = '77s'")
    await expect(lockInTransaction(client, 'key', { timeout: 0 })).rejects.toThrow(/would have to wait/)
    await expect(lockInTransaction(client, 'key', { timeout: 20 })).rejects.toThrow(LockTimeoutError)
    await lockInTransaction(client, 'another key', { timeout: 20 })
    expect((await client.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '77s' }])
    await client.query('commit')
    await lease.release()
  })

  test('two calls at once on one client both lock, and leave no setting behind', async () => {
    const [lock, other] = [open(), open()]
    const lease = await lock.acquire('b')
    await client.query('begin')
    const first = lockInTransaction(client, 'a', { timeout: 5000 })
    const second = lockInTransaction(client, 'b', { timeout: 100 }).catch((error: unknown) => error)
    const third = lockInTransaction(client, 'c', { timeout: 5000 })
    await first
    expect(await second).toBeInstanceOf(LockTimeoutError)
    await third
    expect(await other.tryAcquire('a')).toBeUndefined()
    expect(await other.tryAcquire('c')).toBeUndefined()
    expect((await client.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '0' }])
    await client.query('commit')
    await lease.release()
    await (await other.acquire('a', { timeout: 0 })).release()
  })

  test('a call that waits for another on its client keeps its own timeout', async () => {
    const lease = await open().acquire('b')
    await client.query('begin')
    const first = lockInTransaction(client, 'b', { timeout: 400 }).catch((error: unknown) => error)
    const second = lockInTransaction(client, 'a', { timeout: 50 })
    await expect(second).rejects.toThrow(/waited longer than 50 ms \(another call on this client is waiting\)/)
    await expect(lockInTransaction(client, 'a', { timeout: 0 })).rejects.toThrow(/timeout is 0 ms \(another call/)
    expect(await first).toBeInstanceOf(LockTimeoutError)
    await client.query('commit')
    await lease.release()
  })

  test('reads nothing but text', async () => {
    const rows: unknown[] = []
    const strict = {
      async query(text: string, values: unknown[] = []) {
        for (const value of values) expect(typeof value).toBe('string')
        const answer = await client.query(text, values)
        for (const { dataTypeID } of answer.fields) expect(dataTypeID).toBe(25)
        rows.push(...answer.rows)
        return answer
      }
    }
    await client.query('begin')
    await lockInTransaction(strict, 'a', { timeout: 5000 })
    await lockInTransaction(strict, 'b', { timeout: 0 })
    await lockInTransaction(strict, 'c')
    await client.query('commit')
    expect(rows.length).toBeGreaterThan(3)
  })

  test('refuses a client that is in no transaction', async () => {
    await expect(lockInTransaction(client, 'key')).rejects.toMatchObject({
      code: 'ERR_ENGINE_FAILED',
      message: expect.stringContaining('Send "begin" first')
    })
    expect(await advisoryLocks()).toEqual([])
  })

  test('whose connection is ended while it waits, it says so, and not that the clean-up failed', async () => {
    const lease = await open().acquire('key')
    const own = new pg.Client({ ...server })
    own.on('error', () => {})
    await own.connect()
    await own.query('begin')
    const outcome = expect(lockInTransaction(own, 'key')).rejects.toMatchObject({ code: '57P01' })
    await eventually(waiting, count => count === 1)
    const [waiter] = (await advisoryLocks()).filter(({ granted }) => !granted)
    await admin.query('select pg_terminate_backend($1)', [waiter?.pid])
    await outcome
    await lease.release()
  })

  test('misuse throws at the call', () => {
    expect(() => lockInTransaction(undefined as never, 'key')).toThrow(/client must be/)
    expect(() => lockInTransaction(client, 7 as never)).toThrow(/key must be a string/)
    expect(() => lockInTransaction(client, 'key', { timeout: -1 })).toThrow(/options.timeout must be/)
  })
})

describePgBouncer('behind PgBouncer in transaction mode', () => {
  const pooler = usePgBouncer(server)

  test('a session lock is refused, with the name of what works there', async () => {
    const lock = open({}, { port: pooler.port, application_name: 'pooled' })
    await expect(lock.acquire('key')).rejects.toMatchObject({
      code: 'ERR_ENGINE_POOLER',
      message: expect.stringContaining('lockInTransaction()')
    })
  })

  test('lockInTransaction works', async () => {
    const clients = [0, 1].map(() => new pg.Client({ ...pooler }))
    await Promise.all(clients.map(client => client.connect()))
    const [one, other] = clients as [pg.Client, pg.Client]
    await Promise.all(clients.map(client => client.query('begin')))
    await lockInTransaction(one, 'key')
    await expect(lockInTransaction(other, 'key', { timeout: 20 })).rejects.toThrow(LockTimeoutError)
    await one.query('commit')
    await lockInTransaction(other, 'key', { timeout: 5000 })
    await other.query('commit')
    await Promise.all(clients.map(client => client.end()))
  })
})
