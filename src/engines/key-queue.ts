// The queue of one process for the keys of an engine: whose turn it is to ask, and what a grant means here.
//
// A caller needs the *place* of its key to ask the engine: at most one of a process asks for a key at a time, so a thousand
// callers cost the engine one waiter. Places are those of a `KeyedMutex` whose keys are those of the engine, because where
// two names fall on one (a hash), an engine may give the same process the same lock twice.
//
//      exclusive, of capacity 1   keeps its place until it has given the key back
//      shared, or one of many     gives its place on as soon as it is granted: the next caller here shares its grant, or
//                                 asks for another one (holders.ts)
//
// What was begun at the engine is finished, although its caller has been rejected meanwhile, and what it then grants is
// given back; only then does the place go to the next.
//
// Many keys: the places of all are taken together, and hold nothing until all are there. The engine is then asked for all
// in one step, or for one after the other in an order that is the same in all processes. A caller that holds some keys and
// waits for one waits for a greater one than it holds, in every process; no circle of waits can close.

import { LockTimeoutError, QueueFullError } from '../core/errors.js'
import { KeyedMutex } from '../core/keyed-mutex.js'
import type { Lock } from '../core/lock.js'
import type { LockMode, WaitOptions } from './contract.js'
import { Holders } from './holders.js'
import type { EngineGrant, Place } from './lease.js'
import { timeoutError, Wait } from './wait.js'

/** What `EngineLock` knows of its engine. */
export interface Engine<Id> {
  acquireKey(id: Id, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined>
  /** Absent where several keys cannot be acquired in one step. */
  acquireKeys: ((ids: readonly Id[], mode: LockMode) => Promise<readonly EngineGrant[] | undefined>) | undefined
}

/** What a caller was granted: for each key that it asked for, and what goes to the next callers after them. */
export interface Taken {
  readonly grants: readonly EngineGrant[]
  readonly place: Place
}

/** One call. */
export interface Call<Id> {
  /** Each once, in the order in which all processes take them. */
  readonly ids: readonly Id[]
  readonly mode: LockMode
  /** What messages call it: it takes long to make. */
  label(): string
}

/** The grant of one key. */
interface Part {
  readonly grant: EngineGrant
  /** Where it is counted, if its holder does not keep the place. */
  readonly counted: Place | undefined
}

const ignore = (): void => {}

/** Gives back what was granted. No failure is told: the engine frees by itself what it cannot be asked to free. */
const giveBack = async (grants: readonly EngineGrant[]): Promise<void> => {
  await Promise.all(grants.map(async grant => grant.release()).map(released => released.catch(ignore)))
}

/** Callers of one lock object, by key. */
export class KeyQueue<Id> {
  readonly capacity: number
  readonly #engine: Engine<Id>
  readonly #places: KeyedMutex<Id>
  readonly #maxWaiting: number | undefined
  readonly #holders = new Holders<Id>()
  /** The callers that have their places and wait, for the engine or for a holder of this process. */
  readonly #waits = new Set<Wait>()
  /** The same by key: one for each. */
  readonly #waitOf = new Map<Id, Wait>()
  /** What comes of the question that a caller who does not wait has just asked. */
  readonly #tries = new Map<Id, Promise<boolean>>()
  #closed: { readonly reason: unknown } | undefined

  constructor(engine: Engine<Id>, capacity: number, options: { name: string; maxWaiting?: number | undefined }) {
    this.#engine = engine
    this.capacity = capacity
    this.#places = new KeyedMutex<Id>(options)
    this.#maxWaiting = options.maxWaiting
  }

  /** How many callers wait: for each other, or at the engine. */
  get waiting(): number {
    return this.#places.waiting + this.#waits.size
  }

