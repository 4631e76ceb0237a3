// What a Pool promises, with real PostgreSQL connections in it: the server counts them, kills them and refuses them.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Pool } from 'latchkey'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { usePostgres } from '../fixtures/postgres.js'
import { watch } from '../fixtures/settle.js'
import { readExamples, runExample } from '../shape/docs/examples.js'

const server = usePostgres()

/** Sees the server from outside the pool. */
let admin: pg.Client
/** Connections of the pool whose server has gone. */
let broken: WeakSet<pg.Client>
let pool: Pool<pg.Client> | undefined

const NAME = 'pooled'

beforeEach(async () => {
  broken = new WeakSet()
  admin = new pg.Client({ ...server })
  await admin.connect()
})

afterEach(async () => {
  await pool?.close()
  expect(await backends()).toEqual([])
  await admin.end()
})

async function connect(config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ ...server, application_name: NAME, ...config })
  client.on('error', () => broken.add(client))
  await client.connect()
  return client
}

/** The processes that serve the pool, as the server tells them. They end a moment after their clients. */
async function backends(): Promise<number[]> {
  const query = 'select pid from pg_stat_activity where application_name = $1'
  for (let attempt = 0; ; attempt++) {
    const { rows } = await admin.query<{ pid: number }>(query, [NAME])
    if (rows.length === 0 || pool?.size !== 0 || attempt === 1000) return rows.map(({ pid }) => pid)
  }
}

const makePool = (options: Partial<ConstructorParameters<typeof Pool<pg.Client>>[0]> = {}) => {
  pool = new Pool({
    create: connect,
    destroy: client => client.end(),
    validate: client => !broken.has(client),
    max: 8,
    name: 'database',
    ...options
  })
  return pool
}

const backendOf = async (client: pg.Client): Promise<number> => {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid as number
}

test('200 callers share 8 connections', async () => {
  const pool = makePool()
  let most = 0
  const used = await Promise.all(
    Array.from({ length: 200 }, () =>
      pool.use(async client => {
        most = Math.max(most, pool.size)
        return backendOf(client)
      })
    )
  )
  expect([used.length, new Set(used).size, most, pool.size, pool.idle]).toEqual([200, 8, 8, 8, 8])
  expect((await backends()).sort()).toEqual([...new Set(used)].sort())
})

test('a connection that is killed under its user is destroyed and replaced', async () => {
  const pool = makePool({ max: 1 })
  let killed = 0
  const failing = pool.use(async client => {
    killed = await backendOf(client)
    const ended = new Promise(resolve => client.once('end', resolve))
    await admin.query('select pg_terminate_backend($1)', [killed])
    await ended
    await client.query('select 1')
  })
  const next = pool.use(backendOf) // in line behind it
  await expect(failing).rejects.toThrow()
  expect(await next).not.toBe(killed)
  expect([pool.size, (await backends()).length]).toEqual([1, 1])
})

test('a connection that is killed while it is idle is not lent again', async () => {
  const pool = makePool({ max: 2 })
  const first = await pool.acquire()
  const ended = new Promise(resolve => first.resource.once('end', resolve))
  const killed = await backendOf(first.resource)
  first.release()
  await admin.query('select pg_terminate_backend($1)', [killed])
  await ended
  expect(await pool.use(backendOf)).not.toBe(killed)
})

test('a user who finds it broken discards it', async () => {
  const pool = makePool({ max: 1, validate: undefined })
  const lease = await pool.acquire()
  const first = await backendOf(lease.resource)
  lease.discard()
  expect(await pool.use(backendOf)).not.toBe(first)
})

test('a connection that cannot be made rejects its caller alone', async () => {
  let attempts = 0
  const pool = makePool({
    max: 2,
    create: () => connect(++attempts === 2 ? { database: 'no such database' } : {})
  })
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => pool.use(backendOf)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(outcomes[1]).toMatchObject({ reason: { code: '3D000' } }) // the error of the server, untouched
})

