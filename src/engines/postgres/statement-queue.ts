// The statements of one connection, which answers one at a time.

import { instant, type Validity } from '../validity.js'
import type { PostgresClient } from './connection.js'
import type { Hold } from './hold.js'
import { type Statement, UNLOCK, UNLOCK_MANY } from './statements.js'

export type Values = (string | string[])[]

interface QueuedQuery {
  readonly statement: Statement
  /** Made when it is sent: what the session holds then may be part of it. */
  readonly values: () => Values
  /** Is called with the answer before the next statement is made. */
  readonly resolve: (rows: unknown[]) => void
  readonly reject: (error: unknown) => void
}

/** A key that waits to be given up. */
interface QueuedUnlock {
  readonly hold: Hold
  readonly resolve: (unlocked: boolean) => void
  readonly reject: (error: unknown) => void
}

/** Sends statements in order. Keys that are given up go first and together: the next holder waits for them. */
export class StatementQueue {
  readonly #client: PostgresClient
  readonly #validity: Validity
  readonly #onUnlocked: (hold: Hold) => void
  /** Those that have not been sent. */
  readonly #queries: QueuedQuery[] = []
  readonly #unlocks: QueuedUnlock[] = []
  #busy = false

  /** @param onUnlocked is told of each key that has been given up, before the next statement is made */
  constructor(client: PostgresClient, validity: Validity, onUnlocked: (hold: Hold) => void) {
    this.#client = client
    this.#validity = validity
    this.#onUnlocked = onUnlocked
  }

  /** @param read makes the result of the rows, before the next statement is made */
  ask<T>(statement: Statement, values: () => Values, read: (rows: unknown[]) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queries.push({ statement, values, resolve: rows => resolve(read(rows)), reject })
      this.#send()
    })
  }

  /** `false` if the session did not hold it. */
  unlock(hold: Hold): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#unlocks.push({ hold, resolve, reject })
      this.#send()
    })
  }

  /** The session is lost: what was not sent never will be. */
  fail(): void {
    const { loss } = this.#validity
    for (const { reject } of [...this.#unlocks.splice(0), ...this.#queries.splice(0)]) reject(new Error(loss?.why))
  }

  /** Sends what is next, unless an answer is still to come. */
  #send(): void {
    if (this.#busy) return
    if (this.#validity.loss !== undefined) {
      this.fail()
      return
    }
    const unlocks = this.#unlocks.splice(0)
    const next = unlocks.length > 0 ? this.#unlockAll(unlocks) : this.#queries.shift()
    if (next === undefined) return
    this.#busy = true
    const asked = instant()
    const { name, text } = next.statement
    const answered = ({ rows }: { rows: unknown[] }) => {
      this.#validity.renew(asked)
      next.resolve(rows)
    }
    const done = () => {
      this.#busy = false
      this.#send()
    }
    this.#client.query({ name, text, values: next.values() }).then(answered).catch(next.reject).then(done)
  }

  #unlockAll(unlocks: QueuedUnlock[]): QueuedQuery {
    const holds = unlocks.map(({ hold }) => hold)
    const [{ mode }] = holds as [Hold]
    const alone = holds.length === 1
    const ids = holds.map(({ id }) => String(id))
    const marks = holds.map(({ mark }) => String(mark))
    const values = alone ? [...ids, ...marks] : [ids, holds.map(({ mode }) => String(mode === 'shared')), marks]
    return {
      statement: alone ? UNLOCK[mode] : UNLOCK_MANY,
      values: () => values,
      resolve: rows => {
        for (const [i, row] of (rows as { n?: string; unlocked: string }[]).entries()) {
          const unlock = unlocks[row.n === undefined ? i : Number(row.n) - 1]
          if (unlock === undefined) continue
          this.#onUnlocked(unlock.hold)
          unlock.resolve(row.unlocked === 'true')
        }
      },
      reject(error) {
        for (const { reject } of unlocks) reject(error)
      }
    }
  }
}
