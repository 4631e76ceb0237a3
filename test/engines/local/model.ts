// The queue of sockets as a model: every interleaving of a few processes that take a key, with listings that are not
// atomic, and with death and leaving at each step. What the names and the listings mean is decided by the functions of
// the source itself; the folder, the kernel and the processes are played here.

import { type Entry, entryName, judge, parseEntry } from '../../../src/engines/local/protocol.js'

/** A way to get it wrong that the model must notice. */
export type Fault =
  | 'no verification'
  | 'ties allowed'
  | 'number before listening'
  | 'listing begun before the name'
  | 'renamed for another number'
  | 'waiters unlink'
  | 'refused by a full queue'

export interface Setting {
  readonly processes: number
  /** How often each takes the key. */
  readonly rounds: number
  /** How many may die, and how many may leave, in one run. */
  readonly deaths: number
  readonly leaves: number
  /** Whether listings show each name twice. */
  readonly repeats?: boolean
  readonly fault?: Fault
}

export interface Outcome {
  readonly states: number
  /** What went wrong first, with the steps that led there. */
  readonly violation?: { readonly what: string; readonly steps: readonly string[] }
}

/** A socket in the folder. */
interface File {
  listens: boolean
  left: boolean
}

type At =
  | 'outside'
  | 'named' // before it listens: only with a fault
  | 'published'
  | 'listing'
  | 'outrun'
  | 'looking' // at an entry below
  | 'connecting'
  | 'connected'
  | 'holding'
  | 'clearing'
  | 'inside'
  | 'leaving'
  | 'closing'
  | 'over'
  | 'dead'

interface Process {
  at: At
  rounds: number
  own: string
  highest: number
  verified: boolean
  /** What a listing under way has to show, and what it may show or not. */
  must: string[]
  may: string[]
  listing: string[]
  behind: string
  gone: string[]
  below: string[]
  left: boolean
}

interface State {
  files: Record<string, File>
  processes: Process[]
  /** The number of the last holder. */
  last: number
  deaths: number
  leaves: number
  names: number
}

/** Beyond this number a run is not followed: more tries of the same. */
const MOST = 7

const isLive = ({ at }: Process): boolean => at !== 'dead' && at !== 'over'

class Violation extends Error {}

export function explore(setting: Setting): Outcome {
  const fresh = (): Process => ({
    at: 'outside',
    rounds: setting.rounds,
    own: '',
    highest: -1,
    verified: false,
    must: [],
    may: [],
    listing: [],
    behind: '',
    gone: [],
    below: [],
    left: false
  })
  const start: State = {
    files: {},
    processes: Array.from({ length: setting.processes }, fresh),
    last: 0,
    deaths: setting.deaths,
    leaves: setting.leaves,
    names: 0
  }
  const seen = new Set<string>()
  const from = new Map<string, { before: string; step: string }>()
  const first = JSON.stringify(start)
  const stack = [first]
  seen.add(first)
  const pathTo = (key: string, step: string): string[] => {
    const steps = [step]
    for (let at = key; ; ) {
      const link = from.get(at)
      if (link === undefined) return steps.reverse()
      steps.push(link.step)
      at = link.before
    }
  }
  while (stack.length > 0) {
    const key = stack.pop() as string
    let moved = false
    const state = JSON.parse(key) as State
    for (const [i] of state.processes.entries()) {
      for (const [name, move] of movesOf(setting, state, i)) {
        const next = JSON.parse(key) as State
        const step = `${i}: ${name}`
        try {
          move(next)
        } catch (error) {
          if (!(error instanceof Violation)) throw error
          return { states: seen.size, violation: { what: error.message, steps: pathTo(key, step) } }
        }
        moved = true
        const after = JSON.stringify(next)
        if (seen.has(after)) continue
        seen.add(after)
        from.set(after, { before: key, step })
        stack.push(after)
      }
    }
    const waiting = state.processes.findIndex(isLive)
    if (!moved && waiting >= 0)
      return { states: seen.size, violation: { what: `${waiting} waits forever`, steps: pathTo(key, 'nothing') } }
  }
  return { states: seen.size }
}

