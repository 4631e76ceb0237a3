// The holder and the waiters, among threads: one 64-bit word of shared memory.
//
//      place   …   2   1   0            four bits for each place: the number of the thread that stands there
//      word  0 … │ 4 │ 2 │ 7            thread 7 holds, thread 2 is next, then thread 4
//
// A thread joins at the end, and leaves from wherever it stands; those behind it move up. Each of these is one
// compare-and-swap, so there is no moment in which the queue is half changed, and a thread that ends between any two of
// its steps leaves a queue in order. A thread has at most one place, and joins again only after it has left, so the word
// cannot come back to an earlier value behind the back of a thread that stands in it.
//
// What a thread does after its swap is no more than a wake-up: it rings the bell of the thread that holds from now on, which
// adds to a cell and notifies it. A waiter reads its cell, then looks at the word, then sleeps if its cell is as it was: a
// ring that comes in between changes the cell, so it is not missed. One that is never sent, since its thread ended
// first, is made up for by `repair`, which always rings for the holder.
//
//      free ──claim──▶ number taken ──release──▶ free          owners[number]: the token of the thread, or 0
//                          └─ thread ended: REPAIR | number of the repairing thread ─▶ out of the word ─▶ free
//
// A repair is claimed, so that two threads never repair one number and hit the thread that has it next. The claim says who
// repairs: if that thread ends as well, the one that repairs it goes on with what it had begun.
//
// test/threads/model.test.ts runs this file in all interleavings of three threads, each of which may end at any step.

// 32-bit cells. The first two are the word, the next two name this memory.
const FORMAT = 4
/** 1: the thread of a holder has ended. */
const ABANDONED = 5
/** How many tokens have been given out to threads that have none from the platform. */
const TOKENS = 6
/** The bell of each thread. Number 0 rings when a thread can be watched by its Web Lock. */
const BELLS = 16
const OWNERS = BELLS + 16
/** Token and number: the worker that is watched, times 16, and the thread that watches it. */
const WATCHES = OWNERS + 16
const WATCHES_END = WATCHES + 32

const BYTES = 4 * WATCHES_END
/** Changes with the layout. Another copy of this package may have another one. */
const THIS_FORMAT = 0x6c_6b_02
/** All threads that can be attached fit in the word: 60 bits, so it is never negative. */
export const MOST = 15
/** More than a token of the platform. */
const REPAIR = 0x4000_0000

/** How long a thread sleeps at once, in ms: a ring that got lost with an unwatched thread costs no more than this. */
export const NAP = 1000
/** How often is looked where the platform wakes no waiter, in ms. */
const POLL = 5

type WaitAsync = (cells: Int32Array, index: number, value: number) => { value: unknown }

/** The places in shared memory, as one thread sees them. */
export class Places {
  readonly buffer: SharedArrayBuffer
  /** Of this memory, for all threads. */
  readonly name: bigint
  /** The number of this thread, from 1. */
  readonly me: number
  /** What this thread has its number by. */
  token: number
  readonly #own: bigint
  readonly #word: BigInt64Array
  readonly #cells: Int32Array

  /**
   * Attaches this thread: takes the lowest free number.
   *
   * @param memory `undefined`: new memory
   * @param token positive: what the platform calls this thread; 0: make one up, which is negative
   * @throws RangeError if all numbers are taken
   */
  constructor(memory: SharedArrayBuffer | undefined, token: number, label: string) {
    this.buffer = memory ?? new SharedArrayBuffer(BYTES)
    this.#word = new BigInt64Array(this.buffer)
    const cells = new Int32Array(this.buffer)
    this.#cells = cells
    if (memory === undefined) {
      cells[FORMAT] = THIS_FORMAT
      for (const cell of [2, 3]) cells[cell] = Math.random() * 2 ** 32
    }
    this.name = nameOf(this.buffer)
    // Made up ones are even, until the thread can be watched.
    this.token = token || -2 - 2 * Atomics.add(cells, TOKENS, 1)
    let me = 1
    while (Atomics.compareExchange(cells, OWNERS + me, 0, this.token) !== 0)
      if (++me > MOST) throw new RangeError(`${label}: ${MOST} threads are attached already`)
    this.me = me
    this.#own = BigInt(me)
  }

