/// <reference types="node" />
// How a caller gets to the head of the queue of sockets: by waiting for the entry before it, one after another.

import { lstatSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Wait } from '../wait.js'
import { explain } from './errors.js'
import { meet } from './meet.js'
import { entriesIn, type Folder, type Look, Place } from './place.js'

/** Between two looks at an entry that is there and does not stay connected, in ms: at first, and at most. */
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 1000
/** How many sockets without a number one holder looks at. */
const MOST_SWEPT = 8

/** Waits for the head of the queue. `undefined`: the key is taken, or the wait has ended; nothing is left of it then. */
export async function acquirePlace(folder: Folder, wait: Wait | undefined): Promise<Place | undefined> {
  // A caller that does not wait looks first: its entry would only be in the way.
  if (wait === undefined && (await isTaken(folder))) return undefined
  let { place, look } = Place.enter(folder)
  try {
    let last = ''
    let pause = FIRST_PAUSE_MS
    while (look.verdict.is === 'behind') {
      const { entry } = look.verdict
      if (entry.name !== last) {
        last = entry.name
        pause = FIRST_PAUSE_MS
      } else if (wait !== undefined) {
        await wait.pause(pause)
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      }
      const meeting = wait?.ended ? 'alive' : await meet(folder.path, entry.name, wait)
      if (meeting === 'refused') place.markGone(entry)
      else if (wait === undefined ? meeting === 'alive' || meeting === 'busy' : wait.ended) {
        place.leave()
        // Two callers that do not wait may each leave because of the other: then the key is free, and neither has it.
        return wait === undefined && place.isGone(entry) ? acquirePlace(folder, wait) : undefined
      }
      look = place.look()
    }
    return headOf(place, look)
  } catch (error) {
    place.leave()
    throw explain(folder.label, folder.path, error)
  }
}

/** The place is at the head. Removes what those before it have left. */
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

/** Whether anyone holds the key or waits for it. */
async function isTaken(folder: Folder): Promise<boolean> {
  try {
    for (const { name } of entriesIn(folder.path)) {
      const meeting = await meet(folder.path, name, undefined)
      if (meeting !== 'refused' && meeting !== 'missing') return true
    }
    return false
  } catch (error) {
    throw explain(folder.label, folder.path, error)
  }
}
