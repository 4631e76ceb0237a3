// What callers of this process hold of a key after they gave their place in the local queue on: shared leases, and the
// permits of a lock with a capacity.
//
// Shared callers of one process rest on one grant of the engine, a *batch*. A caller joins it without asking the engine
// if it came within a window after the grant: without an end to that, readers that come and go here would never let go,
// and a writer in another process would wait forever. After the window the next caller asks the engine as another holder.
// An answer proves that no writer waits there, so the whole batch moves over to the new grant, and the old one is given
// back: a process never keeps more than two, however long its readers hold.
//
//      opened ──window over──▶ a caller asks ──granted──▶ moved, open again
//        └──────── a local caller wants the key alone: shut, until a later grant moves it ────────┘
//
// With readers 8 at a time here and a window of 50 ms, a writer elsewhere waits for 50 ms and the longest of their holds.

import type { EngineGrant, Place } from './lease.js'
import { Losable } from './losable.js'
import type { Wait } from './wait.js'

/** For so long after its grant can a batch be joined, in ms. */
const SHARED_WINDOW_MS = 50

/** The shared callers of this process that rest on one grant. */
class Batch {
  readonly #losable = new Losable()
  #members = 0
  #isWatched = false
  #isShut = false
  #grant: EngineGrant
  #grantedAt = performance.now()
  #stopListening: (() => void) | undefined

  constructor(grant: EngineGrant) {
    this.#grant = grant
    this.#listen()
  }

  /** Whether it is held, and can be relied on. */
  get isLive(): boolean {
    return this.#members > 0 && this.#isValid
  }

  get #isValid(): boolean {
    void this.#grant.validity?.isValid
    return this.#losable.isValid
  }

  /** Whether a caller that came at `since` may join. */
  admits(since: number): boolean {
    return !this.#isShut && since - this.#grantedAt <= SHARED_WINDOW_MS && this.isLive
  }

  /** No caller joins any more. */
  shut(): void {
    this.#isShut = true
  }

  /** One more lease on the grant, which ends with the last of them. */
  join(): EngineGrant {
    this.#members++
    const batch = this
    return {
      owner: this.#grant.owner,
      token: this.#grant.token,
      validity: {
        get isValid() {
          return batch.#isValid
        },
        onLoss: listener => batch.#losable.onLoss(listener)
      },
      watch: () => {
        batch.#isWatched = true
        batch.#grant.watch?.()
      },
      release: async () => {
        if (--batch.#members > 0) return true
        batch.#stopListening?.()
        return batch.#grant.release()
      }
    }
  }

  /** Rests on a newer grant. Resolves when the old one has been given back. */
  async move(grant: EngineGrant): Promise<void> {
    const old = this.#grant
    this.#stopListening?.()
    this.#grant = grant
    this.#grantedAt = performance.now()
    this.#isShut = false
    this.#listen()
    if (this.#isWatched) grant.watch?.()
    try {
      // Between the end of the old one and the new one, another process may have held the key alone.
      if (!(await old.release())) this.#losable.invalidate({ why: 'the engine had given it up before it was released' })
    } catch {
      // The engine frees by itself what it cannot be asked to free.
    }
  }

  #listen(): void {
    this.#stopListening = this.#grant.validity?.onLoss(loss => this.#losable.invalidate(loss))
  }
}

/** One key. It is known while a lease of it is not released, lost or not: its task may still be running. */
interface Held {
  unreleased: number
  batch: Batch | undefined
  /** The caller that has the place waits for fewer. */
  wake: (() => void) | undefined
}

/** Counts what is held without a place, by key. */
export class Holders<Id> {
  readonly #keys = new Map<Id, Held>()
  #whenIdle: (() => void)[] = []

  /** The keys that are held so. */
  get ids(): IterableIterator<Id> {
    return this.#keys.keys()
  }

  /** Whether nothing is held so. */
  get isIdle(): boolean {
    return this.#keys.size === 0
  }

  /** How many leases of a key are not released. */
  count(id: Id): number {
    return this.#keys.get(id)?.unreleased ?? 0
  }

  /** Whether a caller that came at `since` can join the batch of a key. */
  canJoin(id: Id, since: number): boolean {
    return this.#keys.get(id)?.batch?.admits(since) === true
  }

  /** The batch of a key, for a caller that can join it. */
  join(id: Id, since: number): EngineGrant | undefined {
    const batch = this.#keys.get(id)?.batch
    return batch?.admits(since) ? batch.join() : undefined
  }

  /** No caller joins the batch of a key any more: a caller of this process wants it alone. */
  shut(id: Id): void {
    this.#keys.get(id)?.batch?.shut()
  }

  /** A batch on a grant that is new: the one that there is moves over to it. */
  open(id: Id, grant: EngineGrant): EngineGrant {
    const held = this.#held(id)
    const { batch } = held
    if (batch?.isLive) {
      const place = this.enter(id) // the old grant is not given back yet
      void batch.move(grant).then(() => place.release())
      return batch.join()
    }
    held.batch = new Batch(grant)
    return held.batch.join()
  }

  /** One more lease of a key, until what is returned is released. */
  enter(id: Id): Place {
    const held = this.#held(id)
    held.unreleased++
    return {
      release: () => {
        held.unreleased--
        held.wake?.()
        if (held.unreleased > 0) return
        this.#keys.delete(id)
        if (this.#keys.size === 0) for (const idle of this.#whenIdle.splice(0)) idle()
      }
    }
  }

  /** Waits until fewer than `limit` leases of a key are not released. `false`: the wait has ended before. */
  async fewerThan(id: Id, limit: number, wait: Wait | undefined): Promise<boolean> {
    for (;;) {
      const held = this.#keys.get(id)
      if (held === undefined || held.unreleased < limit) return true
      if (wait === undefined || wait.ended) return false
      let stop = (): void => {}
      await new Promise<void>(resolve => {
        held.wake = resolve
        stop = wait.onEnd(() => resolve())
      })
      held.wake = undefined
      stop()
    }
  }

  /** Resolves when nothing is held so. */
  idle(): Promise<void> {
    return this.#keys.size === 0 ? Promise.resolve() : new Promise(resolve => this.#whenIdle.push(resolve))
  }

  #held(id: Id): Held {
    let held = this.#keys.get(id)
    if (held === undefined) {
      held = { unreleased: 0, batch: undefined, wake: undefined }
      this.#keys.set(id, held)
    }
    return held
  }
}
