// Sends the scripts of a lock to its server, and limits the time for each.

import { LONGEST_TIMER } from '../../core/cancellation.js'
import { SharedTimer, type Timer } from '../timers.js'
import { evalSha, evaluate, type RedisClient, waitForReplicas } from './client.js'
import { explain, messageOf, noAnswer } from './errors.js'
import { INSPECT, JOIN, LEAVE, RENEW_GROUP } from './group-scripts.js'
import { ACQUIRE, NAMES, RELEASE, RENEW, TRY, TRY_MANY } from './scripts.js'

/** All that the server is asked to run. */
export const SCRIPTS = {
  try: TRY,
  tryMany: TRY_MANY,
  acquire: ACQUIRE,
  release: RELEASE,
  renew: RENEW,
  join: JOIN,
  leave: LEAVE,
  renewGroup: RENEW_GROUP,
  inspect: INSPECT
}
type Script = keyof typeof SCRIPTS

/**
 * Runs the scripts, each within `timeout` ms. A command is not taken back when its time is over: whatever becomes of it, the
 * scripts can be sent again.
 */
export class RedisCommands {
  readonly #label: string
  readonly #client: RedisClient
  readonly #timeout: number
  readonly #timer: SharedTimer
  /** What the server calls the scripts, once it has been asked. */
  #names: Record<Script, string> | undefined

  constructor(label: string, client: RedisClient, timeout: number) {
    this.#label = label
    this.#client = client
    this.#timeout = timeout
    this.#timer = new SharedTimer(timeout)
  }

  /**
   * Sends a script, and rejects if the answer does not come in time. Resolves to what `read` makes of the answer.
   *
   * @param late is called instead of `read` for an answer that comes after that: no caller knows of what it says
   */
  run<T>(
    script: Script,
    keys: string[],
    args: string[],
    read: (answer: unknown) => T | PromiseLike<T>,
    late?: () => void
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false
      const expire = () => {
        isOver = true
        reject(noAnswer(this.#label, this.#timeout))
      }
      const alarm = this.#timer.add(expire, performance.now())
      const answered = (answer: unknown) => {
        if (isOver) {
          late?.()
          return
        }
        alarm.cancel()
        try {
          resolve(read(answer))
        } catch (error) {
          reject(error)
        }
      }
      const failed = (error: unknown) => {
        alarm.cancel()
        reject(explain(this.#label, error))
      }
      this.#evaluate(script, keys, args).then(answered, error => {
        if (isUnknown(error)) this.#evaluateWhole(script, keys, args).then(answered, failed)
        else failed(error)
      })
    })
  }

  /** Sends a script. The answer may take forever. */
  send(script: Script, keys: string[], args: string[]): Promise<unknown> {
    return this.#evaluate(script, keys, args).catch(error => {
      if (!isUnknown(error)) throw error
      return this.#evaluateWhole(script, keys, args)
    })
  }

  #evaluate(script: Script, keys: string[], args: string[]): Promise<unknown> {
    const names = this.#names
    if (names !== undefined) return evalSha(this.#client, names[script], keys, args)
    return this.#learn(keys).then(learnt => evalSha(this.#client, learnt[script], keys, args))
  }

  #evaluateWhole(script: Script, keys: string[], args: string[]): Promise<unknown> {
    return evaluate(this.#client, SCRIPTS[script], keys, args)
  }

  /** How many replicas have all that was written so far, asked for at most `ms`. */
  async replicas(least: number, ms: number): Promise<number> {
    const limit = Math.min(ms + this.#timeout, LONGEST_TIMER)
    let timer: Timer | undefined
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(noAnswer(this.#label, limit)), limit)
    })
    try {
      return Number(await Promise.race([waitForReplicas(this.#client, least, ms), tooLong]))
    } catch (error) {
      throw explain(this.#label, error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** The server can compute its name for a script, so the package needs no SHA-1. */
  async #learn(keys: string[]): Promise<Record<Script, string>> {
    const names = (await evaluate(this.#client, NAMES, keys.slice(0, 1), Object.values(SCRIPTS))) as string[]
    const learnt = Object.fromEntries(Object.keys(SCRIPTS).map((script, i) => [script, names[i]]))
    this.#names = learnt as Record<Script, string>
    return this.#names
  }
}

/** The server has been restarted, or has not seen this script yet. */
const isUnknown = (error: unknown): boolean => messageOf(error).startsWith('NOSCRIPT')
