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
  | 'renamed at release'
  | 'waiters unlink'
  | 'refused by a full queue'
  | 'shared ones unlink all below'
  | 'one more than the capacity'
  | 'shared ones unlink all that are gone'

export interface Setting {
  readonly processes: number
  /** How often each takes the key. */
  readonly rounds: number
  /** How many may die, and how many may leave, in one run. */
  readonly deaths: number
  readonly leaves: number
  /** Whether listings show each name twice. */
  readonly repeats?: boolean
  /** Whether what one process does without a look at what changes is one step. Default: every call is a step. */
  readonly coarse?: boolean
  /** Runs are not followed beyond this number: they are more tries of the same. Default 5. */
  readonly most?: number
  /** Whether it does not matter that numbers grow. */
  readonly anyNumbers?: boolean
  /** Which processes share the key. Default: none. */
  readonly shared?: readonly boolean[]
  /** How many may hold the key together. Default 1. */
  readonly capacity?: number
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
  | 'early' // it has begun a listing, and has no name yet: only with a fault
  | 'named' // before it listens: only with a fault
  | 'published'
  | 'listing'
  | 'outrun'
  | 'choosing' // which of several entries below leaves first
  | 'looking' // at an entry below
  | 'connecting'
  | 'connected'
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
  choices: string[]
  behind: string
  gone: string[]
  below: string[]
}

interface State {
  files: Record<string, File>
  processes: Process[]
  /** The greatest number of a holder, and of one that held the key alone. */
  last: number
  lastAlone: number
  deaths: number
  leaves: number
}

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
    choices: [],
    behind: '',
    gone: [],
    below: []
  })
  const start: State = {
    files: {},
    processes: Array.from({ length: setting.processes }, fresh),
    last: 0,
    lastAlone: 0,
    deaths: setting.deaths,
    leaves: setting.leaves
  }
  const first = keyOf(start)
  /** Each state that was seen, with the step that led there first. */
  const seen = new Map<string, { before: string; step: string } | undefined>([[first, undefined]])
  const stack: [string, State][] = [[first, start]]
  const violation = (what: string, before: string, step: string): Outcome => {
    const steps = [step]
    for (let link = seen.get(before); link !== undefined; link = seen.get(link.before)) steps.push(link.step)
    return { states: seen.size, violation: { what, steps: steps.reverse() } }
  }
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [key, state] = top
    let moved = false
    for (const i of state.processes.keys()) {
      for (const [name, move] of movesOf(setting, state, i)) {
        moved = true
        const next = copyOf(state)
        const step = `${i}: ${name}`
        try {
          move(next)
        } catch (error) {
          if (!(error instanceof Violation)) throw error
          return violation(error.message, key, step)
        }
        const after = keyOf(next)
        if (seen.has(after)) continue
        seen.set(after, { before: key, step })
        stack.push([after, next])
      }
    }
    if (!moved && state.processes.some(isLive)) return violation('a process waits forever', key, 'nothing')
  }
  return { states: seen.size }
}

function copyOf({ files, processes, last, lastAlone, deaths, leaves }: State): State {
  const copies: Record<string, File> = {}
  for (const name in files) copies[name] = { ...(files[name] as File) }
  const copy = (process: Process): Process => ({
    ...process,
    must: [...process.must],
    may: [...process.may],
    listing: [...process.listing],
    choices: [...process.choices],
    gone: [...process.gone],
    below: [...process.below]
  })
  return { files: copies, processes: processes.map(copy), last, lastAlone, deaths, leaves }
}

/** The same for states that differ in nothing but the ids of their names. */
function keyOf({ files, processes, last, lastAlone, deaths, leaves }: State): string {
  const parts = [`${last} ${lastAlone} ${deaths} ${leaves}`]
  for (const name of Object.keys(files).sort()) {
    const { listens, left } = files[name] as File
    parts.push(`${name}${listens ? '+' : ''}${left ? '-' : ''}`)
  }
  for (const { at, rounds, own, highest, verified, must, may, listing, choices, behind, gone, below } of processes)
    parts.push(
      `${at} ${rounds} ${own} ${highest} ${verified} ${behind} ${[must, may, listing, choices, gone, below].map(names => names.sort().join()).join(' ')}`
    )
  const ids = new Map<string, string>()
  return parts.join('|').replace(/-0-[0-9a-z]+/g, id => {
    let short = ids.get(id)
    if (short === undefined) {
      short = `-${ids.size}`
      ids.set(id, short)
    }
    return short
  })
}

const numberOf = (name: string): number => (parseEntry(name) as Entry).number

let names = 0
/** A name that was never used. */
const newName = (number: number, i: number, shared = false): string =>
  entryName(number, { pid: i, namespace: '0', started: '0', thread: 0 }, `0-0-${(names++).toString(36)}`, shared)

type Move = readonly [name: string, move: (state: State) => void]

