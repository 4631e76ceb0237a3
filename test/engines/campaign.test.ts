// Leading: terms that follow each other, what ends a campaign, and what does not.

import { LockClosedError } from 'latchkey'
import {
  type CampaignOptions,
  campaign,
  type EngineGrant,
  EngineLock,
  type Guarantees,
  InProcessLock,
  type KeyHolder,
  LockEngineError,
  observe,
  type Term
} from 'latchkey/distributed'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Losable } from '../../src/engines/losable.js'

/** An engine whose grants can be lost, and which can fail. */
class FragileLock extends EngineLock<string> {
  readonly guarantees: Guarantees = { fifo: true, fencing: true, survives: [] }
  readonly held: Losable[] = []
  failures: unknown[] = []
  grants = 0n
  shown: KeyHolder | undefined
  constructor() {
    super('FragileLock')
  }
  protected keyId(key: string) {
    return key
  }
  protected async acquireKey(): Promise<EngineGrant> {
    if (this.failures.length > 0) throw this.failures.shift()
    const validity = new Losable()
    this.held.push(validity)
    return { owner: 'fragile', token: ++this.grants, validity, release: async () => true }
  }
  protected override async inspectKey() {
    if (this.failures.length > 0) throw this.failures.shift()
    return this.shown ? [this.shown] : []
  }
  protected async disconnect() {}
  lose() {
    this.held.at(-1)?.invalidate({ why: 'a test took it' })
  }
}

