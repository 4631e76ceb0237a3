/// <reference types="node" />
// Keys as queues of sockets: for Linux.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyHolder } from '../contract.js'
import type { Wait } from '../wait.js'
import { type Backend, type Held, type LocalEntry, tokenOf } from './backend.js'
import { type Access, makeFolder, prepareDirectory } from './directory.js'
import { codeOf, explain } from './errors.js'
import { ask, meet } from './meet.js'
import { entriesIn, type Folder, type Place, type Want } from './place.js'
import { PER_MS } from './protocol.js'
import { acquirePlace } from './queue.js'
import { acquirePlaceSync } from './queue-sync.js'
import { isHere, isThisThread } from './self.js'

/** How many keys are swept at a time: each takes a descriptor. */
const SWEPT_AT_ONCE = 32
const MOST_PAUSES = 5

export class SocketBackend implements Backend {
  readonly #label: string
  readonly #directory: string
  readonly #access: Access
  #isPrepared = false

  constructor(label: string, directory: string, access: Access) {
    this.#label = label
    this.#directory = directory
    this.#access = access
  }

  async acquire(id: string, want: Want, wait: Wait | undefined): Promise<Held | undefined> {
    const place = await acquirePlace(this.#folder(id), want, wait)
    return place && heldAt(place)
  }

  acquireSync(id: string, owner: string, until: number): Held | undefined {
    const place = acquirePlaceSync(this.#folder(id), owner, until)
    return place && heldAt(place)
  }

  async check(id: string): Promise<LocalEntry[]> {
    const { path } = this.#folder(id)
    try {
      const found = await Promise.all(
        entriesIn(path).map(async entry => {
          const isAlive =
            isThisThread(entry) || ['alive', 'busy', 'closed'].includes(await meet(path, entry.name, undefined))
          const stat = lstatSync(join(path, entry.name), { throwIfNoEntry: false })
          if (!isAlive || stat === undefined) return []
          const { pid, number } = entry
          return [{ pid, here: isHere(entry), since: Math.round(stat.ctimeMs), token: tokenOf(number, 0) }]
        })
      )
      return found.flat()
    } catch (error) {
      throw explain(this.#label, path, error)
    }
  }

  async holders(id: string): Promise<KeyHolder[]> {
    const { path } = this.#folder(id)
    try {
      return await holdersIn(path)
    } catch (error) {
      throw explain(this.#label, path, error)
    }
  }

  async sweep(): Promise<number> {
    const ids = this.#keys()
    let removed = 0
    while (ids.length > 0) {
      const swept = await Promise.all(ids.splice(-SWEPT_AT_ONCE).map(id => this.#sweepKey(id)))
      removed += swept.filter(isRemoved => isRemoved).length
    }
    return removed
  }

  /** Removes the folder of a key that is free, together with its last number. */
  async #sweepKey(id: string): Promise<boolean> {
    const sweeper = { shared: false, capacity: 1, owner: 'sweep' }
    const place = await acquirePlace(this.#folder(id, true), sweeper, undefined)
    if (place === undefined) return false
    // The clock has to be ahead of that number, or the next one could be lower. Soon it is, unless it was set back.
    const pause = () => new Promise(resolve => setTimeout(resolve, 1))
    for (let left = MOST_PAUSES; left > 0 && Date.now() * PER_MS <= place.number; left--) await pause()
    // A caller that listens already may have taken its number from the clock long ago, and would have a lower one than those
    // that held since. One that begins to listen after this has a higher one. A listing may miss a name that is changed
    // meanwhile; the next one shows the new name.
    if (Date.now() * PER_MS > place.number && place.isAlone() && place.isAlone()) return place.release()
    place.release(true)
    return false
  }

  close(): void {}

  #keys(): string[] {
    try {
      return readdirSync(this.#directory).filter(isKeyId)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw explain(this.#label, this.#directory, error)
    }
  }

  #folder(id: string, vanishes = false): Folder {
    this.#prepare()
    const path = join(this.#directory, id)
    const make = () => {
      // It may have been removed as a whole, or be there for the first time.
      prepareDirectory(this.#label, this.#directory, this.#access)
      makeFolder(path, this.#access)
    }
    return { label: this.#label, path, access: this.#access, vanishes, make }
  }

  /** Once: a directory that others can write to would let them hold what we hold. */
  #prepare(): void {
    if (this.#isPrepared) return
    try {
      prepareDirectory(this.#label, this.#directory, this.#access)
    } catch (error) {
      throw explain(this.#label, this.#directory, error)
    }
    this.#isPrepared = true
  }
}

/** What `keyIdOf` gives: 128 bits in 22 characters. */
export const isKeyId = (name: string): boolean => /^[\w-]{22}$/.test(name)

export const heldAt = (place: Place): Held => ({
  number: place.number,
  path: place.folder.path,
  isThere: () => place.isThere(),
  tell: token => place.tell(token),
  release: () => place.release()
})

/** Those that hold, by what they say of themselves. */
export async function holdersIn(path: string): Promise<KeyHolder[]> {
  const found = await Promise.all(
    entriesIn(path).map(async (entry, i): Promise<KeyHolder[]> => {
      const mode = entry.shared ? 'shared' : 'exclusive'
      const facts = await ask(path, entry.name)
      if (facts?.owner !== undefined && facts.since !== undefined) {
        const { owner, since, token } = facts
        return [{ owner, since: new Date(since), mode, ...(token !== undefined && { token: BigInt(token) }) }]
      }
      // The first one holds. If it says nothing it is stopped, or dead; or it has just come to hold.
      if (i > 0 || (await meet(path, entry.name, undefined)) !== 'alive') return []
      const stat = lstatSync(join(path, entry.name), { throwIfNoEntry: false })
      return stat ? [{ owner: `process ${entry.pid}`, since: new Date(Math.round(stat.ctimeMs)), mode }] : []
    })
  )
  return found.flat()
}
