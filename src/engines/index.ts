export { checkKeyedLock, KeyedLockCheckError, keyedLockChecks } from './conformance.js'
export type {
  KeyedLockCheck,
  LockAbility,
  LockClient,
  LockClientOptions,
  OpenLockClient
} from './conformance-check.js'
export {
  type DistributedLock,
  type DistributedOptions,
  type EngineOptions,
  type FailureMode,
  type Guarantees,
  type KeyedLock,
  type KeyHolder,
  type Lease,
  LeaseLostDuringTaskError,
  LockEngineError,
  type LockEngineErrorCode,
  type LockMode,
  type MultiLease,
  type Offers,
  type SharedOptions,
  type TryOptions,
  type WaitOptions
} from './contract.js'
export { EngineLock, type SyncPlace } from './engine-lock.js'
export { InProcessLock, type InProcessLockOptions } from './in-process.js'
export { keepAlive } from './keep-alive.js'
export type { EngineGrant } from './lease.js'
export type { EngineAbilities } from './options.js'
export { type Instant, instant, type Loss, Validity } from './validity.js'
export { Wait } from './wait.js'
