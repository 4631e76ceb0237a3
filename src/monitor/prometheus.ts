// The text that a Prometheus server scrapes.

import type { LockMonitor } from './lock-monitor.js'
import { ABANDONED, attributesOf, BOUNDARIES, DURATIONS, GAUGES, METRICS, prometheusName } from './metrics.js'
import type { AbandonReason } from './reasons.js'
import type { LockStatistics } from './statistics.js'

const LIMITS = BOUNDARIES.map(seconds => seconds * 1000)

/**
 * What `monitor` has counted, in the text format of Prometheus 0.0.4: to be served with the content type
 * `text/plain; version=0.0.4; charset=utf-8`. A duration within `2 * Histogram.error` (6.25 %) of a bucket's limit may be
 * counted on the other side of it. O(locks).
 */
export function prometheusText(monitor: LockMonitor): string {
  const locks = [...monitor[GAUGES]()]
  const lines: string[] = []
  for (const metric of METRICS) {
    const name = prometheusName(metric)
    lines.push(...headerOf(name, metric))
    for (const gauges of locks) lines.push(`${name}{${labelsOf(gauges.lock)}} ${metric.read(gauges)}`)
  }
  const name = prometheusName(ABANDONED)
  lines.push(...headerOf(name, ABANDONED))
  for (const { lock } of locks)
    for (const [reason, count] of lock.abandoned) lines.push(`${name}{${labelsOf(lock, reason)}} ${count}`)
  for (const metric of DURATIONS) {
    const name = prometheusName(metric)
    lines.push(...headerOf(name, metric))
    for (const { lock } of locks) lines.push(...histogramOf(name, lock, metric.kind))
  }
  return `${lines.join('\n')}\n`
}

function histogramOf(name: string, lock: LockStatistics, kind: 'wait' | 'hold'): string[] {
  const labels = labelsOf(lock)
  const { count, sum } = lock[kind]
  const counts = lock.countsUpTo(LIMITS)[kind]
  return [
    ...BOUNDARIES.map((limit, index) => `${name}_bucket{${labels},le="${limit}"} ${counts[index]}`),
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum / 1000}`,
    `${name}_count{${labels}} ${count}`
  ]
}

const headerOf = (name: string, { type, help }: { type: string; help: string }): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`
]

function labelsOf(lock: LockStatistics, reason?: AbandonReason): string {
  return attributesOf(lock, reason)
    .map(([label, value]) => `${label}="${escaped(value)}"`)
    .join(',')
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
