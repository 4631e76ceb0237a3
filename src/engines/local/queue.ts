/// <reference types="node" />
// How a caller gets to the head of the queue of sockets: by waiting for the entry before it, one after another.

import { lstatSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Wait } from '../wait.js'
import { explain } from './errors.js'
import { type Meeting, meet } from './meet.js'
import { entriesIn, type Folder, type Look, Place, type Want } from './place.js'
import type { Entry } from './protocol.js'

/** Between two looks at an entry that is there and does not stay connected, in ms: at first, and at most. */
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 1000
/** How many sockets without a number one holder looks at. */
const MOST_SWEPT = 8

/** Waits until it may hold. `undefined`: the key is taken, or the wait has ended; nothing is left of it then. */
export async function acquirePlace(folder: Folder, want: Want, wait: Wait | undefined): Promise<Place | undefined> {
  // A caller that does not wait looks first: its entry would only be in the way.
  if (wait === undefined && (await isTaken(folder, want))) return undefined
  let { place, look } = Place.enter(folder, want)
  try {
    let last = ''
    let pause = FIRST_PAUSE_MS
    while (look.verdict.is === 'behind') {
      const { entries } = look.verdict
      const names = entries.map(({ name }) => name).join()
      if (names !== last) {
        last = names
        pause = FIRST_PAUSE_MS
      } else if (wait !== undefined) {
        await wait.pause(pause)
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      }
      const isTold = wait?.ended ? false : await meetAny(place, entries, wait)
      if (wait === undefined ? !isTold : wait.ended) {
        place.leave()
        // Two callers that do not wait may each leave because of the other: then the key is free, and neither has it.
        const mayBeFree = wait === undefined && entries.some(entry => place.isGone(entry))
        return mayBeFree ? acquirePlace(folder, want, wait) : undefined
      }
      look = place.look()
    }
    return headOf(place, look)
  } catch (error) {
    place.leave()
    throw explain(folder.label, folder.path, error)
  }
}

/** Meets entries until there is news of one. `false`: all are alive, as far as can be told without waiting for them. */
async function meetAny(place: Place, entries: readonly [Entry, ...Entry[]], wait: Wait | undefined): Promise<boolean> {
  const { path } = place.folder
  const isNews = (entry: Entry, meeting: Meeting): boolean => {
    if (meeting === 'refused') place.markGone(entry)
    return meeting !== 'alive' && meeting !== 'busy'
  }
  const [only, ...others] = entries
  if (others.length === 0) return isNews(only, await meet(path, only.name, wait))
  if (wait === undefined) {
    const meetings = await Promise.all(
      entries.map(async entry => isNews(entry, await meet(path, entry.name, undefined)))
    )
    return meetings.includes(true)
  }
  // The connections to the others end with the first one.
  const until = new Wait('', undefined, performance.now())
  const stop = wait.onEnd(reason => until.end(reason))
  try {
    const meetOne = async (entry: Entry) => isNews(entry, await meet(path, entry.name, until))
    return await Promise.race(entries.map(meetOne))
  } finally {
    stop()
    until.end(undefined)
  }
}

/** The place holds. Removes what those before it have left. */
export function headOf(place: Place, { verdict, temporary }: Look): Place {
  if (verdict.is === 'first') place.clear(verdict.below)
  for (const name of temporary.slice(0, MOST_SWEPT)) void sweepTemporary(place.folder.path, name).catch(() => {})
  return place
}

/**
 * Removes a socket whose process ended before it had a number. One that is about to listen may be hit: it begins anew.
 */
async function sweepTemporary(folder: string, name: string): Promise<void> {
  if ((await meet(folder, name, undefined)) !== 'refused') return
  const path = join(folder, name)
  if (lstatSync(path).isSocket()) unlinkSync(path)
}

/** Whether so many hold the key or wait for it that one more would have to wait. */
async function isTaken(folder: Folder, { shared, capacity }: Want): Promise<boolean> {
  try {
    let alive = 0
    for (const { name, shared: isShared } of entriesIn(folder.path)) {
      if (shared && isShared) continue
      const meeting = await meet(folder.path, name, undefined)
      if (meeting !== 'refused' && meeting !== 'missing' && ++alive >= (shared ? 1 : capacity)) return true
    }
    return false
  } catch (error) {
    throw explain(folder.label, folder.path, error)
  }
}
