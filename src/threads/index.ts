export type { WatchableWorker } from './platform.js'
export { SharedMutex, type SharedMutexHandle } from './shared-mutex.js'
export { SharedPrimitive } from './shared-primitive.js'
export type { SharedAcquireOptions, SharedHandle, SharedLock, SharedOptions, SharedSyncOptions } from './types.js'
