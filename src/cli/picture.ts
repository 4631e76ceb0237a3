// The same timeline as a picture: one SVG file, which is light or dark as its reader is.

import type { Moment, Timeline } from '../testing/index.js'
import { isWrong, shouldHave } from './draw.js'
import { wrap } from './terminal.js'

export interface Panel {
  readonly title: string
  /** Below the title: what it means. */
  readonly note?: string
  readonly timeline: Timeline
}

type State = Moment['states'][number]

const ROW = 30
const LANE = 72
const LEFT = 56
const WIDTH = 860
const LINE = 18

const STYLE = `
    text { font: 14px/1.3 ui-sans-serif, system-ui, sans-serif; fill: var(--ink) }
    .title { font-weight: 600; font-size: 16px }
    .number, .quiet { fill: var(--quiet) }
    .client { font-weight: 600; text-anchor: middle }
    .number { text-anchor: end }
    .paper { fill: var(--paper) }
    .lane { stroke: var(--faint); stroke-width: 2 }
    .holding { fill: var(--holding) }
    .waiting { fill: url(#hatch) }
    .hatch { stroke: var(--waiting); stroke-width: 3 }
    .waiting-edge { fill: none; stroke: var(--waiting); stroke-width: 1.5 }
    .fault { fill: var(--fault) }
    .fault-edge { fill: none; stroke: var(--fault); stroke-width: 2.5; stroke-dasharray: 5 4 }
    .cross { stroke: var(--fault); stroke-width: 3; stroke-linecap: round }
    svg { --paper: #fff; --ink: #1c2126; --quiet: #626b75; --faint: #dde2e7; --holding: #2a8f5b; --waiting: #c08a1e; --fault: #c4302b }
    @media (prefers-color-scheme: dark) {
      svg { --paper: #14181c; --ink: #e6eaee; --quiet: #98a2ad; --faint: #323a42; --holding: #4cc38a; --waiting: #e0b04b; --fault: #ff7a70 }
    }
  `

/** One picture of several timelines, one below the other. */
export function picture(panels: readonly Panel[]): string {
  let y = 16
  const drawn = panels.map(panel => {
    const { svg, height } = drawPanel(panel, y)
    y += height + 24
    return svg
  })
  const description = panels.map(({ title, timeline }) => `${title}: ${timeline.fault}`).join(' ')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img">`,
    `  <title>${escaped(description)}</title>`,
    `  <style>${STYLE}</style>`,
    '  <defs><pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">' +
      '<line class="hatch" x1="0" y1="0" x2="0" y2="8"/></pattern></defs>',
    `  <rect class="paper" width="${WIDTH}" height="${y}" rx="8"/>`,
    ...drawn,
    '</svg>',
    ''
  ].join('\n')
}

function drawPanel({ title, note, timeline }: Panel, top: number): { svg: string; height: number } {
  const { clients, moments, fault } = timeline
  const parts: string[] = []
  const text = (x: number, y: number, kind: string, words: string) =>
    parts.push(`  <text x="${x}" y="${y}" class="${kind}">${escaped(words)}</text>`)
  const right = LEFT + LANE * clients.length + 16
  const room = Math.floor((WIDTH - right - 16) / 7.4)

  let y = top + 20
  text(20, y, 'title', title)
  for (const line of note === undefined ? [] : wrap(note, 110)) {
    y += LINE
    text(20, y, 'quiet', line)
  }
  y += 30
  const centre = (client: number) => LEFT + LANE * client + LANE / 2
  clients.forEach((name, client) => {
    text(centre(client), y, 'client', name)
  })
  y += 10

  // A moment is as high as its text; the bars of a lane join where the state goes on.
  const rows = [...moments.map(({ text }) => text), fault].map(words => wrap(words, room))
  const heights = rows.map(lines => ROW + (lines.length - 1) * LINE)
  const tops = heights.map((_, i) => y + heights.slice(0, i).reduce((sum, height) => sum + height, 0))
  const bottom = tops.at(-1)! + heights.at(-1)!

  clients.forEach((_, client) => {
    parts.push(`  <line class="lane" x1="${centre(client)}" y1="${y}" x2="${centre(client)}" y2="${bottom}"/>`)
    for (const { state, from, to } of stretches(moments, client)) {
      const box = { x: centre(client) - 15, y: tops[from]! + 2, height: tops[to]! + heights[to]! - tops[from]! - 4 }
      parts.push(bar(state, box))
    }
    const last = moments.at(-1)?.states[client] ?? 'idle'
    const end = { x: centre(client) - 15, y: tops.at(-1)! + 2, height: heights.at(-1)! - 4 }
    if (isWrong(timeline, client)) parts.push(missing(end))
    else if (last !== 'idle') parts.push(bar(last, end))
  })
  rows.forEach((lines, i) => {
    const isFault = i === rows.length - 1
    const base = tops[i]! + 20
    text(LEFT - 20, base, isFault ? 'number fault' : 'number', isFault ? '✗' : String(i + 1))
    lines.forEach((line, n) => {
      text(right, base + n * LINE, isFault ? 'fault' : 'step', line)
    })
  })
  y = bottom + 24
  text(20, y, 'quiet', `green: holds · hatched: waits · crossed: ${shouldHave(timeline).join(', ') || 'what is wrong'}`)
  return { svg: parts.join('\n'), height: y - top }
}

interface Box {
  readonly x: number
  readonly y: number
  readonly height: number
}

function bar(state: State, { x, y, height }: Box): string {
  const rect = (kind: string) => `<rect class="${kind}" x="${x}" y="${y}" width="30" height="${height}" rx="4"/>`
  return `  ${rect(state)}${state === 'waiting' ? rect('waiting-edge') : ''}`
}

/** The step that does not come, or the state that should not be. */
function missing({ x, y, height }: Box): string {
  const middle = y + height / 2
  const cross = (dy: number) =>
    `<line class="cross" x1="${x + 9}" y1="${middle - dy}" x2="${x + 21}" y2="${middle + dy}"/>`
  return `  <rect class="fault-edge" x="${x}" y="${y}" width="30" height="${height}" rx="4"/>${cross(6)}${cross(-6)}`
}

/** Where one client does the same from one moment to the next. */
function stretches(moments: readonly Moment[], client: number): { state: State; from: number; to: number }[] {
  const found: { state: State; from: number; to: number }[] = []
  moments.forEach(({ states }, i) => {
    const state = states[client] ?? 'idle'
    const last = found.at(-1)
    if (last?.state === state) last.to = i
    else found.push({ state, from: i, to: i })
  })
  return found.filter(({ state }) => state !== 'idle')
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
