// PostgresLock on a real server: keys that are shared, counted, taken together and looked at.

import { getEventListeners } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LockTimeoutError } from 'latchkey'
import { type EngineGrant, type KeyedLock, type Lease, type LockMode, Wait } from 'latchkey/distributed'
import { lockInTransaction, PostgresLock, type PostgresLockOptions } from 'latchkey/postgres'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { closeAll } from '../fixtures/closing.js'
import { usePostgres } from '../fixtures/postgres.js'
import { eventually, useProcesses, type Worker } from '../fixtures/processes.js'
import { raceAbortsWithGrants } from './races.js'

const server = usePostgres({ flags: ['-c', 'shared_preload_libraries=pg_stat_statements'] })
const APPLICATION = 'latchkey-test'

/** Sees the server from outside. */
let admin: pg.Client
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-modes-'))
  admin = new pg.Client({ ...server })
  await admin.connect()
  await admin.query('create extension pg_stat_statements')
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await admin.end()
})

/** Shows what `EngineLock` calls. */
class BareLock extends PostgresLock {
  take(id: bigint, mode: LockMode, wait?: Wait): Promise<EngineGrant | undefined> {
    return this.acquireKey(id, wait, mode)
  }
  takeAll(ids: readonly bigint[], mode: LockMode) {
    return this.acquireKeys(ids, mode)
  }
}

const locks: PostgresLock[] = []
const open = (options?: PostgresLockOptions, config: pg.ClientConfig = {}) => {
  const lock = new BareLock(() => new pg.Client({ ...server, application_name: APPLICATION, ...config }), options)
  locks.push(lock)
  return lock
}
const openMany = (count: number, options?: PostgresLockOptions) => Array.from({ length: count }, () => open(options))
const waitOf = (options: { signal?: AbortSignal; timeout?: number } = {}) => new Wait('key', options, performance.now())

/** All that is held or waited for in this database: keys, permits, gates, and the marks of holders. */
const advisoryLocks = async () =>
  (await admin.query("select pid, granted, objsubid from pg_locks where locktype = 'advisory'")).rows as {
    pid: number
    granted: boolean
    objsubid: number
  }[]
const waiting = async () => (await advisoryLocks()).filter(({ granted }) => !granted).length
const connections = async () =>
  (await admin.query('select pid from pg_stat_activity where application_name = $1', [APPLICATION])).rows.length
const statements = async (like: string) => {
  const query = 'select coalesce(sum(calls), 0)::int as calls from pg_stat_statements where query like $1'
  return ((await admin.query(query, [like])).rows[0] as { calls: number }).calls
}

afterEach(async context => {
  if (!(await closeAll(context, locks)))
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      APPLICATION
    ])
  await eventually(advisoryLocks, left => left.length === 0)
  await eventually(connections, left => left === 0)
})

// Below the hook above, so that processes that a test leaves running are ended before it looks for what is left.
const start = useProcesses('test/engines/postgres-worker.ts')

const pidOf = ({ owner }: { owner: string }): number => Number(/server process (\d+)$/.exec(owner)?.[1])
/** What a promise has come to by now. */
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false
  const note = () => {
    settled = true
  }
  promise.then(note, note)
  await admin.query('select 1')
  return settled
}

/** `eventually` without timers, and until the test has taken too long. */
const seen = async (look: () => Promise<boolean>): Promise<void> => {
  for (let looks = 0; !(await look()); looks++) {
    if (looks === 50_000) throw new Error('it was never seen')
    await admin.query('select 1')
  }
}

