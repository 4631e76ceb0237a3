// What holds between processes, with real ones that are killed, stopped and continued, on real servers.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { usePostgres } from '../fixtures/postgres.js'
import { eventually, useProcesses, type Worker } from '../fixtures/processes.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'

const LEASE = 1000

const start = useProcesses('test/engines/worker.ts')
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-processes-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the server of an engine shows of its locks. */
interface Engine {
  open(): Promise<Worker>
  /** How many wait in its queue. */
  waiting(): Promise<number>
  /** How much there is of locks and waiters. */
  residue(): Promise<number>
}

function proveBetweenProcesses(engine: Engine): void {
  const openAll = (count: number) => Promise.all(Array.from({ length: count }, () => engine.open()))
  const expectNoResidue = async () => {
    expect(await eventually(engine.residue, left => left === 0)).toBe(0)
  }

  test('several increment a counter that knows nothing of each other, and never overlap', async () => {
    const file = join(folder, 'counter')
    writeFileSync(file, '0')
    const workers = await openAll(4)
    const lines = await Promise.all(
      workers.map(worker => worker.ask({ do: 'count', key: 'counter', file, times: 50 }, 'counted'))
    )
    expect(readFileSync(file, 'utf8')).toBe('200')
    const intervals = lines
      .flatMap(({ intervals }) => intervals as [string, string][])
      .map(([from, to]) => ({ from: BigInt(from), to: BigInt(to) }))
      .sort((a, b) => (a.from < b.from ? -1 : 1))
    expect(intervals).toHaveLength(200)
    for (const [i, { from }] of intervals.entries()) if (i > 0) expect(from >= intervals[i - 1]!.to).toBe(true)
    await expectNoResidue()
  })

  test('a holder that is killed is followed by the next', async () => {
    const [holder, next] = (await openAll(2)) as [Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'killed' }, 'granted')
    next.say({ do: 'acquire', id: 'b', key: 'killed' })
    await eventually(engine.waiting, waiting => waiting === 1)
    holder.signal('SIGKILL')
    await next.hear('granted')
    await next.ask({ do: 'release', id: 'b' }, 'released')
    await expectNoResidue()
  })

  test('a waiter that is killed holds up nobody behind it', async () => {
    const [holder, waiter, behind] = (await openAll(3)) as [Worker, Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'killed' }, 'granted')
    waiter.say({ do: 'acquire', id: 'b', key: 'killed' })
    await eventually(engine.waiting, waiting => waiting === 1)
    behind.say({ do: 'acquire', id: 'c', key: 'killed' })
    await eventually(engine.waiting, waiting => waiting === 2)
    await waiter.end()
    await holder.ask({ do: 'release', id: 'a' }, 'released')
    await behind.hear('granted')
    await behind.ask({ do: 'release', id: 'c' }, 'released')
    await expectNoResidue()
  })

  test('those who wait at the engine are served in order of arrival', async () => {
    const [holder, ...waiters] = (await openAll(4)) as [Worker, ...Worker[]]
    await holder.ask({ do: 'acquire', id: 'a', key: 'order' }, 'granted')
    for (const [i, waiter] of waiters.entries()) {
      waiter.say({ do: 'acquire', id: 'a', key: 'order' })
      await eventually(engine.waiting, waiting => waiting === i + 1)
    }
    const granted: bigint[] = []
    let current = holder
    for (const waiter of waiters) {
      await current.ask({ do: 'release', id: 'a' }, 'released')
      granted.push(BigInt((await waiter.hear('granted')).at as string))
      current = waiter
    }
    await current.ask({ do: 'release', id: 'a' }, 'released')
    expect(granted).toEqual([...granted].sort((a, b) => (a < b ? -1 : 1)))
    await expectNoResidue()
  })

  test('session managers that share a store lose no update', async () => {
    const store = mkdtempSync(join(folder, 'sessions-'))
    const workers = await openAll(3)
    const lines = await Promise.all(
      workers.map(worker => worker.ask({ do: 'visit', id: 'alice', file: store, times: 30 }, 'visited'))
    )
    expect(readFileSync(join(store, 'created'), 'utf8')).toBe('alice\n')
    expect(Math.max(...lines.map(({ visits }) => visits as number))).toBe(90)
    expect(new Set(lines.map(({ createdAt }) => createdAt)).size).toBe(1)
    await expectNoResidue()
  })
}

