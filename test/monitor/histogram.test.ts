// A histogram against a list of everything that was recorded: its error is what it says, for any durations.

import fc from 'fast-check'
import { Histogram } from 'latchkey/monitor'
import { describe, expect, test } from 'vitest'
import { settings } from '../properties/settings.js'

/** From 1 ns to 49 days. */
const duration = fc.double({ min: 1e-6, max: 49 * 24 * 60 * 60 * 1000, noNaN: true })

function recorded(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

describe('any durations', () => {
  test('a percentile is within the stated error of the one that the sorted list gives', () => {
    fc.assert(
      fc.property(
        fc.array(duration, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, quantile) => {
          const sorted = Float64Array.from(values).sort()
          const exact = sorted[Math.max(0, Math.ceil(quantile * values.length) - 1)] as number
          const error = Math.abs(recorded(values).percentile(quantile) - exact) / exact
          expect(error).toBeLessThanOrEqual(Histogram.error + 1e-12)
        }
      ),
      settings(500)
    )
  })

  test('count, sum, shortest and longest are exact', () => {
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1 }), values => {
        const { count, sum, min, max } = recorded(values).distribution()
        expect({ count, sum, min, max }).toEqual({
          count: values.length,
          sum: values.reduce((sum, value) => sum + value, 0),
          min: Math.min(...values),
          max: Math.max(...values)
        })
      }),
      settings(200)
    )
  })

  test('counts up to a limit differ from the exact ones only by what lies within two errors of it', () => {
    const limits = fc.uniqueArray(duration, { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(fc.array(duration), limits, (values, limits) => {
        limits.sort((a, b) => a - b)
        const below = (limit: number) => values.filter(value => value <= limit).length
        recorded(values)
          .countsUpTo(limits)
          .forEach((count, index) => {
            const limit = limits[index] as number
            expect(count).toBeLessThanOrEqual(below(limit))
            expect(count).toBeGreaterThanOrEqual(below(limit * (1 - 2 * Histogram.error)))
          })
      }),
      settings(300)
    )
  })
})

test('the percentiles of a distribution are those that they are called', () => {
  const histogram = recorded(Array.from({ length: 1000 }, (_, i) => (i + 1) ** 2))
  const { p50, p90, p99 } = histogram.distribution()
  for (const [percentile, exact] of [
    [p50, 500 ** 2],
    [p90, 900 ** 2],
    [p99, 990 ** 2]
  ] as const)
    expect(Math.abs(percentile - exact) / exact).toBeLessThanOrEqual(Histogram.error)
  // The one for 0.95 is further off than the error of both.
  expect(Math.abs(p99 - 950 ** 2) / 950 ** 2).toBeGreaterThan(Histogram.error)
})

describe('at the ends', () => {
  test('an empty one says 0', () => {
    expect(new Histogram().distribution()).toEqual({ count: 0, sum: 0, min: 0, max: 0, p50: 0, p90: 0, p99: 0 })
  })

  test.each([
    ['nothing', 0],
    ['a nanosecond', 1e-6],
    ['a century', 3.2e12]
  ])('%s is counted, and a percentile never leaves what was recorded', (_, value) => {
    const histogram = recorded([value, value])
    expect(histogram.distribution()).toMatchObject({ count: 2, min: value, max: value })
    expect(histogram.percentile(0.5)).toBe(value)
  })

  test('nothing is 0 among others too, as on a clock that stands still', () => {
    const histogram = recorded([0, 0, 0, 8])
    expect(histogram.percentile(0.5)).toBe(0)
    expect(histogram.countsUpTo([1e-6, 1, 9])).toEqual([3, 3, 4])
  })

  test('a clock that was set back gives 0, not a negative duration', () => {
    expect(recorded([-5]).distribution()).toMatchObject({ count: 1, sum: 0, min: 0, max: 0 })
  })

  test('a value on the edge of a bucket is counted from there on', () => {
    expect(recorded([1]).countsUpTo([0.99, 1.07])).toEqual([0, 1])
  })
})

test('a percentile that falls on a rank is that one, and not the next', () => {
  // Each in a bucket of its own.
  const values = Array.from({ length: 10 }, (_, i) => 2 ** i)
  const histogram = recorded(values)
  for (const [i, value] of values.entries()) {
    const found = histogram.percentile((i + 1) / values.length)
    expect(Math.abs(found - value) / value).toBeLessThanOrEqual(Histogram.error)
  }
})
