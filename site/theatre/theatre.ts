// What the visitor is looking at: a schedule, the moments it leads to, and one of them. No page is needed for that, so
// tests use it as the page does.

import { type Act, type Moment, play, type Verdict } from './run.js'
import {
  comparable,
  isStepOf,
  type LockName,
  MOST_CLIENTS,
  MOST_STEPS,
  namesOf,
  readSchedule,
  type Schedule,
  type Step,
  writeSchedule
} from './schedule.js'
import { PAIRS, PRESETS, type Preset, STORIES, type Story } from './stories.js'

const MOST_UNDOS = 100

export interface LogEntry {
  readonly step: number
  readonly sentences: readonly string[]
  readonly fault: boolean
}

export interface Side {
  readonly lock: LockName
  readonly moments: readonly Moment[]
}

export class Theatre {
  schedule: Schedule = { lock: 'mutex', size: 2, clients: 3, steps: [] }
  moments: readonly Moment[] = []
  /** What the same steps lead to on the lock beside it. */
  besideMoments: readonly Moment[] = []
  /** How many of the steps are done. */
  at = 0
  playing = false
  /** Whose turn it is to be told what to do. */
  client = 'A'
  past: readonly { schedule: Schedule; at: number }[] = []
  private change = 0

  get moment(): Moment | undefined {
    return this.moments[this.at]
  }

  /** What stands on the stage, from left to right. */
  get sides(): Side[] {
    const { lock, beside } = this.schedule
    const sides = [{ lock, moments: this.moments }]
    return beside === undefined ? sides : [...sides, { lock: beside, moments: this.besideMoments }]
  }

  get atEnd(): boolean {
    return this.at >= this.schedule.steps.length
  }

  /** The story whose schedule this is. */
  get preset(): Preset | undefined {
    const text = writeSchedule(this.schedule)
    return [...PAIRS, ...PRESETS].find(({ schedule }) => writeSchedule(schedule) === text)
  }

  get story(): Story | undefined {
    const { preset } = this
    return STORIES.find(({ pair, presets }) => preset && (pair === preset || presets.includes(preset)))
  }

  /** What stands behind the `#` of the address. */
  get address(): string {
    return writeSchedule(this.schedule, this.at)
  }

  get log(): LogEntry[] {
    return this.logOf(this.moments)
  }

  logOf(moments: readonly Moment[]): LogEntry[] {
    return moments.slice(1, this.at + 1).map(({ told, verdict, because }, i) => {
      const isNews = verdict !== 'fine' && because !== moments[i]?.because
      return { step: i + 1, sentences: isNews ? [...told, because] : told, fault: isNews }
    })
  }

  /** Shows the schedule of an address; `false` if it holds none. */
  async open(address: string): Promise<boolean> {
    const found = readSchedule(address)
    if (found) await this.show(found.schedule, found.at)
    return found !== undefined
  }

  /** Starts a story from its beginning. */
  async load({ schedule }: Preset): Promise<void> {
    await this.edit(schedule, 0)
  }

  can(act: Act): boolean {
    if (act === 'ask' && this.at >= MOST_STEPS) return false
    return this.sides.some(({ moments }) => moments[this.at]?.can.get(this.client)?.has(act))
  }

  /** Adds a step after the moment that is shown. What came later in the schedule is gone, until it is undone. */
  async act(verb: Step['verb'], what?: string): Promise<void> {
    const step: Step = { client: this.client, verb, ...(what !== undefined && { what }) }
    const steps = [...this.schedule.steps.slice(0, this.at), step]
    if (steps.length > MOST_STEPS || !isStepOf(this.schedule, step)) return
    await this.edit({ ...this.schedule, steps }, steps.length)
  }

  /** Another lock, another size, other clients: the steps that are still possible stay. */
  async set(changes: Partial<Omit<Schedule, 'steps'>>): Promise<void> {
    const next = { ...this.schedule, ...changes }
    if (!namesOf(MOST_CLIENTS).slice(0, next.clients).includes(this.client)) this.client = 'A'
    const steps = next.steps.map(step => translate(step, this.schedule, next)).filter(step => isStepOf(next, step))
    await this.edit({ ...withBeside(next, next.beside), steps }, Math.min(this.at, steps.length))
  }

  /** Puts another lock beside the first, or none. */
  async compare(beside: LockName | undefined): Promise<void> {
    await this.edit(withBeside(this.schedule, beside), this.at)
  }

  async clear(): Promise<void> {
    await this.edit({ ...this.schedule, steps: [] }, 0)
  }

  async undo(): Promise<void> {
    const last = this.past.at(-1)
    if (last === undefined) return
    this.past = this.past.slice(0, -1)
    await this.show(last.schedule, last.at)
  }

  /** Looks at another moment. */
  go(at: number): void {
    this.at = Math.max(0, Math.min(at, this.schedule.steps.length))
    if (this.atEnd) this.playing = false
  }

  togglePlaying(): void {
    if (!this.playing && this.atEnd) this.at = 0
    this.playing = !this.playing && this.schedule.steps.length > 0
  }

  private async edit(schedule: Schedule, at: number): Promise<void> {
    this.past = [...this.past, { schedule: this.schedule, at: this.at }].slice(-MOST_UNDOS)
    await this.show(schedule, at)
  }

  /** The run takes a moment, and a quick visitor may have gone on meanwhile: the last change is the one that is shown. */
  private async show(schedule: Schedule, at: number): Promise<void> {
    this.playing = false
    const change = ++this.change
    const { beside } = schedule
    const moments = await play(schedule)
    const besideMoments = beside === undefined ? [] : await play({ ...schedule, lock: beside })
    if (change !== this.change) return
    this.schedule = schedule
    this.moments = moments
    this.besideMoments = besideMoments
    this.at = at
    if (!namesOf(schedule.clients).includes(this.client)) this.client = 'A'
  }
}

/** A lock that does not understand the steps of the first one leaves the stage. */
function withBeside({ beside: _, ...schedule }: Schedule, beside: LockName | undefined): Schedule {
  return beside !== undefined && comparable(schedule.lock).includes(beside) ? { ...schedule, beside } : schedule
}

/** One lock says `acquire` where another says `write`, or wants to know of which key. */
function translate({ client, verb, what }: Step, from: Schedule, to: Schedule): Step {
  if (verb !== 'acquire' && verb !== 'read' && verb !== 'write') return { client, verb }
  const isRead = verb === 'read'
  if (to.lock === 'rw' || to.lock === 'readers-first') return { client, verb: isRead ? 'read' : 'write' }
  if (to.lock === 'keyed') return { client, verb: 'acquire', what: from.lock === 'keyed' ? (what ?? 'a') : 'a' }
  if (to.lock === 'semaphore') return { client, verb: 'acquire', what: from.lock === 'semaphore' ? (what ?? '1') : '1' }
  return { client, verb: 'acquire' }
}

export const HEADINGS: Record<Verdict, string> = {
  fine: 'All is well',
  overtaken: 'Overtaken',
  lost: 'Lost',
  stuck: 'Stuck',
  crowd: 'Too many at once'
}
