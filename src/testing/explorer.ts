// Runs a lock under every schedule up to a depth, the shortest first.
//
// A world is quiet when nothing is left to run. From each quiet world every possible turn is tried: one step, or two
// steps with no microtask between them, which is where races are; one such race in a schedule, since the random ones
// have many. A schedule is played from the beginning on a fresh
// lock. Worlds that a lock could not tell apart (`stateKey`) are continued once, and the schedules that lead on from the
// others are counted as covered. Since the shortest schedules come first, the first one that fails cannot be shorter.

import { Clock, macrotask, processorTime } from './clock.js'
import { stepSetOf } from './enabled.js'
import type { Breach, Exploration, ExploreOptions } from './exploration.js'
import type { FaultKind, Guarantee } from './guarantees.js'
import { POLICIES, SOFT } from './guarantees.js'
import { type Played, type Player, play, record } from './play.js'
import { randomSchedules } from './random.js'
import { guaranteesOf, shrink } from './shrink.js'
import { isSpinning } from './spinning.js'
import { type Schedule, type Step, wordsOf } from './steps.js'
import type { Subject } from './subject.js'
import { UnhandledErrors } from './unhandled.js'

/** Rejections are looked for in so many of the shortest schedules. */
const REJECTION_SCHEDULES = 3000

/** So many steps a schedule has, if twice the time is enough for it. */
const ALWAYS = 4

const FREES: ReadonlySet<Step['does']> = new Set(['release', 'finish', 'fail', 'abort'])
const ASKS: ReadonlySet<Step['does']> = new Set(['acquire', 'run', 'try'])
const MICROTASKS_LATER = [1, 2, 3, 4, 5]

interface Place {
  readonly schedule: Schedule
  readonly next: readonly Step[]
  /** Where the turns from here lead: the number of steps, and the world, if it goes on. */
  readonly turns: { readonly steps: number; readonly to: Place | undefined }[]
  readonly depth: number
  /** Whether two steps in one turn are tried from here. */
  readonly mayRace: boolean
}

/** Explores subjects, each schedule with a fresh one. */
export async function exploreSubject(
  create: () => Subject,
  options: ExploreOptions & { readonly clients: number; readonly depth: number }
): Promise<Exploration> {
  const clock = new Clock()
  const unhandled = new UnhandledErrors()
  clock.install()
  unhandled.start()
  try {
    const stepSet = stepSetOf(create(), options.clients, options.keys)
    if (await isSpinning(create())) {
      const { acquire } = create()
      const breach = spinning(!acquire)
      options.onBreach?.(breach)
      return nothingBut(breach, options.clients)
    }
    const { clients } = options
    const player: Player = {
      seen: { waited: false, slow: false, futile: 0 },
      create,
      clock,
      unhandled,
      clients,
      stepSet,
      ignored: new Set<FaultKind>(),
      awaitsRejections: false
    }
    return await new Explorer(player, options).run()
  } finally {
    // Rejections are told late, and no other code is to hear of these.
    await macrotask()
    unhandled.stop()
    clock.restore()
  }
}

/** A lock that never comes to rest is not explored: a waiter of it keeps everything else from running. */
export function spinning(byTask = false): Breach {
  const text = 'while B waits nothing else can run: the lock asks again and again without a pause'
  const does = byTask ? 'run' : 'acquire'
  const steps: Schedule = [
    { does, client: 0 },
    { does, client: 1 }
  ]
  const [first = '', second = ''] = steps.map(step => wordsOf(step))
  const moments = [
    { text: first, client: 0, states: ['holding', 'idle'] as const },
    { text: `${second} (waits)`, client: 1, states: ['holding', 'waiting'] as const }
  ]
  const timeline = { clients: ['A', 'B'], moments, fault: text, expected: [] }
  return { guarantee: 'G3', kind: 'spins', text, steps, schedule: moments.map(({ text }) => text), timeline }
}

export function nothingBut(breach: Breach, clients: number): Exploration {
  const random = { schedules: 0, steps: 0, seed: 0 }
  return {
    schedules: 1,
    covered: 1,
    worlds: 1,
    depth: 2,
    clients,
    waited: true,
    deterministic: true,
    random,
    breaches: [breach]
  }
}

const slotOf = (guarantee: Guarantee, kind: FaultKind): string =>
  `${guarantee}${POLICIES.has(kind) ? ' by policy' : ''}`

