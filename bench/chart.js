// The results as a picture: how many times the floor's cost each lock is. Multiples, not times, since those belong to the
// machine. An SVG that brings its own background and follows the reader's colour scheme, so it can stand on any page.

import { scaleLog } from 'd3-scale'
import { significant } from './report.js'

/** @typedef {import('./harness.js').Result} Result */

/**
 * @typedef {object} Mark one lock in one row
 * @property {string} name
 * @property {number} times the floor's cost
 * @property {boolean} own
 */

const panelIds = [
  'acquire-free',
  'run-free',
  'run-free-async',
  'acquire-contended',
  'run-contended',
  'run-contended-async'
]
const queueIds = /^queue-\d+$/

const width = 960
const margin = 24
const line = 18
const panel = { columns: 3, gap: 28, names: 84, values: 40, head: 30, foot: 34 }
const queue = { height: 300, left: 44, labels: 140 }
const ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]

const style = `
    .page { fill: #ffffff }
    text { font: 12px system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif; fill: #3d444d }
    .title { font-size: 17px; font-weight: 600; fill: #1f2328 }
    .head { font-weight: 600; fill: #1f2328 }
    .quiet { font-size: 11px; fill: #6b7280 }
    .own { font-weight: 600; fill: #0a6cc9 }
    .grid { stroke: #d8dee4; stroke-width: 1 }
    .floor { stroke: #6b7280; stroke-width: 1.5; stroke-dasharray: 4 3 }
    .stem { stroke: #c4cbd3; stroke-width: 2 }
    .dot { fill: #8a94a0 }
    .line { fill: none; stroke: #9aa4b0; stroke-width: 1.5 }
    .lead { fill: none; stroke: #c4cbd3; stroke-width: 1 }
    .own-stem, .own-line { fill: none; stroke: #0a6cc9 }
    .own-stem { stroke-width: 3 }
    .own-line { stroke-width: 2.5 }
    .own-dot { fill: #0a6cc9 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 }
      text { fill: #c4ccd6 }
      .title, .head { fill: #f0f3f6 }
      .quiet { fill: #8b96a3 }
      .own { fill: #58a6ff }
      .grid { stroke: #262c34 }
      .floor { stroke: #8b96a3 }
      .stem, .lead { stroke: #3d444d }
      .dot { fill: #8b96a3 }
      .line { stroke: #6e7884 }
      .own-stem, .own-line { stroke: #58a6ff }
      .own-dot { fill: #58a6ff }
    }
  `

/**
 * @param {{ environment: { latchkey: string, node: string, cpu: string, date: string }, results: Result[] }} outcome
 * @returns {string} SVG
 */
export function chart({ environment, results }) {
  const panels = panelIds.flatMap(id => results.filter(result => result.id === id && result.floor))
  const queues = results.filter(({ id, floor }) => queueIds.test(id) && floor)

  const title = 'What a lock costs, as multiples of the same promises without a lock'
  /** @type {string[]} */
  const parts = [text(margin, 36, title, 'title')]
  const { latchkey, node, cpu, date } = environment
  parts.push(text(margin, 56, `latchkey ${latchkey}, Node ${node}, ${cpu}, ${date}. Less is better.`, 'quiet'))
  let y = 84

  for (let i = 0; i < panels.length; i += panel.columns) {
    const row = panels.slice(i, i + panel.columns)
    row.forEach((result, column) => {
      const x = margin + column * (panelWidth() + panel.gap)
      parts.push(...drawPanel(result, x, y, domainOf(panels)))
    })
    y += panel.head + Math.max(...row.map(result => marksOf(result).length)) * line + panel.foot
  }
  if (queues.length > 1) {
    parts.push(...drawQueues(queues, y + 6))
    y += queue.height + 6
  }
  if (panels.length === 0 && queues.length <= 1)
    parts.push(text(margin, y, 'None of the rows of the chart was measured.'))

  const height = y + 20
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `  <title>${escaped(title)}</title>`,
    `  <style>${style}</style>`,
    `  <rect class="page" width="${width}" height="${height}" rx="8"/>`,
    ...parts.map(part => `  ${part}`),
    '</svg>',
    ''
  ].join('\n')
}

function panelWidth() {
  return (width - 2 * margin - (panel.columns - 1) * panel.gap) / panel.columns
}

/** @param {Result} result @returns {Mark[]} the cheapest first */
function marksOf({ measured, peers }) {
  return [
    { name: 'latchkey', times: measured.median, own: true },
    ...peers.flatMap(({ name, factor }) => (factor ? { name, times: factor.median * measured.median, own: false } : []))
  ].sort((a, b) => a.times - b.times)
}

/** @param {Result[]} results */
function domainOf(results) {
  const all = results.flatMap(marksOf).map(({ times }) => times)
  return [Math.min(0.9, ...all), Math.max(2, ...all)]
}

/**
 * @param {Result} result
 * @param {number} left
 * @param {number} top
 * @param {number[]} domain
 */
