// Waits and holds, and a picture of them.

import { check } from '../core/arguments.js'
import type { LockSpan } from './types.js'

/** How a timeline is drawn. */
export interface TimelineOptions {
  /** In pixels. Default `960`. */
  width?: number | undefined
  /** What stands above it. */
  title?: string | undefined
  /**
   * How many lanes there may be: those that were waited for longest. It is said how many are left out. Default `40`.
   */
  maxLanes?: number | undefined
}

const ROW = 9
const GAP = 14
const LABEL = 190
const FONT = 'font-family="ui-sans-serif, system-ui, sans-serif"'
/** Of a label. */
const MOST_CHARACTERS = 30
/** Rows of one lane: more at the same time share the last. */
const MOST_ROWS = 12

/** Control characters are not allowed in XML, however they are written. */
const escaped = (text: string): string =>
  text.replace(/\p{Cc}/gu, ' ').replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)

/**
 * Draws spans as an SVG: a lane for each lock, and for each key of a lock that has keys, with time from left to
 * right. A hold is dark, a wait is light, and one that was given up is red. A wait stands below the holds that it waited
 * for. The text of the SVG is returned. O(n log n).
 *
 * @throws TypeError or RangeError for a wrong argument.
 */
export function renderTimeline(spans: readonly LockSpan[], options: TimelineOptions = {}): string {
  const source = 'renderTimeline'
  check(Array.isArray(spans), source, 'spans', 'an array of spans', spans)
  check(typeof options === 'object' && options !== null, source, 'options', 'an object', options)
  const { width = 960, title = '', maxLanes = 40 } = options
  check(typeof width === 'number' && width >= 300, source, 'options.width', 'a number >= 300', width)
  check(Number.isInteger(maxLanes) && maxLanes >= 1, source, 'options.maxLanes', 'a whole number >= 1', maxLanes)
  check(typeof title === 'string', source, 'options.title', 'a string', title)
  return draw(spans, width, title, maxLanes)
}

interface Lane {
  readonly name: string
  readonly rows: LockSpan[][]
}

function draw(spans: readonly LockSpan[], width: number, title: string, maxLanes: number): string {
  const from = spans.reduce((least, span) => Math.min(least, span.from), Infinity)
  const to = spans.reduce((most, span) => Math.max(most, span.to), -Infinity)
  const span = to > from ? to - from : 1
  const x = (at: number): number => LABEL + ((at - from) / span) * (width - LABEL - 16)
  const all = lanesOf(spans)
  const lanes = mostWaitedFor(all, maxLanes)
  const parts: string[] = []
  let y = 12
  if (title !== '') {
    y += 16
    parts.push(`<text x="12" y="${y}" font-size="15" font-weight="600" fill="#1f2328">${escaped(title)}</text>`)
    y += 14
  }
  for (const { name, rows } of lanes) {
    const height = rows.length * ROW
    parts.push(`<text x="12" y="${y + 8}" font-size="11" fill="#1f2328">${escaped(shorten(name))}</text>`)
    parts.push(`<rect x="${LABEL}" y="${y}" width="${width - LABEL - 16}" height="${height}" fill="#f6f8fa"/>`)
    rows.forEach((row, index) => {
      for (const span of row) parts.push(bar(span, x(span.from), x(span.to), y + index * ROW))
    })
    y += height + GAP
  }
  if (all.length > lanes.length) parts.push(note(y, `${all.length - lanes.length} more locks are left out`))
  if (all.length > lanes.length) y += GAP
  parts.push(axis(span, width, y))
  y += 40
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" role="img" ${FONT}>`,
    `<title>${escaped(title || 'Waits and holds of locks over time')}</title>`,
    `<rect width="${width}" height="${y}" fill="#ffffff"/>`,
    ...parts,
    '</svg>',
    ''
  ].join('\n')
}