describe('between processes', () => {
  const openAll = (count: number, options?: PostgresLockOptions) =>
    Promise.all(Array.from({ length: count }, () => start({ server, options })))

  interface Event {
    at: bigint
    begins: boolean
    hold: string
    mode: LockMode
  }
  const eventsOf = (file: string): Event[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const [at, sign, hold, mode] = line.split(' ') as [string, string, string, LockMode]
        return { at: BigInt(at), begins: sign === '+', hold, mode }
      })
      .sort((a, b) => (a.at < b.at ? -1 : 1))

  /** The most that held at one time. Throws if one that held alone was not. A hold that was killed ends as it begins. */
  const mostAtOnce = (file: string, capacity: number): number => {
    const events = eventsOf(file)
    const ended = new Set(events.filter(({ begins }) => !begins).map(({ hold }) => hold))
    const inside = new Map<string, LockMode>()
    let most = 0
    for (const { begins, hold, mode } of events) {
      if (!ended.has(hold)) continue
      if (!begins) {
        inside.delete(hold)
        continue
      }
      inside.set(hold, mode)
      most = Math.max(most, inside.size)
      const alone = [...inside.values()].filter(mode => mode === 'exclusive').length
      if (capacity === 1 && alone > 0 && inside.size > 1) throw new Error(`${hold} was not alone`)
      if (inside.size > capacity && alone > 0) throw new Error(`${hold} is one too many of ${capacity}`)
    }
    return most
  }

  const hold = async (workers: Worker[], file: string, shared: number, killed: number) => {
    writeFileSync(file, '')
    const told = Promise.allSettled(
      workers.map((worker, id) =>
        worker.ask({ do: 'hold', id: String(id), key: 'key', shared, file, times: 12 }, 'held')
      )
    )
    for (const [i, worker] of workers.entries())
      if (i < killed) {
        await eventually(
          async () => eventsOf(file).filter(({ hold }) => hold.startsWith(`${i}.`)).length,
          seen => seen > 5
        )
        worker.signal('SIGKILL')
      }
    for (const [i, outcome] of (await told).entries())
      expect(outcome.status).toBe(i < killed ? 'rejected' : 'fulfilled')
    expect(await eventually(advisoryLocks, left => left.length === 0)).toEqual([])
  }

  test.each([
    ['shared and alone', 5],
    ['mostly shared', 9]
  ])(
    '%s, one of them killed: never together with one that holds alone',
    async (_, shared) => {
      const file = join(folder, `shared ${shared}`)
      await hold(await openAll(4), file, shared, 1)
      // They did share, or nothing was shown.
      expect(mostAtOnce(file, 1)).toBeGreaterThan(1)
    },
    60_000
  )

  test('permits, two of their holders killed: never more than there are', async () => {
    const file = join(folder, 'permits')
    await hold(await openAll(5, { capacity: 3, connections: 3 }), file, 0, 2)
    expect(mostAtOnce(file, 3)).toBe(3)
  }, 60_000)

  test.each<[string, PostgresLockOptions, LockMode]>([
    ['a key that is shared', {}, 'shared'],
    ['a permit', { capacity: 2 }, 'exclusive']
  ])('%s is free when its holder is killed', async (_, options, mode) => {
    const holders = await openAll(2, options)
    for (const [id, worker] of holders.entries())
      await worker.ask({ do: 'acquire', id: String(id), key: 'key', mode }, 'granted')
    const next = open(options)
    const lease = next.acquire('key')
    await eventually(advisoryLocks, locks => locks.length >= 5)
    expect(await isSettled(lease)).toBe(false)
    for (const worker of holders) worker.signal('SIGKILL')
    await (await lease).release()
  })

  test('one that waits first for a permit and is killed holds up no other', async () => {
    const [first] = (await openAll(1, { capacity: 2 })) as [Worker]
    const [holder, last] = openMany(2, { capacity: 2 }) as [BareLock, BareLock]
    const leases = [await holder.acquire('key'), await holder.acquire('key')]
    first.say({ do: 'acquire', id: 'first', key: 'key' })
    await eventually(advisoryLocks, locks => locks.length === 5) // two permits, their marks, the gate
    const lease = last.acquire('key')
    await eventually(waiting, count => count === 1)
    first.signal('SIGKILL')
    await leases[0]!.release()
    await (await lease).release()
    await leases[1]!.release()
  })

  test('no timer of a wait that is over, a lease, a heartbeat or an idle session keeps a process alive', async () => {
    const [worker] = (await openAll(1)) as [Worker]
    const other = open()
    const lease = await other.acquire('key')
    worker.say({ do: 'acquire', id: 'waited', key: 'key', mode: 'exclusive', timeout: 600_000 })
    await eventually(waiting, count => count === 1)
    await lease.release()
    await worker.hear('granted')
    const another = { do: 'acquire', id: 'tried', key: 'another key', mode: 'exclusive', timeout: 600_000 }
    await worker.ask(another, 'granted')
    expect(await worker.ask({ do: 'resources' }, 'resources')).toMatchObject({ timers: 0 })
    // Its dedicated session is idle from here on.
    await worker.ask({ do: 'release', id: 'waited' }, 'released')
    expect(await worker.ask({ do: 'resources' }, 'resources')).toMatchObject({ timers: 0 })
  })
})

