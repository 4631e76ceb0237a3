// Runs src/threads/places.ts, as it is, in all interleavings of a few threads, any of which may end at any step.
//
// The file touches shared memory by `Atomics` alone. Here `Atomics` is a model of it: each call is one step of one thread.
// A thread is run by replay: its function starts anew, is given the recorded results of the steps that it made, may make
// one step more, and is thrown out of at the next. So ordinary synchronous code can be stopped between any two steps.

import type { Places } from '../../src/threads/places.js'

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
  /** One program a thread. */
  readonly programs: readonly (readonly Phase[])[]
  /** How many threads may end at a step of their own. */
  readonly deaths: number
  /** Starts with the lock held by the first thread, which is in its second phase. */
  readonly firstHolds?: boolean
  /** Which thread made a thread, and watches it: when it ends, so do both. Default: one that does nothing else. */
  readonly watchers?: readonly (number | undefined)[]
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
  /** A thread ended inside, and none has come out since. */
  broken: boolean
}

export interface Outcome {
  readonly states: number
  /** What was violated first, with the steps that led there. */
  readonly violation: string | undefined
}

// The cells of places.ts that these worlds use: whether a holder was lost, what each thread sleeps on, its token, and which
// workers are watched by workers.
const ABANDONED = 5
const BELLS = 16
const OWNERS = 32
const WATCHES = 48
const CELLS = 80

const PAUSE = Symbol('the next step')

/** Explores all of it. */
export function explore(world: World, most = 3_000_000): Outcome {
  const platform = globalThis.Atomics
  const count = world.programs.length
  let state: State = {
    word: 0n,
    cells: new Int32Array(CELLS),
    processes: [],
    inside: [],
    joined: '',
    entered: '',
    deaths: 0,
    broken: false
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
    cursor = current.log.length
    return result
  }
  /** Where no thread of these worlds writes anything but what is there, nothing can come in between. */
  const isUsed = (index: number) => index < (world.deaths > 1 ? OWNERS + count + 2 : OWNERS)
  const own = () => BigInt((current as Process).as + 1)
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
        if (state.broken && before !== 1) violation ??= `thread ${current?.as} is not told that the data may be broken`
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
        if (before !== expected) {
          // A loop that tries again is where it would be had it seen this at once: it need not be told apart.
          if (isWord(array) && current !== undefined && current.repairs < 0 && before !== own() && before !== 0n)
            current.log = []
          return before
        }
        if (isWord(array) && (value as bigint) > (before as bigint) && current !== undefined) state.joined += current.as
        write(array, index, value)
        return before
      }, isWord(array) || isUsed(index)),
    notify: (_array: unknown, index: number) =>
      step(() => {
        let woken = 0
        for (const process of state.processes) {
          if (process.sleeps !== index || process.status !== 'runs') continue
          process.sleeps = -1
          process.log = [] // its loop begins anew
          woken++
        }
        return woken
      }),
    wait: (_array: unknown, index: number, value: number) =>
      step(() => {
        if (state.cells[index] !== value) {
          ;(current as Process).log = []
          throw PAUSE
        }
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
        if (state.inside.length > 1) violation ??= `threads ${state.inside} hold at once`
      }),
    exit: () =>
      step(() => {
        const { as } = current as Process
        state.inside = state.inside.filter(other => other !== as)
        state.broken = false
      })
  }

  globalThis.Atomics = model as unknown as typeof Atomics
  try {
    // All are attached when it begins. The last one only repairs. What they write without Atomics is not looked at.
    const memory = new SharedArrayBuffer(4 * CELLS)
    const attached = Array.from({ length: count + 1 }, (_, index) => new world.Places(memory, index + 1, 'model'))
    const places = (index: number): Places => attached[index] as Places
    state.processes = world.programs.map((_, as) => ({
      as,
      repairs: -1,
      phase: 0,
      log: [],
      sleeps: -1,
      status: 'runs'
    }))

    world.watchers?.forEach((watcher, worker) => {
      if (watcher !== undefined) places(watcher).noteWatch(places(worker).token, 'model')
    })
    if (world.firstHolds) {
      places(0).join()
      ;(state.processes[0] as Process).phase = 1
      state.joined = '0'
    }

    const copy = (from: State): State => ({
      ...from,
      cells: from.cells.slice(),
      inside: from.inside.slice(),
      processes: from.processes.map(process => ({ ...process, log: process.log.slice() }))
    })
    const used = [ABANDONED, WATCHES, WATCHES + 1, ...attached.flatMap(({ me }) => [BELLS + me, OWNERS + me])]
    const tracksOrder = world.deaths === 0
    const keyOf = ({ word, cells, processes, inside, joined, entered, deaths, broken }: State): string =>
      `${word}|${used.map(index => cells[index])}|${inside}|${deaths}|${broken}|${tracksOrder ? `${joined}/${entered}` : ''}|${processes
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

    const alive = (as: number): boolean =>
      !state.processes.some(process => process.as === as && process.status === 'died')
    /** A thread ends, with all that it was about to do. */
    const end = (as: number): void => {
      for (const process of state.processes) if (process.as === as && process.status === 'runs') process.status = 'died'
      // One that had done all its work has died too.
      state.processes.push({ as, repairs: -1, phase: -1, log: [], sleeps: -1, status: 'died' })
      if (state.inside.includes(as)) state.broken = true
      state.inside = state.inside.filter(other => other !== as)
      // The workers of a thread end with it.
      world.watchers?.forEach((watcher, worker) => {
        if (watcher === as && alive(worker)) end(worker)
      })
    }
    const kill = (as: number): void => {
      state.deaths++
      end(as)
      const by = world.watchers?.[as] ?? count
      // If its watcher has ended, that is repaired, and with it this one.
      if (alive(by)) state.processes.push({ as: by, repairs: as, phase: 0, log: [], sleeps: -1, status: 'runs' })
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
      if (violation !== undefined)
        return { states: seen.size, violation: `${violation} after${tell(next.at(-1)?.trace)}` }
      if (!couldGo) {
        const asleep = from.processes.filter(({ status }) => status === 'runs')
        const problem =
          asleep.length > 0
            ? `threads ${asleep.map(({ as }) => as)} sleep forever`
            : from.word !== 0n
              ? `the word is left at ${from.word.toString(16)}`
              : tracksOrder && [...from.joined].filter(as => from.entered.includes(as)).join('') !== from.entered
                ? `threads came in the order ${from.joined} and were served in the order ${from.entered}`
                : undefined
        if (problem !== undefined) return { states: seen.size, violation: `${problem} after${tell(trace)}` }
        const dead = from.processes.filter(({ status }) => status === 'died').map(({ as }) => as)
        const kept = [...new Set(dead)].filter(as => from.cells[OWNERS + places(as).me] !== 0)
        if (kept.length > 0)
          return { states: seen.size, violation: `threads ${kept} keep their numbers after${tell(trace)}` }
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
