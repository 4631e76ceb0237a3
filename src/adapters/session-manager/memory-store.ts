// Sessions in memory.

import type { Session, SessionStore } from './types.js'

/** Sessions in the memory of this process. All calls are synchronous, and O(1) but for `expired`, `list` and `count`: O(n). */
export class MemorySessionStore<Data> implements SessionStore<Data> {
  readonly #sessions = new Map<string, Session<Data>>()
  readonly #copy: (session: Session<Data>) => Session<Data>

  /**
   * @param options `copy` separates what callers hold from what is stored. By default `structuredClone`, which refuses
   * functions and makes plain objects of class instances; for data that holds such, say how deep to copy:
   * `session => ({ ...session })`.
   */
  constructor({ copy = structuredClone }: { copy?: (session: Session<Data>) => Session<Data> } = {}) {
    this.#copy = copy
  }

  get(id: string): Session<Data> | undefined {
    const session = this.#sessions.get(id)
    return session && this.#copy(session)
  }

  set(session: Session<Data>): void {
    this.#sessions.set(session.id, this.#copy(session))
  }

  delete(id: string): void {
    this.#sessions.delete(id)
  }

  *expired(now: number): Generator<string, void, undefined> {
    for (const { id, expiresAt } of this.#sessions.values()) if (expiresAt <= now) yield id
  }

  *list(now: number): Generator<Session<Data>, void, undefined> {
    for (const session of this.#sessions.values()) if (session.expiresAt > now) yield this.#copy(session)
  }

  count(now: number): number {
    let count = 0
    for (const { expiresAt } of this.#sessions.values()) if (expiresAt > now) count++
    return count
  }
}