describe('a key that this object holds', () => {
  test('is asked for on another session, and not past one that waits', async () => {
    const [one, other] = [open(), open()]
    const first = (await one.take(1n, 'shared'))!
    const second = (await one.take(1n, 'shared'))!
    expect(pidOf(second)).not.toBe(pidOf(first))
    const third = (await one.take(1n, 'shared'))!
    expect(new Set([first, second, third].map(pidOf)).size).toBe(3)
    await Promise.all([second.release(), third.release()])

    const writer = other.take(1n, 'exclusive', waitOf())
    await eventually(waiting, count => count === 1)
    expect(await one.take(1n, 'shared')).toBeUndefined()
    const reader = one.take(1n, 'shared', waitOf())
    await eventually(waiting, count => count === 2)
    await first.release()
    const written = (await writer)!
    expect(await isSettled(reader)).toBe(false)
    await written.release()
    await (await reader)!.release()
  })

  test('is had alone once its own group has left', async () => {
    const lock = open()
    const group = (await lock.take(1n, 'shared'))!
    expect(await lock.take(1n, 'exclusive')).toBeUndefined()
    const alone = lock.take(1n, 'exclusive', waitOf())
    await eventually(waiting, count => count === 1)
    await group.release()
    await (await alone)!.release()
  })

  test('waits for a session that does not hold it, where there may be no more', async () => {
    const [holder, lock] = [open(), open({ connections: 2 })]
    const busy = (await holder.take(2n, 'exclusive'))!
    const group = (await lock.take(1n, 'shared'))!
    // The only dedicated session waits for another key.
    const blocked = lock.take(2n, 'exclusive', waitOf())
    await eventually(waiting, count => count === 1)
    expect(await lock.take(1n, 'shared')).toBeUndefined()
    const alone = lock.take(1n, 'exclusive', waitOf())
    const polled = lock.take(3n, 'shared', waitOf())
    // The other one was tried meanwhile, so this one had its chance as well.
    await (await polled)!.release()
    expect(await isSettled(alone)).toBe(false)
    await group.release()
    await (await alone)!.release()
    expect(await connections()).toBe(3)
    await busy.release()
    await (await blocked)!.release()
  })

  test('is asked for where another key is held, rather than on a connection of its own', async () => {
    const [holder, lock] = [open(), open({ connections: 2 })]
    const busy = (await holder.take(2n, 'exclusive'))!
    const waited = lock.take(2n, 'exclusive', waitOf())
    await eventually(waiting, count => count === 1)
    await busy.release()
    const dedicated = (await waited)!
    const group = (await lock.take(1n, 'shared'))!
    const second = (await lock.take(1n, 'shared'))!
    expect(pidOf(second)).toBe(pidOf(dedicated))
    // The session is given to the next waiter when both keys are free, and not before.
    await dedicated.release()
    const again = (await holder.take(4n, 'exclusive'))!
    const next = lock.take(4n, 'exclusive', waitOf())
    await group.release()
    await second.release()
    await eventually(waiting, count => count === 1)
    await again.release()
    expect(pidOf((await next)!)).toBe(pidOf(dedicated))
    await (await next)!.release()
  })

  test('a session that is being asked for a key is not lent to one that would wait on it', async () => {
    const [holder, lock] = [open(), open({ connections: 2 })]
    const busy = [(await holder.take(2n, 'exclusive'))!, (await holder.take(4n, 'exclusive'))!]
    const waited = lock.take(2n, 'exclusive', waitOf())
    await eventually(waiting, count => count === 1)
    await busy[0]!.release()
    const dedicated = (await waited)!
    const group = (await lock.take(1n, 'shared'))!
    process.kill(pidOf(dedicated), 'SIGSTOP')
    let asked: Promise<EngineGrant | undefined>
    let released: Promise<boolean>
    try {
      released = dedicated.release()
      asked = lock.take(1n, 'shared')
    } finally {
      process.kill(pidOf(dedicated), 'SIGCONT')
    }
    const wait = waitOf()
    const next = lock.take(4n, 'exclusive', wait)
    await released
    const second = (await asked)!
    expect(pidOf(second)).toBe(pidOf(dedicated))
    await second.release()
    await eventually(waiting, count => count === 1)
    await busy[1]!.release()
    await (await next)!.release()
    await group.release()
  })

  test('in two calls of one instant, is not given twice', async () => {
    const lock = open({ connections: 3 })
    await (await lock.acquire('another key')).release()
    const grants = await Promise.all([1, 2, 3, 4].map(() => lock.take(1n, 'exclusive')))
    expect(grants.filter(grant => grant !== undefined)).toHaveLength(1)
    await grants.find(grant => grant !== undefined)?.release()
  })
})

describe('abort and grant', () => {
  const sharing = (lock: KeyedLock): KeyedLock => ({
    acquire: (key, options) => lock.acquire(key, { ...options, mode: 'shared' }),
    tryAcquire: key => lock.tryAcquire(key, { mode: 'shared' }),
    runExclusive: (key, task, options) => lock.runExclusive(key, task, { ...options, mode: 'shared' })
  })
  /** Takes both permits as one. */
  const both = (lock: KeyedLock): KeyedLock => ({
    ...sharing(lock),
    async acquire(key, options) {
      const leases = await Promise.all([lock.acquire(key, options), lock.acquire(key, options)])
      const release = async () => void (await Promise.all(leases.map(lease => lease.release())))
      return { ...(leases[0] as Lease), key, release }
    }
  })

  test.each<[string, PostgresLockOptions, (lock: KeyedLock) => KeyedLock, (lock: KeyedLock) => KeyedLock]>([
    ['of one that shares', {}, lock => lock, sharing],
    ['of one that waits for those that share', {}, sharing, lock => lock],
    ['of a permit', { capacity: 2 }, both, lock => lock]
  ])(
    '500 races %s leave nothing, and no connection too many',
    async (_, options, holder, waiter) => {
      const waiting = open({ ...options, connections: 5 })
      const granted = await raceAbortsWithGrants(holder(open(options)), waiter(waiting), 500)
      // Both outcomes were seen, or it was no race.
      expect(granted).toBeGreaterThan(25)
      expect(granted).toBeLessThan(475)
      expect(await eventually(advisoryLocks, left => left.length === 0)).toEqual([])
      expect(await connections()).toBeLessThanOrEqual(4 + 5)
    },
    60_000
  )

  test('a granted lease listens to its signal no more, however it came by the key', async () => {
    const [one, other] = [open(), open({ connections: 2 })]
    const abort = new AbortController()
    const listeners = () => getEventListeners(abort.signal, 'abort').length
    const leases = await Promise.all(['a', 'b', 'c'].map(key => one.acquire(key)))
    const tried = await other.acquire('free', { signal: abort.signal })
    const waited = ['a', 'b', 'c'].map(key => other.acquire(key, { signal: abort.signal, timeout: 60_000 }))
    await eventually(waiting, count => count === 1)
    for (const lease of leases) await lease.release()
    const granted = await Promise.all(waited)
    expect(listeners()).toBe(0)
    abort.abort()
    expect([tried, ...granted].map(({ held }) => held)).toEqual([true, true, true, true])
    await Promise.all([tried, ...granted].map(lease => lease.release()))
  })
})