/** The lanes in the order in which they begin, each with as many rows as it takes for nothing to overlap. */
function lanesOf(spans: readonly LockSpan[]): Lane[] {
  const byName = new Map<string, LockSpan[]>()
  for (const span of spans) {
    // One that is about many keys stands in the lane of each.
    const keys = span.keys.length === 0 ? [undefined] : span.keys
    for (const key of keys) {
      const lock = /^\w+ "(.*)"$/s.exec(span.lock)?.[1] ?? span.lock // a name says more than a kind
      const name = key === undefined ? lock : `${lock} ${JSON.stringify(key)}`
      const lane = byName.get(name)
      if (lane === undefined) byName.set(name, [span])
      else lane.push(span)
    }
  }
  return [...byName].map(([name, own]) => {
    const byTime = [...own].sort((a, b) => a.from - b.from)
    const of = (kind: LockSpan['kind']) => packed(byTime.filter(span => span.kind === kind))
    return { name, rows: [...of('hold'), ...of('wait')] }
  })
}

/** In the order in which they begin. Where none is waited for, those that are held for longest. */
function mostWaitedFor(lanes: readonly Lane[], count: number): readonly Lane[] {
  if (lanes.length <= count) return lanes
  const ranked = lanes.map(lane => {
    const total = { wait: 0, hold: 0 }
    for (const { kind, from, to } of lane.rows.flat()) total[kind] += to - from
    return { lane, ...total }
  })
  ranked.sort((a, b) => b.wait - a.wait || b.hold - a.hold)
  const chosen = new Set(ranked.slice(0, count).map(({ lane }) => lane))
  return lanes.filter(lane => chosen.has(lane))
}

/** Each into the first row that is free by then. */
function packed(spans: readonly LockSpan[]): LockSpan[][] {
  const rows: LockSpan[][] = []
  for (const span of spans) {
    const free = rows.find(row => (row.at(-1)?.to ?? -Infinity) <= span.from)
    if (free !== undefined) free.push(span)
    else if (rows.length < MOST_ROWS) rows.push([span])
    else rows.at(-1)?.push(span)
  }
  return rows
}

function bar({ kind, outcome, from, to, id }: LockSpan, left: number, right: number, y: number): string {
  const given = outcome !== 'granted' && outcome !== 'released' && outcome !== 'ongoing'
  const fill = kind === 'hold' ? '#0a5fb4' : given ? '#d1495b' : '#9ecbff'
  const width = Math.max(0.5, right - left).toFixed(1)
  const text = `#${id} ${kind}, ${duration(to - from)}, ${outcome}`
  return `<rect x="${left.toFixed(1)}" y="${y + 1}" width="${width}" height="${ROW - 2}" fill="${fill}"><title>${escaped(text)}</title></rect>`
}

function axis(span: number, width: number, y: number): string {
  const right = width - 16
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(part => {
    const x = LABEL + part * (right - LABEL)
    const anchor = part === 1 ? 'end' : part === 0 ? 'start' : 'middle'
    return `<text x="${x}" y="${y + 12}" font-size="10" fill="#59636e" text-anchor="${anchor}">${duration(part * span)}</text>`
  })
  const legend = [
    ['#0a5fb4', 'holds'],
    ['#9ecbff', 'waits'],
    ['#d1495b', 'gave up']
  ].map(
    ([fill, text], index) =>
      `<rect x="${12 + index * 58}" y="${y + 21}" width="9" height="9" fill="${fill}"/>` +
      `<text x="${25 + index * 58}" y="${y + 29}" font-size="10" fill="#59636e">${text}</text>`
  )
  return [...ticks, ...legend].join('\n')
}

const note = (y: number, text: string): string =>
  `<text x="12" y="${y + 8}" font-size="11" fill="#59636e">${text}</text>`

/** Both ends stay: they are the name of the lock, and the key. */
const shorten = (name: string): string =>
  name.length <= MOST_CHARACTERS ? name : `${name.slice(0, MOST_CHARACTERS / 2)}…${name.slice(1 - MOST_CHARACTERS / 2)}`

function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
  return `${(ms / 1000).toFixed(1)} s`
}
