// A timeline in plain text: time goes down, each client has a lane, and what happened is written beside it.
//
//        A    B
//   1   ██    ·    A takes the lock
//   2   ██   ░░    B asks for it, and waits
//   3    ·   ░░    A releases
//   ✗    ·   ✗✗    B waits forever, though the lock is free

import type { Moment, Timeline } from '../testing/index.js'
import { noColours, type Paint, wrap } from './terminal.js'

export interface Drawing {
  readonly paint?: Paint
  /** Columns of the terminal. */
  readonly width?: number
}

type State = Moment['states'][number]

const BARS: Readonly<Record<State, string>> = { holding: '██', waiting: '░░', idle: ' ·' }
const SHOULD: Readonly<Record<State, string>> = {
  holding: 'should hold',
  waiting: 'should wait',
  idle: 'should neither hold nor wait'
}

/** The lines of the drawing. */
export function draw(timeline: Timeline, { paint = noColours, width = 80 }: Drawing = {}): string[] {
  const { clients, moments, fault } = timeline
  const lane = Math.max(4, ...clients.map(name => name.length + 1))
  const number = String(moments.length).length + 2
  const indent = number + 1 + (lane + 1) * clients.length + 2
  const room = Math.max(20, width - indent)
  const colour: Readonly<Record<State, (text: string) => string>> = {
    holding: paint.green,
    waiting: paint.yellow,
    idle: paint.dim
  }

  const row = (mark: string, bars: readonly string[], text: string): string[] => {
    const [first = '', ...rest] = wrap(text, room)
    const blank = ' '.repeat(indent)
    return [`${mark} ${bars.join(' ')}  ${first}`.trimEnd(), ...rest.map(line => blank + line)]
  }
  const cell = (text: string, ink: (text: string) => string) => centre(text, lane, ink)

  const head = row(
    ' '.repeat(number),
    clients.map(name => cell(name, paint.bold)),
    ''
  )
  const steps = moments.flatMap(({ text, states }, i) =>
    row(
      paint.dim(String(i + 1).padStart(number)),
      states.map(state => cell(BARS[state], colour[state])),
      text
    )
  )
  const last = moments.at(-1)?.states ?? clients.map((): State => 'idle')
  const wrong = row(
    paint.red('✗'.padStart(number)),
    last.map((state, client) => (isWrong(timeline, client) ? cell('✗✗', paint.red) : cell(BARS[state], colour[state]))),
    fault
  )
  return [...head, ...steps, ...wrong.map((line, i) => (i === 0 ? line : paint.red(line))), '', legend(timeline, paint)]
}

const centre = (text: string, width: number, ink: (text: string) => string): string => {
  const before = Math.floor((width - text.length) / 2)
  return ' '.repeat(before) + ink(text) + ' '.repeat(width - before - text.length)
}

/** Whether the fault is about this client. */
export const isWrong = ({ expected }: Timeline, client: number): boolean =>
  expected.some(entry => entry.client === client)

/** What the bars mean, and what should have been at the end. */
function legend(timeline: Timeline, paint: Paint): string {
  const { moments } = timeline
  const shown = new Set(moments.flatMap(({ states }) => states))
  const parts = [
    shown.has('holding') ? `${paint.green('██')} holds` : '',
    shown.has('waiting') ? `${paint.yellow('░░')} waits` : '',
    ...shouldHave(timeline).map(text => `${paint.red('✗✗')} ${text}`)
  ]
  return `  ${parts.filter(part => part !== '').join('   ')}`
}

/** `B should hold`, for each client that the fault is about. */
export const shouldHave = ({ clients, expected }: Timeline): string[] =>
  expected.map(({ client, state }) => `${clients[client] ?? client} ${SHOULD[state]}`)