describe('capacity', () => {
  test('has no tokens and no fencing', async () => {
    const lock = open({ capacity: 2 })
    expect(lock.guarantees).toEqual({ fifo: true, fencing: false, survives: ['crash', 'pause'] })
    const lease = await lock.acquire('key')
    expect(lease.token).toBeUndefined()
    await lease.release()
  })

  test('permits are given in order of arrival, between objects too', async () => {
    const [holder, ...others] = openMany(6, { capacity: 2 }) as [BareLock, ...BareLock[]]
    const leases = [await holder.acquire('key'), await holder.acquire('key')]
    expect(await holder.tryAcquire('key')).toBeUndefined()
    const served: number[] = []
    const granted: Promise<Lease>[] = []
    for (const [i, other] of others.entries()) {
      const lease = other.acquire('key')
      void lease.then(() => served.push(i))
      granted.push(lease)
      // The first has the gate, the others wait for it.
      await eventually(advisoryLocks, locks => locks.length === 5 + i)
    }
    // One that does not wait gets none past them.
    await leases[0]!.release()
    expect(await holder.tryAcquire('key')).toBeUndefined()
    // One permit at a time, so that the answers of two connections cannot overtake each other.
    for (const lease of granted) await (await lease).release()
    expect(served).toEqual([0, 1, 2, 3, 4])
    await leases[1]!.release()
  })

  test('one that is given up in this process is found at once, and not at the next look', async () => {
    const [lock, other] = openMany(2, { capacity: 2 }) as [BareLock, BareLock]
    const leases = [await lock.acquire('key'), await other.acquire('key')]
    // No look comes by itself: these timers stand still.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const timers = vi.spyOn(globalThis, 'setTimeout')
    try {
      const next = lock.acquire('key')
      next.catch(() => {})
      await seen(async () => timers.mock.calls.some(([, ms]) => ms! > 15 && ms! < 35))
      await leases[0]!.release()
      await (await next).release()
    } finally {
      timers.mockRestore()
      vi.useRealTimers()
    }
    await leases[1]!.release()
  })

  test('is held by the shared session as often as it goes, and then by others', async () => {
    const lock = open({ capacity: 3 })
    const leases = await Promise.all([1, 2, 3].map(() => lock.acquire('key')))
    expect(new Set(leases.map(pidOf)).size).toBe(1)
    expect(await lock.tryAcquire('key')).toBeUndefined()
    expect(await advisoryLocks()).toHaveLength(6)
    await leases[1]!.release()
    const other = await open({ capacity: 3 }).tryAcquire('key')
    expect(other).toBeDefined()
    expect(await lock.tryAcquire('key')).toBeUndefined()
    await Promise.all([...leases, other!].map(lease => lease.release()))
  })

  test('a permit is lost with its session, and free', async () => {
    const [one, other] = openMany(2, { capacity: 1 + 1 }) as [BareLock, BareLock]
    const leases = [await one.acquire('key'), await one.acquire('key')]
    const losses = leases.map(
      ({ signal }) => new Promise(resolve => signal.addEventListener('abort', () => resolve(signal.reason)))
    )
    const next = other.acquire('key')
    await eventually(advisoryLocks, locks => locks.length === 5)
    await admin.query('select pg_terminate_backend($1)', [pidOf(leases[0]!)])
    for (const loss of await Promise.all(losses)) expect(loss).toMatchObject({ code: 'ERR_LEASE_LOST' })
    await (await next).release()
    await Promise.all(leases.map(lease => lease.release()))
  })

  test('one that looks for a permit and loses its session is told, and the next one looks', async () => {
    const [holder, first, second] = openMany(3, { capacity: 2 }) as [BareLock, BareLock, BareLock]
    const leases = [await holder.acquire('key'), await holder.acquire('key')]
    const lost = expect(first.acquire('key')).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    const [gate] = await eventually(
      async () => (await advisoryLocks()).filter(({ pid }) => pid !== pidOf(leases[0]!)),
      ([gate]) => gate !== undefined
    )
    const next = second.acquire('key')
    await eventually(waiting, count => count === 1)
    await admin.query('select pg_terminate_backend($1)', [gate?.pid])
    await lost
    await leases[0]!.release()
    await (await next).release()
    await leases[1]!.release()
  })

  test('beyond the connections, permits are tried for and all are had', async () => {
    const options = { capacity: 2, connections: 2 }
    const [holder, lock] = openMany(2, options) as [BareLock, BareLock]
    const keys = ['a', 'b', 'c', 'd']
    const leases = await Promise.all(keys.flatMap(key => [holder.acquire(key), holder.acquire(key)]))
    const granted = Promise.all(keys.map(key => lock.runExclusive(key, () => key)))
    await eventually(
      async () => lock.waiting,
      count => count === 4
    )
    for (const lease of leases) await lease.release()
    expect(await granted).toEqual(keys)
    expect(await connections()).toBeLessThanOrEqual(4)
  })

  test('that differs: the greatest counts, and a waiter with a smaller one is told why', async () => {
    const [one, three, two] = [open(), open({ capacity: 3 }), open({ capacity: 2 })]
    const leases = await Promise.all([1, 2, 3].map(() => three.acquire('key')))
    expect(await one.tryAcquire('key')).toBeUndefined()
    expect(await two.tryAcquire('key')).toBeUndefined()
    const late = await two.acquire('key', { timeout: 1000 }).catch((error: unknown) => error)
    expect(late).toBeInstanceOf(LockTimeoutError)
    expect(late).toMatchObject({ message: expect.stringContaining('a greater options.capacity') })
    // A single holder has one of the permits.
    await Promise.all(leases.map(lease => lease.release()))
    const alone = await one.acquire('key')
    const pair = await Promise.all([three.acquire('key'), three.acquire('key')])
    expect(await three.tryAcquire('key')).toBeUndefined()
    await Promise.all([alone, ...pair].map(lease => lease.release()))
  })

  test('a waiter with the same one is not told so', async () => {
    const [holder, lock] = openMany(2, { capacity: 2 }) as [BareLock, BareLock]
    const leases = [await holder.acquire('key'), await holder.acquire('key')]
    const late = await lock.acquire('key', { timeout: 1000 }).catch((error: unknown) => error)
    await Promise.all(leases.map(lease => lease.release()))
    expect(late).toBeInstanceOf(LockTimeoutError)
    expect((late as Error).message).not.toContain('capacity')
  })

  test.each([0, 1.5, 65_537, '2'])('of %s is refused', capacity => {
    expect(() => open({ capacity: capacity as number })).toThrow(/options.capacity must be a whole number/)
  })
})

