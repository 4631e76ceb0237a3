// What speaks against a hasty verdict: which members were not driven, and why a fault may be one of the driving.

import type { Plan } from './calls.js'
import type { Hints } from './hints.js'
import { ITSELF, type Members } from './members.js'
import { normal, saysTry } from './names.js'
import type { Use } from './subject.js'
import { nameOf } from './wording.js'

export interface Plans {
  readonly read?: Plan
  readonly write: Plan
}

const USES: readonly Use[] = ['acquire', 'release', 'run', 'tryAcquire']

/** The members that are driven, by what for. */
export function drivenBy({ read, write }: Plans): Partial<Record<Use, string>> {
  const driven: Partial<Record<Use, string>> = {}
  for (const use of USES) {
    const names = [write, read].flatMap(plan => {
      const member = plan?.[use]?.member
      return member ? [nameOf(member)] : []
    })
    if (names.length > 0) driven[use] = [...new Set(names)].join(', ')
  }
  return driven
}

const VARIANT = /many|all|multiple|batch|sync|timeout|timed|with|within|for|when|next|first|wait/i
const ASKS = /acquire|obtain|lock|enter|take|claim|reserve|hold|grab|begin|request/

/** The members that ask for the lock, by their names, as the driven one does, and yet are not driven. */
export function leftOutOf(plans: Plans, members: Members): string[] {
  const known = [plans.read, plans.write].flatMap(plan =>
    USES.flatMap(use => {
      const member = plan?.[use]?.member
      return member ? [member] : []
    })
  )
  const asking = known.map(({ name }) => normal(name.replace(/^.*\./, '')))
  const stems = asking.flatMap(
    name => /acquire|obtain|lock|enter|take|claim|reserve|hold|grab|begin|request/.exec(name)?.[0] ?? []
  )
  return [...members]
    .filter(([key, member]) => {
      if (key === ITSELF || known.some(({ callable }) => callable === member.callable)) return false
      const name = normal(member.name)
      if (asking.includes(name) || saysTry(name) || VARIANT.test(name)) return false
      if (/^(is|has|get|can|on|set|un|re|cancel|destroy|dispose|close|clear|reset|new|create)/.test(name)) return false
      return (
        ASKS.test(name) &&
        !/unlock|release|locked|locks$|count|size/.test(name) &&
        stems.some(stem => name.includes(stem))
      )
    })
    .map(([, member]) => nameOf(member))
}

/** Whether reading and writing are asked for in the same way. */
export function differ({ read, write }: Plans): string | undefined {
  const wayOf = ({ acquire, run }: Plan) =>
    acquire ? `${acquire.callback ? 'callback' : acquire.grant}` : run && 'task'
  if (!read || (wayOf(read) === wayOf(write) && !read.run === !write.run)) return undefined
  return 'reading and writing were recognised in different ways'
}

/** The hints that would say what was found, to be corrected and given. */
export function hintLine(plans: Plans, kind: string, keyed: boolean, left: readonly string[]): string {
  const { acquire, release, run } = drivenBy(plans)
  if (plans.read) {
    const readBy = plans.read.acquire ?? plans.read.run
    const writeBy = plans.write.acquire ?? plans.write.run
    return `--read ${readBy ? nameOf(readBy.member) : 'NAME'} --write ${writeBy ? nameOf(writeBy.member) : 'NAME'}`
  }
  if (left.length > 0 && acquire) return `--read ${acquire} --write ${left[0]}`
  const flags = [
    acquire ? `--acquire ${acquire}` : '',
    release ? `--release ${release}` : '',
    run ? `--run ${run}` : ''
  ]
  return [...flags, `--kind ${kind}`, keyed ? '--keyed' : '--no-keyed'].filter(flag => flag !== '').join(' ')
}

/** The hints that were given and are not followed. */
export function ignoredHints({ acquire, release, run, tryAcquire }: Hints, plans: Plans): string[] {
  const driven = [plans.read, plans.write].flatMap(plan => USES.map(use => plan?.[use]?.member.name))
  const isDriven = (name: string) => driven.some(other => other !== undefined && normal(other).endsWith(normal(name)))
  return Object.entries({ acquire, release, run, try: tryAcquire }).flatMap(([flag, name]) =>
    name === undefined || isDriven(name) ? [] : [`--${flag} ${name}`]
  )
}
