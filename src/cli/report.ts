// A result as a person reads it: a line for each guarantee, and for each that does not hold what it means, how it comes
// about, and what to do.

import type { Report, Verdict } from '../testing/index.js'
import { type Drawing, draw } from './draw.js'
import type { Examined } from './examine.js'
import type { Judgement, Result } from './judgement.js'
import type { Panel } from './picture.js'
import { noColours, type Paint, wrap } from './terminal.js'

export function resultLines({ name, examined, judgement }: Result, drawing: Drawing = {}): string[] {
  return examined ? reportLines(name, examined, drawing, judgement) : []
}

export function reportLines(
  file: string,
  { how, shape, report, stopped }: Examined,
  drawing: Drawing = {},
  judgement?: Judgement
): string[] {
  const { paint = noColours, width = 80 } = drawing
  const { verdicts, schedules, doubts } = report
  const told = verdicts.filter(({ verdict }) => verdict === 'broken' || verdict === 'policy' || verdict === 'unsure')
  const names = Math.max(...verdicts.map(({ guarantee, name }) => guarantee.length + name.length + 1))
  return [
    `${paint.bold(file)}: ${how}`,
    ...hanging('recognised as ', shape, width),
    '',
    ...(isBare(report) ? [] : verdicts.flatMap(verdict => verdictLines(verdict, names, paint, width))),
    ...told.flatMap(verdict => ['', ...amissLines(verdict, drawing, judgement)]),
    ...(doubts.length > 0 ? ['', ...doubtLines(report, paint, width)] : []),
    ...(stopped === undefined ? [] : ['', ...hanging('Not all of it: ', stopped, width)]),
    ...(judgement?.stale ?? []).map(guarantee => `${guarantee} is excepted, and it holds.`),
    '',
    `${summary(report, judgement)} ${schedules.toLocaleString('en')} schedules were run.`
  ]
}

/** Nothing but one fault is known of a lock that keeps everything else from running. */
const isBare = ({ verdicts }: Report): boolean =>
  verdicts.every(({ verdict }) => verdict === 'not tried' || verdict === 'broken' || verdict === 'unsure') &&
  verdicts.filter(({ verdict }) => verdict === 'not tried').length === verdicts.length - 1

function summary({ outcome, verdicts }: Report, judgement?: Judgement): string {
  const count = (...names: Verdict['verdict'][]) => verdicts.filter(({ verdict }) => names.includes(verdict)).length
  const tried = count('holds', 'broken', 'policy', 'unsure')
  const broken = judgement ? judgement.failing.length : count('broken')
  const policies = count('policy')
  const also =
    policies > 0 ? ` ${policies === 1 ? 'One is a policy' : `${policies} are policies`}: --strict fails on them.` : ''
  if (broken > 0) return `${broken} of ${tried} guarantees ${broken === 1 ? 'is' : 'are'} broken.`
  if (outcome === 'unsure') return 'Not sure that it was driven as it is meant to be: nothing is called broken.'
  if (tried === 0) return 'Nothing could be tried.'
  if (policies > 0) return `Nothing is broken.${also}`
  return count('broken') > 0 ? 'What is broken is excepted.' : `All ${tried} guarantees that it offers hold.`
}

function verdictLines(
  { guarantee, name, verdict, why }: Verdict,
  names: number,
  paint: Paint,
  width: number
): string[] {
  const inks = {
    holds: paint.green,
    broken: paint.red,
    policy: paint.yellow,
    unsure: paint.yellow,
    'not offered': paint.dim,
    'not tried': paint.yellow
  }
  const head = `  ${`${guarantee} ${name}`.padEnd(names)}  ${inks[verdict](verdict)}`
  // Why it does not hold is told below, with the schedule.
  if (why === undefined || (verdict !== 'not offered' && verdict !== 'not tried')) return [head]
  const indent = names + 4 + 'not offered'.length + 2
  const [first = '', ...rest] = wrap(why, Math.max(30, width - indent))
  return [
    `${head}${' '.repeat('not offered'.length - verdict.length + 2)}${paint.dim(first)}`,
    ...rest.map(line => ' '.repeat(indent) + paint.dim(line))
  ]
}

const SAYS = { broken: 'is broken', policy: 'does not hold, by policy', unsure: 'may be broken' }

function amissLines(verdict: Verdict, drawing: Drawing, judgement?: Judgement): string[] {
  const { paint = noColours, width = 80 } = drawing
  const { guarantee, name, why, practice, cause, schedule, timeline } = verdict
  const isExcepted = verdict.verdict === 'broken' && judgement?.told.includes(verdict)
  const says = isExcepted ? 'is broken, and excepted' : (SAYS[verdict.verdict as keyof typeof SAYS] ?? 'is broken')
  const ink = verdict.verdict === 'broken' && !isExcepted ? paint.red : paint.yellow
  const shown = timeline
    ? ['', ...draw(timeline, drawing)]
    : (schedule ?? []).flatMap((step, i) => hanging(`  ${String(i + 1).padStart(2)}  `, step, width))
  const place = cause?.file === undefined ? '' : ` (${cause.member}, ${cause.file}:${cause.line})`
  return [
    ...hanging(`${guarantee} ${name} ${says}${why === undefined ? '.' : ': '}`, why ?? '', width, label =>
      ink(paint.bold(label))
    ),
    ...(practice === undefined ? [] : hanging('In practice: ', practice, width)),
    ...shown,
    ...(cause && verdict.verdict !== 'unsure'
      ? [
          '',
          ...hanging('Cause: ', `${cause.text}${place}`, width),
          ...(cause.fix ?? []).map(line => `    ${paint.dim(line)}`)
        ]
      : [])
  ]
}

function doubtLines({ doubts, driven, leftOut, hint }: Report, paint: Paint, width: number): string[] {
  return [
    paint.yellow(paint.bold('Not sure, for')),
    ...doubts.flatMap(doubt => hanging('  - ', doubt, width)),
    ...(driven.length > 0 ? hanging('Driven: ', driven.join(', '), width) : []),
    ...(leftOut.length > 0 ? hanging('Not looked at: ', leftOut.join(', '), width) : []),
    ...(hint === undefined ? [] : hanging('To say how it is used, correct and give: ', hint, width))
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
    (verdict === 'broken' || verdict === 'policy') && timeline
      ? [
          {
            title: `${guarantee} ${name} ${SAYS[verdict]}`,
            timeline,
            ...(practice === undefined ? {} : { note: practice })
          }
        ]
      : []
  )
