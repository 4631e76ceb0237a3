// Sends the scripts of a lock to its server, and limits the time for each.

import { evalSha, evaluate, type RedisClient } from './client.js'
import { explain, messageOf, noAnswer } from './errors.js'
import { ACQUIRE, NAMES, RELEASE, RENEW } from './scripts.js'

type Script = 'acquire' | 'release' | 'renew'
const SCRIPTS: Record<Script, string> = { acquire: ACQUIRE, release: RELEASE, renew: RENEW }

/** Runs the scripts, each within `timeout` ms. */
export class RedisCommands {
  readonly #label: string
  readonly #client: RedisClient
  readonly #timeout: number
  /** What the server calls the scripts, once it has been asked. */
  #names: Record<Script, string> | undefined

  constructor(label: string, client: RedisClient, timeout: number) {
    this.#label = label
    this.#client = client
    this.#timeout = timeout
  }

  /** Sends a script, and rejects if the answer does not come in time. */
  run(script: Script, keys: string[], args: string[]): Promise<unknown> {
    return this.#inTime(this.send(script, keys, args), this.#timeout)
  }

  /** Sends a script. The answer may take forever. */
  send(script: Script, keys: string[], args: string[]): Promise<unknown> {
    const names = this.#names
    const answer = names
      ? evalSha(this.#client, names[script], keys, args)
      : this.#learn(keys).then(learnt => evalSha(this.#client, learnt[script], keys, args))
    return answer.catch(error => {
      // The server has been restarted, or has not seen this script yet.
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      return evaluate(this.#client, SCRIPTS[script], keys, args)
    })
  }

  /** How many replicas have all that was written so far, asked for at most `timeout` ms. */
  replicas(least: number, timeout: number): Promise<number> {
    const client = this.#client as { wait?(least: number, timeout: number): Promise<number> }
    return this.#inTime(client.wait?.(least, timeout) ?? Promise.resolve(0), timeout + this.#timeout)
  }

  /** The server can compute its name for a script, so the package needs no SHA-1. */
  async #learn(keys: string[]): Promise<Record<Script, string>> {
    const names = (await evaluate(this.#client, NAMES, keys.slice(0, 1), Object.values(SCRIPTS))) as string[]
    const learnt = Object.fromEntries(Object.keys(SCRIPTS).map((script, i) => [script, names[i]]))
    this.#names = learnt as Record<Script, string>
    return this.#names
  }

  /** A command is not taken back when its time is over: whatever becomes of it, the scripts can be sent again. */
  #inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(noAnswer(this.#label, ms)), ms)
      answer.then(
        value => {
          clearTimeout(timer)
          resolve(value)
        },
        error => {
          clearTimeout(timer)
          reject(explain(this.#label, error))
        }
      )
    })
  }
}
