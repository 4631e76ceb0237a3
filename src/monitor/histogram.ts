// How long things take, in fixed memory, however much is recorded.
//
// Buckets grow with the values: each power of two has sixteen of equal width. A value is put into its bucket by the
// first bits of the double that it is, so recording costs a few nanoseconds and no logarithm. This is the layout of
// HdrHistogram (Gil Tene), with the exponent taken from the number itself.

/** What is known of many durations, in ms. */
export interface Distribution {
  readonly count: number
  readonly sum: number
  /** 0 where nothing was recorded, as everything below. Exact. */
  readonly min: number
  /** Exact. */
  readonly max: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

/** 2^-20 ms, about 1 ns: what is shorter is counted as 0, in a bucket of its own. */
const LOWEST_EXPONENT = -20
/** 2^32 ms, about 50 days: what is longer is counted in the highest bucket. */
const HIGHEST_EXPONENT = 32
const PER_OCTAVE = 16
/** The first is for 0. */
const BUCKETS = (HIGHEST_EXPONENT - LOWEST_EXPONENT) * PER_OCTAVE + 1

const asNumber = new Float64Array(1)
const asBits = new Uint32Array(asNumber.buffer)
asNumber[0] = 1
/** Where sign, exponent and the first bits of the fraction are: depends on the byte order of the machine. */
const HIGH = asBits[1] === 0 ? 0 : 1
/** The bits of 2^LOWEST_EXPONENT, down to the four that tell sixteen buckets apart. */
const FIRST = (LOWEST_EXPONENT + 1023) * PER_OCTAVE - 1

/** Where a bucket begins, in ms. */
function edge(bucket: number): number {
  if (bucket === 0) return 0
  const [octave, part] = [Math.floor((bucket - 1) / PER_OCTAVE), (bucket - 1) % PER_OCTAVE]
  return 2 ** (LOWEST_EXPONENT + octave) * (1 + part / PER_OCTAVE)
}

/** What stands for all that is in a bucket. */
const middle = (bucket: number): number => (bucket === 0 ? 0 : (edge(bucket) + edge(bucket + 1)) / 2)

/**
 * A histogram of durations in ms, in 7 kB. Percentiles are off by at most `Histogram.error` of their value for durations
 * from 1 ns to 49 days; count, sum, shortest and longest are exact.
 */
export class Histogram {
  /** Half a bucket: a percentile is the middle of the bucket in which it lies. */
  static readonly error = 1 / (2 * PER_OCTAVE)

  readonly #counts = new Float64Array(BUCKETS)
  #count = 0
  #sum = 0
  #min = Infinity
  #max = 0

  /** Adds one. O(1), and allocates nothing. */
  record(ms: number): void {
    const value = ms > 0 ? ms : 0 // a clock that is set back is no reason for a negative duration
    asNumber[0] = value
    const bucket = ((asBits[HIGH] as number) >>> 16) - FIRST
    const counts = this.#counts
    const index = bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket
    counts[index] = (counts[index] as number) + 1
    this.#count++
    this.#sum += value
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
  }

  get count(): number {
    return this.#count
  }

  /** What at least `quantile` of all are not above: 0.5 is the median. O(buckets). */
  percentile(quantile: number): number {
    const rank = Math.max(1, Math.ceil(quantile * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number
      if (seen >= rank) return this.#within(middle(bucket))
    }
    return 0
  }

  /**
   * How many are not above each of the limits, which rise, in ms. One that lies within two `error`s of a limit may be
   * counted on the other side of it. O(buckets).
   */
  countsUpTo(limits: readonly number[]): number[] {
    let bucket = 0
    let seen = 0
    return limits.map(limit => {
      for (; bucket < BUCKETS && edge(bucket + 1) <= limit; bucket++) seen += this.#counts[bucket] as number
      return seen
    })
  }

  /** What is known of all of them. O(buckets). */
  distribution(): Distribution {
    const [p50, p90, p99] = [0.5, 0.9, 0.99].map(quantile => this.percentile(quantile)) as [number, number, number]
    return { count: this.#count, sum: this.#sum, min: this.#count > 0 ? this.#min : 0, max: this.#max, p50, p90, p99 }
  }

  #within(value: number): number {
    return Math.min(this.#max, Math.max(this.#min, value))
  }
}
