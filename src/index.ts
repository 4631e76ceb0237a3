export {
  BrokenBarrierError,
  type DeadlockEdge,
  DeadlockError,
  LeaseLostError,
  LockCancelledError,
  LockClosedError,
  LockTimeoutError,
  QueueFullError
} from './core/errors.js'
export { KeyedMutex } from './core/keyed-mutex.js'
export type { AcquireOptions, Lock, LockObserver, LockOptions, LockRequest, Task } from './core/lock.js'
export { Mutex } from './core/mutex.js'
export { WaiterQueue, type WaiterQueueOptions } from './core/waiter-queue.js'
export { Barrier } from './primitives/barrier.js'
export { Condition } from './primitives/condition.js'
export type { FlightTask } from './primitives/flight.js'
export { Gate, type GateOptions } from './primitives/gate.js'
export { Latch } from './primitives/latch.js'
export { Lazy } from './primitives/lazy.js'
export { Pool, type PoolLease, type PoolOptions } from './primitives/pool.js'
export { type ReadLock, ReadWriteLock, type WriteLock } from './primitives/read-write-lock.js'
export { type Permit, type PermitOptions, Semaphore } from './primitives/semaphore.js'
export { SingleFlight } from './primitives/single-flight.js'
