// ioredis and node-redis behind one face, told apart by how they spell EVALSHA. Nothing of either is imported.

import { check } from '../../core/arguments.js'

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

export const isClient = (value: unknown): value is RedisClient =>
  typeof value === 'object' && value !== null && typeof (value as RedisClient).eval === 'function'

export const isSubscriber = (value: unknown): value is RedisSubscriber =>
  typeof value === 'object' && value !== null && typeof (value as RedisSubscriber).subscribe === 'function'

/** A cluster of either package: what is sent without a key goes to any of its nodes. */
export const isCluster = (client: object): boolean =>
  (client as { isCluster?: unknown }).isCluster === true || 'slots' in client

const isNodeRedis = (client: object): client is { evalSha: NodeRedisClient['evalSha'] } => 'evalSha' in client

/** Sends a script as a whole. */
export function evaluate(client: RedisClient, script: string, keys: string[], args: string[]): Promise<unknown> {
  return isNodeRedis(client)
    ? client.eval(script, { keys, arguments: args })
    : (client as IoredisClient).eval(script, keys.length, ...keys, ...args)
}

/** Sends the name that the server has for a script. */
export function evalSha(client: RedisClient, sha: string, keys: string[], args: string[]): Promise<unknown> {
  return isNodeRedis(client)
    ? client.evalSha(sha, { keys, arguments: args })
    : (client as IoredisClient).evalsha(sha, keys.length, ...keys, ...args)
}

/** How many replicas have what was written so far, in at most `ms`; absent if the client cannot ask. */
export function waitForReplicas(client: RedisClient, least: number, ms: number): Promise<unknown> | undefined {
  const { wait, sendCommand } = client as {
    wait?(least: number, ms: number): Promise<unknown>
    sendCommand?(args: string[]): Promise<unknown>
  }
  if (typeof wait === 'function') return wait.call(client, least, ms)
  // node-redis 4 has no method for it. `sendCommand` of ioredis is another one.
  if (!isNodeRedis(client) || typeof sendCommand !== 'function') return undefined
  return sendCommand.call(client, ['WAIT', String(least), String(ms)])
}

/** Whether `waitForReplicas` can ask. */
export const canWaitForReplicas = (client: RedisClient): boolean => {
  const { wait, sendCommand } = client as { wait?: unknown; sendCommand?: unknown }
  return typeof wait === 'function' || (isNodeRedis(client) && typeof sendCommand === 'function')
}

/** Calls `listener` with what comes on `channel`. Resolves to how to stop. */
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
  const stopListening = () => (subscriber as IoredisSubscriber).off('message', onMessage)
  subscriber.on('message', onMessage)
  try {
    await (subscriber as IoredisSubscriber).subscribe(channel)
  } catch (error) {
    stopListening()
    throw error
  }
  return () => {
    stopListening()
    return subscriber.unsubscribe(channel)
  }
}

/** `WAIT` has no key: a cluster would send it to any node, which knows nothing of what another has written. */
export function mustAnswerForReplicas(source: string, client: RedisClient): void {
  if (isCluster(client))
    throw new TypeError(
      `${source}: options.minReplicas must be 0 for a cluster: WAIT names no key, so a cluster asks any of its ` +
        'nodes. Guard the resource with the token of the lease'
    )
  check(canWaitForReplicas(client), source, 'client', 'one that can WAIT, because of options.minReplicas', client)
}
