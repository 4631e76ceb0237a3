// The text that a Prometheus server scrapes.

import type { LockMonitor } from './lock-monitor.js'
import { ABANDONED, attributesOf, BOUNDARIES, DURATIONS, GAUGES, METRICS, PREFIX } from './metrics.js'
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
  for (const { name, type, unit, help, read } of METRICS) {
    const full = nameOf(name, type === 'counter' ? 'total' : unit === 's' ? 'seconds' : '')
    lines.push(...headerOf(full, type, help))
    for (const of of locks) lines.push(`${full}{${labelsOf(of.lock)}} ${read(of)}`)
  }
  const abandoned = nameOf(ABANDONED.name, 'total')
  lines.push(...headerOf(abandoned, 'counter', ABANDONED.help))
  for (const { lock } of locks)
    for (const [reason, count] of lock.abandoned)
      lines.push(`${abandoned}{${labelsOf(lock)},reason="${reason}"} ${count}`)
  for (const { name, kind, help } of DURATIONS) {
    const full = nameOf(name, 'seconds')
    lines.push(...headerOf(full, 'histogram', help))
    for (const { lock } of locks) lines.push(...histogramOf(full, lock, kind))
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

const headerOf = (name: string, type: string, help: string): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`
]

const nameOf = (name: string, unit: string): string =>
  [PREFIX + name, unit].filter(Boolean).join('_').replaceAll('.', '_')

function labelsOf({ kind, name }: LockStatistics): string {
  const attributes = Object.entries(attributesOf(kind, name))
  return attributes.map(([label, value]) => `${label}="${escaped(value)}"`).join(',')
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