test('two keys on one hash: modes and permits hold for both together', async () => {
  class OneHash extends BareLock {
    protected override keyId() {
      return -7n
    }
  }
  const openOne = (options?: PostgresLockOptions) => {
    const lock = new OneHash(() => new pg.Client({ ...server, application_name: APPLICATION }), options)
    locks.push(lock)
    return lock
  }
  for (const options of [{}, { capacity: 2 }]) {
    const [one, other] = [openOne(options), openOne(options)]
    const inside = { shared: 0, exclusive: 0 }
    const hold = (i: number) => {
      const mode = options.capacity === undefined && i % 3 > 0 ? 'shared' : 'exclusive'
      const lock = i % 2 ? one : other
      return lock[mode === 'shared' ? 'runShared' : 'runExclusive'](`key ${i % 5}`, async () => {
        inside[mode]++
        if (inside.exclusive > 0) expect(inside.exclusive + inside.shared).toBeLessThanOrEqual(options.capacity ?? 1)
        await new Promise(resolve => setImmediate(resolve))
        inside[mode]--
      })
    }
    await Promise.all(Array.from({ length: 40 }, (_, i) => hold(i)))
  }
})

describe('many keys', () => {
  test('are taken in one statement, with a token for each', async () => {
    const lock = open()
    await (await lock.acquire('key')).release()
    await admin.query('select pg_stat_statements_reset()')
    const all = await lock.acquireMany(['c', 'a', 'b', 'a'])
    expect(await statements('%advisory_lock%')).toBe(1)
    expect([...all.tokens.keys()].sort()).toEqual(['a', 'b', 'c'])
    expect(new Set(all.tokens.values()).size).toBe(3)
    expect(await advisoryLocks()).toHaveLength(6)
    await all.release()
    // The first is given up at once, the others together.
    expect(await statements('select pg_advisory_unlock($1)%')).toBe(1)
    expect(await statements('%with ordinality as held%')).toBe(1)
  })

  test.each(['exclusive', 'shared'] as const)('%s: all or none, whichever is taken', async mode => {
    const [one, other] = [open(), open()]
    const ids = [-5n, -1n, 3n, 8n]
    for (const taken of ids) {
      const grant = (await one.take(taken, 'exclusive'))!
      expect(await other.takeAll(ids, mode)).toBeUndefined()
      // The key and its mark.
      expect(await advisoryLocks()).toHaveLength(2)
      await grant.release()
    }
    const grants = (await other.takeAll(ids, mode))!
    for (const id of ids) {
      expect(await one.take(id, 'exclusive')).toBeUndefined()
      const shared = await one.take(id, 'shared')
      expect(shared === undefined).toBe(mode === 'exclusive')
      await shared?.release()
    }
    await Promise.all(grants.map(grant => grant.release()))
  })

  test('are not taken on a session that holds one of them', async () => {
    const lock = open()
    const held = (await lock.take(2n, 'shared'))!
    expect(await lock.takeAll([1n, 2n, 3n], 'exclusive')).toBeUndefined()
    const all = (await lock.takeAll([1n, 2n, 3n], 'shared'))!
    expect(new Set(all.map(pidOf)).size).toBe(1)
    expect(pidOf(all[0]!)).not.toBe(pidOf(held))
    await Promise.all([held, ...all].map(grant => grant.release()))
  })

  test('permits of many are had, or none', async () => {
    const [one, other] = openMany(2, { capacity: 2 }) as [BareLock, BareLock]
    const leases = [await one.acquire('b'), await one.acquire('b')]
    expect(await other.tryAcquireMany(['a', 'b', 'c'])).toBeUndefined()
    expect(await advisoryLocks()).toHaveLength(4)
    await leases[0]!.release()
    const all = await other.tryAcquireMany(['a', 'b', 'c'])
    expect(all?.keys).toEqual(['a', 'b', 'c'])
    await Promise.all([leases[1]!, all!].map(lease => lease.release()))
  })

  test('count as many', async () => {
    const lock = open({ maxKeys: 3 })
    const two = await lock.acquireMany(['a', 'b'])
    await expect(lock.acquireMany(['c', 'd'])).rejects.toMatchObject({ code: 'ERR_ENGINE_TOO_MANY_KEYS' })
    await (await lock.acquire('c')).release()
    await two.release()
    for (let i = 0; i < 3; i++) await (await lock.acquireMany(['a', 'b', 'c'])).release()
  })

  test('drawn from a sequence, tokens grow', async () => {
    await admin.query('create sequence many_tokens')
    const lock = open({ tokenSequence: 'many_tokens' })
    const first = await lock.acquireMany(['a', 'b'])
    await first.release()
    const second = await lock.acquireMany(['a', 'b'])
    for (const key of ['a', 'b']) expect(second.tokens.get(key)! > first.tokens.get(key)!).toBe(true)
    expect([...first.tokens.values()].every(token => token < 10n)).toBe(true)
    await second.release()
  })
})

