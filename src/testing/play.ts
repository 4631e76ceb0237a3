// Plays one schedule on a fresh lock.

import { macrotask } from './clock.js'
import { enabledSteps, type StepSet, stateKey } from './enabled.js'
import type { FaultKind } from './guarantees.js'
import { nameOf, type Schedule, type Step, wordsOf } from './steps.js'
import type { Subject } from './subject.js'
import type { Moment, Timeline } from './timeline.js'
import { World } from './world.js'
import type { Environment, Fault } from './world-state.js'

/** How a schedule went. */
export interface Played {
  /** How many of its steps were taken: all, unless one of them broke a guarantee. */
  readonly taken: number
  readonly fault: Fault | undefined
  /** What can follow in the same turn as the last step, and what after it. */
  readonly sameTurn: readonly Step[]
  readonly next: readonly Step[]
  /** Stands for all worlds that look the same as this one. */
  readonly key: string
  /** What happened in it that a lock may have been marked by. */
  readonly marks: readonly string[]
}

export interface Player extends Environment {
  readonly create: () => Subject
  readonly stepSet: StepSet
  readonly ignored: Set<FaultKind>
  /** Whether what the schedule before has left to be told late is waited for. */
  readonly flushes?: boolean
}

/** Plays a schedule; `undefined` if one of its steps is not possible. `ahead`: by how many steps it may be continued. */
export async function play(
  player: Player,
  schedule: Schedule,
  ahead = 0,
  mayRace = false
): Promise<Played | undefined> {
  if (player.flushes) await macrotask()
  player.clock.reset()
  const world = new World(player.create(), player)
  let taken = 0
  let sameTurn: readonly Step[] = []
  for (const step of schedule) {
    // No `await` but for time: the next step may belong to the same turn.
    // Not by a function that waits so often: its own return would be one more.
    for (let i = 0; i < (step.after ?? 0); i++) await undefined
    if (step.does === 'time') await world.passTime()
    else if (!world.perform(step)) return undefined
    taken++
    const following = schedule[taken]
    if (!world.fault && following === undefined && ahead > 0 && mayRace && step.does !== 'time')
      sameTurn = enabledSteps(world, player.stepSet).filter(({ does }) => does !== 'time')
    if (!world.fault && !following?.sameTurn) await world.settle()
    if (world.fault) break
  }
  const { fault } = world
  const goesOn = !fault && ahead > 0
  const next = goesOn ? enabledSteps(world, player.stepSet) : []
  return { taken, fault, sameTurn, next, key: goesOn ? stateKey(world) : '', marks: [...world.marks] }
}

/** Plays a schedule once more and writes down how it goes. */
export async function record(player: Player, schedule: Schedule): Promise<{ steps: string[]; timeline: Timeline }> {
  if (player.flushes) await macrotask()
  player.clock.reset()
  const world = new World(player.create(), player)
  const moments: Moment[] = []
  for (const [at, step] of schedule.entries()) {
    // Not by a function that waits so often: its own return would be one more.
    for (let i = 0; i < (step.after ?? 0); i++) await undefined
    if (step.does === 'time') await world.passTime()
    else world.perform(step)
    const goesOn = schedule[at + 1]?.sameTurn
    if (!world.fault && !goesOn) await world.settle()
    const states = world.clients.map(({ state }) => state)
    const text = wordsOf(step, world.subject.keyed) + (goesOn ? '' : outcomeOf(step, states))
    moments.push({ text, client: step.client, states })
    if (world.fault) break
  }
  const named = world.clients.filter(({ used }) => used).map(({ id }) => nameOf(id))
  const timeline = {
    clients: named,
    moments: moments.map(moment => ({ ...moment, states: moment.states.slice(0, named.length) })),
    fault: world.fault?.text ?? '',
    expected: world.fault?.expected ?? []
  }
  return { steps: moments.map(({ text }) => text), timeline }
}

function outcomeOf({ does, client }: Step, states: Moment['states']): string {
  if (client === undefined) return ''
  const asks = does === 'acquire' || does === 'run' || does === 'run throwing'
  if (asks && states[client] === 'waiting') return ' (waits)'
  return does === 'try' && states[client] !== 'holding' ? ' (fails)' : ''
}
