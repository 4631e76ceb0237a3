// The clients that people have, as docs/distributed/clients.md wires them up. Its wrappers are read from the page.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { LockTimeoutError } from 'latchkey'
import { lockInTransaction, PostgresLock, type TransactionClient } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { freePort, usePostgres } from '../fixtures/postgres.js'
import { eventually } from '../fixtures/processes.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'

const page = readFileSync(fromRoot('docs/distributed/clients.md'), 'utf8')
/** A wrapper of the page, without its types. */
function wrapperOf(name: string, scope: Record<string, unknown>): (transaction: unknown) => TransactionClient {
  const code = new RegExp(`(const ${name} = [\\s\\S]*?\\n\\}\\))\\n`).exec(page)?.[1]
  if (code === undefined) throw new Error(`the page has no ${name}`)
  const plain = code.replaceAll(/: (any|string|unknown\[\]|TransactionClient)(?=[,) =])/g, '')
  return new Function(...Object.keys(scope), `${plain}\nreturn ${name}`)(...Object.values(scope)) as never
}

/** A package that is only here to be tried. */
// biome-ignore lint/suspicious/noExplicitAny: its types are not here
async function load(name: string): Promise<any> {
  try {
    return await import(/* @vite-ignore */ name)
  } catch {
    console.log(`${name}: skipped, because it is not installed`)
    return undefined
  }
}
const [postgresJs, drizzle, drizzleNode, kysely] = await Promise.all(
  ['postgres', 'drizzle-orm', 'drizzle-orm/node-postgres', 'kysely'].map(load)
)

describe('PostgreSQL', () => {
  const server = usePostgres()
  let lock: PostgresLock
  beforeAll(() => {
    lock = new PostgresLock(() => new pg.Client({ ...server }))
  })
  afterAll(() => lock.close())

  /** What `lockInTransaction` has to do with a client. `begin` runs a task in a transaction. */
  async function expectLocks(
    begin: (task: (client: TransactionClient) => Promise<void>) => Promise<unknown>,
    { survivesTimeout = true } = {}
  ) {
    await begin(async client => {
      await lockInTransaction(client, 'key')
      expect(await lock.tryAcquire('key')).toBeUndefined()
      await lockInTransaction(client, 'another key', { timeout: 5000 })
      await lockInTransaction(client, 'a third key', { timeout: 0 })
      expect(await lock.tryAcquire('a third key')).toBeUndefined()
    })
    const lease = await lock.acquire('key', { timeout: 0 })
    const timingOut = begin(async client => {
      for (const timeout of [0, 20])
        await expect(lockInTransaction(client, 'key', { timeout })).rejects.toThrow(LockTimeoutError)
      await lockInTransaction(client, 'another key', { timeout: 20 }) // the transaction goes on
    })
    if (survivesTimeout) await timingOut
    else await expect(timingOut).rejects.toMatchObject({ code: '55P03' })
    await lease.release()
  }

  test('pg', async () => {
    const client = new pg.Client({ ...server })
    await client.connect()
    await expectLocks(async task => {
      await client.query('begin')
      await task(client)
      await client.query('commit')
    })
    await client.end()
  })

  test.skipIf(postgresJs === undefined)('postgres.js', async () => {
    const sql = postgresJs.default({ ...server, onnotice: () => {} })
    const ofPostgresJs = wrapperOf('ofPostgresJs', {})
    await expectLocks(task => sql.begin((transaction: unknown) => task(ofPostgresJs(transaction))), {
      survivesTimeout: false
    })
    await sql.end()
  })

  test.skipIf(kysely === undefined)('Kysely', async () => {
    const { Kysely, PostgresDialect, CompiledQuery } = kysely
    const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ ...server }) }) })
    const ofKysely = wrapperOf('ofKysely', { CompiledQuery })
    await expectLocks(task => db.transaction().execute((transaction: unknown) => task(ofKysely(transaction))))
    await db.destroy()
  })

  test.skipIf(drizzle === undefined)('Drizzle', async () => {
    const pool = new pg.Pool({ ...server })
    const db = drizzleNode.drizzle({ client: pool })
    const ofDrizzle = wrapperOf('ofDrizzle', { sql: drizzle.sql })
    await expectLocks(task => db.transaction((transaction: unknown) => task(ofDrizzle(transaction))))
    await pool.end()
  })
})

describeRedis('Redis', () => {
  const server = useRedis()

  /** Two locks exclude each other, and a waiter is notified. */
  async function expectHandOff(open: () => Promise<RedisLock> | RedisLock, onServer: Redis) {
    const [one, other] = [await open(), await open()]
    const lease = await one.acquire('key')
    const next = other.acquire('key')
    await eventually(
      async () => ((await onServer.pubsub('CHANNELS', 'latchkey:*')) as string[]).length,
      count => count === 1
    )
    await onServer.config('RESETSTAT')
    await lease.release()
    await (await next).release()
    expect(await onServer.info('commandstats')).toMatch(/cmdstat_publish:calls=1,/)
    await Promise.all([one.close(), other.close()])
  }

  test('ioredis with a keyPrefix', async () => {
    const admin = server.connect()
    const clients: Redis[] = []
    await expectHandOff(() => {
      const client = server.connect({ keyPrefix: 'app:' })
      const subscriber = client.duplicate()
      clients.push(client, subscriber)
      return new RedisLock(client, { subscriber, tokenMemory: 500 })
    }, admin)
    expect(await admin.keys('*')).toEqual(['app:latchkey:{latchkey:key}'])
    for (const client of [...clients, admin]) client.disconnect()
  })

  test('ioredis through Sentinel', async () => {
    const admin = server.connect()
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-sentinel-'))
    const file = join(folder, 'sentinel.conf')
    writeFileSync(file, `port ${port}\nbind 127.0.0.1\nsentinel monitor main ${server.host} ${server.port} 1\n`)
    const child = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface({ input: child.stdout })) if (line.includes('+monitor')) break
    const clients: Redis[] = []
    const open = () => {
      const client = new Redis({ sentinels: [{ host: '127.0.0.1', port }], name: 'main' })
      const subscriber = client.duplicate()
      clients.push(client, subscriber)
      return new RedisLock(client, { subscriber, tokenMemory: 1 })
    }
    await expectHandOff(open, admin)
    for (const client of [...clients, admin]) client.disconnect()
    child.kill('SIGKILL')
    await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
})
