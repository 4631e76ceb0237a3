/// <reference types="node" />
// The same queue for callers that are synchronous. No connection can be waited for while the thread is blocked, so the
// entry before is looked at again and again; and where its end cannot be told from outside, a probe connects to it.

import { DeadlockError } from '../../core/errors.js'
import { explain } from './errors.js'
import { entriesIn, type Folder, type Look, Place } from './place.js'
import { Probe } from './probe.js'
import type { Entry } from './protocol.js'
import { headOf } from './queue.js'
import { hasEnded, isSurelyAlive, isThisThread } from './self.js'
import { sleep } from './sleep.js'

/** Between two looks, in ms. */
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 20
/** After so many ms behind one entry a probe connects to it. */
const PROBE_AFTER_MS = 50
/** So long is a caller that does not wait held up by the answer of a probe, in ms. */
const LONGEST_PROBE_MS = 2000

/**
 * Waits for the head of the queue until `until`, as `performance.now()` tells it; with `-Infinity` it does not wait.
 * `undefined`: the key is taken still, and nothing is left of the caller.
 */
export function acquirePlaceSync(folder: Folder, owner: string, until: number): Place | undefined {
  let place: Place | undefined
  let isHead = false
  try {
    // A caller that does not wait looks first: its entry would only be in the way.
    if (until === -Infinity && entriesIn(folder.path).some(isSurelyAlive)) return undefined
    const entered = Place.enter(folder, { shared: false, capacity: 1, owner })
    place = entered.place
    const look = waitForTurn(place, entered.look, until)
    isHead = look.verdict.is === 'first'
    if (isHead) return headOf(place, look)
    place.leave()
    // Two callers that do not wait may each leave because of the other: then the key is free, and neither has it.
    const before = until === -Infinity && look.verdict.is === 'behind' ? look.verdict.entries : []
    const mayBeFree = before.some(entry => entered.place.isGone(entry))
    return mayBeFree ? acquirePlaceSync(folder, owner, until) : undefined
  } catch (error) {
    throw error instanceof DeadlockError ? error : explain(folder.label, folder.path, error)
  } finally {
    if (!isHead) place?.leave()
  }
}

/** What was seen last: the head of the queue, or an entry that is before this one still. */
function waitForTurn(place: Place, first: Look, until: number): Look {
  let look = first
  let behind: Behind | undefined
  try {
    while (look.verdict.is === 'behind') {
      const [entry] = look.verdict.entries
      if (behind?.entry.name !== entry.name) {
        behind?.probe?.end()
        behind = new Behind(place.folder, entry)
      }
      if (behind.isGone(until)) place.markGone(entry)
      else {
        const left = until - performance.now()
        if (left <= 0) return look
        behind.pause(left)
      }
      look = place.look()
    }
    return look
  } finally {
    behind?.probe?.end()
  }
}

/** The time behind one entry. */
class Behind {
  readonly entry: Entry
  probe: Probe | undefined
  readonly #folder: Folder
  #since = performance.now()
  #pause = FIRST_PAUSE_MS

  constructor(folder: Folder, entry: Entry) {
    this.#folder = folder
    this.entry = entry
  }

  /** Whether the entry is known to be dead. */
  isGone(until: number): boolean {
    const { entry } = this
    if (hasEnded(entry)) return true
    const waits = until !== -Infinity
    if (isThisThread(entry)) {
      if (!waits) return false
      throw new DeadlockError(
        `${this.#folder.label}: an asynchronous caller of this thread holds the key or waits for it, and cannot go on while a synchronous one blocks the thread`
      )
    }
    if (!waits && isSurelyAlive(entry)) return false
    if (this.probe?.isClosed) {
      this.probe.end()
      this.probe = undefined
      this.#since = performance.now()
    }
    if (!waits || performance.now() - this.#since >= PROBE_AFTER_MS)
      this.probe ??= new Probe(this.#folder.path, entry.name)
    if (!waits) this.probe?.answer(LONGEST_PROBE_MS)
    return this.probe?.isRefused ?? false
  }

  pause(most: number): void {
    const ms = Math.min(this.#pause, most)
    if (this.probe === undefined) sleep(ms)
    else this.probe.pause(ms)
    this.#pause = Math.min(this.#pause * 1.5, LONGEST_PAUSE_MS)
  }
}
