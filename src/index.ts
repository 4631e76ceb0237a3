export {
  BrokenBarrierError,
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
export type { FlightTask } from './primitives/flight.js'
export { Lazy } from './primitives/lazy.js'
export { SingleFlight } from './primitives/single-flight.js'
