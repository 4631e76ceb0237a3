// What `LocalLock` stands on: sockets on Linux, databases elsewhere.

import type { KeyHolder } from '../contract.js'
import type { Wait } from '../wait.js'
import type { Want } from './place.js'

/** A key that is held. */
export interface Held {
  /** Greater for every later holder. */
  readonly number: number
  /** The folder to watch for a loss. */
  readonly path: string
  /** Whether it is still ours, as others see it. */
  isThere(): boolean
  /** Says who holds, to those that ask. */
  tell(token?: bigint): void
  /** Gives it back. `false`: it was not ours any more. Never throws. */
  release(): boolean
}

/** One process that holds a key or waits for it. */
export interface LocalEntry {
  /** Its process id, in its own pid namespace. */
  readonly pid: number
  /** Whether it is this process. */
  readonly here: boolean
  /** When it came, in ms since 1970. */
  readonly since: number
  /** The fencing token that it has, or will have when it holds. Absent while it is not known. */
  readonly token?: bigint
}

/** How keys are held. `id` is the name of a folder. */
export interface Backend {
  /** As `acquireKey` of an `EngineLock`. */
  acquire(id: string, want: Want, wait: Wait | undefined): Promise<Held | undefined>
  /** Blocks until `until`, as `performance.now()` tells it; does not wait with `-Infinity`. */
  acquireSync(id: string, owner: string, until: number): Held | undefined
  /** The first one holds. */
  check(id: string): Promise<LocalEntry[]>
  /** All that hold, the first one first. */
  holders(id: string): Promise<KeyHolder[]>
  /** Removes what is left of keys that are not in use. Resolves to how many those were. */
  sweep(): Promise<number>
  /** There is no holder and no waiter any more. */
  close(): void
}

/** How many turns share one number. */
export const TURNS_PER_NUMBER = 64

/** The token of one turn of a holder. */
export const tokenOf = (number: number, turn: number): bigint =>
  BigInt(number) * BigInt(TURNS_PER_NUMBER) + BigInt(turn)
