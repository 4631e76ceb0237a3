// Which wait goes on because of which, and whether that ever ends.
//
// The question is asked of one wait before it begins, and the answer has to be right both ways. A wait is *stuck* if it
// stays ungranted although all that can go on do so: what does not wait releases all it holds sooner or later,
// what is granted by that goes on as well, and so forth. What is left over when nothing changes any more waits
// forever. That holds for locks with one holder and with several alike: a wait for two permits is stuck only if so many are
// held by stuck callers that two never come back (Holt, 1972).
//
// Only a wait that begins can close a cycle, and only if another caller depends on the one that waits. So nothing is searched
// unless the caller holds something, and then only what can be reached from its wait.

/** What is held and waited for: a lock, or one key of it. */
export interface Resource {
  readonly watched: WatchedLock
  readonly key: unknown
  readonly grants: Set<Grant>
  readonly waits: Set<Wait>
  /** Those of `waits` that ask for other keys as well: the turn of one does not come with that of the others. */
  readonly claims: Set<Wait>
}

/** A lock as the graph knows it. */
export interface WatchedLock {
  readonly label: string
  /** Whether its resources are told apart by their keys. */
  readonly keyed: boolean
  /** How much there is to be had. Undefined: one holder excludes all waiters. */
  readonly capacity: number | undefined
  /** How much each holder has, if that is the same for all and may be other than what it asked for. */
  readonly heldAmount: number | undefined
  /** Whether it is known who holds how much. */
  readonly trusted: boolean
}

/** What a caller asked for. */
export interface Ask {
  readonly resources: readonly Resource[]
  readonly amount: number
  readonly origin: string | undefined
}

/** What a caller holds. */
export interface Grant extends Ask {
  /** The scope that it belongs to. Undefined: that is not known, so it is taken to come back. */
  readonly owner: Scope | undefined
}

/** A caller that waits. */
export interface Wait extends Ask {
  readonly scope: Scope | undefined
  readonly priority: number
  /** In order of arrival. */
  readonly order: number
  /** Whether it ends, or has ended, although nothing has told so yet. */
  readonly isLeaving?: (() => boolean) | undefined
}

let scopes = 0

/**
 * Work that is awaited. Scopes are nested: the task of a scoped lock is inside the work that asked for the lock.
 * An outer scope cannot end before the inner ones have, because it awaits them; so what waits in an inner one keeps
 * the locks of all outer ones held.
 */
export class Scope {
  /** Undefined at the outside, and once this has ended: nothing needs it then, and it would keep all before it. */
  #parent: Scope | undefined
  /** Whether locks that are taken by hand belong to it: it is a task, which does one thing after another. */
  readonly isTask: boolean
  /** The lock that its task was given, if it is that of a scoped call. */
  lock: object | undefined = undefined
  /** What that is a lock on. */
  watched: WatchedLock | undefined = undefined
  /** How many calls by hand it waits for, settled ones that it has not heard of yet included. */
  asking = 0
  /**
   * Whether it asked for a lock before it had heard of the one before: so it does several things at the same time. What it
   * takes by hand belongs to no scope then, for there is no telling which of them takes it.
   */
  isBranched = false
  /** True once its work has settled. What was started in it and still runs was not awaited: it is in no scope. */
  ended = false
  /** What it holds. */
  readonly grants = new Set<Grant>()
  /** All that waits in it and in the scopes inside it that have not ended. */
  readonly waits = new Set<Wait>()
  readonly #name: string | undefined
  readonly #id = ++scopes

  constructor(parent: Scope | undefined, isTask: boolean, name?: string) {
    this.#parent = parent
    this.isTask = isTask
    this.#name = name
  }