type Move = readonly [name: string, move: (state: State) => void]

function movesOf(setting: Setting, state: State, i: number): Move[] {
  const me = state.processes[i] as Process
  if (!isLive(me)) return []
  const moves = stepsOf(setting, state, i, me)
  if (state.deaths > 0 && me.at !== 'outside') moves.push(['dies', next => die(next, i)])
  const mayLeave = ['published', 'looking', 'connecting', 'connected'].includes(me.at)
  if (state.leaves > 0 && mayLeave)
    moves.push([
      'leaves',
      next => {
        next.leaves--
        next.processes[i]!.rounds = 0
        next.processes[i]!.at = 'outrun'
      }
    ])
  return moves
}

function stepsOf({ fault, repeats }: Setting, state: State, i: number, me: Process): Move[] {
  const mine = (next: State): Process => next.processes[i] as Process
  switch (me.at) {
    case 'outside': {
      if (me.rounds === 0) return [['ends', next => void (mine(next).at = 'over')]]
      // The clock stands still: it is the worst that a clock can do.
      const least = Math.max(me.highest, 0) + 1
      return [least, least + 1]
        .filter(number => number <= MOST)
        .map(number => [
          `takes number ${number}`,
          next => {
            const owner = { pid: i, namespace: '0', started: '0', thread: 0 }
            const name = entryName(number, owner, `0-0-${(next.names++).toString(36)}`)
            const listens = fault !== 'number before listening'
            // A listing that is under way already does not have to show what is added now.
            if (fault === 'listing begun before the name') beginListing(next, mine(next))
            add(next, name, { listens, left: false })
            Object.assign(mine(next), { own: name, verified: false, gone: [] })
            mine(next).at = listens ? (fault === 'listing begun before the name' ? 'listing' : 'published') : 'named'
          }
        ])
        .concat(least > MOST ? [['is not followed', (next: State) => void (mine(next).at = 'over')]] : []) as Move[]
    }
    case 'named':
      return [
        [
          'listens',
          next => {
            next.files[me.own]!.listens = true
            mine(next).at = 'published'
          }
        ]
      ]
    case 'published':
      return [
        [
          'begins a listing',
          next => {
            beginListing(next, mine(next))
            mine(next).at = 'listing'
          }
        ]
      ]
    case 'listing':
      return subsetsOf(me.may).map(some => [
        `ends a listing with ${some.length} of ${me.may.length} that changed`,
        next => {
          const listing = [...me.must, ...some]
          const it = mine(next)
          it.listing = repeats ? [...listing, ...listing] : listing
          it.must = []
          it.may = []
          decide(fault, next, i)
        }
      ])
    case 'outrun':
      return [
        [
          'unlinks its own',
          next => {
            const it = mine(next)
            if (fault === 'renamed for another number' && it.rounds > 0) {
              const number = it.highest + 1
              const owner = { pid: i, namespace: '0', started: '0', thread: 0 }
              const name = entryName(number, owner, `0-0-${(next.names++).toString(36)}`)
              remove(next, it.own)
              add(next, name, { listens: true, left: false })
              it.own = name
              it.at = number > MOST ? 'over' : 'published'
              return
            }
            remove(next, it.own)
            it.at = 'closing'
          }
        ]
      ]
    case 'looking':
      return [
        [
          'looks below',
          next => {
            const file = next.files[me.behind]
            const it = mine(next)
            if (file === undefined || file.left) {
              it.gone.push(me.behind)
              decide(fault, next, i)
            } else it.at = 'connecting'
          }
        ]
      ]
    case 'connecting': {
      const moves: Move[] = [
        [
          'connects',
          next => {
            const file = next.files[me.behind]
            const it = mine(next)
            if (file === undefined) it.at = 'published'
            else if (!file.listens) {
              it.gone.push(me.behind)
              if (fault === 'waiters unlink') remove(next, me.behind)
              it.at = 'published'
            } else it.at = 'connected'
          }
        ]
      ]
      if (fault === 'refused by a full queue')
        moves.push([
          'is refused by a full queue',
          next => {
            mine(next).gone.push(me.behind)
            mine(next).at = 'published'
          }
        ])
      return moves
    }
    case 'connected': {
      const file = state.files[me.behind]
      // It stays for as long as the other end does, whatever becomes of the name.
      const owner = state.processes.find(({ own, at }) => own === me.behind && at !== 'dead')
      const open = owner !== undefined && (file?.listens ?? owner.at === 'closing')
      return open ? [] : [['is disconnected', next => void (mine(next).at = 'published')]]
    }
    case 'holding':
      return [
        [
          'enters',
          next => {
            const it = mine(next)
            const number = (parseEntry(it.own) as Entry).number
            if (next.processes.some(({ at }, other) => other !== i && (at === 'inside' || at === 'clearing')))
              throw new Violation('two holders')
            if (number <= next.last) throw new Violation(`number ${number} after ${next.last}`)
            next.last = number
            it.at = it.below.length > 0 ? 'clearing' : 'inside'
          }
        ]
      ]
    case 'clearing':
      return [
        [
          'unlinks below',
          next => {
            const it = mine(next)
            const name = it.below.shift() as string
            const file = next.files[name]
            if (file?.listens && !file.left) throw new Violation('a live entry was unlinked')
            remove(next, name)
            if (it.below.length === 0) it.at = 'inside'
          }
        ]
      ]
    case 'inside':
      return [
        [
          'sets mode 0',
          next => {
            const file = next.files[me.own]
            if (file) file.left = true
            mine(next).at = 'closing'
          }
        ]
      ]
    case 'closing':
      return [
        [
          'closes',
          next => {
            const file = next.files[me.own]
            if (file) file.listens = false
            const it = mine(next)
            const served = file?.left === true
            Object.assign(it, { at: 'outside', own: '', listing: [], behind: '', gone: [], below: [] })
            if (served) it.highest = -1
            if (served) it.rounds--
          }
        ]
      ]
    default:
      return []
  }
}

