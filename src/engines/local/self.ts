/// <reference types="node" />
// Which process this is, and whether another one has ended.

import { readFileSync, readlinkSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { codeOf } from './errors.js'
import type { Owner } from './protocol.js'

/** The number of a namespace, such as `4026531836` of `pid:[4026531836]`. */
function namespaceNumber(kind: string): number {
  try {
    return Number(/\d+/.exec(readlinkSync(`/proc/self/ns/${kind}`))?.[0] ?? 0)
  } catch {
    return 0
  }
}

/** Start of a process, and whether it is over, as the kernel shows them; `undefined` if it does not. */
function statOf(pid: number | 'self'): { isOver: boolean; started: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the name of the program, in brackets, and may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // A zombie has closed its files, unless a thread of it is still on its way out, perhaps with a write under way.
    const isOver = fields[0] === 'Z' && Number(fields[17]) <= 1
    return { isOver, started: Number(fields[19]).toString(36) }
  } catch {
    return undefined
  }
}

/** The first time namespace of every Linux. In another one the kernel shows other starts. */
const FIRST_TIME_NAMESPACE = 4026531834

let self: Owner | undefined

/** This thread of this process. */
export function ourselves(): Owner {
  if (self === undefined) {
    const pidNamespace = namespaceNumber('pid')
    const time = namespaceNumber('time')
    const offset = time === 0 || time === FIRST_TIME_NAMESPACE ? '' : time.toString(36)
    self = {
      pid: process.pid,
      namespace: pidNamespace === 0 ? '0' : pidNamespace.toString(36) + offset,
      started: statOf('self')?.started ?? '0',
      thread: threadId
    }
  }
  return self
}

/** Whether an entry is of this process, in whichever thread. */
export function isHere({ pid, namespace, started }: Owner): boolean {
  const own = ourselves()
  return pid === own.pid && namespace === own.namespace && started === own.started
}

/** Whether an entry is of this very thread. */
export const isThisThread = (owner: Owner): boolean => isHere(owner) && owner.thread === ourselves().thread

/**
 * Whether the process of an entry has certainly ended. `false` where that cannot be told: in another namespace, where the
 * number means another process, and where processes are hidden.
 */
export function hasEnded({ pid, namespace, started }: Owner): boolean {
  const own = ourselves()
  if (namespace === '0' || namespace !== own.namespace) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return true
  }
  const stat = statOf(pid)
  if (stat === undefined) return false
  // Another start: the number was given to another process.
  return stat.isOver || (started !== '0' && own.started !== '0' && stat.started !== started)
}

/**
 * Whether the process of an entry is certainly there. A thread of it may have ended alone, so only the main one counts;
 * and an entry of this very thread is alive if the process is.
 */
export function isSurelyAlive(owner: Owner): boolean {
  const own = ourselves()
  if (isThisThread(owner)) return true
  if (owner.namespace === '0' || owner.namespace !== own.namespace || owner.thread !== 0) return false
  const stat = statOf(owner.pid)
  return stat !== undefined && !stat.isOver && owner.started !== '0' && stat.started === owner.started
}