  /** How many keys are held or asked for. */
  get size(): number {
    let size = this.#places.size
    for (const id of this.#holders.ids) if (!this.#places.isLocked(id)) size++
    return size
  }

  /** Whether no key is held or asked for. */
  get isIdle(): boolean {
    return this.#places.size === 0 && this.#holders.isIdle
  }

  /** How many callers wait for the place of a key. */
  waitingFor(id: Id): number {
    return this.#places.waitingFor(id)
  }

  /** Rejects all callers. Resolves when nothing is held any more. */
  close(reason: unknown): Promise<void> {
    this.#closed ??= { reason }
    const left = this.#places.close(reason)
    for (const wait of [...this.#waits]) wait.end(reason)
    // Without a place, no lease is added any more.
    return left.then(() => this.#holders.idle())
  }

  /** The place of a key, for a caller that asks the engine by itself and does not wait. */
  tryEnter(id: Id): Place | undefined {
    return this.#holders.count(id) < this.capacity ? this.#places.tryAcquire(id) : undefined
  }

  /** Acquires what is free now. */
  async tryAcquire(call: Call<Id>): Promise<Taken | undefined> {
    const { ids, mode } = call
    const [id] = ids
    if (ids.length !== 1 || id === undefined) {
      const place = this.#places.tryAcquireMany(ids)
      return place && this.#attempt(call, place)
    }
    while (this.#closed === undefined) {
      const grant =
        mode === 'shared' && this.waitingFor(id) === 0 ? this.#holders.join(id, performance.now()) : undefined
      if (grant !== undefined) return { grants: [grant], place: this.#holders.enter(id) }
      const place = this.#places.tryAcquire(id)
      if (place !== undefined) return this.#attempt(call, place)
      // Another call is just finding out: if it is granted, there may be room for this one.
      const isOneOfMany = mode === 'shared' || this.capacity > 1
      if (!(isOneOfMany && (await this.#tries.get(id)))) return undefined
    }
    return undefined
  }

  /** Waits until all is free and acquires it. */
  acquire(call: Call<Id>, options: WaitOptions | undefined): Promise<Taken> {
    const { ids } = call
    const since = performance.now()
    if (options?.signal?.aborted || this.#closed !== undefined) return this.#queue(call, options, since)
    if (options?.timeout === 0) return this.#acquireAtOnce(call)
    // Most find the key free here: for them there is no queue to wait in.
    const place = ids.length === 1 ? this.#places.tryAcquire(ids[0] as Id) : this.#places.tryAcquireMany(ids)
    return place === undefined ? this.#queue(call, options, since) : this.#wait(call, place, options, since)
  }

  async #acquireAtOnce(call: Call<Id>): Promise<Taken> {
    const taken = await this.tryAcquire(call)
    if (taken !== undefined) return taken
    throw new LockTimeoutError(`${call.label()}: would have to wait, and timeout is 0 ms`)
  }

  async #queue(call: Call<Id>, options: WaitOptions | undefined, since: number): Promise<Taken> {
    const { ids } = call
    let place: Lock
    try {
      const placing =
        ids.length === 1 ? this.#places.acquire(ids[0] as Id, options) : this.#places.acquireMany(ids, options)
      place = await placing
    } catch (error) {
      throw this.#explain(call, options, error)
    }
    return this.#wait(call, place, options, since)
  }

  /**
   * In the words of the caller, since the places know only what the engine calls its keys. A caller that waits here waits for
   * the one at the engine: what keeps that one back keeps this one back.
   */
  #explain({ ids, label }: Call<Id>, options: WaitOptions | undefined, error: unknown): unknown {
    if (error instanceof QueueFullError)
      return new QueueFullError(`${label()}: maxWaiting is ${this.#maxWaiting}, and so many wait already`)
    if (!(error instanceof LockTimeoutError)) return error
    const diagnoses = ids.map(id => this.#waitOf.get(id)?.diagnosis)
    return timeoutError(
      `${label()}: waited longer than ${options?.timeout} ms`,
      diagnoses.find(diagnosis => diagnosis !== undefined)
    )
  }

  /** With the place, for a caller that does not wait. */
  async #attempt(call: Call<Id>, place: Place): Promise<Taken | undefined> {
    let tell = (_isGranted: boolean): void => {}
    const tried = new Promise<boolean>(resolve => {
      tell = resolve
    })
    const [id] = call.ids
    if (call.ids.length === 1) this.#tries.set(id as Id, tried)
    let taken: Taken | undefined
    try {
      taken = await this.#take(call, place, -Infinity, undefined)
    } finally {
      if (taken === undefined) place.release()
      if (this.#tries.get(id as Id) === tried) this.#tries.delete(id as Id)
      tell(taken !== undefined)
    }
    return taken
  }

  /** With the place, until the engine grants. */
  #wait(call: Call<Id>, place: Place, options: WaitOptions | undefined, since: number): Promise<Taken> {
    const wait = new Wait(options?.timeout === undefined ? '' : call.label(), options, since)
    this.#waits.add(wait)
    for (const id of call.ids) this.#waitOf.set(id, wait)
    const leave = () => {
      this.#waits.delete(wait)
      for (const id of call.ids) if (this.#waitOf.get(id) === wait) this.#waitOf.delete(id)
    }
    if (this.#closed !== undefined) wait.end(this.#closed.reason)
    return new Promise((resolve, reject) => {
      wait.onEnd(reason => {
        leave()
        reject(reason)
      })
      const taking = wait.ended ? Promise.resolve(undefined) : this.#take(call, place, since, wait)
      taking.then(
        taken => {
          if (taken === undefined) place.release()
          // Here, and in the same instant as `resolve`, is where a grant and an abort race.
          else if (wait.ended) void giveBack(taken.grants).then(() => taken.place.release())
          else resolve(taken)
          leave()
          wait.dispose()
        },
        error => {
          place.release()
          leave()
          wait.dispose()
          reject(error)
        }
      )
    })
  }

  /** Asks the engine. `undefined`, or a rejection: nothing is held, and the place is still that of the caller. */
  async #take(call: Call<Id>, place: Place, since: number, wait: Wait | undefined): Promise<Taken | undefined> {
    const { ids, mode } = call
    let parts: Part[] | undefined
    if (ids.length === 1) {
      const part = await this.#takeOne(ids[0] as Id, mode, since, wait)
      // One key, held alone, is most of what is asked for: the place stays with it.
      if (part !== undefined && part.counted === undefined) return { grants: [part.grant], place }
      parts = part && [part]
    } else parts = (await this.#takeTogether(ids, mode)) ?? (await this.#takeInOrder(ids, mode, since, wait))
    if (parts === undefined) return undefined
    const grants = parts.map(({ grant }) => grant)
    if (mode === 'exclusive' && this.capacity === 1) return { grants, place }
    place.release()
    const release = () => {
      for (const { counted } of parts) counted?.release()
    }
    return { grants, place: { release } }
  }

  async #takeOne(id: Id, mode: LockMode, since: number, wait: Wait | undefined): Promise<Part | undefined> {
    const joined = mode === 'shared' ? this.#holders.join(id, since) : undefined
    if (joined !== undefined) return { grant: joined, counted: this.#holders.enter(id) }
    if (mode === 'exclusive' && this.capacity === 1) {
      if (wait === undefined && this.#holders.count(id) > 0) return undefined
      // It asks before the others here have left: in another process, callers may wait behind it.
      if (wait !== undefined) this.#holders.shut(id)
      // Lost ones count as well: their tasks may still be running.
    } else if (mode === 'exclusive' && !(await this.#holders.fewerThan(id, this.capacity, wait))) return undefined
    const grant = await this.#engine.acquireKey(id, wait, mode)
    if (grant === undefined) return undefined
    const isAlone = mode === 'exclusive' && this.capacity === 1
    // Leases that were lost: their tasks may still be running.
    if (isAlone && this.#holders.count(id) > 0 && !(await this.#holders.fewerThan(id, 1, wait))) {
      await giveBack([grant])
      return undefined
    }
    return this.#counted(id, grant, mode)
  }

  /** All in one step, or none. */
  async #takeTogether(ids: readonly Id[], mode: LockMode): Promise<Part[] | undefined> {
    const isRoom = (id: Id) => mode === 'shared' || this.#holders.count(id) < this.capacity
    if (this.#engine.acquireKeys === undefined || ids.length === 0 || !ids.every(isRoom)) return undefined
    const grants = await this.#engine.acquireKeys(ids, mode)
    if (grants === undefined) return undefined
    return grants.map((grant, i) => this.#counted(ids[i] as Id, grant, mode))
  }

  async #takeInOrder(
    ids: readonly Id[],
    mode: LockMode,
    since: number,
    wait: Wait | undefined
  ): Promise<Part[] | undefined> {
    const parts: Part[] = []
    const leave = async () => {
      await giveBack(parts.map(({ grant }) => grant))
      for (const { counted } of parts) counted?.release()
    }
    try {
      for (const id of ids) {
        const part = wait?.ended ? undefined : await this.#takeOne(id, mode, since, wait)
        if (part !== undefined) parts.push(part)
        else {
          await leave()
          return undefined
        }
      }
      return parts
    } catch (error) {
      await leave()
      throw error
    }
  }

  /** What a grant means here. */
  #counted(id: Id, grant: EngineGrant, mode: LockMode): Part {
    if (mode === 'shared') {
      const shared = this.#holders.open(id, grant)
      return { grant: shared, counted: this.#holders.enter(id) }
    }
    return { grant, counted: this.capacity === 1 ? undefined : this.#holders.enter(id) }
  }
}
