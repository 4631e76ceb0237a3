// What a session holds at the server.

import type { LockMode } from '../contract.js'

/** A key that is held, or a permit of it. */
export interface Hold {
  /** The number of its lock: that of the key, or of the permit. */
  readonly id: bigint
  readonly mode: LockMode
  /** The number of its mark: the same with the moment of the grant folded in. */
  readonly mark: bigint
  /** Fencing token. Permits have none. */
  readonly token: bigint | undefined
}

/** A row of the answer to a statement that takes keys. */
export interface GrantRow {
  /** Which of the keys of the statement it is, from 1. */
  readonly n?: string
  /** The moment of the grant in µs since 1970; null: it was not granted. */
  readonly at: string | null
  readonly token?: string | null
  readonly slot?: string | null
}

export function holdOf(id: bigint, mode: LockMode, { at, token, slot }: GrantRow): Hold | undefined {
  if (at === null) return undefined
  const moment = BigInt(at)
  if (slot != null) {
    const permit = id ^ BigInt(slot)
    return { id: permit, mode, mark: permit ^ moment, token: undefined }
  }
  return { id, mode, mark: id ^ moment, token: token == null ? moment : BigInt(token) }
}