  /** Those that cannot end before this does, from here outwards. */
  *enclosing(): IterableIterator<Scope> {
    for (let scope: Scope | undefined = this; scope !== undefined && !scope.ended; scope = scope.#parent) yield scope
  }

  /** Its work has settled. What still waits in it keeps no outer scope any more. O(waits in it × depth). */
  end(): void {
    for (let outer = this.#parent; outer !== undefined && this.waits.size > 0; outer = outer.#parent)
      for (const wait of this.waits) outer.waits.delete(wait)
    this.ended = true
    this.#parent = undefined
    this.lock = undefined
  }

  /** What a person calls it: the name of the innermost task that has one, else the number of the outermost scope. */
  get name(): string {
    let outermost: Scope = this
    for (const scope of this.enclosing()) {
      if (scope.#name !== undefined) return scope.#name
      outermost = scope
    }
    return `#${outermost.#id}`
  }
}

/** A reason why a wait goes on: another wait, by way of what is held in the scope of that one, or of its turn. */
export interface Reason {
  readonly resource: Resource
  readonly grant: Grant | undefined
  readonly next: Wait
}

/** Whether `other` is served before `wait`, in the queue for one resource. */
const isAhead = (other: Wait, wait: Wait): boolean =>
  other.priority > wait.priority || (other.priority === wait.priority && other.order < wait.order)

/** Claims ahead. All other waits ahead wait for the same holders as those behind them. */
function* claimsAhead(resource: Resource, wait: Wait): IterableIterator<Wait> {
  for (const other of resource.claims) if (other !== wait && isAhead(other, wait)) yield other
}

/** What waits inside the scope that holds, and so keeps it from being given back. */
function* waitsOf({ owner }: Grant): IterableIterator<Wait> {
  if (owner === undefined || owner.ended || owner.isBranched) return
  yield* owner.waits
}

function* reasonsOf(wait: Wait): IterableIterator<Reason> {
  for (const resource of wait.resources) {
    if (resource.watched.trusted)
      for (const grant of resource.grants) for (const next of waitsOf(grant)) yield { resource, grant, next }
    for (const next of claimsAhead(resource, wait)) yield { resource, grant: undefined, next }
  }
}

/** Whether `wait` is granted, or leaves, in the end if exactly those in `stuck` are not. */
function isGranted(wait: Wait, stuck: ReadonlySet<Wait>): boolean {
  if (wait.isLeaving?.()) return true
  const isLost = (grant: Grant) => some(waitsOf(grant), inner => stuck.has(inner))
  return wait.resources.every(resource => {
    const { watched, grants } = resource
    if (some(claimsAhead(resource, wait), claim => stuck.has(claim))) return false
    if (!watched.trusted) return true
    const lost = [...grants].filter(isLost)
    if (watched.capacity === undefined || lost.length === 0) return lost.length === 0
    // No waiter overtakes: what those ahead ask for has to be there as well, at one time or another.
    let most = wait.amount
    for (const other of resource.waits) if (isAhead(other, wait)) most = Math.max(most, other.amount)
    const { capacity, heldAmount } = watched
    return capacity - lost.reduce((sum, { amount }) => sum + (heldAmount ?? amount), 0) >= most
  })
}

/**
 * The cycle that `wait`, which stands in the graph already, would close, from reason to reason. `undefined` if it is
 * granted in the end; empty if it never is, because of a cycle that others have closed. O(what can be reached from it),
 * squared in the worst case.
 */
export function cycleOf(wait: Wait): Reason[] | undefined {
  const stuck = reachable(wait)
  for (let size = -1; size !== stuck.size; ) {
    size = stuck.size
    for (const other of stuck) if (isGranted(other, stuck)) stuck.delete(other)
  }
  return stuck.has(wait) ? shortestCycle(wait, stuck) : undefined
}

/**
 * Whether a cycle can come back to a wait in `scope`: by way of what its scopes hold and another wants, which includes
 * the wait itself. Most callers hold what no other wants, so this is asked first. O(what the scopes hold).
 */
export function isWanted(scope: Scope | undefined): boolean {
  for (const enclosing of scope?.enclosing() ?? [])
    for (const { resources } of enclosing.grants) for (const { waits } of resources) if (waits.size > 0) return true
  return false
}

function reachable(wait: Wait): Set<Wait> {
  const found = new Set([wait])
  for (const next of found) for (const reason of reasonsOf(next)) found.add(reason.next)
  return found
}

/** Breadth first. */
function shortestCycle(wait: Wait, stuck: ReadonlySet<Wait>): Reason[] {
  const paths = new Map<Wait, Reason[]>([[wait, []]])
  for (const [from, path] of paths) {
    for (const reason of reasonsOf(from)) {
      if (!stuck.has(reason.next)) continue
      if (reason.next === wait) return [...path, reason]
      if (!paths.has(reason.next)) paths.set(reason.next, [...path, reason])
    }
  }
  return []
}

function some<T>(all: Iterable<T>, test: (one: T) => boolean): boolean {
  for (const one of all) if (test(one)) return true
  return false
}
