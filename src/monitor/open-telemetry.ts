// Metrics through a Meter of OpenTelemetry, which the user passes in: nothing of it is imported.

import { check, checkFunction } from '../core/arguments.js'
import type { LockMonitor } from './lock-monitor.js'
import { ABANDONED, attributesOf, BOUNDARIES, DURATIONS, GAUGES, type Gauges, METRICS, PREFIX } from './metrics.js'
import type { AbandonReason } from './reasons.js'
import type { LockStatistics } from './statistics.js'
import type { LockEvent } from './types.js'

/** What tells one lock from another. */
export type MetricAttributes = Record<string, string>

/** How an instrument is made. */
export interface InstrumentOptions {
  unit: string
  description: string
  advice?: { explicitBucketBoundaries?: number[] }
}

/** Where a value is put when metrics are collected. */
export interface ObservableResultLike {
  /** Tells a value. */
  observe(value: number, attributes: MetricAttributes): void
}

/** An instrument that is read when metrics are collected. */
export interface ObservableLike {
  /** Has `callback` called at each collection. */
  addCallback(callback: (result: ObservableResultLike) => void): void
  /** Has it called no more. */
  removeCallback(callback: (result: ObservableResultLike) => void): void
}

/** An instrument that is told of each value. */
export interface HistogramLike {
  /** Tells a value. */
  record(value: number, attributes: MetricAttributes): void
}

/** The part of a `Meter` of `@opentelemetry/api` that is used. */
export interface MeterLike {
  /** Makes a counter. */
  createObservableCounter(name: string, options: InstrumentOptions): ObservableLike
  /** Makes a gauge. */
  createObservableGauge(name: string, options: InstrumentOptions): ObservableLike
  /** Makes a histogram. */
  createHistogram(name: string, options: InstrumentOptions): HistogramLike
}

/**
 * Exports what `monitor` sees through `meter`: counters and gauges are read when metrics are collected, and each wait and
 * each hold is recorded in a histogram when it ends. Until the function that is returned is called.
 *
 * @throws TypeError if `meter` is none.
 */
export function exportToMeter(monitor: LockMonitor, meter: MeterLike): () => void {
  const source = 'exportToMeter'
  check(typeof meter === 'object' && meter !== null, source, 'meter', 'a Meter of OpenTelemetry', meter)
  for (const method of ['createObservableCounter', 'createObservableGauge', 'createHistogram'] as const)
    checkFunction(source, `meter.${method}`, meter[method])
  const stops = [
    ...METRICS.map(({ name, type, unit, help, read }) => {
      const options = { unit, description: help }
      const instrument =
        type === 'counter'
          ? meter.createObservableCounter(PREFIX + name, options)
          : meter.createObservableGauge(PREFIX + name, options)
      return observe(monitor, instrument, (gauges, result) => result.observe(read(gauges), namesOf(gauges.lock)))
    }),
    observe(
      monitor,
      meter.createObservableCounter(PREFIX + ABANDONED.name, { unit: ABANDONED.unit, description: ABANDONED.help }),
      ({ lock }, result) => {
        for (const [reason, count] of lock.abandoned) result.observe(count, namesOf(lock, reason))
      }
    ),
    recordDurations(monitor, meter)
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function observe(
  monitor: LockMonitor,
  instrument: ObservableLike,
  read: (gauges: Gauges, result: ObservableResultLike) => void
): () => void {
  const callback = (result: ObservableResultLike): void => {
    for (const gauges of monitor[GAUGES]()) read(gauges, result)
  }
  instrument.addCallback(callback)
  return () => instrument.removeCallback(callback)
}

function recordDurations(monitor: LockMonitor, meter: MeterLike): () => void {
  const [waits, holds] = DURATIONS.map(({ name, help }) =>
    meter.createHistogram(PREFIX + name, {
      unit: 's',
      description: help,
      advice: { explicitBucketBoundaries: [...BOUNDARIES] }
    })
  )
  const known = new Map<string, MetricAttributes>()
  /** Made once for each lock: to make them at each event would cost as much as all the rest. */
  const attributesOfEvent = (event: LockEvent): MetricAttributes => {
    const { lock, kind, name } = event
    const found = known.get(lock)
    if (found !== undefined) return found
    const attributes = namesOf({ kind, name })
    known.set(lock, attributes)
    return attributes
  }
  return monitor.subscribe(event => {
    const { type, contended, waited, held } = event
    if (contended && (type === 'acquire' || type === 'abandon')) waits?.record(waited / 1000, attributesOfEvent(event))
    if (type === 'release') holds?.record(held / 1000, attributesOfEvent(event))
  })
}

function namesOf(lock: Pick<LockStatistics, 'kind' | 'name'>, reason?: AbandonReason): MetricAttributes {
  return Object.fromEntries(attributesOf(lock, reason).map(([attribute, value]) => [PREFIX + attribute, value]))
}
