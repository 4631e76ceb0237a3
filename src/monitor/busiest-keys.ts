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

  constructor(limit: number) {
    this.#limit = limit
  }

  /** O(1) for a key that has a counter, O(counters) for one that has none. */
  count(key: unknown, contended: boolean): void {
    const counter = this.#byKey.get(key) ?? this.#counterFor(key)
    if (counter === undefined) return
    counter.requests++
    if (contended) counter.contended++
  }

  #counterFor(key: unknown): Counter | undefined {
    const counters = this.#counters
    let counter: Counter
    if (counters.length < this.#limit) {
      counter = { key, requests: 0, error: 0, contended: 0 }
      counters.push(counter)
    } else {
      const [first] = counters
      if (first === undefined) return undefined
      counter = first
      for (const other of counters) if (other.requests < counter.requests) counter = other
      this.#byKey.delete(counter.key)
      counter.key = key
      counter.error = counter.requests
      counter.contended = 0
    }
    this.#byKey.set(key, counter)
    return counter
  }

  /** The busiest first. */
  top(count: number, show: (key: unknown) => string): BusyKey[] {
    const sorted = [...this.#counters].sort((a, b) => b.requests - a.requests).slice(0, count)
    return sorted.map(({ key, ...counts }) => ({ key: show(key), ...counts }))
  }
}
