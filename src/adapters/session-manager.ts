// Sessions that several requests use at once: see `session-manager/session-manager.ts` for how, and
// docs/recipes/session-manager.md for their use.

export { SessionNotFoundError, SessionStoreTimeoutError } from './session-manager/errors.js'
export { MemorySessionStore } from './session-manager/memory-store.js'
export { SessionManager } from './session-manager/session-manager.js'
export type {
  Awaitable,
  ReleasableLease,
  Session,
  SessionLease,
  SessionLock,
  SessionManagerArguments,
  SessionManagerOptions,
  SessionManagerOptionsWithCreate,
  SessionOptions,
  SessionStore
} from './session-manager/types.js'
