// Deadlock as it is defined, with no graph: let everybody who can go on do so, for ever, and see who is left.
//
// A model of the locks in its own terms: who holds, and who stands in a queue. It hands over as the locks do. What it says of
// deadlock comes from playing the future through: whoever does not wait gives back all it holds, and the queues move.

export type Kind = 'mutex' | 'keyed' | 'semaphore' | 'readwrite'

export interface Ask {
  readonly lock: number
  /** Of a keyed lock; `[0]` otherwise. */
  readonly keys: readonly number[]
  /** Permits; of a read-write lock, 1 reads and all of them write. */
  readonly amount: number
  readonly priority: number
}

interface Held extends Ask {
  readonly id: number
  readonly actor: number
}

export class World {
  readonly #capacities: readonly number[]
  #held: Held[] = []
  /** In order of arrival. */
  #waiting: Held[] = []

  /** @param capacities how many units each lock has */
  constructor(capacities: readonly number[]) {
    this.#capacities = capacities
  }

  clone(): World {
    const copy = new World(this.#capacities)
    copy.#held = [...this.#held]
    copy.#waiting = [...this.#waiting]
    return copy
  }

  isHeld(id: number): boolean {
    return this.#held.some(held => held.id === id)
  }

  isWaiting(id: number): boolean {
    return this.#waiting.some(waiting => waiting.id === id)
  }

  heldBy(actor: number): number[] {
    return this.#held.filter(held => held.actor === actor).map(({ id }) => id)
  }

  blocked(actor: number): boolean {
    return this.#waiting.some(waiting => waiting.actor === actor)
  }

  waitingAt(lock: number): number {
    return this.#waiting.filter(waiting => waiting.lock === lock).length
  }

  ask(id: number, actor: number, ask: Ask): void {
    this.#waiting.push({ ...ask, id, actor })
    this.#move()
  }

  /** Released, aborted or timed out. */
  drop(id: number): void {
    this.#held = this.#held.filter(held => held.id !== id)
    this.#waiting = this.#waiting.filter(waiting => waiting.id !== id)
    this.#move()
  }

  /** Who waits for ever, if everybody else goes on. */
  stuck(): Set<number> {
    const future = this.clone()
    const actors = () => new Set([...future.#held, ...future.#waiting].map(({ actor }) => actor))
    for (let moved = true; moved; ) {
      moved = false
      for (const actor of actors()) {
        if (future.blocked(actor)) continue
        for (const id of future.heldBy(actor)) {
          future.drop(id)
          moved = true
        }
      }
    }
    return new Set(future.#waiting.map(({ actor }) => actor))
  }

  /** Serves from the head of each queue what fits. One in many queues is served when it is first, and fits, in all. */
  #move(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const served = next
      this.#waiting = this.#waiting.filter(waiting => waiting !== served)
      this.#held.push(served)
    }
  }

  #next(): Held | undefined {
    return this.#waiting.find(waiting =>
      waiting.keys.every(key => this.#isFirst(waiting, key) && this.#fits(waiting, key))
    )
  }

  #isFirst(waiting: Held, key: number): boolean {
    const queue = this.#waiting.filter(({ lock, keys }) => lock === waiting.lock && keys.includes(key))
    const highest = Math.max(...queue.map(({ priority }) => priority))
    return queue.find(({ priority }) => priority === highest) === waiting
  }

  #fits({ lock, amount }: Held, key: number): boolean {
    const holders = this.#held.filter(held => held.lock === lock && held.keys.includes(key))
    return holders.reduce((sum, held) => sum + held.amount, 0) + amount <= (this.#capacities[lock] as number)
  }
}
