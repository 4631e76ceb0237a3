// Leading: of all processes that campaign for a key, the one that holds it leads.
//
//      campaigns ──granted──▶ leads: the task runs ──it ends────▶ resigned: the campaign is over
//          ▲                     │
//          └── the task ended ◀──┴── the lease is lost
//
// A process that was stopped goes on where it stood, and another one may lead by then. So a task looks at `isLeader` before
// each step that must not be done by two; it asks both clocks, whereas a signal tells a listener once timers run.

import { check, checkFunction, checkObject } from '../core/arguments.js'
import { LONGEST_TIMER } from '../core/cancellation.js'
import { invokeCallback } from '../core/observer.js'
import { type AnySignal, anySignal } from './any-signal.js'
import type { DistributedLock, KeyedLock, KeyHolder, Lease } from './contract.js'
import { mustBeMs } from './options.js'

/** One time of leading, as its task sees it. */
export interface Term {
  /** The hold on the key. Its token guards what the task writes. */
  readonly lease: Lease
  /** Whether this process leads now, by both clocks: `lease.held`. Look before each step that two must not do. */
  readonly isLeader: boolean
  /** Aborts when the term is over: the lease is lost, or the campaign was aborted. The task should end then. */
  readonly signal: AbortSignal
}

/** How a process campaigns. */
export interface CampaignOptions {
  /** Resigns when it aborts: the task is told by its own signal, and the campaign resolves once it has ended. */
  signal?: AbortSignal | undefined
  /** How long to wait after an error of the engine, in ms, with jitter of a half to both sides. Default `1000`. */
  pause?: number | undefined
  /** Is called with `true` when a term begins and with `false` when it is over, which may be before the task has ended. */
  onChange?: ((isLeader: boolean) => void) | undefined
  /** Is called with each error of the engine, after which the campaign goes on. */
  onError?: ((error: unknown) => void) | undefined
}

const CAMPAIGN = 'campaign'

/**
 * Runs `task` while this process leads: while it holds `key`. When the lease is lost it waits until the task has ended, and
 * campaigns again; so two tasks of one campaign never run at the same time. Resolves to what the task returned, once one
 * has ended without having lost its lease: it has resigned.
 *
 * *Cancellation*: an abort of `signal` resigns. While it waits, the campaign resolves to `undefined` at once; while it leads,
 * the task is told, and the campaign resolves to what it returns, once the key was given back. A task that was told may end
 * by rejecting with the reason of its signal, or with an `AbortError`: that is no failure, and resolves to `undefined`.
 *
 * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what the task threw, and with what
 * `close` of the lock was given. Errors of the engine do not end it: it tries again after `pause`.
 *
 * @example
 * ```ts
 * import { campaign, InProcessLock } from 'latchkey/distributed'
 *
 * const lock = new InProcessLock() // or a lock that many processes share
 * const steps = await campaign(lock, 'scheduler', async term => {
 *   let steps = 0
 *   while (term.isLeader && steps < 3) {
 *     await Promise.resolve() // one step of the work
 *     steps++
 *   }
 *   return steps
 * })
 * console.log(steps) // → 3
 * ```
 */
export function campaign<T>(
  lock: Pick<KeyedLock, 'acquire'>,
  key: string,
  task: (term: Term) => T | PromiseLike<T>,
  options: CampaignOptions = {}
): Promise<T | undefined> {
  check(typeof (lock as KeyedLock | null)?.acquire === 'function', CAMPAIGN, 'lock', 'a KeyedLock', lock)
  check(typeof key === 'string', CAMPAIGN, 'key', 'a string', key)
  checkFunction(CAMPAIGN, 'task', task)
  checkObject(CAMPAIGN, 'options', options)
  const { signal, pause = 1000, onChange, onError } = options
  checkSignal(CAMPAIGN, signal)
  mustBeMs(CAMPAIGN, 'options.pause', pause, 0)
  if (onChange !== undefined) checkFunction(CAMPAIGN, 'options.onChange', onChange)
  if (onError !== undefined) checkFunction(CAMPAIGN, 'options.onError', onError)
  return run(lock, key, task, { signal, pause, onChange, onError })
}

type Settings = CampaignOptions & { pause: number }

async function run<T>(
  lock: Pick<KeyedLock, 'acquire'>,
  key: string,
  task: (term: Term) => T | PromiseLike<T>,
  { signal, pause, onChange, onError }: Settings
): Promise<T | undefined> {
  while (!signal?.aborted) {
    const acquiring = lock.acquire(key, { signal }) // what is wrong with the arguments is thrown here
    let lease: Lease
    try {
      lease = await acquiring
    } catch (error) {
      if (signal?.aborted) break
      if (isFinal(lock, error)) throw error
      invokeCallback(() => onError?.(error))
      await sleep(pause * (0.5 + Math.random()), signal)
      continue
    }
    const ending = await lead(lease, task, signal, onChange)
    if (ending !== undefined) return ending.result
  }
  return undefined
}

