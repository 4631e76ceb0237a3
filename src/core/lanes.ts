// Where places stand: a lane for each priority, and in each lane the order of arrival.

/**
 * Linked both ways, and into a ring, so that a place can leave from anywhere at once and no end is a special case.
 * What is linked to itself stands nowhere.
 */
export class Link {
  next: Link = this
  previous: Link = this
}

/** A ring of places. The lane itself is the link between the last and the first of them. */
class Lane extends Link {
  readonly priority: number
  /** In the heap of lanes, each at or below the priority of the lane above it. */
  above: Lane | undefined = undefined
  left: Lane | undefined = undefined
  right: Lane | undefined = undefined
  /** The length of the shortest way down to where a lane is missing; never shorter on the left than on the right. */
  rank = 1

  constructor(priority: number) {
    super()
    this.priority = priority
  }
}

const rankOf = (lane: Lane | undefined): number => lane?.rank ?? 0

/** Joins two leftist heaps (Crane 1972): along the right sides alone, which are O(log p) long for p lanes. */
function merge(a: Lane | undefined, b: Lane | undefined): Lane | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const [high, low] = a.priority < b.priority ? [b, a] : [a, b]
  high.right = merge(high.right, low)
  ;(high.right as Lane).above = high
  balance(high)
  return high
}

/** Puts the shorter side on the right. Returns whether the rank changed. */
function balance(lane: Lane): boolean {
  const { left, right, rank } = lane
  if (rankOf(left) < rankOf(right)) {
    lane.left = right
    lane.right = left
  }
  lane.rank = rankOf(lane.right) + 1
  return lane.rank !== rank
}

/**
 * All places of a queue. The first one is known at once; a place enters and leaves in O(1), and in O(log p) where it is
 * the first or the last of its priority, for p priorities other than 0.
 */
export class Lanes<P extends Link> {
  /** The lane of priority 0. */
  readonly #usual = new Lane(0)
  /** The other lanes, each with a place in it. Made when it is needed. */
  #others: Map<number, Lane> | undefined = undefined
  /** The root of the heap of the others. */
  #highest: Lane | undefined = undefined

  /** The place that is served next. */
  get first(): P | undefined {
    const highest = this.#highest
    const usual = this.#usual
    const lane = highest === undefined || (highest.priority < 0 && usual.next !== usual) ? usual : highest
    return lane.next === lane ? undefined : (lane.next as P)
  }

  /** The last place of priority 0. */
  get last(): P | undefined {
    const { previous } = this.#usual
    return previous === this.#usual ? undefined : (previous as P)
  }

  /** Puts a place at the end of its lane. */
  add(place: P, priority = 0): void {
    this.insert(place, priority === 0 ? this.#usual : this.#lane(priority))
  }

  /** Puts a place in front of another; in front of a lane is at its end. */
  insert(place: P, next: Link): void {
    const { previous } = next
    previous.next = place
    place.previous = previous
    place.next = next
    next.previous = place
  }

  remove(place: P): void {
    const { next, previous } = place
    previous.next = next
    next.previous = previous
    place.next = place
    place.previous = place
    // Both sides are the lane itself: it is empty.
    if (next === previous && next !== this.#usual) this.#drop(next as Lane)
  }

  #lane(priority: number): Lane {
    this.#others ??= new Map()
    let lane = this.#others.get(priority)
    if (lane === undefined) {
      lane = new Lane(priority)
      this.#others.set(priority, lane)
      this.#highest = merge(this.#highest, lane)
    }
    return lane
  }

  #drop(lane: Lane): void {
    this.#others?.delete(lane.priority)
    const { above } = lane
    const below = merge(lane.left, lane.right)
    if (below !== undefined) below.above = above
    if (above === undefined) {
      this.#highest = below
      return
    }
    if (above.left === lane) above.left = below
    else above.right = below
    // A rank that did not change changes none above it.
    for (let at: Lane | undefined = above; at !== undefined && balance(at); ) at = at.above
  }
}
