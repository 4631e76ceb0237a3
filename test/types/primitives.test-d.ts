// What the compiler lets pass and what it stops, of the primitives.

import {
  Barrier,
  Condition,
  Gate,
  type KeyedMutex,
  Latch,
  type Lock,
  Mutex,
  type Permit,
  type PermitOptions,
  Pool,
  type PoolLease,
  type ReadLock,
  type ReadWriteLock,
  Semaphore,
  type WriteLock
} from 'latchkey'
import { expectAssignable, expectError, expectType } from 'tsd'

declare const semaphore: Semaphore
declare const lock: ReadWriteLock
declare const condition: Condition
declare const held: Lock

async function scoped() {
  using permit = await semaphore.acquire({ permits: 2, timeout: 5 })
  expectType<Permit>(permit)
  using part = permit.split(1)
  expectType<Permit>(part)
  using reader = await lock.acquireRead()
  expectType<ReadLock>(reader)
  using upgraded = reader.tryUpgrade()
  expectType<WriteLock | undefined>(upgraded)
  using writer = await lock.acquireWrite()
  using downgraded = writer.downgrade()
  expectType<ReadLock>(downgraded)

  // @ts-expect-error a promise is not disposable
  using forgotten = semaphore.acquire()
  using lease = await pool.acquire()
  expectType<string>(lease.resource)
  // @ts-expect-error a promise is not disposable
  using forgottenLease = pool.acquire()
  // @ts-expect-error a promise is not disposable
  using forgottenReader = lock.acquireRead()
}

expectAssignable<AsyncDisposable>(semaphore)
expectType<Permit | undefined>(semaphore.tryAcquire(2))
expectType<Promise<number>>(semaphore.run(permit => permit.permits))
expectType<Promise<string>>(lock.runRead(async reader => String(reader.held), { priority: 1 }))
expectType<Promise<ReadLock>>(lock.runWrite(writer => writer.downgrade()))
expectType<Promise<void>>(condition.wait(held, { timeout: 5 }))
expectType<Promise<void>>(condition.waitFor(held, async () => true))
expectAssignable<PermitOptions>({ permits: undefined, signal: undefined })

expectType<Promise<void>>(new Gate({ open: true, name: 'ready' }).wait({ timeout: 5 }))
expectType<Promise<void>>(new Latch(2, { maxWaiting: 7 }).wait())
expectType<Promise<number>>(new Barrier(2, { name: 'step' }).arrive({ timeout: 5 }))
expectType<void>(new Barrier(2).reset())
expectError(new Barrier())
expectError(new Barrier(2).arrive(5))
expectError(new Gate({ opened: true }))
expectError(new Latch())
expectError(new Latch('2'))
const pool = new Pool({
  create: async () => 'a resource',
  max: 2,
  validate: async it => it.length > 0,
  destroy: it => it.trim()
})
expectType<Pool<string>>(pool)
expectType<Promise<PoolLease<string>>>(pool.acquire({ timeout: 5, priority: 1 }))
expectType<Promise<number>>(pool.use(resource => resource.length, { timeout: 5 }))
expectType<Promise<boolean>>(pool.use(async (_, lease) => lease.held))
expectType<Promise<void>>(pool.warm())
expectAssignable<AsyncDisposable>(pool)
expectError(new Pool({ create: () => 1 }))
expectError(new Pool({ max: 1 }))
expectError(new Pool<string>({ create: () => 1, max: 1 }))
expectError(pool.acquire(5))
expectError(pool.use())
expectError(new Semaphore())
expectError(new Semaphore('1'))
expectError(semaphore.acquire({ permit: 2 }))
expectError(semaphore.acquire(2))
expectError(lock.acquireRead({ permits: 2 }))
expectError(new Condition())
expectError(new Condition(new Semaphore(1)))
expectError(condition.wait())
expectError(condition.waitFor(held, () => 'yes'))
// @ts-expect-error read-only
semaphore.capacity = 2
new Condition(new Mutex(), { name: 'filled' })

// `wrap` keeps `this`, the arguments and the result.
const mutex = new Mutex()
class Account {
  balance = 0
  add = mutex.wrap(function (this: Account, amount: number, note?: string) {
    this.balance += amount
    return note
  })
}
expectType<Promise<string | undefined>>(new Account().add(7, 'rent'))
expectError(new Account().add('7'))
expectError(new Account().add())
const { add } = new Account()
expectError(add(7))
expectType<(name: string) => Promise<number>>(mutex.wrap(async (name: string) => name.length, { timeout: 5 }))
expectType<(name: string) => Promise<number>>(semaphore.wrap((name: string) => name.length, { permits: 2 }))
expectType<(name: string) => Promise<number>>(lock.wrap((name: string) => name.length))
expectType<(name: string) => Promise<number>>(lock.wrapRead((name: string) => name.length))
declare const keyed: KeyedMutex<string>
expectType<(id: string, n: number) => Promise<string>>(
  keyed.wrap(
    async (id: string, n: number) => id.repeat(n),
    id => id
  )
)
expectError(
  keyed.wrap(
    (id: number) => id,
    (id: number) => id
  )
)
expectError(keyed.wrap((id: string) => id))
expectError(mutex.wrap(7))
expectError(mutex.wrap(() => 1, { permits: 2 }))

// `map` takes both kinds of iterables, and awaits what the mapper returns.
declare const letters: AsyncIterable<string>
expectType<Promise<number[]>>(semaphore.map(new Set(['a']), async (item, index) => item.length + index))
expectType<Promise<string[]>>(semaphore.map(letters, item => item, { permits: 2, priority: 1, timeout: 5 }))
expectType<Promise<boolean[]>>(semaphore.map([1], (_item, _index, permit) => permit.held))
expectError(semaphore.map(7, () => 1))
expectError(semaphore.map([1]))
expectError(semaphore.map([1], (item: string) => item))
expectError(semaphore.map([1], item => item, { concurrency: 2 }))

// https://github.com/tc39/proposal-concurrency-control: a semaphore is a governor.
interface GovernorToken {
  release(): void
  [Symbol.dispose](): void
}
interface Governor {
  acquire(): Promise<GovernorToken>
}
expectAssignable<Governor>(semaphore)
expectAssignable<Governor>(mutex)
expectAssignable<PermitOptions>({ permits: 2, timeout: Infinity })
expectType<Semaphore>(new Semaphore(1, { timeout: 500 }))
expectError(new Semaphore(1, { timeout: '500' }))

expectType<void>(new Latch(2).countDown(2))
expectType<void>(new Gate().open())
expectType<void>(new Gate().shut())
expectError(new Latch(2).countDown('2'))
expectError(semaphore.resize('2'))
expectType<void>(semaphore.resize(2))
expectError(condition.notify('1'))
expectType<number>(condition.notifyAll())
expectType<ReadLock | undefined>(lock.tryAcquireRead())
expectType<WriteLock | undefined>(lock.tryAcquireWrite())
