// Who waits for whom, and whether that ever ends.
//
// The question is asked of one wait before it begins, and the answer has to be right both ways. A wait is *stuck* if it
// stays ungranted although everybody who can go on does so: whoever does not wait releases all it holds sooner or later,
// whoever is granted by that goes on as well, and so forth. What is left over when nothing changes any more waits for
// ever. That holds for locks with one holder and with several alike: a wait for two permits is stuck only if so many are
// held by those who are stuck that two never come back (Holt, 1972).
//
// Only a wait that begins can close a cycle, and only if somebody depends on the one who waits. So nothing is searched
// unless the caller holds something, and then only what can be reached from its wait.

/** What is held and waited for: a lock, or one key of it. */
export interface Resource {
  readonly watched: WatchedLock
  readonly key: unknown
  readonly grants: Set<Grant>
  readonly waits: Set<Wait>
}

/** A lock as the graph knows it. */
export interface WatchedLock {
  readonly label: string
  /** Whether its resources are told apart by their keys. */
  readonly keyed: boolean
  /** How much there is to be had. Undefined: one holder excludes all who wait. */
  readonly capacity: number | undefined
  /** How much each holder has, if that is the same for all and may be other than what it asked for. */
  readonly heldAmount: number | undefined
  /** Whether it is known who holds how much. */
  readonly trusted: boolean
}

/** What somebody asked for. */
export interface Ask {
  readonly resources: readonly Resource[]
  readonly amount: number
  readonly origin: string | undefined
}

/** What somebody holds. */
export interface Grant extends Ask {
  /** Whose it is. Undefined: nobody knows, so it is taken to come back. */
  readonly owner: Scope | undefined
}

/** Somebody who waits. */
export interface Wait extends Ask {
  readonly scope: Scope | undefined
  readonly priority: number
  /** In order of arrival. */
  readonly order: number
}

let scopes = 0

/**
 * Work that somebody waits for. Scopes are nested: the task of a scoped lock is inside the work that asked for the lock.
 * An outer scope cannot end before the inner ones have, because it awaits them; so whatever waits in an inner one keeps
 * the locks of all outer ones held.
 */
export class Scope {
  readonly parent: Scope | undefined
  /** Whether locks that are taken by hand belong to it: it is a task, which does one thing after another. */
  readonly isTask: boolean
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
  /** All that waits in it and in the scopes inside it. */
  readonly waits = new Set<Wait>()
  readonly #name: string | undefined
  readonly #id = ++scopes

  constructor(parent: Scope | undefined, isTask: boolean, name?: string) {
    this.parent = parent
    this.isTask = isTask
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

/**
 * Those ahead whose turn does not come with that of the others, since they wait for other keys as well. All others wait
 * for the same holders as whoever stands behind them.
 */
function* claimsAhead(resource: Resource, wait: Wait): IterableIterator<Wait> {
  for (const other of resource.waits)
    if (other !== wait && other.resources.length > 1 && isAhead(other, wait)) yield other
}

/** What waits inside the scope that holds, and so keeps it from being given back. */
function* waitsOf({ owner }: Grant): IterableIterator<Wait> {
  if (owner === undefined || owner.ended || owner.isBranched) return
  for (const wait of owner.waits) if (wait.scope !== undefined && owner.encloses(wait.scope)) yield wait
}

function* reasonsOf(wait: Wait): IterableIterator<Reason> {
  for (const resource of wait.resources) {
    if (resource.watched.trusted)
      for (const grant of resource.grants) for (const next of waitsOf(grant)) yield { resource, grant, next }
    for (const next of claimsAhead(resource, wait)) yield { resource, grant: undefined, next }
  }
}

/** Whether `wait` is granted in the end if exactly those in `stuck` are not. */
function isGranted(wait: Wait, stuck: ReadonlySet<Wait>): boolean {
  const isLost = (grant: Grant) => [...waitsOf(grant)].some(inner => stuck.has(inner))
  return wait.resources.every(resource => {
    const { watched, grants } = resource
    if ([...claimsAhead(resource, wait)].some(claim => stuck.has(claim))) return false
    if (!watched.trusted) return true
    const lost = [...grants].filter(isLost)
    if (watched.capacity === undefined) return lost.length === 0
    // Nobody overtakes: whatever those ahead ask for has to be there as well, at one time or another.
    let most = wait.amount
    for (const other of resource.waits) if (isAhead(other, wait)) most = Math.max(most, other.amount)
    const { capacity, heldAmount } = watched
    return capacity - lost.reduce((sum, { amount }) => sum + (heldAmount ?? amount), 0) >= most
  })
}

/**
 * The cycle that `wait`, which stands in the graph already, would close, from reason to reason; `undefined` if it is
 * granted in the end. O(what can be reached from it), squared in the worst case.
 */
export function cycleOf(wait: Wait): Reason[] | undefined {
  const stuck = reachable(wait)
  for (let size = -1; size !== stuck.size; ) {
    size = stuck.size
    for (const other of stuck) if (isGranted(other, stuck)) stuck.delete(other)
  }
  return stuck.has(wait) ? shortestCycle(wait, stuck) : undefined
}

function reachable(wait: Wait): Set<Wait> {
  const found = new Set([wait])
  for (const next of found) for (const reason of reasonsOf(next)) found.add(reason.next)
  return found
}

/** Breadth first. There is one: without `wait` nobody would be stuck, so it is among its own reasons. */
function shortestCycle(wait: Wait, stuck: ReadonlySet<Wait>): Reason[] {
  const paths = new Map<Wait, Reason[]>([[wait, []]])
  for (const [from, path] of paths) {
    for (const reason of reasonsOf(from)) {
      if (!stuck.has(reason.next)) continue
      if (reason.next === wait) return [...path, reason]
      if (!paths.has(reason.next)) paths.set(reason.next, [...path, reason])
    }
  }
  return [...paths.values()].at(-1) ?? []
}
