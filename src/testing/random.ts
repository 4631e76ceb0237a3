// Long schedules in a larger world, drawn at random from a seed.

import { enabledSteps } from './enabled.js'
import { type Played, type Player, play } from './play.js'
import { randomFrom } from './prng.js'
import type { Schedule, Step } from './steps.js'
import { World } from './world.js'

/** Draws schedules and plays them. */
export async function* randomSchedules(
  player: Player,
  { schedules, steps, seed }: { schedules: number; steps: number; seed: number }
): AsyncGenerator<{ schedule: Schedule; played: Played }> {
  const random = randomFrom(seed)
  for (let i = 0; i < schedules; i++) {
    const schedule = await draw(player, steps, random)
    const played = await play(player, schedule)
    if (played) yield { schedule, played }
  }
}

/** One schedule: what is possible at each moment is known only by being there. */
async function draw(player: Player, steps: number, random: () => number): Promise<Schedule> {
  player.clock.reset()
  const world = new World(player.create(), player)
  const schedule: Step[] = []
  for (let i = 0; i < steps && !world.fault; i++) {
    const moves = enabledSteps(world, player.stepSet)
    // To close a lock ends most of what can happen: rarely.
    const likely = moves.filter(({ does }) => does !== 'close' || random() < 0.05)
    const step = pick(kindsOf(likely), random)
    if (step === undefined) break
    const last = schedule.at(-1)
    const sameTurn = last !== undefined && last.does !== 'time' && step.does !== 'time' && random() < 0.4
    if (!sameTurn && last) await world.settle()
    if (world.fault) break
    const moved = sameTurn ? { ...step, sameTurn } : step
    if (moved.does === 'time') await world.passTime()
    else if (!world.perform(moved)) continue
    schedule.push(moved)
  }
  return schedule
}

/** A deed first, and then one of its kind: otherwise the many ways of asking would crowd out the few of giving back. */
function kindsOf(moves: readonly Step[]): Step[][] {
  const kinds = new Map<string, Step[]>()
  for (const move of moves) kinds.set(move.does, [...(kinds.get(move.does) ?? []), move])
  return [...kinds.values()]
}

function pick(kinds: readonly Step[][], random: () => number): Step | undefined {
  const kind = kinds[Math.floor(random() * kinds.length)]
  return kind?.[Math.floor(random() * kind.length)]
}
