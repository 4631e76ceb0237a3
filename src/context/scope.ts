// A stretch of async work: everything that runs in it, and in what was started in it.

import type { Grant, Wait } from './graph.js'

let scopes = 0

/**
 * Work that somebody waits for. Scopes are nested: the task of a scoped lock is inside the work that asked for the lock.
 * An outer scope cannot end before the inner ones have, because it awaits them; so whatever waits in an inner one keeps
 * the locks of all outer ones held.
 */
export class Scope {
  readonly parent: Scope | undefined
  /** Whether locks that are taken by hand belong to it: it is one line of work, which does one thing after another. */
  readonly isLine: boolean
  /** How many calls by hand it waits for, settled ones that it has not heard of yet included. */
  asking = 0
  /**
   * Whether it asked for a lock before it had heard of the one before: so it is no line, but does several things at the
   * same time. What it takes by hand belongs to nobody then, for there is no telling which of them takes it.
   */
  isBranched = false
  /** True once its work has settled. What was started in it and still runs was not awaited: it is in no scope. */
  ended = false
  /** What it holds. */
  readonly grants = new Set<Grant>()
  /** All that waits in it and in the scopes inside it. */
  readonly waits = new Set<Wait>()
  readonly #name: string | undefined
  readonly #id = ++scopes

  constructor(parent: Scope | undefined, isLine: boolean, name?: string) {
    this.parent = parent
    this.isLine = isLine
    this.#name = name
  }

  /** Those that cannot end before this does, from here outwards. */
  *enclosing(): IterableIterator<Scope> {
    for (let scope: Scope | undefined = this; scope !== undefined && !scope.ended; scope = scope.parent) yield scope
  }

  encloses(inner: Scope): boolean {
    for (const scope of inner.enclosing()) if (scope === this) return true
    return false
  }

  /** What a person calls it: the name of the innermost line that has one, else the number of the outermost scope. */
  get name(): string {
    let outermost: Scope = this
    for (const scope of this.enclosing()) {
      if (scope.#name !== undefined) return scope.#name
      outermost = scope
    }
    return `#${outermost.#id}`
  }
}