/** What comes of a schedule that is not possible. */
const NOWHERE: Played = { taken: 0, fault: undefined, sameTurn: [], next: [], key: '', marks: [] }

/** Signals that a lock went two ways in one schedule. */
class Indeterminate extends Error {}

class Explorer {
  readonly #player: Player
  readonly #options: ExploreOptions & { readonly clients: number; readonly depth: number }
  /** By guarantee, what may be a policy apart from what may not: one must not hide the other. */
  readonly #breaches = new Map<string, Breach>()
  /** Looks, each with the first place of that look and the marks that were seen with it. */
  readonly #places = new Map<string, { readonly place: Place; readonly marks: Set<string> }>()
  #worlds = 0
  readonly #byDepth: Place[][] = []
  /** Two steps in one turn that are still to be tried, by the length of the schedule. */
  readonly #races: { readonly from: Place['turns']; readonly schedule: Schedule }[][] = []
  #schedules = 0
  #deadline = Infinity
  #reached = 0
  #deterministic = true

  constructor(player: Player, options: ExploreOptions & { readonly clients: number; readonly depth: number }) {
    this.#player = player
    this.#options = options
  }

  async run(): Promise<Exploration> {
    const {
      clients,
      depth,
      budget = Infinity,
      random: { schedules = 200, steps = 40, seed = 1, clients: many = 6 } = {}
    } = this.#options
    this.#deadline = processorTime() + budget
    let covered = 0
    try {
      const start = await this.#play([], 1, false)
      const root = this.#place([], start, 0)
      for (let at = 0; at < depth && !this.#isLate(at); at++) {
        for (const place of this.#byDepth[at] ?? []) {
          if (this.#isLate(at)) break
          await this.#expand(place)
        }
        await this.#race(at + 1)
        this.#reached = at + 1
      }
      covered = this.#count(root)
    } catch (error) {
      // What was found before stands, but there is no telling what else there is.
      if (!(error instanceof Indeterminate)) throw error
      this.#deterministic = false
    }
    const stepSet = stepSetOf(this.#player.create(), many, this.#options.keys)
    const larger: Player = { ...this.#player, clients: many, stepSet }
    for await (const { schedule, played } of randomSchedules(larger, { schedules, steps, seed })) {
      this.#schedules++
      await this.#tell(steps)
      if (processorTime() > this.#deadline + budget / 2) break
      if (played.fault) await this.#breach(schedule, played, larger, seed)
    }
    await this.#lookForRejections()
    return {
      schedules: this.#schedules,
      covered,
      worlds: this.#worlds,
      depth: this.#reached,
      clients,
      waited: this.#player.seen.waited,
      deterministic: this.#deterministic,
      random: { schedules, steps, seed },
      breaches: [...this.#breaches.values()]
    }
  }

  async #expand({ schedule, next, turns, mayRace, depth }: Place): Promise<void> {
    const left = this.#options.depth - depth
    for (const step of next) {
      const one = [...schedule, step]
      const played = await this.#play(one, left - 1, mayRace)
      turns.push({ steps: 1, to: left > 1 && !played.fault ? this.#place(one, played, depth + 1) : undefined })
      for (const second of played.sameTurn) {
        this.#races[depth + 2] ??= []
        this.#races[depth + 2]?.push({ from: turns, schedule: [...one, { ...second, sameTurn: true }] })
        // While a lock is handed on, a microtask decides who comes in.
        if (FREES.has(step.does) && ASKS.has(second.does))
          for (const after of MICROTASKS_LATER)
            this.#races[depth + 2]?.push({ from: [], schedule: [...one, { ...second, sameTurn: true, after }] })
      }
    }
  }

  /** Plays the races of one length, after all schedules of that length that need none. */
  async #race(depth: number): Promise<void> {
    const left = this.#options.depth - depth
    for (const { from, schedule } of this.#races[depth] ?? []) {
      if (this.#isLate(depth - 2)) break
      const isLater = schedule.at(-1)?.after !== undefined
      const played = await this.#play(schedule, isLater ? 0 : left, false, !isLater)
      if (!isLater)
        from.push({ steps: 2, to: left > 0 && !played.fault ? this.#place(schedule, played, depth) : undefined })
    }
    delete this.#races[depth]
  }

  /**
   * Where a schedule has led: to a place of its own, unless places that look the same have been seen already with each
   * of the marks that it left.
   */
  #place(schedule: Schedule, { key, next, marks }: Played, depth: number): Place {
    const raced = schedule.some(({ sameTurn }) => sameTurn)
    const left = ['', ...marks]
    const alike = this.#places.get(key)
    const known = raced ? this.#places.get(`${key} raced`) : alike
    for (const seen of [alike, known]) if (seen && left.every(mark => seen.marks.has(mark))) return seen.place
    this.#worlds++
    const place: Place = { schedule, next, turns: [], depth, mayRace: !raced && !alike }
    const entry = known ?? { place, marks: new Set<string>() }
    for (const mark of left) entry.marks.add(mark)
    this.#places.set(raced ? `${key} raced` : key, entry)
    this.#byDepth[depth] ??= []
    this.#byDepth[depth].push(place)
    return place
  }

  /** Plays a schedule. What is whatIsWrong with it is kept; if the world can go on after that, it does. */
  async #play(schedule: Schedule, ahead: number, mayRace: boolean, isCertain = true): Promise<Played> {
    for (;;) {
      this.#schedules++
      await this.#tell(schedule.length)
      let played = await play(this.#player, schedule, ahead, mayRace)
      // Perhaps it is told late, of the schedule before.
      if (played?.fault?.kind === 'uncaught')
        played = await play({ ...this.#player, flushes: true }, schedule, ahead, mayRace)
      if (!played && !isCertain) return NOWHERE
      if (!played) throw new Indeterminate()
      if (!played.fault) return played
      await this.#breach(schedule, played, this.#player)
      if (!SOFT.has(played.fault.kind)) return played
      this.#player.ignored.add(played.fault.kind)
    }
  }

  /** Whether the time is over. The shortest schedules are played in any case. */
  #isLate(depth: number): boolean {
    const now = processorTime()
    if (depth < ALWAYS) return now > this.#deadline + (this.#options.budget ?? 0)
    return now > this.#deadline
  }

  async #breach(schedule: Schedule, { fault, taken }: Played, player: Player, seed?: number): Promise<void> {
    if (!fault) return
    const broken = schedule.slice(0, taken)
    if (guaranteesOf(fault.kind, broken).every(guarantee => this.#breaches.has(slotOf(guarantee, fault.kind)))) return
    const isLate = fault.kind === 'uncaught'
    const alone = isLate ? { ...player, flushes: true } : player
    if (isLate && (await play(alone, broken))?.fault?.kind !== fault.kind) return
    const steps = await shrink(alone, broken, fault.kind)
    const { steps: words, timeline } = await record(alone, steps)
    if (timeline.fault === '') this.#deterministic = false
    for (const guarantee of guaranteesOf(fault.kind, steps)) {
      if (this.#breaches.has(slotOf(guarantee, fault.kind))) continue
      const breach: Breach = {
        guarantee,
        kind: fault.kind,
        text: timeline.fault || fault.text,
        steps,
        schedule: words,
        timeline,
        ...(seed === undefined ? {} : { seed })
      }
      this.#breaches.set(slotOf(guarantee, fault.kind), breach)
      this.#options.onBreach?.(breach)
    }
  }

  /** If rejections went unhandled, plays the schedules once more, one by one, to find the first of them. */
  async #lookForRejections(): Promise<void> {
    await macrotask()
    if (this.#player.unhandled.rejections === 0) return
    const player = { ...this.#player, awaitsRejections: true }
    for (const { schedule } of this.#byDepth.flat().slice(0, REJECTION_SCHEDULES)) {
      const played = await play(player, schedule)
      if (played?.fault?.kind !== 'unhandled') continue
      await this.#breach(schedule, played, player)
      return
    }
  }

  /** How many schedules up to the depth there are, each path through the worlds being one. */
  #count(root: Place): number {
    const { depth } = this.#options
    let total = 0
    const paths: Map<Place, number>[] = Array.from({ length: depth + 1 }, () => new Map())
    ;(paths[0] as Map<Place, number>).set(root, 1)
    for (const [length, places] of paths.entries())
      for (const [place, times] of places)
        for (const { steps, to } of place.turns) {
          const longer = paths[length + steps]
          if (!longer) continue
          total += times
          if (to) longer.set(to, (longer.get(to) ?? 0) + times)
        }
    return total
  }

  async #tell(depth: number): Promise<void> {
    if (this.#schedules % 5000 !== 0) return
    this.#options.onProgress?.({ schedules: this.#schedules, depth })
    await macrotask()
  }
}
