// The holders of a key, as the server shows them.

import type { KeyHolder } from '../contract.js'
import { ownerOf } from './owner.js'

/** A row of the answer to `INSPECT`. */
export interface InspectedRow {
  readonly pid: string | null
  readonly mode: string
  readonly application_name: string | null
  /** The moment of the grant in µs since 1970, if it left a mark. */
  readonly at: string | null
  /** When its transaction began, or now. */
  readonly began: string
}

/** @param showsTokens whether the moment of the grant is the token */
export function holderOf({ pid, mode, application_name, at, began }: InspectedRow, showsTokens: boolean): KeyHolder {
  const holder = {
    owner: ownerOf(application_name, pid),
    since: new Date(Number(at ?? began) / 1000),
    mode: mode === 'ShareLock' ? ('shared' as const) : ('exclusive' as const)
  }
  return showsTokens && at !== null ? { ...holder, token: BigInt(at) } : holder
}