/** Judges the listing of a process, as it is known to it. */
function decide(fault: Fault | undefined, next: State, i: number): void {
  const it = next.processes[i] as Process
  const own = { name: it.own, number: (parseEntry(it.own) as Entry).number, shared: false }
  const isOurs = (entry: Entry) => fault !== 'ties allowed' || entry.number > own.number
  const verified = it.verified || fault === 'no verification'
  const verdict = judge(it.listing, own, verified, ({ name }) => it.gone.includes(name), isOurs)
  if (verdict.is === 'missing') throw new Violation('its own name was not listed')
  if (verdict.is === 'outrun') {
    it.highest = verdict.highest
    it.at = 'outrun'
    it.listing = []
    return
  }
  it.verified = true
  if (verdict.is === 'behind') {
    it.behind = verdict.entry.name
    it.at = 'looking'
    return
  }
  it.below = verdict.below.map(({ name }) => name)
  it.listing = []
  it.behind = ''
  it.gone = []
  it.at = 'holding'
}

function beginListing({ files }: State, process: Process): void {
  process.must = Object.keys(files).sort()
  process.may = []
}

/** What changes while a listing is under way may be in it or not. */
function add(state: State, name: string, file: File): void {
  state.files[name] = file
  for (const process of state.processes) if (isListing(process)) process.may.push(name)
}

function remove(state: State, name: string): void {
  if (state.files[name] === undefined) return
  delete state.files[name]
  for (const process of state.processes) {
    if (!isListing(process) || !process.must.includes(name)) continue
    process.must = process.must.filter(other => other !== name)
    process.may.push(name)
  }
}

const isListing = ({ at, must, may }: Process): boolean => at === 'listing' || must.length > 0 || may.length > 0

function die(state: State, i: number): void {
  const it = state.processes[i] as Process
  state.deaths--
  const file = state.files[it.own]
  if (file) file.listens = false
  Object.assign(it, { at: 'dead', must: [], may: [], listing: [], behind: '', gone: [], below: [] })
}

function subsetsOf(names: readonly string[]): string[][] {
  return names.reduce<string[][]>((subsets, name) => subsets.flatMap(subset => [subset, [...subset, name]]), [[]])
}
