// What a check has found, as plain data.

import type { Breach, Exploration } from './exploration.js'
import { type Guarantee, NAMES, PRACTICE } from './guarantees.js'
import type { Subject } from './subject.js'
import type { Timeline } from './timeline.js'

/** What a check has to say of one guarantee. */
export interface Verdict {
  readonly guarantee: Guarantee
  readonly name: string
  /** `not offered`: the lock has nothing that it could be about. `not tried`: it could not be seen here. */
  readonly verdict: 'holds' | 'broken' | 'not offered' | 'not tried'
  /** What was seen, or why there is nothing to be seen. */
  readonly why?: string
  /** What it means for an application. Of a broken one only. */
  readonly practice?: string
  /** The shortest schedule that breaks it, in words. Of a broken one, if it took a schedule. */
  readonly schedule?: readonly string[]
  readonly timeline?: Timeline
}

/** The result of a check. Plain data: it can be kept as JSON. */
export interface Report {
  /** The shape that was recognised, in words. */
  readonly shape: string
  readonly kind: Subject['kind']
  readonly keyed: boolean
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

/** What was found by other means than schedules, by guarantee. */
export type Findings = ReadonlyMap<Guarantee, Pick<Verdict, 'verdict' | 'why'>>

export function reportOf(subject: Subject, explorations: readonly Exploration[], findings: Findings): Report {
  const breaches = new Map<Guarantee, Breach>()
  for (const breach of explorations.flatMap(({ breaches }) => breaches)) {
    const known = breaches.get(breach.guarantee)
    if (!known || known.steps.length > breach.steps.length) breaches.set(breach.guarantee, breach)
  }
  const sum = (of: (exploration: Exploration) => number) => explorations.reduce((total, it) => total + of(it), 0)
  const [first] = explorations
  return {
    shape: subject.shape,
    kind: subject.kind,
    keyed: subject.keyed,
    schedules: sum(({ schedules }) => schedules),
    covered: sum(({ covered }) => covered),
    clients: first?.clients ?? 0,
    depth: first?.depth ?? 0,
    seed: first?.random.seed ?? 0,
    verdicts: (Object.keys(NAMES) as Guarantee[]).map(guarantee =>
      verdictOf(guarantee, subject, breaches.get(guarantee), findings)
    )
  }
}

function verdictOf(guarantee: Guarantee, subject: Subject, breach: Breach | undefined, findings: Findings): Verdict {
  const name = NAMES[guarantee]
  const practice = PRACTICE[guarantee]
  if (breach) {
    const { text: why, schedule, timeline } = breach
    return { guarantee, name, verdict: 'broken', why, practice, schedule, timeline }
  }
  const found = findings.get(guarantee)
  if (found) return { guarantee, name, ...found, ...(found.verdict === 'broken' ? { practice } : {}) }
  return { guarantee, name, ...byShape(guarantee, subject) }
}

function byShape(guarantee: Guarantee, { takes, run, released }: Subject): Pick<Verdict, 'verdict' | 'why'> {
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
