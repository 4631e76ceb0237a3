export { WebLock, type WebLockManager, type WebLockOptions, type WebLockRequest } from './web-lock.js'
