// Runs src/threads/places.ts, as it is, in all interleavings of a few threads, any of which may end at any step.
//
// The file touches shared memory by `Atomics` alone. Here `Atomics` is a model of it: each call is one step of one thread.
// A thread is run by replay: its function starts anew, is given the recorded results of the steps that it made, may make
// one step more, and is thrown out of at the next. So ordinary synchronous code can be stopped between any two steps.

import { BYTES, type Places, type Rule } from '../../src/threads/places.js'

/** What a thread does, phase by phase. It returns the number of the next phase; `undefined` at the end. */
export type Phase = (places: Places, step: Steps) => number | undefined

/** The steps of a thread that are not steps of the protocol. */
export interface Steps {
  /** Enters the section that the lock guards. */
  enter(): void
  exit(): void
}

export interface World {
  readonly Places: typeof Places
  readonly rule: Rule
  readonly capacity: number
  /** One program a thread. */
  readonly programs: readonly (readonly Phase[])[]
  /** How many threads may end at a step of their own. */
  readonly deaths: number
  /** Which thread repairs the one that ended, if it lives; else the next one does. Default: one that does nothing else. */
  readonly repairers?: readonly number[]
}

interface Process {
  /** Which of the places of the world it acts on. */
  readonly as: number
  /** The thread that is being repaired; -1: it runs a program. */
  readonly repairs: number
  phase: number
  log: unknown[]
  /** Index of the cell that it sleeps on, or -1. */
  sleeps: number
  status: 'runs' | 'ended' | 'died'
}

interface State {
  word: bigint
  cells: Int32Array
  processes: Process[]
  inside: number[]
  /** In which order threads took a place, and in which they entered. Kept where no thread ends or leaves early. */
  joined: string
  entered: string
  deaths: number
  abandoned: boolean
}

export interface Outcome {
  readonly states: number
  /** What was violated first, with the steps that led there. */
  readonly violation: string | undefined
}

// The cells of places.ts that these worlds use: whether a holder was lost, what each thread sleeps on, its token.
const ABANDONED = 6
const WAKE = 16
const OWNERS = 32
const READY = 48

const PAUSE = Symbol('the next step')

