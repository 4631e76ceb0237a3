// One suite over all engines, each with a real server, and over locks that are wrong on purpose.

import { KeyedMutex } from 'latchkey'
import {
  checkKeyedLock,
  InProcessLock,
  type KeyedLock,
  keyedLockChecks,
  type Lease,
  type LockClient,
  type OpenLockClient
} from 'latchkey/distributed'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { usePostgres } from '../fixtures/postgres.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'

const checkAll = (open: OpenLockClient) => {
  test.each(keyedLockChecks)('$name', check => check.run(open))
}

describe('InProcessLock', () => {
  const mutex = new KeyedMutex<string>()
  checkAll(() => new InProcessLock({ mutex }))
  test('leaves no key', () => {
    expect(mutex.size).toBe(0)
  })
})

describe('PostgresLock', () => {
  const server = usePostgres()
  checkAll(() => new PostgresLock(() => new pg.Client({ ...server })))
  test('leaves no lock and no connection', async () => {
    const admin = new pg.Client({ ...server })
    await admin.connect()
    const { rows } = await admin.query("select * from pg_locks where locktype = 'advisory'")
    await admin.end()
    expect(rows).toEqual([])
  })
})

describeRedis('RedisLock', () => {
  const server = useRedis()
  const connections: { quit(): Promise<unknown> }[] = []
  const connect = () => {
    const client = server.connect()
    connections.push(client)
    return client
  }
  afterAll(() => Promise.all(connections.map(client => client.quit())))
  const options = { tokenMemory: 1 }

  describe('with ioredis and a subscriber', () => {
    checkAll(() => new RedisLock(connect(), { subscriber: connect(), ...options }))
  })

  describe('with ioredis alone', () => {
    checkAll(() => new RedisLock(connect(), options))
  })

  describe('with node-redis', () => {
    let client: ReturnType<typeof createClient>
    let subscriber: ReturnType<typeof createClient>
    beforeAll(async () => {
      client = createClient({ url: `redis://${server.host}:${server.port}` })
      subscriber = client.duplicate()
      await Promise.all([client.connect(), subscriber.connect()])
    })
    afterAll(() => Promise.all([client.close(), subscriber.close()]))
    checkAll(() => new RedisLock(client, { subscriber, ...options }))
  })

  test('leaves no key', async () => {
    expect(await connect().keys('*')).toEqual([])
  })
})

describe('what the checks find', () => {
  /** A lock with one fault. */
  const faulty = (mutex: KeyedMutex<string>, fault: (inner: InProcessLock) => Partial<KeyedLock>): LockClient => {
    const inner = new InProcessLock({ mutex })
    const sound: KeyedLock = {
      acquire: (key, options) => inner.acquire(key, options),
      tryAcquire: key => inner.tryAcquire(key),
      runExclusive: (key, task, options) => inner.runExclusive(key, task, options)
    }
    return { ...sound, ...fault(inner) }
  }
  const copy = (lease: Lease, over: Partial<Lease>): Lease =>
    Object.defineProperties(Object.create(lease), Object.getOwnPropertyDescriptors(over)) as Lease

  const faults: [string, (inner: InProcessLock) => Partial<KeyedLock>, RegExp][] = [
    [
      'keys that are compared without their end',
      inner => ({ tryAcquire: key => inner.tryAcquire(key.slice(0, 5)) }),
      /a free key is granted/
    ],
    [
      'a task that runs without the key',
      () => ({ runExclusive: async (_, task) => task(undefined as unknown as Lease) }),
      /clients never hold one key/
    ],
    [
      'a reason that is wrapped',
      inner => ({
        acquire: (key, options) =>
          inner.acquire(key, options).catch((cause: unknown) => Promise.reject(new Error('gave up', { cause })))
      }),
      /gives up is rejected with the reason/
    ],
    [
      'tokens that stand still',
      inner => ({ acquire: async (key, options) => copy(await inner.acquire(key, options), { token: 1n }) }),
      /tokens grow/
    ]
  ]

  test.each(faults)('%s', async (_, fault, told) => {
    const mutex = new KeyedMutex<string>()
    await expect(checkKeyedLock(() => faulty(mutex, fault), 2000)).rejects.toThrow(told)
  })

  test('nothing in a sound lock', async () => {
    const mutex = new KeyedMutex<string>()
    expect(await checkKeyedLock(() => faulty(mutex, () => ({})))).toEqual(keyedLockChecks.map(({ name }) => name))
  })

  test('a lock that hangs', async () => {
    const hanging = () => faulty(new KeyedMutex(), () => ({ tryAcquire: () => new Promise(() => {}) }))
    await expect(checkKeyedLock(hanging, 20)).rejects.toThrow(/still running after 20 ms/)
  })
})
