// What a check of a `KeyedLock` is made of.

import type { DistributedLock, KeyedLock, TryOptions } from './contract.js'

/**
 * A lock as the checks use it: they close it when they are done, if it can be closed. What it offers beyond `KeyedLock`, it
 * says by `offers`; if `guarantees.fifo` is `false`, its callers may be served in any order.
 */
export type LockClient = KeyedLock & Partial<DistributedLock>

/** What a client is opened with, where a check needs it. */
export interface LockClientOptions {
  /** How many may hold one key. */
  readonly capacity?: number
  /** What the holder is called. */
  readonly owner?: string
}

/**
 * Makes one client after another. All must share one engine, on which no other program uses keys that begin with `check`. Give
 * `options` to your constructor: without that, what needs them is not checked.
 */
export type OpenLockClient = (options?: LockClientOptions) => LockClient | Promise<LockClient>

/** What a check needs of a lock beyond `KeyedLock`, as its `offers` name it. */
export type LockAbility = 'shared' | 'capacity' | 'many' | 'inspect' | 'fifo'

/** One thing that a lock has to do. */
export interface KeyedLockCheck {
  /** What it shows, as a sentence without an end. */
  readonly name: string
  /** What the lock must offer for it. */
  readonly needs: readonly LockAbility[]
  /**
   * Rejects with an error that tells what was seen instead. Resolves to `undefined`, or to what the lock does not offer:
   * then nothing was checked.
   */
  run(open: OpenLockClient): Promise<LockAbility | undefined>
}

/** Opens one more client. */
export type OpenClient = (options?: LockClientOptions) => Promise<LockClient>

/** The body of a check of a lock that may have no more than a `KeyedLock` has. */
type Body = (client: OpenClient, key: string) => Promise<void>

/** The body of a check that is run where the lock offers what it needs. */
type FamilyBody = (client: (options?: LockClientOptions) => Promise<DistributedLock>, key: string) => Promise<void>

/** What a lock lacks of what a check needs. */
async function missing(client: OpenClient, needs: readonly LockAbility[]): Promise<LockAbility | undefined> {
  if (needs.length === 0) return undefined
  const lock = await client(needs.includes('inspect') ? { owner: 'alice' } : undefined)
  const counted = lock.offers?.capacity && needs.includes('capacity') ? await client({ capacity: CAPACITY }) : undefined
  const has: Record<LockAbility, boolean> = {
    shared: lock.offers?.modes.includes('shared') === true,
    capacity: counted?.capacity === CAPACITY,
    many: typeof lock.acquireMany === 'function',
    inspect: lock.offers?.inspect === true,
    fifo: lock.guarantees?.fifo === true
  }
  return needs.find(need => !has[need])
}

/** What locks are opened with to check their capacity. */
export const CAPACITY = 3

/** A check of what every lock has to do. */
export function check(name: string, body: Body): KeyedLockCheck {
  return checkOf(name, [], body)
}

/** A check of what a lock has to do if it offers it. */
export function checkIf(needs: readonly LockAbility[], name: string, body: FamilyBody): KeyedLockCheck {
  return checkOf(name, needs, body as Body)
}

function checkOf(name: string, needs: readonly LockAbility[], body: Body): KeyedLockCheck {
  return {
    name,
    needs,
    async run(open) {
      const clients: LockClient[] = []
      const client: OpenClient = async options => {
        const opened = await open(options)
        clients.push(opened)
        return opened
      }
      const close = () => Promise.all(clients.map(async opened => opened.close?.()))
      try {
        // One that takes no options gives none to its lock: the names of holders cannot be told apart.
        const lack = needs.includes('inspect') && open.length === 0 ? 'inspect' : await missing(client, needs)
        if (lack === undefined) await body(client, `check: ${name}`)
        await close()
        return lack
      } catch (error) {
        // What the failed check still holds keeps its client from closing. That is not waited for: it would hide the failure.
        void close().catch(() => {})
        throw error
      }
    }
  }
}

export function expect(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Error(what)
}

/**
 * What was begun, to be awaited later. Where a check ends before that, or is ended, a rejection harms no process: the check
 * has told what it saw.
 */
export function begun<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

/** What `promise` rejects with. */
export const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    value => Promise.reject(new Error(`it resolved to ${String(value)}, where it should have rejected`)),
    (reason: unknown) => reason
  )

/** What a call throws before it returns. */
export function thrownBy(call: () => unknown): unknown {
  try {
    // What comes back settles later: too late for the line that made the mistake.
    Promise.resolve(call()).catch(() => {})
    return undefined
  } catch (error) {
    return error
  }
}

export const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code

/** Lets everything else go on for a moment. */
export const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0))

export async function expectFree(lock: KeyedLock, key: string, options?: TryOptions): Promise<void> {
  const lease = await lock.tryAcquire(key, options)
  expect(lease !== undefined, 'the key should be free, and is taken')
  await lease.release()
}

export async function expectTaken(lock: KeyedLock, key: string, options?: TryOptions): Promise<void> {
  const lease = await lock.tryAcquire(key, options)
  await lease?.release()
  expect(lease === undefined, 'the key should be taken, and is free')
}
