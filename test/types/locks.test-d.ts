// What the compiler lets pass and what it stops, on the published declarations.

import {
  type AcquireOptions,
  BrokenBarrierError,
  DeadlockError,
  KeyedMutex,
  LeaseLostError,
  type Lock,
  LockCancelledError,
  LockClosedError,
  type LockObserver,
  type LockOptions,
  type LockRequest,
  LockTimeoutError,
  Mutex,
  QueueFullError,
  WaiterQueue,
  type WaiterQueueOptions
} from 'latchkey'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

declare const mutex: Mutex
declare const lock: Lock
declare const signal: AbortSignal

// A forgotten `await` with `using`.
async function scoped() {
  using held = await mutex.acquire()
  expectType<Lock>(held)

  // `using` takes undefined: nothing is released if nothing was taken.
  using tried = mutex.tryAcquire()
  expectType<Lock | undefined>(tried)

  // @ts-expect-error a promise is not disposable
  using forgotten = mutex.acquire()

  await using closing = mutex
  expectType<Mutex>(closing)

  const keyed = new KeyedMutex()
  using one = await keyed.acquire('a')
  using many = await keyed.acquireMany(['a', 'b'])
  // @ts-expect-error a promise is not disposable
  using forgottenKey = keyed.acquire('a')
  // @ts-expect-error a promise is not disposable
  using forgottenKeys = keyed.acquireMany(['a'])
}

// A lock is disposable at once. Were it to be waited for, `await` and `await using` would hide a mistake.
expectAssignable<Disposable>(lock)
expectNotAssignable<AsyncDisposable>(lock)
expectNotAssignable<PromiseLike<unknown>>(lock)
expectType<Lock>(await lock)
expectType<boolean>(lock.held)
expectType<void>(lock.release())
// @ts-expect-error read-only
lock.held = false
expectNotAssignable<Disposable>(mutex)
expectAssignable<AsyncDisposable>(mutex)

// What a mutex shows is read-only.
expectType<boolean>(mutex.locked)
expectType<number>(mutex.waiting)
expectType<boolean>(mutex.closed)
// @ts-expect-error read-only
mutex.locked = false
// @ts-expect-error read-only
mutex.waiting = 0
// @ts-expect-error read-only
mutex.closed = true
expectType<void>(mutex.cancelWaiters())
expectType<void>(mutex.cancelWaiters('any reason'))
expectType<Promise<void>>(mutex.close())
expectType<Promise<void>>(mutex.close(new Error('any reason')))
expectType<Promise<void>>(mutex.whenFree({ signal, timeout: 5 }))
// Nobody releases but the holder.
expectError(mutex.release())
expectError(mutex.unlock())

// Results and errors of a task pass through.
expectType<Promise<number>>(mutex.runExclusive(() => 1))
expectType<Promise<number>>(mutex.runExclusive(async () => 1))
expectType<Promise<string>>(mutex.runExclusive(() => 'now' as string | Promise<string>))
expectType<Promise<number>>(mutex.runExclusive((): PromiseLike<number> => Promise.resolve(1)))
expectType<Promise<void>>(mutex.runExclusive(() => {}))
expectType<Promise<undefined>>(mutex.runExclusive(() => undefined))
expectType<Promise<never>>(
  mutex.runExclusive((): never => {
    throw new Error('always')
  })
)
mutex.runExclusive(held => {
  expectType<Lock>(held)
  held.release()
})
expectType<Promise<{ id: number }>>(mutex.runExclusive(async () => ({ id: 1 }), { signal, timeout: 5, priority: 1 }))
expectError(mutex.runExclusive())
expectError(mutex.runExclusive(Promise.resolve(1)))
expectError(mutex.runExclusive((_held: Lock, _second: string) => 1))
expectError(mutex.runExclusive({ signal }, () => 1))

// Options are exact.
expectAssignable<AcquireOptions>({})
expectAssignable<AcquireOptions>({ signal: undefined, timeout: undefined, priority: undefined })
expectAssignable<AcquireOptions>({ signal: new AbortController().signal, timeout: Infinity, priority: -1 })
expectError(mutex.acquire({ timeuot: 5 }))
expectError(mutex.acquire({ timeout: '5' }))
expectError(mutex.acquire({ signal: new AbortController() }))
expectError(mutex.acquire({ signal: null }))
expectError(mutex.acquire(signal))
expectError(mutex.acquire(500))
expectError(mutex.acquire(null))
expectError(mutex.acquire({ name: 'tools' }))
expectError(mutex.tryAcquire({ timeout: 0 }))
expectError(mutex.whenFree({ timeuot: 5 }))
expectAssignable<LockOptions>({ name: 'tools', maxWaiting: 1000, observer: {} })
expectAssignable<LockOptions>({ name: undefined, maxWaiting: undefined, observer: undefined })
expectError(new Mutex({ maxwaiting: 5 }))
expectError(new Mutex({ maxWaiting: '5' }))
expectError(new Mutex('tools'))
expectError(new Mutex({ onLeave() {} }))