describe('who gives up leaks nothing', () => {
  test('while waiting', async () => {
    const pool = makePool({ max: 1 })
    const lease = await pool.acquire()
    const controller = new AbortController()
    const waiting = pool.acquire({ signal: controller.signal })
    controller.abort('enough')
    await expect(waiting).rejects.toBe('enough')
    expect([pool.pending, pool.size]).toEqual([0, 1])
    lease.release()
    expect([pool.idle, pool.size]).toEqual([1, 1])
  })

  test('while the connection is made: it serves the next', async () => {
    const pool = makePool({ max: 1 })
    const controller = new AbortController()
    const leaver = pool.acquire({ signal: controller.signal })
    const next = pool.use(backendOf)
    controller.abort('enough')
    await expect(leaver).rejects.toBe('enough')
    const served = await next
    expect(await backends()).toEqual([served]) // the one that was begun for the first
  })

  test('while the connection is validated', async () => {
    const controller = new AbortController()
    let validations = 0
    const pool = makePool({
      max: 1,
      validate: async client => {
        if (++validations === 1) controller.abort('enough')
        await client.query('select 1')
        return true
      }
    })
    const first = await pool.use(backendOf)
    await expect(pool.acquire({ signal: controller.signal })).rejects.toBe('enough')
    expect(await pool.use(backendOf)).toBe(first)
    expect([validations, pool.size, pool.idle]).toEqual([2, 1, 1])
  })

  test('at any moment, many at a time', async () => {
    const pool = makePool({ max: 4, validate: async client => (await client.query('select 1')).rowCount === 1 })
    const leavers: AbortController[] = []
    const callers = Array.from({ length: 100 }, (_, n) => {
      const controller = new AbortController()
      const served = pool.use(backendOf, { signal: controller.signal })
      if (n % 3 === 0) leavers.push(controller)
      return served
    })
    const outcomes = Promise.allSettled(callers)
    // Each gives up a query later than the one before.
    for (const leaver of leavers) {
      await admin.query('select 1')
      leaver.abort('enough')
    }
    for (const [n, outcome] of (await outcomes).entries())
      if (outcome.status === 'rejected') expect([n % 3, outcome.reason]).toEqual([0, 'enough'])
    expect([pool.pending, pool.size, pool.idle]).toEqual([0, pool.idle, pool.size])
    expect(pool.size).toBeLessThanOrEqual(4)
    expect((await backends()).length).toBe(pool.size)
  })
})

test('close drains: who waits is turned away, who works finishes, and no connection is left', async () => {
  const pool = makePool({ max: 2 })
  const [first, second] = await Promise.all([pool.acquire(), pool.acquire()])
  const waiting = pool.acquire()
  second.release()
  const third = await waiting
  const turnedAway = pool.acquire()
  const closing = pool.close()
  const closed = watch(closing)
  await expect(turnedAway).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
  expect([await backendOf(first.resource), closed.state]).toEqual([expect.any(Number), 'pending'])
  first.release()
  third.release()
  await closing
  expect([pool.size, await backends()]).toEqual([0, []])
})

test('the recipe works as it is written', async () => {
  const page = 'docs/recipes/pools.md'
  const { examples } = readExamples(page, readFileSync(fromRoot(page), 'utf8'))
  const recipe = examples.find(({ code }) => code.includes("from 'pg'"))
  if (recipe === undefined) throw new Error(`${page} has no example with pg`)
  for (const [name, value] of Object.entries(server)) vi.stubEnv(`PG${name.toUpperCase()}`, String(value))
  mkdirSync(fromRoot('node_modules/.cache'), { recursive: true })
  const scratch = mkdtempSync(fromRoot('node_modules/.cache/latchkey-recipe-'))
  try {
    const claim =
      '\nconsole.log(new Set(counts).size, connections) // → 1 Pool "postgres" { closed, 0 of 8 taken, 0 idle }\n'
    expect(await runExample({ ...recipe, run: true, code: recipe.code + claim }, scratch)).toEqual([])
  } finally {
    vi.unstubAllEnvs()
    rmSync(scratch, { recursive: true })
  }
})
