// A snapshot as a table that a person reads in a terminal.

import { oneLine } from './describe.js'
import type { LockCaller, LockSnapshot, MonitorSnapshot } from './types.js'

const HEADER = [
  'lock',
  'granted',
  'contended',
  'wait p50',
  'p99',
  'max',
  'hold p50',
  'p99',
  'max',
  'waiting',
  'given up'
]

/** @param limit how many locks are shown */
export function reportOf({ locks }: MonitorSnapshot, limit: number): string {
  const used = locks.filter(isUsed).sort((a, b) => b.totalWait - a.totalWait)
  if (used.length === 0) return 'No lock has been used yet.'
  const shown = used.slice(0, limit)
  const rows = shown.map(lock => [
    oneLine(lock.lock),
    String(lock.acquisitions),
    `${(lock.contention * 100).toFixed(lock.contention < 0.1 ? 1 : 0)} %`,
    ...[lock.wait, lock.hold].flatMap(({ count, p50, p99, max }) =>
      count === 0 ? ['–', '–', '–'] : [p50, p99, max].map(duration)
    ),
    `${lock.waiting} (peak ${lock.peakWaiting})`,
    givenUp(lock)
  ])
  const left = used.length - shown.length
  const rest = left === 0 ? [] : [`… and ${left} more, which were waited for less`]
  return [table([HEADER, ...rows]), ...rest, ...shown.flatMap(detailsOf)].join('\n')
}

/** Since counting began: after a `reset`, a lock may be known that was not asked for any more. */
const isUsed = ({ acquisitions, abandoned, waiting, held }: LockSnapshot): boolean =>
  acquisitions + waiting + held > 0 || Object.keys(abandoned).length > 0

function givenUp({ abandoned }: LockSnapshot): string {
  const parts = Object.entries(abandoned).map(([reason, count]) => `${count} ${reason}`)
  return parts.join(', ') || '–'
}

function detailsOf(lock: LockSnapshot): string[] {
  const lines: string[] = []
  const add = (title: string, own: readonly string[]) => {
    if (own.length > 0) lines.push('', `${oneLine(lock.lock)}: ${title}`, ...own.map(line => `  ${line}`))
  }
  add(`${lock.held} held now, the longest first`, lock.holders.flatMap(lineOf))
  add(`${lock.waiting} waiting now, the longest first`, lock.waiters.flatMap(lineOf))
  // One key, or none that is asked for twice, is no news.
  const keys = lock.busiestKeys.filter(({ requests, error }) => requests - error > 1)
  const busy = keys.map(({ key, requests, error, contended }) => {
    const about = error === 0 ? `${requests}` : `${requests - error} to ${requests}`
    return `${JSON.stringify(key)}  ${about} requests, ${contended} contended`
  })
  if (lock.busiestKeys.length > 1) add('busiest keys', busy)
  return lines
}

function lineOf({ id, keys, mode, ms, stack }: LockCaller): string[] {
  const of = keys.length === 0 ? '' : `  ${keys.map(key => JSON.stringify(key)).join(', ')}`
  return [
    `#${id}${of}${mode === undefined ? '' : `  ${mode}`}  for ${duration(ms)}`,
    ...(stack ?? '')
      .split('\n')
      .filter(Boolean)
      .map(line => `    ${line}`)
  ]
}

/** The first column to the left, all others but the last to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const [header = []] = rows
  const widths = header.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const lineOf = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 || column === row.length - 1
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0)
      )
      .join('  ')
      .trimEnd()
  return rows.map(lineOf).join('\n')
}

/** Three digits and a unit. */
function duration(ms: number): string {
  if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`
  if (ms < 999.5) return `${digits(ms)} ms`
  return `${digits(ms / 1000)} s`
}

const digits = (value: number): string =>
  value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0)
