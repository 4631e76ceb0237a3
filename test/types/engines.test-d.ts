// The locks beyond one process fit each other, and the clients that people have fit the locks.

import { Cluster, Redis } from 'ioredis'
import { KeyedMutex, type LeaseLostError } from 'latchkey'
import { SessionManager } from 'latchkey/adapters/session-manager'
import {
  campaign,
  checkKeyedLock,
  type DistributedLock,
  type EngineGrant,
  EngineLock,
  type Guarantees,
  InProcessLock,
  type KeyedLock,
  type KeyHolder,
  type Lease,
  type LeaseLostDuringTaskError,
  type LockEngineError,
  type LockEngineErrorCode,
  type MultiLease,
  observe,
  type WaitOptions
} from 'latchkey/distributed'
import { lockInTransaction, type PostgresClient, PostgresLock, type TransactionClient } from 'latchkey/postgres'
import { type RedisClient, RedisLock, type RedisSubscriber } from 'latchkey/redis'
import pg from 'pg'
import { createClient, createCluster } from 'redis'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

declare const signal: AbortSignal

// The clients that people have.
expectAssignable<PostgresClient>(new pg.Client())
expectAssignable<TransactionClient>(new pg.Client())
declare const pooled: pg.PoolClient
expectAssignable<TransactionClient>(pooled)
// A pool is no connection: its statements go to any.
expectNotAssignable<PostgresClient>(new pg.Pool())
expectNotAssignable<PostgresClient>(pooled)
expectAssignable<RedisClient>(new Redis())
expectAssignable<RedisSubscriber>(new Redis())
expectAssignable<RedisClient>(new Cluster([]))
expectAssignable<RedisSubscriber>(new Cluster([]))
expectAssignable<RedisClient>(createClient())
expectAssignable<RedisSubscriber>(createClient())
expectAssignable<RedisClient>(createCluster({ rootNodes: [] }))
expectNotAssignable<RedisClient>(new pg.Client())

// One program on all three: what it constructs is all that changes.
const redis = new Redis()
const locks = [
  new InProcessLock(),
  new InProcessLock({ mutex: new KeyedMutex<string>(), name: 'jobs', maxWaiting: 10 }),
  new PostgresLock(() => new pg.Client(), {
    namespace: 'app',
    lease: 5000,
    connections: 3,
    maxKeys: 100,
    tokenSequence: 'tokens'
  }),
  new RedisLock(redis, { subscriber: redis.duplicate(), minReplicas: 1 }),
  new RedisLock(createClient(), { subscriber: createClient() })
]
for (const lock of locks) {
  expectAssignable<KeyedLock>(lock)
  expectType<Guarantees>(lock.guarantees)
  new SessionManager({ lock })
}
new SessionManager({ lock: new PostgresLock(() => new pg.Client()) })
new SessionManager({ lock: new RedisLock(redis) })

// Leases.
declare const lock: KeyedLock
async function use() {
  await using lease = await lock.acquire('key', { signal, timeout: 5 })
  expectType<Lease>(lease)
  expectType<bigint | undefined>(lease.token)
  expectType<boolean>(lease.held)
  expectType<string>(lease.owner)
  expectType<AbortSignal>(lease.signal)
  await using tried = await lock.tryAcquire('key')
  expectType<Lease | undefined>(tried)
  // @ts-expect-error a promise is not disposable
  await using forgotten = lock.acquire('key')
  // @ts-expect-error leases are given back later, and `using` does not wait
  using now = await lock.acquire('key')
}
expectType<Promise<number>>(lock.runExclusive('key', () => 7))
expectType<Promise<number>>(lock.runExclusive('key', async lease => Number(lease.token), { signal }))
expectError(lock.acquire(7))
expectError(lock.acquire('key', { priority: 1 }))
expectError(lock.runExclusive('key'))
expectAssignable<WaitOptions>({ signal: undefined, timeout: undefined })

// Errors.
declare const lost: LeaseLostDuringTaskError<number>
expectAssignable<LeaseLostError>(lost)
expectType<number>(lost.result)
declare const failed: LockEngineError
expectType<LockEngineErrorCode>(failed.code)

// Wrong constructions.
expectError(new PostgresLock(new pg.Client()))
expectError(new PostgresLock(() => new pg.Pool()))
expectError(new RedisLock(new pg.Client()))
expectError(new RedisLock(redis, { lease: '5s' }))

expectType<Promise<void>>(lockInTransaction(pooled, 'key', { namespace: 'app', timeout: 5 }))
expectType<Promise<string[]>>(checkKeyedLock(() => new InProcessLock()))

// An engine of one's own.
class OwnLock extends EngineLock<number> {
  readonly guarantees: Guarantees = { fifo: false, fencing: false, survives: [] }
  protected keyId(key: string) {
    return key.length
  }
  protected async acquireKey(_id: number): Promise<EngineGrant | undefined> {
    return { owner: 'me', release: async () => true }
  }
  protected async disconnect() {}
}
expectAssignable<KeyedLock>(new OwnLock('OwnLock', { name: 'own' }))

// Modes, many keys, inspection and leading.
declare const family: DistributedLock
expectAssignable<DistributedLock>(new InProcessLock())
expectType<Promise<Lease>>(family.acquire('key', { mode: 'shared', timeout: 5 }))
expectError(family.acquire('key', { mode: 'both' }))
expectType<Promise<Lease | undefined>>(family.tryAcquire('key', { mode: 'shared' }))
expectType<Promise<number>>(family.runShared('key', ({ mode }) => mode.length))
expectError(family.runShared('key', () => 7, { mode: 'exclusive' }))
expectType<Promise<MultiLease>>(family.acquireMany(new Set(['a', 'b'])))
expectType<Promise<MultiLease | undefined>>(family.tryAcquireMany(['a']))
expectType<Promise<bigint | undefined>>(family.runExclusiveMany(['a'], ({ tokens }) => tokens.get('a')))
expectType<Promise<KeyHolder | undefined>>(family.inspect('key'))
expectType<Promise<'yes' | 'no' | undefined>>(campaign(family, 'key', ({ isLeader }) => (isLeader ? 'yes' : 'no')))
for await (const leader of observe(family, 'key')) expectType<KeyHolder | undefined>(leader)
