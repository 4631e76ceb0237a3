// What is exported of each lock, by names that are the same everywhere: one table for all exporters, and for the docs.
//
// OpenTelemetry has no semantic conventions for locks. These names follow its rules for names and units (dots, seconds,
// no unit in the name); Prometheus' rules turn them into its own (underscores, the unit and `_total` at the end).

import type { AbandonReason } from './reasons.js'
import type { LockStatistics } from './statistics.js'

/** How a monitor is asked for its gauges. The same in every copy of the package. */
export const GAUGES: unique symbol = Symbol.for('latchkey.monitor.gauges') as never

/** What is known of a lock, and since when the longest of its waits and of its holds goes on. */
export interface Gauges {
  readonly lock: LockStatistics
  /** In ms; 0 where there is none. */
  readonly oldest: { readonly wait: number; readonly hold: number }
}

interface Described {
  /** Without the prefix `latchkey.lock.`. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly unit: string
  readonly help: string
}

/** A number of each lock that is read when it is asked for. */
interface Metric extends Described {
  readonly type: 'counter' | 'gauge'
  readonly read: (of: Gauges) => number
}

export const PREFIX = 'latchkey.lock.'

export const METRICS: readonly Metric[] = [
  {
    name: 'acquisitions',
    type: 'counter',
    unit: '{acquisition}',
    help: 'How many times the lock was granted.',
    read: ({ lock }) => lock.acquisitions
  },
  {
    name: 'contended',
    type: 'counter',
    unit: '{request}',
    help: 'How many callers had to wait, those included that left without the lock.',
    read: ({ lock }) => lock.contended
  },
  {
    name: 'waiting',
    type: 'gauge',
    unit: '{request}',
    help: 'How many callers wait now.',
    read: ({ lock }) => lock.waiting
  },
  {
    name: 'held',
    type: 'gauge',
    unit: '{holder}',
    help: 'How many callers hold the lock now.',
    read: ({ lock }) => lock.held
  },
  {
    name: 'oldest_wait',
    type: 'gauge',
    unit: 's',
    help: 'How long the caller has waited that has waited for longest.',
    read: ({ oldest }) => oldest.wait / 1000
  },
  {
    name: 'oldest_hold',
    type: 'gauge',
    unit: 's',
    help: 'How long the caller has held that has held for longest.',
    read: ({ oldest }) => oldest.hold / 1000
  }
]

/** Counted by reason. */
export const ABANDONED = {
  name: 'abandoned',
  type: 'counter',
  unit: '{request}',
  help: 'How many callers left without the lock or were refused, by `reason`.'
} as const

export const DURATIONS = [
  {
    name: 'wait.duration',
    type: 'histogram',
    unit: 's',
    kind: 'wait',
    help: 'How long callers waited that had to, whether they were granted or not.'
  },
  { name: 'hold.duration', type: 'histogram', unit: 's', kind: 'hold', help: 'How long the lock was held.' }
] as const

/** The buckets of durations, in seconds: from a turn of the event loop to a wait that no caller should have. */
export const BOUNDARIES: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60
]

/**
 * What tells one lock from another, and one reason from another. Attributes of OpenTelemetry have the prefix, labels of
 * Prometheus do not. All are bounded: keys are never attributes. A lock without a name has no attribute `name`.
 */
export function attributesOf(
  { kind, name }: { readonly kind: string; readonly name: string | undefined },
  reason?: AbandonReason
): readonly (readonly [attribute: string, value: string])[] {
  const named: [string, string][] = name === undefined ? [] : [['name', name]]
  return [...named, ['kind', kind], ...(reason === undefined ? [] : [['reason', reason] as const])]
}

/** As Prometheus calls a metric: underscores, the unit and what it counts at the end. */
export function prometheusName({ name, type, unit }: Described): string {
  const ending = type === 'counter' ? 'total' : unit === 's' ? 'seconds' : ''
  return [PREFIX + name, ending].filter(Boolean).join('_').replaceAll('.', '_')
}

/** The table of the docs. `scripts/metrics-table.js` puts it there. */
export function metricsTable(): string {
  const rows = [...METRICS, ABANDONED, ...DURATIONS].map(
    metric => `| \`${prometheusName(metric)}\` | \`${PREFIX}${metric.name}\` | ${metric.type} | ${metric.help} |`
  )
  return ['| Prometheus | OpenTelemetry | type | |', '|---|---|---|---|', ...rows].join('\n')
}