describe('inspection', () => {
  test('shows owner, mode, moment and token, of holders anywhere', async () => {
    const [one, other, watcher] = [open({ owner: 'worker 7' }), open(), open()]
    expect(await watcher.inspect('key')).toBeUndefined()
    const before = Date.now()
    const first = await one.acquire('key', { mode: 'shared' })
    const second = await other.acquire('key', { mode: 'shared' })
    const holders = await watcher.holders('key')
    expect(holders).toEqual([
      { owner: 'worker 7', mode: 'shared', token: first.token, since: new Date(Number(first.token) / 1000) },
      { owner: second.owner, mode: 'shared', token: second.token, since: new Date(Number(second.token) / 1000) }
    ])
    expect(first.owner).toBe('worker 7')
    expect(Math.abs(holders[0]!.since.getTime() - before)).toBeLessThan(60_000)
    await first.release()
    expect(await watcher.inspect('key')).toMatchObject({ owner: second.owner })
    await second.release()
    const alone = await one.acquire('key')
    expect(await watcher.holders('key')).toMatchObject([{ owner: 'worker 7', mode: 'exclusive', token: alone.token }])
    await alone.release()
    expect(await watcher.holders('key')).toEqual([])
  })

  test('tells the keys of one session apart', async () => {
    const [lock, watcher] = [open(), open()]
    const leases = await lock.acquireMany(Array.from({ length: 300 }, (_, i) => `key ${i}`))
    for (const key of ['key 0', 'key 150', 'key 299'])
      expect(await watcher.holders(key)).toMatchObject([{ token: leases.tokens.get(key) }])
    await leases.release()
  })

  test('shows each permit, without a token', async () => {
    const [lock, watcher] = openMany(2, { capacity: 3, owner: 'crawler' }) as [BareLock, BareLock]
    const leases = [await lock.acquire('key'), await watcher.acquire('key')]
    const holders = await watcher.holders('key')
    expect(holders).toHaveLength(2)
    for (const holder of holders) {
      expect(holder).toMatchObject({ owner: 'crawler', mode: 'exclusive', since: expect.any(Date) })
      expect(holder).not.toHaveProperty('token')
    }
    await Promise.all(leases.map(lease => lease.release()))
  })

  test('with a sequence shows the moment, and no token', async () => {
    await admin.query('create sequence shown_tokens')
    const lock = open({ tokenSequence: 'shown_tokens' })
    const lease = await lock.acquire('key')
    const holder = await lock.inspect('key')
    expect(holder).not.toHaveProperty('token')
    expect(Math.abs(holder!.since.getTime() - Date.now())).toBeLessThan(60_000)
    await lease.release()
  })

  test('shows a transaction that has the key, since it began', async () => {
    const client = new pg.Client({ ...server, application_name: 'job' })
    await client.connect()
    await client.query('begin')
    const { rows } = await client.query('select pg_backend_pid() as pid, now() as began')
    await lockInTransaction(client, 'key', { mode: 'shared' })
    expect(await open().inspect('key')).toEqual({
      owner: `job, server process ${rows[0].pid}`,
      mode: 'shared',
      since: rows[0].began
    })
    await client.query('commit')
    await client.end()
  })

  test('needs no rights', async () => {
    await admin.query("create role visitor login password 'secret'")
    const [lock, visitor] = [open({ owner: 'someone else' }), open({}, { user: 'visitor' })]
    const lease = await lock.acquire('key')
    expect(await visitor.inspect('key')).toMatchObject({ owner: 'someone else', token: lease.token })
    await lease.release()
  })

  test('does not see the keys of another database', async () => {
    await admin.query('create database elsewhere')
    const [lock, elsewhere] = [open(), open({}, { database: 'elsewhere' })]
    const lease = await lock.acquire('key')
    expect(await elsewhere.inspect('key')).toBeUndefined()
    await lease.release()
  })

  test.each(['é 100 %', 'a'.repeat(54), '%C3%A9', '日本'])('an owner called %s is shown so', async owner => {
    const lock = open({ owner })
    const lease = await lock.acquire('key')
    expect(await open().inspect('key')).toMatchObject({ owner })
    await lease.release()
  })

  test.each(['', 'a'.repeat(55), 'é'.repeat(10), '\ud800', 7])('an owner called %j is refused', owner => {
    expect(() => open({ owner: owner as string })).toThrow(/options.owner must be/)
  })
})

