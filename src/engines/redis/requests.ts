// What is asked of the server for a key that is held alone, and for one that is held together with others.

import type { RedisCommands } from './commands.js'
import { groupKeysOf, joinKeysOf } from './group-scripts.js'
import { WAITER_TTL_MS } from './script-parts.js'
import { allKeysOf, columnsOf, keysOf, tryKeysOf } from './scripts.js'

/** A grant with its token; for how long (ms) nothing is going to happen by itself; or how many others let hold the key. */
export type Answer = { readonly token: bigint } | { readonly left: number } | { readonly limit: number }

type Read<T> = (answer: Answer) => T | PromiseLike<T>

/** How long things last, in ms. */
export interface Durations {
  readonly lease: number
  /** Of the last token, after the lease. */
  readonly memory: number
}

/** How keys are asked for that are held in one way. An owner is one holder or waiter. */
export abstract class Requests {
  protected readonly commands: RedisCommands
  /** Lease and memory, as the server keeps them. */
  protected readonly columns: string
  /** Both together. */
  protected readonly lifetime: string
  /** How long the token is remembered after a release, if that is shorter than what is left then. */
  protected readonly memory: readonly string[]
  readonly #limit: string

  /** @param limit how many may hold a key together: `'0'` for any number, and `''` for one that holds it alone */
  constructor(commands: RedisCommands, { lease, memory }: Durations, limit: string) {
    this.commands = commands
    this.columns = columnsOf(lease, memory)
    this.lifetime = String(lease + memory)
    this.memory = memory < lease ? [String(memory)] : []
    this.#limit = limit
  }

  /** Takes a key that is probably free. `left: 0`: it has to be asked for. `late`: the answer comes after it was rejected. */
  abstract try<T>(id: string, owner: string, read: Read<T>, late?: () => void): Promise<T>

  /** Takes all of several keys if they clearly are free, or none. */
  abstract tryMany(
    ids: readonly string[],
    owners: readonly string[],
    late?: () => void
  ): Promise<readonly bigint[] | undefined>

  /** Asks for a key in any state. `ttl`: for how long I am believed to wait, in ms; `0`: I do not. */
  ask<T>(id: string, owner: string, ttl: number, read: Read<T>, late?: () => void): Promise<T> {
    const settings = [owner, this.columns, this.lifetime, String(ttl), this.#limit]
    return this.commands.run('acquire', allKeysOf(id), settings, answer => read(answerOf(answer)), late)
  }

  /** Whether I still hold. Takes as long as the answer. */
  abstract renew(id: string, owner: string): Promise<boolean>

  /** Gives up what I hold, and my place in the queue. Whether I held. */
  abstract release(id: string, owner: string): Promise<boolean>
}

/** For keys that are held alone. */
export class ExclusiveRequests extends Requests {
  constructor(commands: RedisCommands, durations: Durations) {
    super(commands, durations, '')
  }

  try<T>(id: string, owner: string, read: Read<T>, late?: () => void): Promise<T> {
    const settings = [owner, this.columns, this.lifetime]
    return this.commands.run('try', tryKeysOf(id), settings, answer => read(answerOf(answer)), late)
  }

  tryMany(
    ids: readonly string[],
    owners: readonly string[],
    late?: () => void
  ): Promise<readonly bigint[] | undefined> {
    const settings = [this.columns, this.lifetime, ...owners]
    return this.commands.run('tryMany', ids.flatMap(tryKeysOf), settings, tokensOf, late)
  }

  async renew(id: string, owner: string): Promise<boolean> {
    return isOne(await this.commands.send('renew', [id], [owner, this.lifetime]))
  }

  release(id: string, owner: string): Promise<boolean> {
    return this.commands.run('release', keysOf(id), [owner, ...this.memory], isOne)
  }
}

/** For keys that several hold together. */
export class GroupRequests extends Requests {
  readonly #settings: readonly string[]
  readonly #lease: string
  readonly #released: readonly string[]

  /** @param limit how many may hold a key, `0` for any number */
  constructor(commands: RedisCommands, durations: Durations, limit: number) {
    super(commands, durations, String(limit))
    this.#settings = [this.columns, this.lifetime, String(limit)]
    this.#lease = String(durations.lease)
    // A release is remembered in case it is sent again, but not for longer than anything else is.
    this.#released = [String(Math.min(durations.memory, WAITER_TTL_MS)), ...this.memory]
  }

  try<T>(id: string, owner: string, read: Read<T>, late?: () => void): Promise<T> {
    return this.commands.run('join', joinKeysOf(id), [...this.#settings, owner], answer => read(answerOf(answer)), late)
  }

  tryMany(
    ids: readonly string[],
    owners: readonly string[],
    late?: () => void
  ): Promise<readonly bigint[] | undefined> {
    return this.commands.run('join', ids.flatMap(joinKeysOf), [...this.#settings, ...owners], tokensOf, late)
  }

  async renew(id: string, owner: string): Promise<boolean> {
    const settings = [owner, this.#lease, this.lifetime]
    return isOne(await this.commands.send('renewGroup', [id, ...groupKeysOf(id)], settings))
  }

  release(id: string, owner: string): Promise<boolean> {
    return this.commands.run('leave', allKeysOf(id), [owner, ...this.#released], isOne)
  }
}

/** Some clients can be told to return numbers as strings, so a token says that it is one. */
function answerOf(answer: unknown): Answer {
  const text = String(answer)
  if (text.startsWith('t')) return { token: tokenOf(text) }
  if (text.startsWith('m')) return { limit: Number(text.slice(1)) }
  return { left: Number(text) }
}

/** The answer for one key is that key's. */
function tokensOf(answer: unknown): readonly bigint[] | undefined {
  const texts = (Array.isArray(answer) ? answer : [answer]).map(String)
  return texts[0]?.startsWith('t') ? texts.map(tokenOf) : undefined
}

const tokenOf = (text: string): bigint => BigInt(text.slice(1))

const isOne = (answer: unknown): boolean => Number(answer) === 1
