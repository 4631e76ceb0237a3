// ioredis and node-redis behind one face, told apart by how they spell EVALSHA. Nothing of either is imported.

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
  subscriber.on('message', onMessage)
  await (subscriber as IoredisSubscriber).subscribe(channel)
  return () => {
    ;(subscriber as IoredisSubscriber).off('message', onMessage)
    return subscriber.unsubscribe(channel)
  }
}
