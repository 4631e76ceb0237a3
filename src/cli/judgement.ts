// What a report means for the exit code: policies and exceptions are the user's.

import type { Guarantee, Report, Verdict } from '../testing/index.js'
import type { Examined } from './examine.js'
import type { CheckCommand } from './usage.js'

/** What came of one target: it was examined, or it could not be. */
export interface Result {
  readonly name: string
  readonly file: string | undefined
  readonly examined?: Examined
  /** Why it could not be examined. */
  readonly error?: string
  readonly judgement: Judgement
}

export interface Judgement {
  readonly code: 0 | 1 | 2
  /** What fails. */
  readonly failing: readonly Verdict[]
  /** What does not hold, and does not fail. */
  readonly told: readonly Verdict[]
  /** Exceptions that are not needed. */
  readonly stale: readonly Guarantee[]
}

export const NOT_RUN: Judgement = { code: 2, failing: [], told: [], stale: [] }

export function judge(
  report: Report,
  { strict, except }: Pick<CheckCommand, 'strict' | 'except'>,
  isWhole: boolean
): Judgement {
  const amiss = report.verdicts.filter(({ verdict }) => verdict === 'broken' || verdict === 'policy')
  const failing = amiss.filter(
    ({ guarantee, verdict }) => (verdict === 'broken' || strict) && !except.includes(guarantee)
  )
  const told = amiss.filter(verdict => !failing.includes(verdict))
  const stale = (except as Guarantee[]).filter(name => amiss.every(({ guarantee }) => guarantee !== name))
  const isUnsure = report.outcome === 'unsure' || !isWhole
  return { code: failing.length > 0 ? 1 : isUnsure ? 2 : 0, failing, told, stale }
}

/** Of several: broken before unsure, and unsure before well. */
export function codeOf(results: readonly Result[]): 0 | 1 | 2 {
  const codes = results.map(({ judgement }) => judgement.code)
  return codes.includes(1) ? 1 : codes.includes(2) ? 2 : 0
}
