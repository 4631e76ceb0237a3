// ioredis and node-redis behind one face, told apart by how they spell EVALSHA. Nothing of either is imported.

import { LockEngineError } from './contract.js'
import { ACQUIRE, NAMES, RELEASE, RENEW } from './redis-scripts.js'

/** What is needed of ioredis: a `Redis` or a `Cluster` fits. */
export interface IoredisClient {
  /** Runs a script. */
  eval(script: string, numkeys: number, ...args: string[]): Promise<unknown>
  /** Runs a script by its SHA-1. */
  evalsha(sha: string, numkeys: number, ...args: string[]): Promise<unknown>
}

/** What is needed of node-redis: a connected client or cluster fits. */
export interface NodeRedisClient {
  /** Runs a script. */
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  /** Runs a script by its SHA-1. */
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** A client of ioredis or of node-redis. */
export type RedisClient = IoredisClient | NodeRedisClient

/** An ioredis client that subscribes: a connection of its own, such as `client.duplicate()`. */
export interface IoredisSubscriber {
  /** Begins to listen. */
  subscribe(channel: string): Promise<unknown>
  /** Stops listening. */
  unsubscribe(channel: string): Promise<unknown>
  /** Hears messages. */
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  /** Hears them no more. */
  off(event: 'message', listener: (channel: string, message: string) => void): unknown
}

/** A node-redis client that subscribes: a connected one of its own, such as `client.duplicate()`. */
export interface NodeRedisSubscriber {
  /** Begins to listen. */
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  /** Stops listening. */
  unsubscribe(channel: string): Promise<unknown>
  /** Runs a script by its SHA-1. */
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** A second connection, of ioredis or of node-redis, on which messages arrive. */
export type RedisSubscriber = IoredisSubscriber | NodeRedisSubscriber

type Script = 'acquire' | 'release' | 'renew'
const SCRIPTS: Record<Script, string> = { acquire: ACQUIRE, release: RELEASE, renew: RENEW }

/** Runs the scripts, each within `patience` ms. @internal */
export class RedisScripts {
  readonly #label: string
  readonly #client: RedisClient
  readonly #patience: number
  /** What the server calls the scripts, once it has been asked. */
  #names: Record<Script, string> | undefined

  constructor(label: string, client: RedisClient, patience: number) {
    this.#label = label
    this.#client = client
    this.#patience = patience
  }

  run(script: Script, keys: string[], args: string[]): Promise<unknown> {
    const names = this.#names
    const answer = names
      ? evalSha(this.#client, names[script], keys, args)
      : this.#learn(keys).then(learnt => evalSha(this.#client, learnt[script], keys, args))
    return this.#inTime(answer, this.#patience, error => {
      // The server has been restarted, or has not seen this script yet.
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      return evaluate(this.#client, SCRIPTS[script], keys, args)
    })
  }

  /** How many replicas have all that was written so far, asked for at most `timeout` ms. */
  replicas(least: number, timeout: number): Promise<number> {
    const client = this.#client as { wait?(least: number, timeout: number): Promise<number> }
    return this.#inTime(client.wait?.(least, timeout) ?? Promise.resolve(0), timeout + this.#patience)
  }

  /** The server knows how to compute what it calls a script, so nobody else needs to. */
  async #learn(keys: string[]): Promise<Record<Script, string>> {
    const names = (await evaluate(this.#client, NAMES, keys.slice(0, 1), Object.values(SCRIPTS))) as string[]
    const learnt = Object.fromEntries(Object.keys(SCRIPTS).map((script, i) => [script, names[i]]))
    this.#names = learnt as Record<Script, string>
    return this.#names
  }

  /** A question is not taken back when its time is over: whatever becomes of it, the scripts can be asked again. */
  #inTime<T>(answer: Promise<T>, patience: number, retry?: (error: unknown) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const silence = () =>
        reject(
          new LockEngineError(
            'ERR_ENGINE_SILENT',
            `${this.#label}: the server has not answered within ${patience} ms. Look for a server that hangs, a ` +
              'slow script, or a connection that is down'
          )
        )
      const timer = setTimeout(silence, patience)
      const answered = (value: T) => {
        clearTimeout(timer)
        resolve(value)
      }
      const failed = (error: unknown) => {
        clearTimeout(timer)
        reject(explain(this.#label, error))
      }
      if (retry === undefined) answer.then(answered, failed)
      else answer.then(answered, error => Promise.resolve(error).then(retry).then(answered, failed))
    })
  }
}

const isNodeRedis = (client: object): client is { evalSha: NodeRedisClient['evalSha'] } => 'evalSha' in client

function evaluate(client: RedisClient, script: string, keys: string[], args: string[]): Promise<unknown> {
  return isNodeRedis(client)
    ? client.eval(script, { keys, arguments: args })
    : (client as IoredisClient).eval(script, keys.length, ...keys, ...args)
}

function evalSha(client: RedisClient, sha: string, keys: string[], args: string[]): Promise<unknown> {
  return isNodeRedis(client)
    ? client.evalSha(sha, { keys, arguments: args })
    : (client as IoredisClient).evalsha(sha, keys.length, ...keys, ...args)
}

/** Calls `listener` with what comes on `channel`. Resolves to how to stop. @internal */
export async function subscribe(
  subscriber: RedisSubscriber,
  channel: string,
  listener: (message: string) => void
): Promise<() => Promise<unknown>> {
  if (isNodeRedis(subscriber)) {
    await (subscriber as NodeRedisSubscriber).subscribe(channel, listener)
    return () => subscriber.unsubscribe(channel)
  }
  const onMessage = (from: string, message: string) => {
    if (from === channel) listener(message)
  }
  subscriber.on('message', onMessage)
  await (subscriber as IoredisSubscriber).subscribe(channel)
  return () => {
    ;(subscriber as IoredisSubscriber).off('message', onMessage)
    return subscriber.unsubscribe(channel)
  }
}

const messageOf = (error: unknown): string => String((error as { message?: unknown } | undefined)?.message ?? error)

/** Whether asking again later cannot help. @internal */
export const isFinal = (error: unknown): boolean =>
  !['ERR_ENGINE_SILENT', 'ERR_ENGINE_FAILED'].includes((error as LockEngineError).code)

function explain(label: string, error: unknown): LockEngineError {
  if (error instanceof LockEngineError) return error
  const message = messageOf(error)
  const options = { cause: error }
  if (message.includes('READONLY'))
    return new LockEngineError(
      'ERR_ENGINE_REPLICA',
      `${label}: this server is a replica, and cannot lock (${message}). Connect to the primary`,
      options
    )
  if (/NOPERM|unknown command/i.test(message))
    return new LockEngineError(
      'ERR_ENGINE_SCRIPT_REFUSED',
      `${label}: the server does not let this user run the script (${message}). Allow +eval +evalsha, the commands +time ` +
        '+get +mget +exists +set +del +pexpire +pttl +zadd +zrem +zrange +zscore +hset +hget +hdel +publish, the keys ~latchkey:* and ' +
        'the channels &latchkey:*',
      options
    )
  return new LockEngineError('ERR_ENGINE_FAILED', `${label}: the server could not be asked (${message})`, options)
}