describe('lockInTransaction, shared', () => {
  const clients: pg.Client[] = []
  const begin = async () => {
    const client = new pg.Client({ ...server })
    clients.push(client)
    await client.connect()
    await client.query('begin')
    return client
  }
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end()
  })

  test('excludes those that want the key alone, and no other', async () => {
    const [one, other, third] = await Promise.all([begin(), begin(), begin()])
    const lock = open()
    await lockInTransaction(one, 'key', { mode: 'shared' })
    await lockInTransaction(other, 'key', { mode: 'shared', timeout: 0 })
    const lease = await lock.tryAcquire('key', { mode: 'shared' })
    expect(lease?.mode).toBe('shared')
    expect(await open().tryAcquire('key')).toBeUndefined()
    await expect(lockInTransaction(third, 'key', { timeout: 0 })).rejects.toThrow(LockTimeoutError)
    await expect(lockInTransaction(third, 'key', { timeout: 20 })).rejects.toThrow(LockTimeoutError)
    await lease?.release()
    await one.query('commit')
    await other.query('commit')
    await lockInTransaction(third, 'key', { timeout: 5000 })
    await expect(lockInTransaction(await begin(), 'key', { mode: 'shared', timeout: 0 })).rejects.toThrow(
      /have to wait/
    )
    await third.query('commit')
  })

  test('a mode that there is not is refused', async () => {
    expect(() => lockInTransaction(clients[0] ?? (admin as never), 'key', { mode: 'both' as never })).toThrow(
      /options.mode must be 'exclusive' or 'shared', got "both"/
    )
  })
})

describe('a statement that fails at the client and is granted at the server', () => {
  const openFailing = (name: string, options?: PostgresLockOptions) => {
    let fails = 0
    const connect = () => {
      const client = new pg.Client({ ...server, application_name: APPLICATION })
      const query = client.query.bind(client) as (query: { name?: string }) => Promise<{ rows: unknown[] }>
      return Object.assign(client, {
        async query(statement: { name?: string }) {
          const answer = await query(statement)
          if (statement.name === name && fails++ === 0) throw new Error('the client has lost patience')
          return answer
        }
      })
    }
    const lock = new BareLock(connect as never, options)
    locks.push(lock)
    return lock
  }

  test.each<[string, PostgresLockOptions, (lock: BareLock) => Promise<unknown>]>([
    ['latchkey-try-shared', {}, lock => lock.tryAcquire('key', { mode: 'shared' })],
    ['latchkey-try-all', {}, lock => lock.acquireMany(['a', 'b', 'c'])],
    ['latchkey-permit-try-3', { capacity: 3 }, lock => lock.tryAcquire('key')]
  ])('%s: is given back, and nothing else', async (name, options, call) => {
    const lock = openFailing(name, options)
    const kept = await open(options).acquire('kept')
    await expect(call(lock)).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    expect(await advisoryLocks()).toHaveLength(2)
    await kept.release()
    const leases = [(await call(lock)) as Lease, await lock.acquire('another')]
    expect(leases.map(({ held }) => held)).toEqual([true, true])
    await Promise.all(leases.map(lease => lease.release()))
  })

  test.each<[string, PostgresLockOptions, LockMode]>([
    ['latchkey-block-shared', {}, 'shared'],
    ['latchkey-permit-look-2', { capacity: 2 }, 'exclusive']
  ])('%s: is given back, and its session used again', async (name, options, mode) => {
    const [holder, lock] = [open(options), openFailing(name, { ...options, connections: 2 })]
    const take = async () => {
      const held = [await holder.acquire('key')]
      if (options.capacity !== undefined) held.push(await holder.acquire('key'))
      const before = held.length * 2
      const lease = lock.acquire('key', { mode })
      lease.catch(() => {})
      await eventually(advisoryLocks, locks => locks.length === before + 1)
      await held[0]!.release()
      await lease.then(
        lease => lease.release(),
        () => {}
      )
      await held[1]?.release()
      return lease
    }
    await expect(take()).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    expect(await advisoryLocks()).toEqual([])
    await take()
    expect(await connections()).toBeLessThanOrEqual(3)
  })
})