/** One term. `undefined`: its lease was lost, or its task was told to end and rejected. */
async function lead<T>(
  lease: Lease,
  task: (term: Term) => T | PromiseLike<T>,
  signal: AbortSignal | undefined,
  onChange: CampaignOptions['onChange']
): Promise<{ result: T } | undefined> {
  const ends: AnySignal = anySignal(signal === undefined ? [lease.signal] : [lease.signal, signal])
  let isTold = false
  const tellOver = () => {
    if (isTold) invokeCallback(() => onChange?.(false))
    isTold = false
  }
  try {
    if (ends.signal.aborted) return undefined
    isTold = true
    invokeCallback(() => onChange?.(true))
    lease.signal.addEventListener('abort', tellOver)
    const term: Term = {
      lease,
      get isLeader() {
        return lease.held
      },
      signal: ends.signal
    }
    const result = await task(term)
    return lease.signal.aborted ? undefined : { result }
  } catch (error) {
    if (ends.signal.aborted && isReasonOf(error, ends.signal)) return undefined
    throw error
  } finally {
    ends.end()
    lease.signal.removeEventListener('abort', tellOver)
    await lease.release()
    tellOver()
  }
}

/** What a task that was told to end rejects with. */
const isReasonOf = (error: unknown, { reason }: AbortSignal): boolean =>
  error === reason || (error as { name?: unknown } | null)?.name === 'AbortError'

/** Whether the lock will never grant anything: it is closed, or was asked for what it does not have. */
function isFinal(lock: object, error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  const isClosed = (lock as { closed?: unknown }).closed === true
  return isClosed || code === 'ERR_LOCK_CLOSED' || code === 'ERR_ENGINE_UNSUPPORTED'
}

/** Resolves after `ms`, or when `signal` aborts. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const wake = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, Math.min(ms, LONGEST_TIMER))
    signal?.addEventListener('abort', wake)
    if (signal?.aborted) wake()
  })
}

function checkSignal(source: string, signal: unknown): void {
  const isSignal = typeof (signal as AbortSignal | null)?.addEventListener === 'function'
  check(signal === undefined || isSignal, source, 'options.signal', 'an AbortSignal', signal)
}

/** How a key is observed. */
export interface ObserveOptions {
  /** Ends the iteration when it aborts. */
  signal?: AbortSignal | undefined
  /** How long to wait between two looks, in ms, with jitter of a half to both sides. Default `1000`. */
  interval?: number | undefined
  /** Is called with each error of the engine, after which it is asked again. Until then, what was told last may be old. */
  onError?: ((error: unknown) => void) | undefined
}

const OBSERVE = 'observe'

/**
 * Who holds `key` now (`undefined`: no caller), and then each change: for those that want to know the leader, and do not
 * campaign. It looks from time to time, so a holder that comes and goes between two looks is not seen.
 *
 * *Cancellation*: an abort of `signal` ends the iteration, as leaving the loop does.
 *
 * @throws TypeError or RangeError, at the call, for a wrong argument, and `LockEngineError` with `ERR_ENGINE_UNSUPPORTED`
 * where the engine cannot tell. Iterating rejects with what `close` of the lock was given.
 *
 * @example
 * ```ts
 * import { InProcessLock, observe } from 'latchkey/distributed'
 *
 * const lock = new InProcessLock({ owner: 'alice' })
 * const lease = await lock.acquire('scheduler')
 * for await (const leader of observe(lock, 'scheduler')) {
 *   console.log(leader?.owner) // → alice
 *   break
 * }
 * await lease.release()
 * ```
 */
export function observe(
  lock: Pick<DistributedLock, 'inspect'>,
  key: string,
  options: ObserveOptions = {}
): AsyncIterable<KeyHolder | undefined> {
  check(typeof (lock as DistributedLock | null)?.inspect === 'function', OBSERVE, 'lock', 'a DistributedLock', lock)
  check(typeof key === 'string', OBSERVE, 'key', 'a string', key)
  checkObject(OBSERVE, 'options', options)
  const { signal, interval = 1000, onError } = options
  checkSignal(OBSERVE, signal)
  mustBeMs(OBSERVE, 'options.interval', interval, 1)
  if (onError !== undefined) checkFunction(OBSERVE, 'options.onError', onError)
  const { offers } = lock as Partial<DistributedLock>
  if (offers?.inspect === false) void lock.inspect(key) // throws, and says why
  return { [Symbol.asyncIterator]: () => look(lock, key, interval, signal, onError) }
}

async function* look(
  lock: Pick<DistributedLock, 'inspect'>,
  key: string,
  interval: number,
  signal: AbortSignal | undefined,
  onError: ObserveOptions['onError']
): AsyncGenerator<KeyHolder | undefined, void> {
  let last: { holder: KeyHolder | undefined } | undefined
  while (!signal?.aborted) {
    try {
      const holder = await lock.inspect(key)
      if (signal?.aborted) return
      if (last === undefined || !isSame(last.holder, holder)) {
        last = { holder }
        yield holder
      }
    } catch (error) {
      if (isFinal(lock, error)) throw error
      invokeCallback(() => onError?.(error))
    }
    await sleep(interval * (0.5 + Math.random()), signal)
  }
}

/** Whether it is one and the same time of holding. */
function isSame(one: KeyHolder | undefined, other: KeyHolder | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  const hasTokens = one.token !== undefined && other.token !== undefined
  return one.owner === other.owner && (hasTokens ? one.token === other.token : +one.since === +other.since)
}
