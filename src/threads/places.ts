// The holder and the waiters, among threads: one 64-bit word of shared memory.
//
//      place   …   2   1   0            a digit for each place: the number of the thread that stands there
//      word  0 … │ 4 │ 2 │ 7            thread 7 holds, thread 2 is next, then thread 4
//
// A thread joins at the end, and leaves from wherever it stands; those behind it move up. Each of these is one
// compare-and-swap, so there is no moment in which the queue is half changed, and a thread that ends between any two of
// its steps leaves a queue in order. A thread has at most one place, and joins again only after it has left, so the word
// cannot come back to an earlier value behind the back of a thread that stands in it.
//
// What a thread does after its swap is no more than a wake-up: it adds to the cell of each thread that holds from now on,
// and notifies it. A waiter reads its cell, then looks at the word, then sleeps if its cell is as it was: a wake-up that
// comes in between changes the cell, so it is not missed. One that is never sent, since its thread ended first, is
// made up for by `repair`, which always wakes the holders.
//
//      free ──claim──▶ number taken ──release──▶ free          owners[number]: the token of the thread, or 0
//                          └─ thread ended: REPAIR | number of the repairing thread ─▶ out of the word ─▶ free
//
// A repair is claimed, so that two threads never repair one number and hit the thread that has it next. The claim says who
// repairs: if that thread ends as well, the one that repairs it goes on with what it had begun.
//
// test/threads/model.test.ts runs this file in all interleavings of three threads, each of which may end at any step.

/** How the places of one kind of lock are read. */
export interface Rule {
  /** Bits of one place. What it holds is the number of a thread in the lower four, and how it wants to hold above. */
  readonly bits: 4 | 5
  /** How many threads can be attached. All of them fit in the word. */
  readonly most: number
  /** How many places hold, from the first on. `digits` has one character a place, the first place last; none is zero. */
  holding(digits: string, capacity: number): number
}

// 32-bit cells. The first two are the word.
const FORMAT = 2
/** How many may hold at once, where that is given. */
const CAPACITY = 3
/** Names this memory: 2 cells. */
const NAME = 4
/** 1: the thread of a holder has ended. */
const ABANDONED = 6
/** How many tokens have been given out to threads that have no number from the platform. */
const TOKENS = 7
/** Changes when a thread can be watched by its Web Lock. */
const NEWS = 8
/** Three cells for each thread: what it sleeps on, its token, and its token once it can be watched by its Web Lock. */
const WAKE = 16
const OWNERS = WAKE + 16
const READY = OWNERS + 16
/** Pairs: which thread watches, and the token of the worker that it watches. */
const WATCHES = READY + 16
const MOST_WATCHES = 32

export const BYTES = 4 * (WATCHES + 2 * MOST_WATCHES)
/** Changes with the layout. Another copy of this package may have another one. */
const THIS_FORMAT = 0x6c_6b_01
const REPAIR = 0x4000_0000

/** How long a thread sleeps at once, in ms: a wake-up that got lost with an unwatched thread costs no more than this. */
export const NAP = 1000

/** The places in shared memory, as one thread sees them. */
export class Places {
  readonly buffer: SharedArrayBuffer
  /** Of this memory, for all threads. */
  readonly name: string
  /** The number of this thread, from 1. */
  readonly me: number
  /** What this thread has its number by. */
  readonly token: number
  readonly capacity: number
  readonly #word: BigInt64Array
  readonly #cells: Int32Array
  readonly #rule: Rule

