export { detectDeadlocks } from './detect-deadlocks.js'
export type { Watchable, WatchableEngineLock } from './kinds.js'
export { ReentrantMutex } from './reentrant-mutex.js'
export type { DeadlockDetector, DetectorOptions, TaskOptions } from './types.js'
