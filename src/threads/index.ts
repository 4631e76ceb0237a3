export type { WatchableWorker } from './platform.js'
export { SharedMutex } from './shared-mutex.js'
export type { SharedAcquireOptions, SharedLock, SharedMutexHandle, SharedOptions, SharedSyncOptions } from './types.js'
