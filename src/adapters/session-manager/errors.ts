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
