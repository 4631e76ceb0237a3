// What a report says to a person: a line for each guarantee, and for each that is broken what it means and how it comes
// about.

import type { Report, Verdict } from '../testing/index.js'
import { type Drawing, draw } from './draw.js'
import type { Examined } from './examine.js'
import type { Panel } from './picture.js'
import { noColours, type Paint, wrap } from './terminal.js'

export const isBroken = ({ verdicts }: Report): boolean => verdicts.some(({ verdict }) => verdict === 'broken')

export function reportLines(file: string, { how, shape, report }: Examined, drawing: Drawing = {}): string[] {
  const { paint = noColours, width = 80 } = drawing
  const { verdicts, schedules } = report
  const broken = verdicts.filter(({ verdict }) => verdict === 'broken')
  const names = Math.max(...verdicts.map(({ guarantee, name }) => guarantee.length + name.length + 1))
  return [
    `${paint.bold(file)}: ${how}`,
    ...hanging('recognised as ', shape, width),
    '',
    ...verdicts.flatMap(verdict => verdictLines(verdict, names, paint, width)),
    ...broken.flatMap(verdict => ['', ...brokenLines(verdict, drawing)]),
    '',
    `${summary(broken.length, verdicts)} ${schedules.toLocaleString('en')} schedules were run.`
  ]
}

function summary(broken: number, verdicts: readonly Verdict[]): string {
  const tried = verdicts.filter(({ verdict }) => verdict === 'holds' || verdict === 'broken').length
  if (broken > 0) return `${broken} of ${tried} guarantees ${broken === 1 ? 'is' : 'are'} broken.`
  return tried === 0 ? 'Nothing could be tried.' : `All ${tried} guarantees that it offers hold.`
}

function verdictLines(
  { guarantee, name, verdict, why }: Verdict,
  names: number,
  paint: Paint,
  width: number
): string[] {
  const ink = { holds: paint.green, broken: paint.red, 'not offered': paint.dim, 'not tried': paint.yellow }[verdict]
  const head = `  ${`${guarantee} ${name}`.padEnd(names)}  ${ink(verdict)}`
  // Why it is broken is told below, with the schedule.
  if (why === undefined || verdict === 'holds' || verdict === 'broken') return [head]
  const indent = names + 4 + 'not offered'.length + 2
  const [first = '', ...rest] = wrap(why, Math.max(30, width - indent))
  return [
    `${head}${' '.repeat('not offered'.length - verdict.length + 2)}${paint.dim(first)}`,
    ...rest.map(line => ' '.repeat(indent) + paint.dim(line))
  ]
}

function brokenLines(verdict: Verdict, drawing: Drawing): string[] {
  const { paint = noColours, width = 80 } = drawing
  const { guarantee, name, why, practice, schedule, timeline } = verdict
  const shown = timeline
    ? ['', ...draw(timeline, drawing)]
    : (schedule ?? []).flatMap((step, i) => hanging(`  ${String(i + 1).padStart(2)}  `, step, width))
  return [
    ...hanging(`${guarantee} ${name} is broken${why === undefined ? '.' : ': '}`, why ?? '', width, label =>
      paint.red(paint.bold(label))
    ),
    ...(practice === undefined ? [] : hanging('In practice: ', practice, width)),
    ...shown
  ]
}

/** A text behind its label, wrapped to the width. */
function hanging(label: string, text: string, width: number, ink = (label: string) => label): string[] {
  // The label takes the place of as many letters, so that spaces in it are kept.
  const [first = '', ...rest] = wrap('x'.repeat(label.length) + text, Math.max(40, width - 1))
  return [ink(label) + first.slice(label.length), ...rest.map(line => `  ${line}`)]
}

/** What there is to draw of a report. */
export const panelsOf = ({ verdicts }: Report): Panel[] =>
  verdicts.flatMap(({ guarantee, name, practice, timeline, verdict }) =>
    verdict === 'broken' && timeline
      ? [{ title: `${guarantee} ${name} is broken`, timeline, ...(practice === undefined ? {} : { note: practice }) }]
      : []
  )