function drawPanel(result, left, top, domain) {
  const marks = marksOf(result)
  const x = scaleLog(domain, [left + panel.names + 14, left + panelWidth() - panel.values])
  const first = top + panel.head
  const bottom = first + marks.length * line
  const parts = [text(left, top + 14, result.name, 'head')]
  for (const tick of ticksIn(domain)) {
    parts.push(straight(x(tick), first - 4, x(tick), bottom, tick === 1 ? 'floor' : 'grid'))
    parts.push(text(x(tick), bottom + 14, `${tick}×`, 'quiet', 'middle'))
  }
  marks.forEach(({ name, times, own }, i) => {
    const middle = first + i * line + line / 2
    parts.push(text(left + panel.names, middle + 4, name, own ? 'own' : '', 'end'))
    parts.push(straight(x(1), middle, x(times), middle, own ? 'own-stem' : 'stem'))
    parts.push(`<circle class="${own ? 'own-dot' : 'dot'}" cx="${at(x(times))}" cy="${at(middle)}" r="4"/>`)
    // To the right of the floor's line, even if the dot is to the left of it.
    parts.push(
      text(Math.max(x(times), x(1)) + 8, middle + 4, times.toFixed(times < 9.95 ? 1 : 0), own ? 'own' : 'quiet')
    )
  })
  return parts
}

/**
 * @param {Result[]} queues
 * @param {number} top
 */
function drawQueues(queues, top) {
  const sizes = queues.map(({ id }) => Number(id.replace('queue-', '')))
  const domain = domainOf(queues)
  const left = margin + queue.left
  const right = width - margin - queue.labels
  const bottom = top + queue.height - 40
  const x = scaleLog([Math.min(...sizes), Math.max(...sizes)], [left, right])
  const y = scaleLog(domain, [bottom, top + 34])
  const parts = [text(margin, top + 14, 'runExclusive, a long queue: cost of each task, by number of waiters', 'head')]
  for (const tick of ticksIn(domain)) {
    parts.push(straight(left, y(tick), right, y(tick), tick === 1 ? 'floor' : 'grid'))
    parts.push(text(left - 8, y(tick) + 4, `${tick}×`, 'quiet', 'end'))
  }
  for (const size of sizes) parts.push(text(x(size), bottom + 18, size.toLocaleString('en'), 'quiet', 'middle'))

  const names = [...new Set(queues.flatMap(marksOf).map(({ name }) => name))]
  const lines = names.map(name => {
    const points = queues.flatMap((result, i) => {
      const mark = marksOf(result).find(mark => mark.name === name)
      return mark ? { x: x(sizes[i] ?? 1), y: y(mark.times), times: mark.times } : []
    })
    return { name, own: name === 'latchkey', points, end: /** @type {typeof points[0]} */ (points.at(-1)) }
  })
  for (const { own, points } of lines.sort((a, b) => Number(a.own) - Number(b.own))) {
    const d = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${at(x)} ${at(y)}`).join('')
    parts.push(`<path class="${own ? 'own-line' : 'line'}" d="${d}"/>`)
    for (const { x, y } of points) {
      parts.push(`<circle class="${own ? 'own-dot' : 'dot'}" cx="${at(x)}" cy="${at(y)}" r="${own ? 4 : 2.5}"/>`)
    }
  }
  if (lines.some(({ end }) => end.x < right - 1)) {
    parts.push(
      text(width - margin, top + 14, 'A line ends where the next size was too slow to wait for.', 'quiet', 'end')
    )
  }
  // All names stand in one column, in the order of the ends of their lines and with room between them.
  const column = right + 24
  const spots = spread(
    lines.map(({ end }) => end.y),
    line - 2,
    top + 34,
    bottom + 4
  )
  lines.forEach(({ name, own, end }, i) => {
    const spot = spots[i] ?? end.y
    parts.push(`<path class="lead" d="M${at(end.x + 6)} ${at(end.y)}L${at(column - 4)} ${at(spot)}"/>`)
    parts.push(text(column, spot + 4, `${name} ${significant(end.times)}×`, own ? 'own' : ''))
  })
  return parts
}

/**
 * Moves positions apart until none is nearer to the next than `gap`, and keeps their order.
 *
 * @param {number[]} positions
 * @param {number} gap
 * @param {number} low
 * @param {number} high
 */
function spread(positions, gap, low, high) {
  const order = positions.map((_, i) => i).sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0))
  const moved = [...positions]
  let least = low
  for (const i of order) {
    moved[i] = Math.max(moved[i] ?? 0, least)
    least = (moved[i] ?? 0) + gap
  }
  let most = high
  for (const i of order.reverse()) {
    moved[i] = Math.min(moved[i] ?? 0, most)
    most = (moved[i] ?? 0) - gap
  }
  return moved
}

/** @param {number[]} domain */
function ticksIn([low = 1, high = 1]) {
  const fitting = ticks.filter(tick => tick >= low && tick <= high)
  return fitting.length > 6 ? fitting.filter(tick => /^10*$/.test(String(tick))) : fitting
}

/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {string} kind */
function straight(x1, y1, x2, y2, kind) {
  return `<line class="${kind}" x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"/>`
}

/** @param {number} x @param {number} y @param {string} content @param {string} [kind] @param {string} [anchor] */
function text(x, y, content, kind = '', anchor = 'start') {
  const attributes = `${kind ? ` class="${kind}"` : ''}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}`
  return `<text x="${at(x)}" y="${at(y)}"${attributes}>${escaped(content)}</text>`
}

/** @param {number} value */
function at(value) {
  return String(Math.round(value * 10) / 10)
}

/** @param {string} content */
function escaped(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
