// The queue of sockets: what the names in the folder of a key say, and what a listing of them means.
//
//      t.<pid>.<id> ──rename──▶ q<number>.<x|s>.<pid>.<namespace>.<id> ──chmod 0──▶ released, until a holder unlinks it
//      listens, no number       waits or holds; the name never changes
//
// An entry is a unix socket on which its owner listens. The kernel closes it with the process, so a connection that is
// refused is proof that the owner is gone: no heartbeat, no time limit, no clock.
//
// Why there are never two holders. Of two entries in the queue, one was renamed later, and its owner has listed the
// folder after that. Either it saw a number that is not lower than its own, and left; or it has the higher number, saw
// the other below it, and waits until that one is gone. Both need that names do not change, that an owner listens before
// it has a number, and that an id is never used twice, so "refused" stays true.
//
// Nothing here touches a file: the model in the tests runs these very functions.

/** The owner of an entry, as its name tells it. */
export interface Owner {
  readonly pid: number
  /** The pid namespace, in which `pid` means something; `0` if it is not known. */
  readonly namespace: string
  /** When the process started, in its kernel's ticks; `0` if it is not known. With the pid it names one process. */
  readonly started: string
  readonly thread: number
}

/** One entry of the queue. */
export interface Entry extends Owner {
  readonly name: string
  readonly number: number
  /** Shared entries do not exclude each other. */
  readonly shared: boolean
}

const NAME = /^q(\d{16})\.([xs])\.(\d{1,10})\.([0-9a-z]{1,16})\.([0-9a-z]{1,13})-([0-9a-z]{1,6})-[0-9a-z]+$/

/** No number is higher (it is the year 2248). A file with a higher one is not ours. */
export const HIGHEST = 9e15
/** What is added to a number at random, at most, at the first try. Owners that arrive together get different ones. */
const SPREAD = 16
const WIDEST = 2 ** 20
/** Numbers for each ms: the clock is always ahead of a queue that grows by fewer. */
export const PER_MS = 1024

const base36 = (value: number): string => value.toString(36)

/** The id of a new entry: what says who its owner is, and 40 random bits. */
export const newId = ({ started, thread }: Owner): string =>
  `${started}-${base36(thread)}-${base36(Math.floor(Math.random() * 2 ** 40))}`

export const temporaryName = ({ pid }: Owner, id: string): string => `t.${pid}.${id}`

export const isTemporaryName = (name: string): boolean => /^t\.\d+\.[0-9a-z-]+$/.test(name)

export const entryName = (number: number, { pid, namespace }: Owner, id: string, shared = false): string =>
  `q${String(number).padStart(16, '0')}.${shared ? 's' : 'x'}.${pid}.${namespace}.${id}`

/** The entry with this name; `undefined` if the name is that of something else. */
export function parseEntry(name: string): Entry | undefined {
  const parts = NAME.exec(name)
  if (parts === null) return undefined
  const [, digits = '', mode, pid = '', namespace = '', started = '', thread = ''] = parts
  const number = Number(digits)
  if (number > HIGHEST) return undefined
  return {
    name,
    number,
    shared: mode === 's',
    pid: Number(pid),
    namespace,
    started,
    thread: Number.parseInt(thread, 36)
  }
}

/**
 * The number to try next: by the clock, and above `highest`, the highest number seen by a try that came too late. The
 * random part is wider at each try, so that callers that collide stop colliding.
 */
export function nextNumber(nowMs: number, highest: number, tries: number, random = Math.random()): number {
  const spread = Math.min(SPREAD * 2 ** tries, WIDEST)
  return Math.max(highest, Math.floor(nowMs) * PER_MS) + 1 + Math.floor(random * spread)
}

/** What a listing means for one entry. */
export type Verdict =
  /** The own name is not there: something else removes files here. */
  | { readonly is: 'missing' }
  /** A number that is not lower is there: this try came too late. */
  | { readonly is: 'outrun'; readonly highest: number }
  /**
   * There are entries below that exclude this one and are not known to be gone. One of those that are named must go first:
   * the nearest, or with a capacity those that hold.
   */
  | { readonly is: 'behind'; readonly entries: readonly [Entry, ...Entry[]] }
  /** It holds. `below` are those that are gone, and below all that are alive. */
  | { readonly is: 'first'; readonly below: readonly Entry[] }

/**
 * Judges a listing that was begun after the own entry had its name.
 *
 * @param verified whether an earlier listing showed no number that is not lower: from then on only lower ones matter
 * @param isGone whether an entry has left the queue, or is no entry at all
 * @param isOurs whether a name is that of a socket. Asked only about those that are not lower
 * @param capacity how many may hold together, if the entry is not shared
 */
export function judge(
  names: Iterable<string>,
  own: Pick<Entry, 'name' | 'number' | 'shared'>,
  verified: boolean,
  isGone: (entry: Entry) => boolean,
  isOurs: (entry: Entry) => boolean,
  capacity = 1
): Verdict {
  let isListed = false
  let highest = -1
  let nearest: Entry | undefined
  const below: Entry[] = []
  const alive: Entry[] = []
  /** Of those that are alive. */
  let lowest = own.number
  for (const name of names) {
    if (name === own.name) {
      isListed = true
      continue
    }
    const entry = parseEntry(name)
    if (entry === undefined) continue
    if (entry.number >= own.number) {
      if (!verified && entry.number > highest && isOurs(entry)) highest = entry.number
      continue
    }
    if (own.shared && entry.shared) {
      // It may hold as well.
      if (isGone(entry)) below.push(entry)
      else lowest = Math.min(lowest, entry.number)
    } else if (capacity > 1 && !own.shared) {
      // A listing may repeat a name.
      if (isGone(entry)) below.push(entry)
      else if (!alive.some(({ name }) => name === entry.name)) alive.push(entry)
      lowest = Math.min(lowest, ...alive.map(({ number }) => number))
    } else {
      below.push(entry)
      // Only those that are nearer than the nearest so far are looked at.
      if ((nearest === undefined || nearest.number < entry.number) && !isGone(entry)) nearest = entry
    }
  }
  if (!isListed) return { is: 'missing' }
  if (highest >= 0) return { is: 'outrun', highest }
  if (nearest !== undefined) return { is: 'behind', entries: [nearest] }
  const [first, ...others] = alive.sort((a, b) => a.number - b.number).slice(0, capacity)
  if (first !== undefined && alive.length >= capacity) return { is: 'behind', entries: [first, ...others] }
  // One that is alive may still be looking whether its number is taken: what it looks for has to stay.
  return { is: 'first', below: below.filter(({ number }) => number < lowest) }
}
