// A report as the assertion of a test, for any test runner.

import { type Guarantee, NAMES } from './guarantees.js'
import type { Report, Verdict } from './report.js'
import { describeValue } from './wording.js'

/**
 * Throws if a guarantee is broken, or if it is not sure that the lock was driven as it is meant to be. The error names each broken one, with the shortest
 * schedule that breaks it.
 *
 * @param options `except`: guarantees that are known to be broken, by number. One of them that holds after all is an
 * error too, so that the list cannot get stale. `strict`: policies fail as well, such as an order that is none, or a
 * release that any caller may call.
 * @throws TypeError for a wrong argument.
 */
export function expectConformance(
  report: Report,
  options: { readonly except?: readonly Guarantee[]; readonly strict?: boolean } = {}
): void {
  if (report instanceof Promise)
    throw new TypeError(
      'expectConformance: report is a promise: await the check, as in expectConformance(await check(…))'
    )
  if (!Array.isArray((report as Report | undefined)?.verdicts))
    throw new TypeError(`expectConformance: report must be the result of a check, got ${describeValue(report)}`)
  const except: unknown = options?.except ?? []
  if (!Array.isArray(except))
    throw new TypeError(`expectConformance: options.except must be a list such as ['G4'], got ${describeValue(except)}`)
  for (const guarantee of except)
    if (!(guarantee in NAMES))
      throw new TypeError(
        `expectConformance: options.except must hold numbers from G1 to G12, got ${describeValue(guarantee)}`
      )
  const strict = options?.strict === true
  const isAmiss = ({ verdict }: Verdict) => verdict === 'broken' || verdict === 'policy'
  const broken = report.verdicts.filter(
    found => (strict ? isAmiss(found) : found.verdict === 'broken') && !except.includes(found.guarantee)
  )
  const mended = report.verdicts.filter(found => !isAmiss(found) && except.includes(found.guarantee))
  const isUnsure = report.outcome === 'unsure'
  if (broken.length + mended.length === 0 && !isUnsure) return
  const lines = [
    ...broken.flatMap(described),
    ...(isUnsure ? [`It is not sure that the lock was driven as it is meant to be: ${report.doubts.join('; ')}`] : []),
    ...mended.map(({ guarantee, name }) => `${guarantee} ${name} is excepted, and is not broken any more`)
  ]
  throw new Error(`${report.shape}\n${lines.join('\n')}`)
}

function described({ guarantee, name, why, practice, cause, schedule = [] }: Verdict): string[] {
  return [
    `${guarantee} ${name} is broken: ${why}`,
    ...schedule.map((step, i) => `    ${i + 1}. ${step}`),
    ...(practice ? [`  ${practice}`] : []),
    ...(cause ? [`  ${cause.text}`] : [])
  ]
}
