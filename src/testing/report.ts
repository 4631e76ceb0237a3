// What a check has found, as plain data.

import type { Cause } from './cause.js'
import { causeOf } from './cause.js'
import type { Breach, Exploration } from './exploration.js'
import { BREAKS, type FaultKind, type Guarantee, isPolicy, NAMES, POLICIES, PRACTICE } from './guarantees.js'
import type { Schedule } from './steps.js'
import type { Subject } from './subject.js'
import type { Timeline } from './timeline.js'

export type { Cause } from './cause.js'

/** The result for one guarantee. */
export interface Verdict {
  readonly guarantee: Guarantee
  readonly name: string
  /**
   * `policy`: it does not hold, and may be meant so. `unsure`: it was seen broken, and that may come from the way in which
   * the lock was driven. `not offered`: the lock has nothing that it could be about. `not tried`: it could not be seen here.
   */
  readonly verdict: 'holds' | 'broken' | 'policy' | 'unsure' | 'not offered' | 'not tried'
  /** What was seen, or why there is nothing to be seen. */
  readonly why?: string
  /** What it means for an application. Of one that does not hold only. */
  readonly practice?: string
  /** Where it comes from, as far as that can be told. Of one that does not hold only. */
  readonly cause?: Cause
  /** The shortest schedule that breaks it, in words. Of one that does not hold, if it took a schedule. */
  readonly schedule?: readonly string[]
  /** The same as data. */
  readonly steps?: Schedule
  readonly timeline?: Timeline
}

/** The result of a check. Plain data: it can be kept as JSON. */
export interface Report {
  /**
   * `broken`: a guarantee is broken. `unsure`: it cannot be told whether the lock was driven as it is meant to be, and
   * `doubts` says why. `holds`: neither; a policy may be among the verdicts all the same.
   */
  readonly outcome: 'holds' | 'broken' | 'unsure'
  /** The shape that was recognised, in words. */
  readonly shape: string
  readonly kind: Subject['kind']
  readonly keyed: boolean
  /** Why it is unsure, if it is. */
  readonly doubts: readonly string[]
  /** The members that were driven, and those that look like part of the API and were not. */
  readonly driven: readonly string[]
  readonly leftOut: readonly string[]
  /** Flags for the command line that say how it was driven, to be corrected and given. */
  readonly hint?: string
  /** How many schedules were played, and for how many of them these stand. */
  readonly schedules: number
  readonly covered: number
  readonly clients: number
  readonly depth: number
  /** What the random schedules were drawn from. */
  readonly seed: number
  /** One for each guarantee, in order. */
  readonly verdicts: readonly Verdict[]
}

type Finding = Pick<Verdict, 'verdict' | 'why'>

/** What was found by other means than schedules, by guarantee. */
export type Findings = ReadonlyMap<Guarantee, Finding>

export function reportOf(subject: Subject, explorations: readonly Exploration[], findings: Findings): Report {
  const breaches = breachesOf(explorations)
  const sum = (of: (exploration: Exploration) => number) => explorations.reduce((total, it) => total + of(it), 0)
  const [first] = explorations
  const isSeen = breaches.size > 0 || [...findings.values()].some(({ verdict }) => verdict === 'broken')
  const doubts = doubtsOf(subject, explorations, isSeen)
  const verdicts = (Object.keys(NAMES) as Guarantee[]).map(guarantee =>
    verdictOf(guarantee, subject, breaches.get(guarantee), findings, doubts.length > 0)
  )
  const isBroken = verdicts.some(({ verdict }) => verdict === 'broken')
  return {
    outcome: isBroken ? 'broken' : doubts.length > 0 ? 'unsure' : 'holds',
    shape: subject.shape,
    kind: subject.kind,
    keyed: subject.keyed,
    doubts,
    driven: Object.values(subject.driven ?? {}),
    leftOut: subject.leftOut ?? [],
    ...(subject.hint === undefined ? {} : { hint: subject.hint }),
    schedules: sum(({ schedules }) => schedules),
    covered: sum(({ covered }) => covered),
    clients: first?.clients ?? 0,
    depth: first?.depth ?? 0,
    seed: first?.random.seed ?? 0,
    verdicts
  }
}

