/// <reference types="node" />
// Finding out about an entry by connecting to it: the one thing that a dead process cannot answer.

import { lstatSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Wait } from '../wait.js'
import { codeOf } from './errors.js'
import { addressOf, type Facts, hasLeft } from './place.js'

/**
 * - `refused`: its process has ended, or has closed it. That is forever.
 * - `alive`: it accepted, and was not waited for.
 * - `closed`: it accepted, and closed. It may still be there: a process without descriptors closes what it accepts.
 * - `busy`: too many wait for its answer.
 * - `missing`: it is not there any more.
 */
export type Meeting = 'refused' | 'alive' | 'closed' | 'busy' | 'missing'

const OUTCOMES: Readonly<Record<string, Meeting>> = {
  ECONNREFUSED: 'refused',
  EAGAIN: 'busy',
  ENOENT: 'missing',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  // A socket that no process can connect to is no entry.
  EPROTOTYPE: 'refused'
}

/**
 * What the answer of the system says about an entry. `undefined`: nothing. An entry that leaves takes all rights from its
 * socket before it closes, and between the two a user who is not root is denied, its owner included.
 */
function outcomeOf(folder: string, name: string, error: unknown): Meeting | undefined {
  const outcome = OUTCOMES[codeOf(error) ?? '']
  if (outcome !== undefined || codeOf(error) !== 'EACCES') return outcome
  try {
    const stat = lstatSync(join(folder, name), { throwIfNoEntry: false })
    if (stat === undefined) return 'missing'
    return hasLeft(stat) ? 'refused' : undefined
  } catch {
    return undefined
  }
}

/**
 * Connects to an entry, and with `wait` stays until it closes or the wait ends (`alive`). Rejects with what the system
 * says if that tells nothing about the entry.
 */
export function meet(folder: string, name: string, wait: Wait | undefined): Promise<Meeting> {
  return new Promise((resolve, reject) => {
    let path: ReturnType<typeof addressOf>
    try {
      path = addressOf(folder, name)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return resolve('missing')
      throw error
    }
    const { address, close } = path
    const socket = connect({ path: address })
    let stop = () => {}
    let settled = false
    const settle = (finish: () => void) => {
      if (settled) return
      settled = true
      stop()
      close()
      socket.destroy()
      finish()
    }
    socket
      .on('error', error => {
        const outcome = outcomeOf(folder, name, error)
        settle(() => (outcome === undefined ? reject(error) : resolve(outcome)))
      })
      // The end comes before the close, which takes some more turns of the event loop.
      .on('end', () => settle(() => resolve('closed')))
      .on('close', () => settle(() => resolve('closed')))
      .on('connect', () => wait === undefined && settle(() => resolve('alive')))
      .resume()
    if (wait !== undefined) stop = wait.onEnd(() => settle(() => resolve('alive')))
  })
}

/** For so long is an answer waited for, in ms: a process that is stopped gives none. */
const ANSWER_MS = 250

/** What the owner of an entry says of itself. `undefined`: it does not answer, or is not there any more. */
export function ask(folder: string, name: string): Promise<Facts | undefined> {
  return new Promise(resolve => {
    let path: ReturnType<typeof addressOf>
    try {
      path = addressOf(folder, name)
    } catch {
      return resolve(undefined)
    }
    const { address, close } = path
    const socket = connect({ path: address })
    let text = ''
    const settle = (facts: Facts | undefined) => {
      clearTimeout(timer)
      close()
      socket.destroy()
      resolve(facts)
    }
    const timer = setTimeout(() => settle(undefined), ANSWER_MS)
    socket
      .on('error', () => settle(undefined))
      .on('close', () => settle(undefined))
      .on('data', data => {
        text += data
        if (text.endsWith('\n')) settle(JSON.parse(text) as Facts)
      })
  })
}