describe('PostgreSQL', () => {
  const server = usePostgres()
  let admin: pg.Client
  beforeAll(async () => {
    admin = new pg.Client({ ...server })
    await admin.connect()
  })
  afterAll(() => admin.end())

  const count = async (where: string) => {
    const query = `select count(*)::int as count from pg_locks where locktype = 'advisory' ${where}`
    return (await admin.query<{ count: number }>(query)).rows[0]!.count
  }
  const open = (options: object = {}) => start({ engine: 'postgres', server, options: { lease: LEASE, ...options } })
  proveBetweenProcesses({ open, waiting: () => count('and not granted'), residue: () => count('') })

  test('a holder that was stopped past its lease knows it, and nobody was granted meanwhile', async () => {
    const [holder, next] = (await Promise.all([open(), open()])) as [Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'stopped' }, 'granted')
    await holder.ask({ do: 'watchForPause', id: 'a', times: LEASE / 2 }, 'watching')
    holder.signal('SIGSTOP')
    const refused = await next.ask({ do: 'acquire', id: 'b', key: 'stopped', timeout: 2 * LEASE }, 'refused')
    expect(refused).toMatchObject({ code: 'ERR_LOCK_TIMEOUT' })
    next.say({ do: 'acquire', id: 'c', key: 'stopped' })
    holder.signal('SIGCONT')
    expect(await holder.hear('afterPause')).toMatchObject({ held: false })
    expect(await holder.hear('lost')).toMatchObject({
      message: expect.stringContaining('has not confirmed it in time')
    })
    await next.hear('granted')
  })

  test('the place of a waiter that was killed is given up while the holder still holds', async () => {
    const [holder, waiter] = (await Promise.all([open(), open()])) as [Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'vanished' }, 'granted')
    waiter.say({ do: 'acquire', id: 'b', key: 'vanished' })
    await eventually(
      () => count('and not granted'),
      waiting => waiting === 1
    )
    await waiter.end()
    await eventually(
      () => count('and not granted'),
      waiting => waiting === 0
    )
    expect(await holder.ask({ do: 'held', id: 'a' }, 'held')).toMatchObject({ held: true })
  })
})

describeRedis('Redis', () => {
  const server = useRedis()
  let admin: Redis
  beforeAll(() => {
    admin = server.connect()
  })
  afterAll(() => admin.quit())

  const open = () => start({ engine: 'redis', server, options: { lease: LEASE, tokenMemory: 1 } })
  const waiting = async () => {
    const queues = await admin.keys('*:queue')
    return queues.length === 0 ? 0 : admin.zcard(queues[0] as string)
  }
  proveBetweenProcesses({ open, waiting, residue: async () => (await admin.keys('*')).length })

  test('a holder that was stopped past its lease knows it, and its token is refused', async () => {
    const [holder, next] = (await Promise.all([open(), open()])) as [Worker, Worker]
    /** A resource that checks. */
    let last = 0n
    const write = (token: unknown) => {
      const accepted = BigInt(token as string) >= last
      if (accepted) last = BigInt(token as string)
      return accepted
    }
    const first = await holder.ask({ do: 'acquire', id: 'a', key: 'stopped' }, 'granted')
    expect(write(first.token)).toBe(true)
    await holder.ask({ do: 'watchForPause', id: 'a', times: LEASE / 2 }, 'watching')
    holder.signal('SIGSTOP')
    const second = await next.ask({ do: 'acquire', id: 'b', key: 'stopped' }, 'granted')
    expect(write(second.token)).toBe(true)
    holder.signal('SIGCONT')
    expect(await holder.hear('afterPause')).toMatchObject({ held: false })
    await holder.hear('lost')
    expect(write(first.token)).toBe(false)
    expect(await next.ask({ do: 'held', id: 'b' }, 'held')).toMatchObject({ held: true })
  })
})