/** Kinds that say something of the order or the number of grants, and so may be the echo of another fault. */
const ECHOES: ReadonlySet<FaultKind> = new Set(['exclusion', 'order', 'progress', 'refused'])

/** The shortest of each guarantee, without those that are another one seen once more. */
function breachesOf(explorations: readonly Exploration[]): Map<Guarantee, Breach> {
  const breaches = new Map<Guarantee, Breach>()
  for (const breach of explorations.flatMap(({ breaches }) => breaches)) {
    const known = breaches.get(breach.guarantee)
    const isWorse = known && POLICIES.has(known.kind) && !POLICIES.has(breach.kind)
    const isMilder = known && !POLICIES.has(known.kind) && POLICIES.has(breach.kind)
    if (!known || isWorse || (!isMilder && known.steps.length > breach.steps.length))
      breaches.set(breach.guarantee, breach)
  }
  for (const guarantee of ['G6', 'G7'] as const) {
    const breach = breaches.get(guarantee)
    const other = breach && breaches.get(BREAKS[breach.kind])
    if (other && ECHOES.has(breach.kind) && !POLICIES.has(other.kind)) breaches.delete(guarantee)
  }
  return breaches
}

/** What speaks against what was seen. What was left out does so only if something was seen at all. */
function doubtsOf(subject: Subject, explorations: readonly Exploration[], isSeen: boolean): string[] {
  const doubts = [...(subject.doubts ?? [])]
  if (explorations.length > 0 && !subject.letsInMore && explorations.every(({ waited }) => !waited))
    doubts.unshift(
      'no caller ever waited: it is no lock, or not as it was constructed; say with which arguments it is (--args), or how many it lets in (--capacity)'
    )
  if (explorations.some(({ deterministic }) => !deterministic)) doubts.push('it does not do the same thing each time')
  if (isSeen && subject.leftOut !== undefined && subject.leftOut.length > 0)
    doubts.push(`it also has ${subject.leftOut.join(', ')}, which was not driven`)
  if (isSeen && subject.missing !== undefined && subject.missing.length > 0)
    doubts.push(
      `it was made without ${subject.missing.join(', ')}, which it uses: give it by --args, or check a file that makes the lock`
    )
  return doubts
}

function verdictOf(
  guarantee: Guarantee,
  subject: Subject,
  breach: Breach | undefined,
  findings: Findings,
  isDoubtful: boolean
): Verdict {
  const name = NAMES[guarantee]
  const practice = PRACTICE[guarantee]
  if (breach) {
    const { text: why, schedule, steps, timeline, kind } = breach
    const policy = isPolicy(guarantee, kind, subject.released)
    const verdict = isDoubtful ? 'unsure' : policy ? 'policy' : 'broken'
    const cause = causeOf(breach, subject)
    return { guarantee, name, verdict, why, practice, ...(cause ? { cause } : {}), schedule, steps, timeline }
  }
  const found = findings.get(guarantee)
  if (!found) return { guarantee, name, ...byShape(guarantee, subject) }
  if (found.verdict !== 'broken' && found.verdict !== 'policy') return { guarantee, name, ...found }
  return { guarantee, name, ...found, verdict: isDoubtful ? 'unsure' : found.verdict, practice }
}

function byShape(guarantee: Guarantee, { takes, run, released }: Subject): Finding {
  switch (guarantee) {
    case 'G4':
      if (released !== 'by the task') break
      return { verdict: 'holds', why: 'only the end of a task releases: there is no release to call twice' }
    case 'G5':
      if (takes.signal || takes.timeout) break
      return { verdict: 'not offered', why: 'a waiter cannot leave: it takes neither a signal nor a timeout' }
    case 'G6':
      if (run) break
      return { verdict: 'not offered', why: 'it runs no tasks' }
    case 'G10':
      return { verdict: 'not tried', why: 'only a keyed lock has entries that could be left behind' }
    case 'G11':
      return { verdict: 'not tried', why: 'which arguments are wrong is known to its author only' }
    case 'G12':
      return { verdict: 'not tried', why: 'speed is measured by the benchmark' }
  }
  return { verdict: 'holds' }
}
