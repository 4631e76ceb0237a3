export { type DeadlockDetector, type DetectorOptions, detectDeadlocks, type LineOptions } from './detect-deadlocks.js'
export type { Watchable } from './kinds.js'
export { ReentrantMutex } from './reentrant-mutex.js'