  /** Takes the place of the holder, if no thread stands in the word. */
  tryJoin(): boolean {
    return Atomics.compareExchange(this.#word, 0, 0n, this.#own) === 0n
  }

  /** Takes the place at the end. This thread must have none. Whether it holds at once. */
  join(): boolean {
    // Mostly the word is empty: to guess so saves a look.
    let seen = 0n
    for (;;) {
      let end = 0n
      while (seen >> end) end += 4n
      const found = Atomics.compareExchange(this.#word, 0, seen, seen | (this.#own << end))
      if (found === seen) return !seen
      seen = found
    }
  }

  /** Whether this thread holds. */
  holds(): boolean {
    return (Atomics.load(this.#word, 0) & 15n) === this.#own
  }

  /** Gives the place of this thread up, and rings for the thread that holds from now on. Nothing if it has none. */
  leave(): void {
    // Mostly no other thread stands here.
    const seen = Atomics.compareExchange(this.#word, 0, this.#own, 0n)
    if (seen !== this.#own) this.#remove(this.#own, seen)
  }

  /** Blocks the thread until it holds. `false`: that took longer than `timeout` ms, and the place is still there. */
  sleep(timeout: number): boolean {
    const end = performance.now() + timeout
    for (;;) {
      const rings = this.rings(this.me)
      if (this.holds()) return true
      const left = Math.min(end - performance.now(), NAP)
      if (left <= 0) return false
      Atomics.wait(this.#cells, BELLS + this.me, rings, left)
    }
  }

  /** What `nextRing` compares with, to be read before `holds` or `watchable`. */
  rings(thread: number): number {
    return Atomics.load(this.#cells, BELLS + thread)
  }

  /** Resolves when a bell rings, or has rung since `rings`. */
  async nextRing(thread: number, rings: number): Promise<void> {
    const { waitAsync } = Atomics as { waitAsync?: WaitAsync }
    await (waitAsync
      ? waitAsync(this.#cells, BELLS + thread, rings).value
      : new Promise(resolve => (setTimeout(resolve, POLL) as { unref?: () => void }).unref?.()))
  }

  /** Wakes what waits for a bell. */
  ring(thread: number): void {
    Atomics.add(this.#cells, BELLS + thread, 1)
    Atomics.notify(this.#cells, BELLS + thread)
  }

  /** Whether the last holder's thread ended while it held. Says so once. */
  takeAbandoned(): boolean {
    return Atomics.exchange(this.#cells, ABANDONED, 0) === 1
  }

  /** The numbers of the threads that stand in the word, the holder first. */
  look(): number[] {
    const threads: number[] = []
    for (let word = Atomics.load(this.#word, 0); word; word >>= 4n) threads.push(Number(word & 15n))
    return threads
  }

  /** Gives the number of this thread up. It must have no place. */
  detach(): void {
    Atomics.compareExchange(this.#cells, OWNERS + this.me, this.token, 0)
  }

  /**
   * Takes a thread that has ended out of the queue, and frees its number. Nothing if `token` does not have it any more.
   *
   * @param token default: the one that has it, unless another thread repairs it already
   */
  repair(thread: number, token = Math.min(this.#owner(thread), REPAIR)): void {
    const claim = REPAIR | this.me
    if (Atomics.compareExchange(this.#cells, OWNERS + thread, token, claim) !== token) return
    // First what it had begun: nothing leads there once its own number is free.
    this.#repairAll(REPAIR | thread)
    // The workers of a thread end before it does.
    for (let entry = WATCHES; entry < WATCHES_END; entry++) {
      const note = Atomics.load(this.#cells, entry)
      if ((note & 15) !== thread) continue
      this.#repairAll(note >> 4)
      Atomics.store(this.#cells, entry, 0)
    }
    this.#remove(BigInt(thread), Atomics.load(this.#word, 0), true)
    Atomics.store(this.#cells, OWNERS + thread, 0)
  }

  #repairAll(token: number): void {
    for (let number = 1; number <= MOST; number++) this.repair(number, token)
  }

  /** Notes which worker this thread watches: if this thread ends, so does the worker. */
  noteWatch(token: number, label: string): void {
    for (let entry = WATCHES; entry < WATCHES_END; entry++)
      if (Atomics.compareExchange(this.#cells, entry, 0, (token << 4) | this.me) === 0) return
    throw new RangeError(`${label}: ${WATCHES_END - WATCHES} workers of workers are watched already`)
  }

  /** Repairs all of a worker that has ended, and takes the note back. */
  ended(token: number): void {
    this.#repairAll(token)
    for (let entry = WATCHES; entry < WATCHES_END; entry++)
      Atomics.compareExchange(this.#cells, entry, (token << 4) | this.me, 0)
  }

  /** This thread holds its Web Lock: from now on it can be watched by it. */
  announce(): void {
    const announced = this.token | 1
    Atomics.compareExchange(this.#cells, OWNERS + this.me, this.token, announced)
    this.token = announced
    this.ring(0)
  }

  /** The token of another thread that can be watched by its Web Lock; `undefined`: it cannot. */
  watchable(thread: number): number | undefined {
    const token = this.#owner(thread)
    return thread !== this.me && token < 0 && token & 1 ? token : undefined
  }

  #owner(thread: number): number {
    return Atomics.load(this.#cells, OWNERS + thread)
  }

  #remove(thread: bigint, word: bigint, ended = false): void {
    let seen = word
    for (;;) {
      const isHolder = (seen & 15n) === thread
      // While it holds no other thread looks, and no other thread gets the hold before the swap.
      if (ended && isHolder) Atomics.store(this.#cells, ABANDONED, 1)
      let at = 0n
      while (seen >> at && ((seen >> at) & 15n) !== thread) at += 4n
      // If it is not there, this is the word as it was.
      const next = ((seen >> (at + 4n)) << at) | (seen & ((1n << at) - 1n))
      const found = Atomics.compareExchange(this.#word, 0, seen, next)
      if (found === seen) {
        // One that has ended may have left before, and not yet have rung for the next.
        if (next && (ended || isHolder)) this.ring(Number(next & 15n))
        return
      }
      seen = found
    }
  }
}

/** Whether this is memory of a lock, laid out as this file has it. */
export const isOurs = (memory: SharedArrayBuffer): boolean =>
  Object.prototype.toString.call(memory) === '[object SharedArrayBuffer]' &&
  memory.byteLength === BYTES &&
  new Int32Array(memory)[FORMAT] === THIS_FORMAT

/** What one memory is called in all threads. */
export const nameOf = (memory: SharedArrayBuffer): bigint => new BigInt64Array(memory)[1] as bigint
