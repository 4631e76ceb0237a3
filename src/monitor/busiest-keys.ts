// Which keys are asked for most, in fixed memory, however many there are.
//
// The algorithm is Space-Saving (Metwally, Agrawal and El Abbadi, 2005): a key that has no counter takes over the one
// with the smallest count and goes on from there. So a count is never too small, and too large by at most `error`; every
// key that makes up more than one in `counters` of all is there.

/** A key that is asked for often. */
export interface BusyKey {
  /** As text: strings as they are, objects by their kind. */
  readonly key: string
  /** How often it was asked for, at most. */
  readonly requests: number
  /** How much of `requests` may be that of other keys, which were there before it. */
  readonly error: number
  /** How often a caller had to wait for it, since it has been counted. */
  readonly contended: number
}

interface Counter {
  key: unknown
  requests: number
  error: number
  contended: number
}

export class BusiestKeys {
  readonly #counters: Counter[] = []
  readonly #byKey = new Map<unknown, Counter>()
  readonly #limit: number
  /** No count is below this. */
  #least = 0
  /** Where the search for the smallest goes on. */
  #cursor = 0

  /** @param limit how many counters there are, at least one */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** O(1) for a key that has a counter, and mostly for one that has none; O(counters) at most. */
  count(key: unknown, contended: boolean): void {
    const counter = this.#byKey.get(key) ?? this.#counterFor(key)
    counter.requests++
    if (contended) counter.contended++
  }

  #counterFor(key: unknown): Counter {
    let counter: Counter
    if (this.#counters.length < this.#limit) {
      counter = { key, requests: 0, error: 0, contended: 0 }
      this.#counters.push(counter)
    } else {
      counter = this.#smallest()
      this.#byKey.delete(counter.key)
      counter.key = key
      counter.error = counter.requests
      counter.contended = 0
    }
    this.#byKey.set(key, counter)
    return counter
  }

  /**
   * One with the smallest count. Counts only grow, so what was the smallest count in one round over the counters is a
   * lower bound ever after, and each one that still has it is taken where it stands: where most keys are rare, that is
   * the next one or the one after.
   */
  #smallest(): Counter {
    const counters = this.#counters
    let next = Infinity
    for (let looked = 0; ; looked++) {
      if (looked === counters.length) {
        this.#least = next
        next = Infinity
        looked = 0
      }
      const counter = counters[this.#cursor] as Counter
      this.#cursor = (this.#cursor + 1) % counters.length
      if (counter.requests === this.#least) return counter
      if (counter.requests < next) next = counter.requests
    }
  }

  /** The busiest first. */
  top(count: number, show: (key: unknown) => string): BusyKey[] {
    const sorted = [...this.#counters].sort((a, b) => b.requests - a.requests).slice(0, count)
    return sorted.map(({ key, ...counts }) => ({ key: show(key), ...counts }))
  }
}