/** Explores all of it. */
export function explore(world: World, most = 3_000_000): Outcome {
  const platform = globalThis.Atomics
  const buffer = new SharedArrayBuffer(BYTES)
  const count = world.programs.length
  let state: State = {
    word: 0n,
    cells: new Int32Array(BYTES / 4),
    processes: [],
    inside: [],
    joined: '',
    entered: '',
    deaths: 0,
    abandoned: false
  }
  let current: Process | undefined
  let cursor = 0
  let mayStep = false
  let violation: string | undefined

  /** Makes a step, or tells what it gave when it was made. */
  function step<T>(act: () => T, isShared = true): T {
    if (current === undefined) return act()
    if (cursor < current.log.length) return current.log[cursor++] as T
    if (isShared) {
      if (!mayStep) throw PAUSE
      mayStep = false
    }
    const result = act()
    if (current.sleeps >= 0) throw PAUSE
    current.log.push(result)
    cursor++
    return result
  }
  /** Where no thread of these worlds writes anything but what is there, nothing can come in between. */
  const isUsed = (index: number) => index < READY
  const isWord = (array: unknown) => array instanceof BigInt64Array
  const read = (array: unknown, index: number) => (isWord(array) ? state.word : state.cells[index])
  const write = (array: unknown, index: number, value: never) => {
    if (isWord(array)) state.word = value
    else state.cells[index] = value
  }
  const model = {
    load: (array: unknown, index: number) => step(() => read(array, index), isWord(array) || isUsed(index)),
    store: (array: unknown, index: number, value: never) =>
      step(() => {
        write(array, index, value)
        return value
      }, isUsed(index)),
    exchange: (array: unknown, index: number, value: never) =>
      step(() => {
        const before = read(array, index)
        write(array, index, value)
        return before
      }),
    add: (array: unknown, index: number, value: number) =>
      step(() => {
        const before = read(array, index) as number
        write(array, index, (before + value) as never)
        return before
      }),
    compareExchange: (array: unknown, index: number, expected: unknown, value: never) =>
      step(() => {
        const before = read(array, index)
        if (before !== expected) return before
        if (isWord(array) && (value as bigint) > (before as bigint) && current !== undefined) state.joined += current.as
        write(array, index, value)
        return before
      }),
    notify: (_array: unknown, index: number) =>
      step(() => {
        let woken = 0
        for (const process of state.processes) {
          if (process.sleeps !== index || process.status !== 'runs') continue
          process.sleeps = -1
          process.log.push('ok')
          woken++
        }
        return woken
      }),
    wait: (_array: unknown, index: number, value: number) =>
      step(() => {
        if (state.cells[index] !== value) return 'not-equal'
        ;(current as Process).sleeps = index
        return undefined
      })
  }
  const steps: Steps = {
    enter: () =>
      step(() => {
        const { as } = current as Process
        state.inside.push(as)
        state.entered += as
        if (state.inside.length > world.capacity) violation ??= `threads ${state.inside} hold at once`
      }),
    exit: () =>
      step(() => {
        const { as } = current as Process
        state.inside = state.inside.filter(other => other !== as)
      })
  }

  globalThis.Atomics = model as unknown as typeof Atomics
  try {
    // All are attached when it begins. The last one only repairs.
    const attached = Array.from(
      { length: count + 1 },
      (_, index) => new world.Places(buffer, world.rule, index + 1, 'model', index === 0 ? world.capacity : undefined)
    )
    const places = (index: number): Places => attached[index] as Places
    state.processes = world.programs.map((_, as) => ({
      as,
      repairs: -1,
      phase: 0,
      log: [],
      sleeps: -1,
      status: 'runs'
    }))

    const copy = (from: State): State => ({
      ...from,
      cells: from.cells.slice(),
      inside: from.inside.slice(),
      processes: from.processes.map(process => ({ ...process, log: process.log.slice() }))
    })
    const used = [ABANDONED, ...attached.flatMap(({ me }) => [WAKE + me, OWNERS + me])]
    const tracksOrder = world.deaths === 0
    const keyOf = ({ word, cells, processes, inside, joined, entered, deaths }: State): string =>
      `${word}|${used.map(index => cells[index])}|${inside}|${deaths}|${tracksOrder ? `${joined}/${entered}` : ''}|${processes
        .map(({ as, repairs, phase, log, sleeps, status }) => `${as},${repairs},${phase},${log},${sleeps},${status}`)
        .join(';')}`

    /** Runs a process up to the end of its next step. */
    const advance = (process: Process): void => {
      current = process
      cursor = 0
      mayStep = true
      const phases: readonly Phase[] =
        process.repairs >= 0
          ? [
              own => {
                own.repair(places(process.repairs).me, places(process.repairs).token)
                return undefined
              }
            ]
          : (world.programs[process.as] as readonly Phase[])
      try {
        const next = (phases[process.phase] as Phase)(places(process.as), steps)
        process.log = []
        if (next === undefined) process.status = 'ended'
        else process.phase = next
      } catch (error) {
        if (error !== PAUSE) throw error
      } finally {
        current = undefined
      }
    }

    const alive = (as: number): boolean => !state.processes.some(process => process.as === as && process.status === 'died')
    /** A thread ends, with all that it was about to do, and another one repairs it. */
    const kill = (as: number): void => {
      for (const process of state.processes) if (process.as === as && process.status === 'runs') process.status = 'died'
      // One that had done all its work has died too.
      state.processes.push({ as, repairs: -1, phase: -1, log: [], sleeps: -1, status: 'died' })
      state.inside = state.inside.filter(other => other !== as)
      state.deaths++
      const wanted = world.repairers?.[as] ?? count
      const by = alive(wanted) ? wanted : count
      state.processes.push({ as: by, repairs: as, phase: 0, log: [], sleeps: -1, status: 'runs' })
    }

    const first = copy(state)
    const seen = new Set([keyOf(first)])
    interface Trace {
      readonly before: Trace | undefined
      readonly step: string
    }
    const todo: { state: State; trace: Trace | undefined }[] = [{ state: first, trace: undefined }]
    const traceOf = (before: Trace | undefined, step: string): Trace => ({ before, step })
    const tell = (trace: Trace | undefined): string => {
      const steps: string[] = []
      for (let at = trace; at !== undefined; at = at.before) steps.unshift(at.step)
      return ` the steps of ${steps.join(' ')}`
    }
    while (todo.length > 0) {
      const { state: from, trace } = todo.pop() as (typeof todo)[number]
      const next: typeof todo = []
      from.processes.forEach((process, index) => {
        if (process.status !== 'runs' || process.sleeps >= 0) return
        state = copy(from)
        advance(state.processes[index] as Process)
        next.push({ state, trace: traceOf(trace, `${process.as}${process.repairs >= 0 ? 'r' : ''}`) })
      })
      const couldGo = next.length > 0
      if (from.deaths < world.deaths)
        for (let as = 0; as < count; as++) {
          if (!from.processes.some(process => process.as === as && process.status === 'runs')) continue
          state = copy(from)
          kill(as)
          next.push({ state, trace: traceOf(trace, `${as}†`) })
        }
      if (violation !== undefined) return { states: seen.size, violation: `${violation} after${tell(next.at(-1)?.trace)}` }
      if (!couldGo) {
        const asleep = from.processes.filter(({ status }) => status === 'runs')
        const problem =
          asleep.length > 0
            ? `threads ${asleep.map(({ as }) => as)} sleep forever`
            : from.word !== 0n
              ? `the word is left at ${from.word.toString(16)}`
              : tracksOrder && from.joined !== from.entered
                ? `threads came in the order ${from.joined} and were served in the order ${from.entered}`
                : undefined
        if (problem !== undefined) return { states: seen.size, violation: `${problem} after${tell(trace)}` }
        const dead = from.processes.filter(({ status }) => status === 'died').map(({ as }) => as)
        const kept = [...new Set(dead)].filter(as => from.cells[OWNERS + places(as).me] !== 0)
        if (kept.length > 0) return { states: seen.size, violation: `threads ${kept} keep their numbers after${tell(trace)}` }
      }
      for (const one of next) {
        const key = keyOf(one.state)
        if (seen.has(key)) continue
        seen.add(key)
        todo.push(one)
      }
      if (seen.size > most) throw new Error(`more than ${most} states`)
    }
    return { states: seen.size, violation: undefined }
  } finally {
    globalThis.Atomics = platform
  }
}