  /**
   * Attaches this thread: takes the lowest free number.
   *
   * @param token positive: what the platform calls this thread; 0: make one up, which is negative
   * @param capacity for new memory
   * @throws RangeError if `rule.most` threads are attached
   */
  constructor(buffer: SharedArrayBuffer, rule: Rule, token: number, label: string, capacity?: number) {
    this.buffer = buffer
    this.#rule = rule
    this.#word = new BigInt64Array(buffer, 0, 1)
    this.#cells = new Int32Array(buffer)
    if (capacity !== undefined) {
      this.#cells[CAPACITY] = capacity
      for (const cell of [NAME, NAME + 1]) this.#cells[cell] = Math.random() * 2 ** 32
      this.#cells[FORMAT] = THIS_FORMAT
    }
    this.capacity = this.#cells[CAPACITY] as number
    this.name = nameOf(buffer)
    this.token = token || -1 - Atomics.add(this.#cells, TOKENS, 1)
    for (let number = 1; number <= rule.most; number++)
      if (Atomics.compareExchange(this.#cells, OWNERS + number, 0, this.token) === 0) {
        this.me = number
        return
      }
    throw new RangeError(`${label}: ${rule.most} threads are attached already, and there is no place for another`)
  }

  /** Takes a place if it holds at once. */
  tryJoin(mode = 0): boolean {
    return this.#enter(mode, true) === true
  }

  /** Takes the place at the end. This thread must have none. Whether it holds at once. */
  join(mode = 0): boolean {
    return this.#enter(mode, false) === true
  }

  /** Whether this thread holds. */
  holds(): boolean {
    return this.#holds(Atomics.load(this.#word, 0), this.me)
  }

  /** Gives the place of this thread up, and wakes the threads that hold from now on. Nothing if it has none. */
  leave(mode = 0): void {
    const own = BigInt((mode << 4) | this.me)
    // Mostly no other thread stands here.
    const seen = Atomics.compareExchange(this.#word, 0, own, 0n)
    if (seen !== own) this.#remove(this.me, seen)
  }

  /** Blocks the thread until it holds. `false`: that took longer than `timeout` ms, and the place is still there. */
  sleep(timeout: number): boolean {
    const end = timeout === Infinity ? Infinity : performance.now() + timeout
    for (;;) {
      const cell = this.wakeUps()
      if (this.holds()) return true
      const left = end === Infinity ? NAP : Math.min(end - performance.now(), NAP)
      if (left <= 0) return false
      Atomics.wait(this.#cells, WAKE + this.me, cell, left)
    }
  }

  /** What `wakeUp` compares with, to be read before `holds`. */
  wakeUps(): number {
    return Atomics.load(this.#cells, WAKE + this.me)
  }

  /** Resolves when this thread is woken; `undefined` if that has happened since `wakeUps`, or the platform cannot wait. */
  wakeUp(wakeUps: number): Promise<unknown> | undefined {
    return waitAsync(this.#cells, WAKE + this.me, wakeUps)
  }

  /** Wakes this thread itself, so that no `wakeUp` is left. */
  stir(): void {
    Atomics.notify(this.#cells, WAKE + this.me)
  }

  /** Whether the last holder's thread ended while it held. Says so once. */
  takeAbandoned(): boolean {
    return Atomics.exchange(this.#cells, ABANDONED, 0) === 1
  }

  /** The numbers of the threads that stand in the word, the first one first, and how many of them hold. */
  look(): { threads: number[]; holding: number } {
    const digits = this.#digits(Atomics.load(this.#word, 0))
    const threads = Array.from(digits, digit => Number.parseInt(digit, 32) & 15).reverse()
    return { threads, holding: this.#rule.holding(digits, this.capacity) }
  }

  /** The token of the thread that has a number; 0: none. */
  owner(thread: number): number {
    return Atomics.load(this.#cells, OWNERS + thread)
  }

  /** The numbers that threads with this token have. */
  numbersOf(token: number): number[] {
    return numbers(this.#rule).filter(number => this.owner(number) === token)
  }

  /** Gives the number of this thread up. It must have no place. */
  detach(): void {
    Atomics.store(this.#cells, READY + this.me, 0)
    Atomics.compareExchange(this.#cells, OWNERS + this.me, this.token, 0)
  }

  /** Takes a thread that has ended out of the queue, and frees its number. Nothing if `token` does not have it any more. */
  repair(thread: number, token: number): void {
    if (token === 0 || (token & REPAIR && token > 0)) return
    if (Atomics.compareExchange(this.#cells, OWNERS + thread, token, REPAIR | this.me) === token) this.#finish(thread)
  }

  /** `owners[thread]` says that this thread repairs it. */
  #finish(thread: number): void {
    // First what it had begun: nothing leads there once its own number is free.
    for (const other of numbers(this.#rule)) {
      const begun = REPAIR | thread
      if (Atomics.compareExchange(this.#cells, OWNERS + other, begun, REPAIR | this.me) === begun) this.#finish(other)
    }
    // The workers of a thread end before it does.
    for (let entry = WATCHES; entry < WATCHES + 2 * MOST_WATCHES; entry += 2) {
      if (Atomics.load(this.#cells, entry) !== thread) continue
      const token = Atomics.load(this.#cells, entry + 1)
      for (const number of token === 0 ? [] : this.numbersOf(token)) this.repair(number, token)
      Atomics.store(this.#cells, entry + 1, 0)
      Atomics.store(this.#cells, entry, 0)
    }
    this.#remove(thread, Atomics.load(this.#word, 0), true)
    Atomics.store(this.#cells, READY + thread, 0)
    Atomics.store(this.#cells, OWNERS + thread, 0)
    // It may have ended when it had left, and had not yet woken the next.
    const word = Atomics.load(this.#word, 0)
    this.#wake(word, 0, this.#holding(word))
  }

  /** Notes which worker this thread watches: if this thread ends, so does the worker. Returns what takes the note back. */
  noteWatch(token: number, label: string): () => void {
    for (let entry = WATCHES; entry < WATCHES + 2 * MOST_WATCHES; entry += 2)
      if (Atomics.compareExchange(this.#cells, entry, 0, this.me) === 0) {
        Atomics.store(this.#cells, entry + 1, token)
        return () => {
          Atomics.store(this.#cells, entry + 1, 0)
          Atomics.store(this.#cells, entry, 0)
        }
      }
    throw new RangeError(`${label}: ${MOST_WATCHES} workers of workers are watched already`)
  }

  /** This thread holds its Web Lock: from now on it can be watched by it. */
  announce(): void {
    Atomics.store(this.#cells, READY + this.me, this.token)
    Atomics.add(this.#cells, NEWS, 1)
    Atomics.notify(this.#cells, NEWS)
  }

  /** The other threads that can be watched by their Web Lock, with their tokens. */
  watchable(): [thread: number, token: number][] {
    return numbers(this.#rule)
      .filter(number => number !== this.me)
      .map(number => [number, Atomics.load(this.#cells, READY + number)] as [number, number])
      .filter(([, token]) => token !== 0)
  }

  /** What `newsAfter` compares with, to be read before `watchable`. */
  news(): number {
    return Atomics.load(this.#cells, NEWS)
  }

  /** Resolves when there is more to watch; `undefined` if that has happened, or the platform cannot wait. */
  newsAfter(news: number): Promise<unknown> | undefined {
    return waitAsync(this.#cells, NEWS, news)
  }

  /** Takes the place at the end, and tells whether it holds; `undefined`: it would not hold, and has to. */
  #enter(mode: number, mustHold: boolean): boolean | undefined {
    const own = BigInt((mode << 4) | this.me)
    // Mostly the word is empty: to guess so saves a look.
    let seen = 0n
    for (;;) {
      const next = seen === 0n ? own : seen | (own << this.#shift(this.#digits(seen).length))
      const holds = seen === 0n || this.#holds(next, this.me)
      if (mustHold && !holds) return undefined
      const found = Atomics.compareExchange(this.#word, 0, seen, next)
      if (found === seen) return holds
      seen = found
    }
  }

  #remove(thread: number, seen: bigint, ended = false): void {
    for (;;) {
      const digits = this.#digits(seen)
      const at = placeOf(digits, thread)
      if (at < 0) return
      const held = this.#rule.holding(digits, this.capacity)
      // While it holds no other thread looks, and no other thread gets the hold before the swap.
      if (ended && at < held) Atomics.store(this.#cells, ABANDONED, 1)
      const below = this.#shift(at)
      const next = ((seen >> this.#shift(at + 1)) << below) | (seen & ((1n << below) - 1n))
      const found = Atomics.compareExchange(this.#word, 0, seen, next)
      if (found === seen) {
        // Those that held already stand in front of these.
        this.#wake(next, at < held ? held - 1 : held, this.#holding(next))
        return
      }
      seen = found
    }
  }

  /** Wakes the threads in the places `from` to `to`, that one excluded. */
  #wake(word: bigint, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const thread = Number((word >> this.#shift(at)) & 15n)
      Atomics.add(this.#cells, WAKE + thread, 1)
      Atomics.notify(this.#cells, WAKE + thread)
    }
  }

  #holds(word: bigint, thread: number): boolean {
    const digits = this.#digits(word)
    const at = placeOf(digits, thread)
    return at >= 0 && at < this.#rule.holding(digits, this.capacity)
  }

  #holding(word: bigint): number {
    return this.#rule.holding(this.#digits(word), this.capacity)
  }

  #shift(places: number): bigint {
    return BigInt(places * this.#rule.bits)
  }

  /** One character a place, the first place last. 60 bits are in use, so the word is never negative. */
  #digits(word: bigint): string {
    return word === 0n ? '' : word.toString(2 ** this.#rule.bits)
  }
}

/** Where a thread stands; -1: nowhere. */
function placeOf(digits: string, thread: number): number {
  const plain = digits.indexOf(thread.toString(32))
  const at = plain < 0 ? digits.indexOf((thread | 16).toString(32)) : plain
  return at < 0 ? -1 : digits.length - 1 - at
}

const numbers = (rule: Rule): number[] => Array.from({ length: rule.most }, (_, index) => index + 1)

/** Whether this is memory of a lock, laid out as this file has it. */
export const isOurs = (buffer: SharedArrayBuffer): boolean =>
  buffer.byteLength === BYTES && new Int32Array(buffer)[FORMAT] === THIS_FORMAT

/** What one memory is called in all threads. */
export const nameOf = (buffer: SharedArrayBuffer): string => {
  const cells = new Int32Array(buffer)
  return `${cells[NAME]}.${cells[NAME + 1]}`
}

interface AsyncAtomics {
  waitAsync?: (cells: Int32Array, index: number, value: number) => { async: boolean; value: unknown }
}

/** Whether waiters are woken. Else they have to look. */
export const canWaitAsync = (): boolean => typeof (Atomics as AsyncAtomics).waitAsync === 'function'

function waitAsync(cells: Int32Array, index: number, value: number): Promise<unknown> | undefined {
  const result = (Atomics as AsyncAtomics).waitAsync?.(cells, index, value)
  return result?.async ? (result.value as Promise<unknown>) : undefined
}

let blocks: boolean | undefined

/** Whether this thread may block, which it may always or never. */
export function canBlock(): boolean {
  if (blocks === undefined)
    try {
      // The value is not the one in memory, so this blocks no thread.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0)
      blocks = true
    } catch {
      blocks = false
    }
  return blocks
}