describe('dedicated sessions', () => {
  /** A lock with one dedicated session, which waits for 'a', and callers of 'b' and 'c' that have none. */
  const openWaiting = async (waitForB: Wait) => {
    const holder = open()
    const clients: pg.Client[] = []
    const lock = new BareLock(
      () => {
        const client = new pg.Client({ ...server, application_name: APPLICATION })
        clients.push(client)
        return client
      },
      { connections: 2 }
    )
    locks.push(lock)
    const ids = [1n, 2n, 3n]
    const held = await Promise.all(ids.map(id => holder.take(id, 'exclusive')))
    const waits = [waitOf(), waitForB, waitOf()]
    const granted: Promise<EngineGrant | undefined>[] = []
    for (const [i, id] of ids.entries()) {
      const grant = lock.take(id, 'exclusive', waits[i])
      grant.catch(() => {})
      granted.push(grant)
      if (i === 0) await eventually(waiting, count => count === 1)
    }
    const [{ pid } = { pid: 0 }] = (await advisoryLocks()).filter(({ granted }) => !granted)
    // Both are asked for again and again from here on.
    await admin.query('select pg_stat_statements_reset()')
    await eventually(
      () => statements('%with ordinality as wanted%'),
      calls => calls > 1
    )
    return {
      held: held as EngineGrant[],
      granted,
      lose: () => clients[1]!.emit('error', new Error('the network is down')),
      /** The server may not have noticed yet that the one that was lost is gone. */
      waitOnAnother: () =>
        eventually(advisoryLocks, locks => locks.some(({ granted, pid: other }) => !granted && other !== pid))
    }
  }

  test('of which one is lost: the next caller takes its place', async () => {
    const { held, granted, lose, waitOnAnother } = await openWaiting(waitOf())
    lose()
    await expect(granted[0]).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    await waitOnAnother()
    await Promise.all(held.map(grant => grant.release()))
    for (const grant of granted.slice(1)) await (await grant)?.release()
  })

  test('of which one is lost: the last caller takes its place, past one that leaves in that moment', async () => {
    const abort = new AbortController()
    const { held, granted, lose, waitOnAnother } = await openWaiting(waitOf({ signal: abort.signal }))
    lose() // which wakes the second caller
    abort.abort('enough')
    await expect(granted[0]).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    expect(await granted[1]).toBeUndefined()
    await waitOnAnother()
    await Promise.all(held.map(grant => grant.release()))
    await (await granted[2])?.release()
  })

  test('of which one is lost: the last caller takes its place, past one that is granted in that moment', async () => {
    const wait = waitOf()
    const onEnd = wait.onEnd.bind(wait)
    let left = () => {}
    // The poller stops to listen when it is granted the key. One step of the microtask queue later it tells the caller.
    wait.onEnd = listener => {
      const stop = onEnd(listener)
      return () => {
        stop()
        queueMicrotask(() => left())
      }
    }
    const { held, granted, lose, waitOnAnother } = await openWaiting(wait)
    left = lose
    await held[1]!.release()
    const grant = await granted[1]
    expect(grant?.validity?.isValid).toBe(true)
    await expect(granted[0]).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    await waitOnAnother()
    await grant?.release()
    await Promise.all([held[0]!, held[2]!].map(grant => grant.release()))
    await (await granted[2])?.release()
  })

  test('go to the next key that waits, also past one that has left', async () => {
    const [holder, lock] = [open(), open({ connections: 2 })]
    const leases = await Promise.all(['a', 'b', 'c'].map(key => holder.acquire(key)))
    const abort = new AbortController()
    const first = lock.acquire('a', { signal: abort.signal })
    await eventually(waiting, count => count === 1)
    const others = ['b', 'c'].map(key => lock.acquire(key))
    await eventually(
      async () => lock.waiting,
      count => count === 3
    )
    // Its session stands in the queue for the next key then.
    abort.abort('enough')
    await expect(first).rejects.toBe('enough')
    await eventually(waiting, count => count === 1)
    await leases[1]!.release()
    await (await others[0]!).release()
    await eventually(waiting, count => count === 1)
    await leases[2]!.release()
    await (await others[1]!).release()
    await leases[0]!.release()
  })

  /** One lease on the dedicated session of `lock`. */
  const waitFor = async (holder: PostgresLock, lock: PostgresLock, during = async () => {}) => {
    const lease = await holder.acquire('key')
    const next = lock.acquire('key')
    next.catch(() => {})
    await seen(async () => (await waiting()) === 1)
    await during()
    await lease.release()
    return next
  }

  test('are closed when they have been idle for ten seconds', async () => {
    const [holder, lock] = [open(), open()]
    const lease = await waitFor(holder, lock)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      await lease.release()
      vi.advanceTimersByTime(9_999)
      expect(await connections()).toBe(3)
      vi.advanceTimersByTime(1)
    } finally {
      vi.useRealTimers()
    }
    await eventually(connections, count => count === 2)
  })

  test('are not closed while they wait and hold again', async () => {
    const [holder, lock] = [open(), open()]
    const first = await waitFor(holder, lock)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      await first.release()
      const second = await waitFor(holder, lock, async () => void vi.advanceTimersByTime(10_000))
      expect(pidOf(second)).toBe(pidOf(first))
      expect(second.held).toBe(true)
      await second.release()
    } finally {
      vi.useRealTimers()
    }
  })
})
