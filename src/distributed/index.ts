export {
  checkKeyedLock,
  type KeyedLockCheck,
  KeyedLockCheckError,
  keyedLockChecks,
  type OpenParty,
  type Party
} from './conformance.js'
export {
  type DistributedOptions,
  type EngineOptions,
  type Guarantees,
  type KeyedLock,
  type Lease,
  LeaseLostDuringTaskError,
  LockEngineError,
  type LockEngineErrorCode,
  type Ordeal,
  type WaitOptions
} from './contract.js'
export { InProcessLock, type InProcessLockOptions } from './in-process.js'
export type { Grant } from './lease.js'
export { LocalFirstLock } from './local-first.js'
export { Patience } from './patience.js'
export { type Instant, instant, type Loss, Trust } from './trust.js'