const outOfOrder = () => new LockEngineError('ERR_ENGINE_FAILED', 'out of order')
const flush = () => new Promise(resolve => setImmediate(resolve))
const aborted = ({ signal }: Pick<Term, 'signal'>) =>
  new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a campaign', () => {
  test('runs the task while it leads, and ends with what the task returns', async () => {
    const lock = new InProcessLock()
    const changes: boolean[] = []
    const task = vi.fn(({ isLeader, lease }: Term) => [isLeader, lease.held, lease.key])
    expect(await campaign(lock, 'k', task, { onChange: leads => changes.push(leads) })).toEqual([true, true, 'k'])
    expect(task).toHaveBeenCalledOnce()
    expect(changes).toEqual([true, false])
    expect(await lock.tryAcquire('k')).toBeDefined()
  })

  test('of two, one leads; the other follows when it resigns', async () => {
    const lock = new InProcessLock()
    const stop = new AbortController()
    const events: string[] = []
    const first = campaign(
      lock,
      'k',
      async term => {
        events.push('first leads')
        await aborted(term)
        events.push(`first ends, ${term.isLeader}`)
      },
      { signal: stop.signal }
    )
    const second = campaign(lock, 'k', () => void events.push('second leads'))
    await flush()
    expect(events).toEqual(['first leads'])
    stop.abort('shutdown')
    await Promise.all([first, second])
    expect(events).toEqual(['first leads', 'first ends, true', 'second leads'])
  })

  test('waits for the task when the lease is lost, and campaigns again', async () => {
    const lock = new FragileLock()
    const events: unknown[] = []
    let finish = () => {}
    let terms = 0
    const running = campaign(
      lock,
      'k',
      async term => {
        terms++
        events.push(term.lease.token)
        if (terms === 3) return 'done'
        await aborted(term)
        events.push(`lost, ${term.isLeader}`)
        await new Promise<void>(resolve => {
          finish = resolve
        })
        if (terms === 2) throw term.signal.reason // that is how a task ends that was told to
        return 'too late'
      },
      { onChange: leads => events.push(leads) }
    )
    for (const term of [1n, 2n]) {
      await flush()
      expect(events.splice(0)).toEqual([true, term])
      lock.lose()
      await flush()
      expect(events.splice(0)).toEqual([false, `lost, false`])
      finish()
    }
    expect(await running).toBe('done')
    expect(events).toEqual([true, 3n, false])
  })

  test('a signal that aborts while it waits ends it at once', async () => {
    const lock = new InProcessLock()
    const lease = await lock.acquire('k')
    const stop = new AbortController()
    const task = vi.fn()
    const running = campaign(lock, 'k', task, { signal: stop.signal })
    await flush()
    stop.abort(new Error('shutdown'))
    expect(await running).toBeUndefined()
    expect(await campaign(lock, 'k', task, { signal: stop.signal })).toBeUndefined()
    expect(task).not.toHaveBeenCalled()
    await lease.release()
    expect(lock.waiting).toBe(0)
  })

  test('an AbortError of a task that was told to end is no failure; any other error is', async () => {
    const lock = new InProcessLock()
    for (const [error, isFailure] of [
      [new DOMException('aborted', 'AbortError'), false],
      [new Error('broken'), true]
    ] as const) {
      const stop = new AbortController()
      const running = campaign(
        lock,
        'k',
        async () => {
          stop.abort()
          throw error
        },
        { signal: stop.signal }
      )
      if (isFailure) await expect(running).rejects.toBe(error)
      else expect(await running).toBeUndefined()
    }
    // Nobody told it to end.
    const early = campaign(lock, 'k', () => Promise.reject(new DOMException('aborted', 'AbortError')))
    await expect(early).rejects.toThrow('aborted')
    expect(await lock.tryAcquire('k')).toBeDefined()
  })

  test('goes on after errors of the engine, with a pause', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const lock = new FragileLock()
    lock.failures = [outOfOrder(), outOfOrder()]
    const errors: unknown[] = []
    const running = campaign(lock, 'k', () => 7, { pause: 100, onError: error => errors.push(error) })
    await vi.advanceTimersByTimeAsync(99)
    expect(errors).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(errors).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(100)
    expect(await running).toBe(7)
    vi.restoreAllMocks()
  })

  test('an abort ends the pause', async () => {
    const lock = new FragileLock()
    lock.failures = [outOfOrder()]
    const stop = new AbortController()
    const running = campaign(lock, 'k', () => 7, { pause: 100_000, signal: stop.signal })
    await flush()
    stop.abort()
    expect(await running).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ends with the lock, and with what is never going to be', async () => {
    const lock = new InProcessLock()
    const lease = await lock.acquire('k')
    const running = campaign(lock, 'k', () => 7)
    await flush()
    const closing = lock.close()
    await expect(running).rejects.toThrow(LockClosedError)
    await lease.release()
    await closing
    const refused = new LockEngineError('ERR_ENGINE_UNSUPPORTED', 'never')
    await expect(campaign({ acquire: () => Promise.reject(refused) }, 'k', () => 7)).rejects.toBe(refused)
  })

  test('leaves no listener behind, term after term', async () => {
    const lock = new FragileLock()
    const stop = new AbortController()
    const listeners = new Set<unknown>()
    const { signal } = stop
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners.add(args[1])
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners.delete(args[1])
      remove(...args)
    }
    let terms = 0
    await campaign(
      lock,
      'k',
      async () => {
        if (++terms < 20) lock.lose()
      },
      { signal }
    )
    expect(terms).toBe(20)
    expect(listeners.size).toBe(0)
  })

  test('misuse throws at the call', () => {
    const lock = new InProcessLock()
    const wrong: [() => unknown, RegExp][] = [
      [() => campaign(undefined as never, 'k', () => {}), /campaign: lock must be a KeyedLock/],
      [() => campaign(lock, 7 as never, () => {}), /campaign: key must be a string/],
      [() => campaign(lock, 'k', 7 as never), /campaign: task must be a function/],
      [() => campaign(lock, 'k', () => {}, { pause: -1 }), /campaign: options.pause/],
      [() => campaign(lock, 'k', () => {}, { signal: 7 } as unknown as CampaignOptions), /options.signal/],
      [() => campaign(lock, 'k', () => {}, { onChange: 7 } as unknown as CampaignOptions), /options.onChange/],
      [() => observe({} as never, 'k'), /observe: lock must be a DistributedLock/],
      [() => observe(lock, 7 as never), /observe: key must be a string/],
      [() => observe(lock, 'k', { interval: 0 }), /observe: options.interval/]
    ]
    for (const [call, why] of wrong) expect(call).toThrow(why)
  })
})

describe('observing', () => {
  const holder = (owner: string, token: bigint): KeyHolder => ({ owner, token, since: new Date(0), mode: 'exclusive' })

  test('tells who holds, and each change once', async () => {
    const lock = new FragileLock()
    const stop = new AbortController()
    const seen: (string | undefined)[] = []
    const errors: unknown[] = []
    const watching = (async () => {
      const options = { signal: stop.signal, interval: 100, onError: (error: unknown) => errors.push(error) }
      for await (const leader of observe(lock, 'k', options)) seen.push(leader && `${leader.owner} ${leader.token}`)
    })()
    for (const shown of [undefined, holder('a', 1n), holder('a', 1n), holder('a', 2n), undefined]) {
      lock.shown = shown
      await vi.advanceTimersByTimeAsync(150)
    }
    lock.failures = [outOfOrder()]
    lock.shown = holder('b', 3n)
    await vi.advanceTimersByTimeAsync(300)
    expect(seen).toEqual([undefined, 'a 1', 'a 2', undefined, 'b 3'])
    expect(errors).toHaveLength(1)
    stop.abort()
    await watching
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ends with the lock', async () => {
    const lock = new FragileLock()
    await lock.close()
    const iterator = observe(lock, 'k')[Symbol.asyncIterator]()
    await expect(iterator.next()).rejects.toThrow(LockClosedError)
  })
})
