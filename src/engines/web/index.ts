export { WebLock, type WebLockManager, type WebLockOptions } from './web-lock.js'