// Keys.
const byNumber = new KeyedMutex<number>({ name: 'accounts' })
expectType<Promise<Lock>>(byNumber.acquire(7))
expectType<Lock | undefined>(byNumber.tryAcquire(7))
expectType<Promise<string>>(byNumber.runExclusive(7, () => 'done'))
expectType<boolean>(byNumber.isLocked(7))
expectType<number>(byNumber.waitingFor(7))
expectType<number>(byNumber.waiting)
expectType<number>(byNumber.size)
expectAssignable<Iterable<number>>(byNumber.keys())
for (const key of byNumber.keys()) expectType<number>(key)
expectError(byNumber.acquire('7'))
expectError(byNumber.tryAcquire('7'))
expectError(byNumber.runExclusive('7', () => 'done'))
expectError(byNumber.isLocked('7'))
expectError(byNumber.waitingFor('7'))
expectError(byNumber.acquire())
expectError(byNumber.runExclusive(() => 'done'))
expectError(byNumber.runExclusive(() => 'done', 7))
// @ts-expect-error read-only
byNumber.size = 0

expectType<Promise<Lock>>(byNumber.acquireMany([1, 2]))
expectType<Promise<Lock>>(byNumber.acquireMany(new Set([1, 2]), { signal }))
expectType<Promise<Lock>>(byNumber.acquireMany(Object.freeze([1, 2])))
expectType<Promise<Lock>>(byNumber.acquireMany([1, 2] as const))
expectType<Promise<Lock>>(byNumber.acquireMany([]))
expectType<Lock | undefined>(byNumber.tryAcquireMany([1, 2]))
expectType<Promise<number>>(byNumber.runExclusiveMany([1, 2], () => 3))
expectType<Promise<number>>(byNumber.runExclusiveMany([1, 2], async () => 3, { timeout: 5 }))
byNumber.runExclusiveMany([1, 2], held => {
  expectType<Lock>(held)
})
expectError(byNumber.acquireMany(['1']))
expectError(byNumber.acquireMany([1, '2']))
expectError(byNumber.acquireMany(1))
expectError(byNumber.acquireMany(1, 2))
expectError(byNumber.acquireMany('12'))
expectError(byNumber.tryAcquireMany(['1']))
expectError(byNumber.runExclusiveMany(['1'], () => 3))
expectError(byNumber.runExclusiveMany([1]))
expectError(byNumber.acquireMany([1], { timeuot: 5 }))

// A key is a string unless told otherwise; any type will do.
expectType<KeyedMutex<string>>(new KeyedMutex())
expectError(new KeyedMutex().acquire(7))
const byUnion = new KeyedMutex<'read' | 'write'>()
byUnion.acquire('read')
expectError(byUnion.acquire('delete'))
const byObject = new KeyedMutex<{ id: number }>()
byObject.acquire({ id: 1 })
expectError(byObject.acquire({}))

// A queue.
const queue = new WaiterQueue<string>({ name: 'turnstile', maxWaiting: 5, onLeave() {} })
expectType<Promise<string>>(queue.wait())
expectType<Promise<string>>(queue.wait({ signal, timeout: 5, priority: 1 }))
expectType<boolean>(queue.grant('value'))
expectType<number>(queue.rejectAll('any reason'))
expectType<number>(queue.size)
expectError(queue.grant(1))
expectError(queue.grant())
expectError(queue.wait({ timeuot: 5 }))
// @ts-expect-error read-only
queue.size = 0
expectType<boolean>(new WaiterQueue<void>().grant())
expectAssignable<WaiterQueueOptions>({ onLeave: undefined })
expectError(new WaiterQueue<string>({ onleave() {} }))

// Errors: an Error each, told apart by a literal code.
const errors = [
  new LockTimeoutError(''),
  new LockCancelledError(''),
  new LockClosedError(''),
  new QueueFullError(''),
  new BrokenBarrierError(''),
  new DeadlockError(''),
  new LeaseLostError('')
]
expectAssignable<Error[]>(errors)
expectType<'ERR_LOCK_TIMEOUT'>(new LockTimeoutError('').code)
expectType<'ERR_LOCK_CANCELLED'>(new LockCancelledError('').code)
expectType<'ERR_LOCK_CLOSED'>(new LockClosedError('').code)
expectType<'ERR_QUEUE_FULL'>(new QueueFullError('').code)
expectType<'ERR_BARRIER_BROKEN'>(new BrokenBarrierError('').code)
expectType<'ERR_DEADLOCK'>(new DeadlockError('').code)
expectType<'ERR_LEASE_LOST'>(new LeaseLostError('').code)
expectType<'TimeoutError'>(new LockTimeoutError('').name)
expectType<'LockClosedError'>(new LockClosedError('').name)
// @ts-expect-error read-only
new LockTimeoutError('').code = 'ERR_LOCK_TIMEOUT'
declare const refused: LockTimeoutError | QueueFullError
if (refused.code === 'ERR_QUEUE_FULL') expectType<QueueFullError>(refused)
else expectType<LockTimeoutError>(refused)
expectNotAssignable<LockTimeoutError>(new LockClosedError(''))

// Observers may watch as much as they like, and change nothing.
expectAssignable<LockObserver>({})
const observer: LockObserver = {
  queued(request) {
    expectType<LockRequest>(request)
    expectType<object>(request.source)
    expectType<readonly unknown[]>(request.keys)
    // @ts-expect-error read-only
    request.source = {}
    // @ts-expect-error read-only
    request.keys = []
    expectError(request.keys.push('more'))
  },
  granted: request => expectType<LockRequest>(request),
  released: request => expectType<LockRequest>(request),
  abandoned(request, reason) {
    expectType<LockRequest>(request)
    expectType<unknown>(reason)
  }
}
new Mutex({ observer })
expectError(new Mutex({ observer: { grantd() {} } }))
expectError(new Mutex({ observer: { granted: 5 } }))
expectError(new Mutex({ observer: null }))