function movesOf(setting: Setting, state: State, i: number): Move[] {
  const me = state.processes[i] as Process
  if (!isLive(me)) return []
  const moves = stepsOf(setting, state, i, me)
  if (state.deaths > 0 && me.at !== 'outside') moves.push(['dies', next => die(next, i)])
  const mayLeave = ['published', 'choosing', 'looking', 'connecting', 'connected'].includes(me.at)
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

function stepsOf(setting: Setting, state: State, i: number, me: Process): Move[] {
  const { fault, repeats, coarse, most = 5 } = setting
  const mine = (next: State): Process => next.processes[i] as Process
  const goTo = (at: At) => (next: State) => {
    mine(next).at = at
  }
  switch (me.at) {
    case 'outside':
    case 'early': {
      if (me.rounds === 0) return [['ends', goTo('over')]]
      if (fault === 'listing begun before the name' && me.at === 'outside')
        return [
          [
            'begins a listing too early',
            next => {
              beginListing(next, mine(next))
              mine(next).at = 'early'
            }
          ]
        ]
      // The clock stands still: it is the worst that a clock can do.
      const least = Math.max(me.highest, 0) + 1
      if (least > most) return [['is not followed', goTo('over')]]
      const take = (number: number): Move => [
        `takes number ${number}`,
        next => {
          const name = newName(number, i, setting.shared?.[i])
          const listens = fault !== 'number before listening'
          add(next, name, { listens, left: false })
          Object.assign(mine(next), { own: name, verified: false, gone: [] })
          mine(next).at = listens ? (me.at === 'early' ? 'listing' : 'published') : 'named'
        }
      ]
      return least < most ? [take(least), take(least + 1)] : [take(least)]
    }
    case 'named':
      return [
        [
          'listens',
          next => {
            const file = next.files[me.own]
            if (file) file.listens = true
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
          decide(setting, next, i)
        }
      ])
    case 'outrun':
      return [
        [
          'unlinks its own',
          next => {
            const it = mine(next)
            remove(next, it.own)
            it.at = 'closing'
            if (coarse) close(next, it)
          }
        ]
      ]
    case 'choosing':
      return me.choices.map(name => [
        'waits for one of those below',
        next => {
          Object.assign(mine(next), { behind: name, choices: [], at: 'looking' })
        }
      ])
    case 'looking':
      return [
        [
          'looks below',
          next => {
            const file = next.files[me.behind]
            const it = mine(next)
            if (file === undefined || file.left) {
              it.gone.push(me.behind)
              decide(setting, next, i)
            } else if (!coarse) it.at = 'connecting'
            else if (file.listens) it.at = 'connected'
            else {
              it.gone.push(me.behind)
              it.at = 'published'
            }
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
      return open ? [] : [['is disconnected', goTo('published')]]
    }
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
            const it = mine(next)
            if (fault === 'renamed at release') {
              remove(next, it.own)
              it.own = newName(numberOf(it.own), i)
              add(next, it.own, { listens: true, left: true })
            }
            const file = next.files[it.own]
            if (file) file.left = true
            it.at = 'closing'
            if (coarse) close(next, it)
          }
        ]
      ]
    case 'closing':
      return [['closes', next => close(next, mine(next))]]
    default:
      return []
  }
}

function close({ files }: State, process: Process): void {
  const file = files[process.own]
  if (file) file.listens = false
  if (file?.left) {
    process.highest = -1
    process.rounds--
  }
  Object.assign(process, { at: 'outside', own: '', listing: [], choices: [], behind: '', gone: [], below: [] })
}

/** Judges the listing of a process, as it is known to it. */
function decide({ fault, anyNumbers, shared = [], capacity = 1 }: Setting, next: State, i: number): void {
  const it = next.processes[i] as Process
  const own = { name: it.own, number: numberOf(it.own), shared: shared[i] === true }
  const isOurs = (entry: Entry) => fault !== 'ties allowed' || entry.number > own.number
  const verified = it.verified || fault === 'no verification'
  const isSurelyGone = ({ name }: Entry) => it.gone.includes(name)
  // Where several entries matter, each is looked at as it is judged.
  const isGone = (entry: Entry) => {
    const file = next.files[entry.name]
    const isLooked = capacity > 1 || (own.shared && entry.shared)
    return isSurelyGone(entry) || (isLooked && (file === undefined || file.left))
  }
  const limit = fault === 'one more than the capacity' ? capacity + 1 : capacity
  let verdict = judge(it.listing, own, verified, isGone, isOurs, limit)
  // As the source does: asked for by itself, a name that is there is found.
  if (verdict.is === 'missing' && fault && next.files[it.own])
    verdict = judge([...it.listing, it.own], own, verified, isGone, isOurs, limit)
  if (verdict.is === 'missing') throw new Violation('its own name was not listed')
  if (verdict.is === 'outrun') {
    it.highest = verdict.highest
    it.at = 'outrun'
    it.listing = []
    return
  }
  it.verified = true
  it.gone = it.gone.filter(name => it.listing.includes(name))
  if (verdict.is === 'behind') {
    it.choices = verdict.entries.map(({ name }) => name)
    it.behind = it.choices.length === 1 ? (it.choices.pop() as string) : ''
    it.at = it.choices.length === 0 ? 'looking' : 'choosing'
    return
  }
  const inside = [...next.processes.keys()].filter(j => ['inside', 'clearing'].includes(next.processes[j]?.at ?? ''))
  const isTogether = own.shared && inside.every(j => shared[j])
  if (inside.length >= capacity && !isTogether)
    throw new Violation(capacity > 1 ? `${inside.length + 1} holders` : 'two holders')
  const last = own.shared ? next.lastAlone : next.last
  if (own.number <= last && !anyNumbers) throw new Violation(`number ${own.number} after ${last}`)
  next.last = Math.max(next.last, own.number)
  if (!own.shared) next.lastAlone = own.number
  it.below = verdict.below.map(({ name }) => name)
  if (fault === 'shared ones unlink all that are gone')
    it.below = it.listing.filter(name => {
      const entry = parseEntry(name)
      return entry !== undefined && entry.number < own.number && isGone(entry)
    })
  if (fault === 'shared ones unlink all below')
    it.below = it.listing.filter(name => (parseEntry(name)?.number ?? own.number) < own.number)
  it.listing = []
  it.behind = ''
  it.gone = []
  it.at = it.below.length > 0 ? 'clearing' : 'inside'
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

const isListing = ({ at }: Process): boolean => at === 'listing' || at === 'early'

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
