// Makes a failing schedule as short and as plain as it gets while it fails in the same way, and says which guarantee it
// breaks: the one that the steps which could not be left out are about.

import type { FaultKind, Guarantee } from './guarantees.js'
import { BREAKS } from './guarantees.js'
import { type Player, play } from './play.js'
import type { Schedule, Step } from './steps.js'

/** The shortest schedule that fails as this one does. */
export async function shrink(player: Player, schedule: Schedule, kind: FaultKind): Promise<Schedule> {
  let best = schedule
  const fails = async (candidate: Schedule): Promise<boolean> => {
    const played = await play(player, candidate)
    if (played?.fault?.kind !== kind) return false
    best = candidate.slice(0, played.taken)
    return true
  }
  /** Whole blocks first: a long random schedule gets short in a few runs. */
  const blocks = async (): Promise<boolean> => {
    for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
      for (let at = best.length - size; at >= 0; at--)
        if (await fails([...best.slice(0, at), ...best.slice(at + size)])) return true
    return false
  }
  const plainer = async (): Promise<boolean> => {
    for (const [at, step] of best.entries())
      for (const other of plainerThan(step))
        if (await fails([...best.slice(0, at), other, ...best.slice(at + 1)])) return true
    return false
  }
  /** By hand instead of by a task, and one after the other instead of in one turn. */
  const simpler = async (): Promise<boolean> => {
    for (const [at, { sameTurn, after, ...step }] of best.entries()) {
      if (step.does === 'run' && (await fails(best.map(other => byHand(other, step.client))))) return true
      const before = best[at - 1]
      if (sameTurn && !after && before && !before.sameTurn)
        if (await fails([...best.slice(0, at - 1), step, before, ...best.slice(at + 1)])) return true
    }
    return false
  }
  /** A task that ends well later, instead of one that fails at once. */
  const calmer = async (): Promise<boolean> => {
    for (const [at, step] of best.entries())
      if (step.does === 'run throwing')
        for (let end = at + 1; end <= best.length; end++) {
          const after = best.slice(at + 1)
          after.splice(end - at - 1, 0, {
            does: 'finish',
            ...(step.client === undefined ? {} : { client: step.client })
          })
          if (await fails([...best.slice(0, at), { ...step, does: 'run' }, ...after])) return true
        }
    return false
  }
  /** What belongs together goes together: a request and its release, or a round of both. */
  const scattered = async (count: number): Promise<boolean> => {
    for (const left of choices(best.length, count))
      if (await fails(best.filter((_, at) => !left.includes(at)))) return true
    return false
  }
  while (
    (await blocks()) ||
    (await plainer()) ||
    (await calmer()) ||
    (await simpler()) ||
    (await scattered(2)) ||
    (best.length <= 14 && (await scattered(3)))
  );
  return renamed(best)
}

/** Every choice of `count` numbers below `limit`. */
function* choices(limit: number, count: number): Generator<readonly number[]> {
  if (count === 0) return yield []
  for (let last = count - 1; last < limit; last++) for (const rest of choices(last, count - 1)) yield [...rest, last]
}

/** What a step could be instead, if it does not matter. */
function plainerThan(step: Step): Step[] {
  const { sameTurn: _, after: ___, ...later } = step
  const { after: ____, ...sooner } = step
  const { with: __, ...unlimited } = step
  return [
    ...(step.sameTurn ? [later] : []),
    ...(step.after ? [sooner] : []),
    ...(step.with ? [unlimited] : []),
    ...(step.does === 'fail' ? [{ ...step, does: 'finish' as const }] : []),
    ...(step.does === 'run throwing' ? [{ ...step, does: 'run' as const }] : []),
    ...(step.does === 'try' || step.does === 'run' ? [{ ...step, does: 'acquire' as const }] : [])
  ]
}

function byHand(step: Step, client: number | undefined): Step {
  if (step.client !== client) return step
  if (step.does === 'run') return { ...step, does: 'acquire' }
  return step.does === 'finish' || step.does === 'fail' ? { ...step, does: 'release' } : step
}

/** The same with clients in order of appearance. */
function renamed(schedule: Schedule): Schedule {
  const names = new Map<number, number>()
  return schedule.map(step => {
    if (step.client === undefined) return step
    if (!names.has(step.client)) names.set(step.client, names.size)
    return { ...step, client: names.get(step.client) as number }
  })
}

/** What is seen does not tell what it is about: the steps do. */
const BY_STEPS: ReadonlySet<FaultKind> = new Set(['exclusion', 'progress', 'refused', 'order', 'unhandled', 'uncaught'])

/** The guarantees that are broken by a fault of this kind, after these steps; the first is the one it is about. */
export function guaranteesOf(kind: FaultKind, schedule: Schedule): Guarantee[] {
  const does = (...actions: Step['does'][]) => schedule.some(step => actions.includes(step.does))
  // It is told something while its task runs, since time has passed: a timer has ended its turn.
  if (kind === 'result' && does('time') && !does('fail', 'run throwing')) return ['G7']
  if (!BY_STEPS.has(kind)) return [BREAKS[kind]]
  if (does('release again')) return ['G4']
  // One that fails takes another number of microtasks: in a race it may be that alone.
  const races = schedule.some(({ sameTurn }) => sameTurn)
  const isOfTasks = does('fail', 'run throwing') && kind !== 'exclusion' && kind !== 'order'
  if (isOfTasks && !(races && kind === 'progress')) return ['G6']
  if (schedule.some(step => step.with === 'aborted signal')) return ['G5']
  if (kind === 'unhandled' || kind === 'uncaught') return does('abort', 'cancel', 'close', 'time') ? ['G5'] : ['G6']
  const inWait = does('abort', 'cancel') || schedule.some(step => step.with === 'timeout')
  if (kind === 'exclusion' && does('time') && !inWait) return ['G7']
  if (kind === 'progress' && inWait && does('abort', 'cancel', 'time')) return ['G3', 'G5']
  return [BREAKS[kind]]
}
