// What holders are called, and how that is written at the server: as the name of the application of their sessions. It has
// 63 bytes, and other characters than those of ASCII are lost in it, so they are written as in an address (%C3%BC).

/** Marks a name that was given to the lock, from one that the application chose for its connections. */
const PREFIX = 'latchkey:'
const MOST_BYTES = 63

/** The name of the sessions of a lock with this owner. */
export const applicationOf = (owner: string): string =>
  PREFIX + owner.replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent)

/** Whether the server can keep it. */
export const isOwner = (value: unknown): boolean =>
  typeof value === 'string' &&
  value !== '' &&
  !/\p{Surrogate}/u.test(value) &&
  applicationOf(value).length <= MOST_BYTES

/** Who has a session, by its name and its process at the server. */
export function ownerOf(application: string | null, pid: string | null): string {
  if (pid === null) return 'a prepared transaction'
  if (!application?.startsWith(PREFIX)) return `${application || 'latchkey'}, server process ${pid}`
  const owner = application.slice(PREFIX.length)
  try {
    return decodeURIComponent(owner)
  } catch {
    return owner // The application has chosen a name that looks like this.
  }
}
