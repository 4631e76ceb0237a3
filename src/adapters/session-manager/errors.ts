// How a manager says no.

/** There is no live session with this id: never created, deleted or expired. */
export class SessionNotFoundError extends Error {
  /** Stable; compare this where two copies of the package may meet in one process. */
  readonly code = 'ERR_SESSION_NOT_FOUND'
  /** Its own name. */
  override get name(): 'SessionNotFoundError' {
    return 'SessionNotFoundError'
  }
}

/** The store did not answer within `storeTimeout`. Whether a write took effect is not known. */
export class SessionStoreTimeoutError extends Error {
  /** Stable; compare this where two copies of the package may meet in one process. */
  readonly code = 'ERR_SESSION_STORE_TIMEOUT'
  /** Its own name. */
  override get name(): 'SessionStoreTimeoutError' {
    return 'SessionStoreTimeoutError'
  }
}
