export type { WatchableWorker } from './platform.js'
export { SharedMutex, type SharedMutexHandle } from './shared-mutex.js'
export {
  type SharedAcquireOptions,
  type SharedHandle,
  type SharedLock,
  type SharedOptions,
  SharedPrimitive,
  type SharedSyncOptions
} from './shared-primitive.js'
