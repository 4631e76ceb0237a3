// `Semaphore.map`: results in order, no more at once than the permits allow, and an end that leaves nothing behind.

import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { LockCancelledError, LockClosedError, LockTimeoutError, type Permit, QueueFullError, Semaphore } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Deferred, deferred, flush, watch } from '../fixtures/settle.js'
import { expectMisuse, noWholeNumber, optionsWith, type Wrong, wrongAcquireOptions } from './misuse.js'

afterEach(() => {
  vi.useRealTimers()
})

/** Items that count what was pulled, and whether the iterator was told that no more is wanted. */
function counted(length: number, kind: 'sync' | 'async') {
  const seen = { pulled: 0, returned: 0 }
  const next = () => (seen.pulled < length ? { done: false, value: seen.pulled++ } : { done: true, value: undefined })
  const end = () => {
    seen.returned++
    return { done: true, value: undefined }
  }
  const items = (
    kind === 'sync'
      ? { [Symbol.iterator]: () => ({ next, return: end }) }
      : { [Symbol.asyncIterator]: () => ({ next: async () => next(), return: async () => end() }) }
  ) as Iterable<number>
  return { seen, items }
}

/** A mapper whose calls end when the test says so. */
function byHand() {
  const calls: Deferred<string>[] = []
  const state = { running: 0, most: 0 }
  const mapper = async () => {
    const call = deferred<string>()
    calls.push(call)
    state.most = Math.max(state.most, ++state.running)
    try {
      return await call.promise
    } finally {
      state.running--
    }
  }
  return { calls, state, mapper }
}

describe.each(['sync', 'async'] as const)('over an iterable that is %s', kind => {
  test('the results are in order, whatever the order in which they come', async () => {
    const { calls, mapper, state } = byHand()
    const { items, seen } = counted(3, kind)
    const semaphore = new Semaphore(3)
    const mapped = semaphore.map(items, mapper)
    await flush()
    calls[2]?.resolve('c')
    calls[0]?.resolve('a')
    await flush()
    calls[1]?.resolve('b')
    expect(await mapped).toEqual(['a', 'b', 'c'])
    expect([state.most, semaphore.available, seen]).toEqual([3, 3, { pulled: 3, returned: 0 }])
  })

  test('any items, any permits, any schedule: in order, within the bound, beside other holders', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.nat(12),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(4),
        async (s, length, capacity, asked, others) => {
          const semaphore = new Semaphore(capacity)
          const permits = Math.min(asked, capacity)
          let out = 0
          let most = 0
          const work = async (weight: number, label: string) => {
            out += weight
            most = Math.max(most, out)
            await s.schedule(Promise.resolve(), label)
            out -= weight
          }
          const beside = Array.from({ length: others }, () => semaphore.run(() => work(1, 'other')))
          const { items, seen } = counted(length, kind)
          const indices: number[] = []
          const mapped = semaphore.map(
            items,
            async (item, index, permit) => {
              indices.push(index)
              expect([permit.held, permit.permits]).toEqual([true, permits])
              expect(seen.pulled).toBeLessThanOrEqual(indices.length + 1)
              await work(permits, 'mapper')
              return item * 2
            },
            { permits }
          )
          const results = await s.waitFor(mapped)
          await s.waitFor(Promise.all(beside))
          const all = Array.from({ length }, (_, n) => n)
          expect(results).toEqual(all.map(n => n * 2))
          expect(indices).toEqual(all)
          expect(most).toBeLessThanOrEqual(capacity)
          expect([semaphore.available, semaphore.waiting]).toEqual([capacity, 0])
        }
      ),
      { numRuns: 200 }
    )
  })

  test('any failure at any time: nothing more is started, and every mapper has ended when it rejects', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(8),
        fc.constantFrom('reject', 'throw', 'abort'),
        async (s, capacity, failing, how) => {
          const semaphore = new Semaphore(capacity)
          const controller = new AbortController()
          const { items, seen } = counted(Infinity, kind)
          let running = 0
          let started = 0
          const mapper = (item: number) => {
            started++
            if (item === failing && how === 'throw') throw 'failed'
            return work(item)
          }
          const work = async (item: number) => {
            running++
            await s.schedule(Promise.resolve(), `mapper ${item}`)
            running--
            if (item === failing && how === 'reject') throw 'failed'
            if (item === failing) controller.abort('failed')
            return item
          }
          const { signal } = controller
          const mapped = watch(semaphore.map(items, mapper, { signal }).catch(reason => ({ reason, running, started })))
          while (mapped.state === 'pending') {
            await flush()
            if (s.count() > 0) await s.waitOne()
          }
          expect(mapped.value).toEqual({ reason: 'failed', running: 0, started })
          expect(seen.returned).toBe(1)
          expect(seen.pulled).toBeLessThanOrEqual(started + 1)
          expect([semaphore.available, semaphore.waiting]).toEqual([capacity, 0])
          expect(getEventListeners(signal, 'abort')).toEqual([])
          await flush()
          expect(mapped.value).toMatchObject({ started })
        }
      ),
      { numRuns: 200 }
    )
  })

  test('a mapper that throws at once stops it before the next item is pulled', async () => {
    const { items, seen } = counted(Infinity, kind)
    const thrown = () => {
      throw undefined
    }
    await expect(new Semaphore(5).map(items, thrown)).rejects.toBe(undefined)
    expect(seen).toEqual({ pulled: 1, returned: 1 })

    const semaphore = new Semaphore(1)
    const permit = semaphore.tryAcquire()
    const later = counted(Infinity, kind)
    const mapped = semaphore.map(later.items, thrown)
    await flush()
    permit?.release()
    await expect(mapped).rejects.toBe(undefined)
    expect(later.seen).toEqual({ pulled: 1, returned: 1 })
  })

  test('an empty one needs no permit', async () => {
    const semaphore = new Semaphore(1)
    semaphore.tryAcquire()
    expect(await semaphore.map(counted(0, kind).items, () => 1)).toEqual([])
  })

  test('no item is pulled for a signal that has aborted', async () => {
    const { items, seen } = counted(1, kind)
    const signal = AbortSignal.abort('early')
    await expect(new Semaphore(1).map(items, () => 1, { signal })).rejects.toBe('early')
    expect(seen).toEqual({ pulled: 0, returned: 0 })
  })

  test('an abort while an item waits for its permit ends the wait, and one after the last start changes nothing', async () => {
    const semaphore = new Semaphore(1)
    const controller = new AbortController()
    const { signal } = controller
    const { calls, mapper } = byHand()
    const waiting = watch(semaphore.map(counted(2, kind).items, mapper, { signal }))
    const last = byHand()
    const alone = new Semaphore(2).map(counted(2, kind).items, last.mapper, { signal })
    await flush()
    expect(semaphore.waiting).toBe(1)
    controller.abort('stop')
    await flush()
    expect([semaphore.waiting, waiting.state, calls.length]).toEqual([0, 'pending', 1])
    calls[0]?.resolve('done')
    for (const call of last.calls) call.resolve('done')
    await flush()
    expect(waiting).toMatchObject({ state: 'rejected', reason: 'stop' })
    expect(await alone).toEqual(['done', 'done'])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('what refuses or ends a wait for permits ends the map', async () => {
    vi.useFakeTimers()
    const error = async (act: (semaphore: Semaphore) => void, maxWaiting?: number, timeout?: number) => {
      const semaphore = new Semaphore(1, { maxWaiting })
      const permit = semaphore.tryAcquire()
      const { items, seen } = counted(3, kind)
      const mapped = watch(semaphore.map(items, () => 1, { timeout }))
      await vi.advanceTimersByTimeAsync(0)
      act(semaphore)
      await vi.advanceTimersByTimeAsync(5)
      expect(seen).toEqual({ pulled: 1, returned: 1 })
      permit?.release()
      expect([mapped.state, semaphore.waiting, semaphore.available]).toEqual(['rejected', 0, 1])
      return mapped.reason
    }
    expect(await error(semaphore => semaphore.cancelWaiters())).toBeInstanceOf(LockCancelledError)
    expect(await error(semaphore => void semaphore.close())).toBeInstanceOf(LockClosedError)
    expect(await error(() => {}, 0)).toBeInstanceOf(QueueFullError)
    expect(await error(() => {}, 1, 5)).toBeInstanceOf(LockTimeoutError)
  })

  test('a capacity that became too small for one call ends it', async () => {
    const semaphore = new Semaphore(2)
    const mapped = semaphore.map(counted(3, kind).items, () => semaphore.resize(1), { permits: 2 })
    await expect(mapped).rejects.toThrow(RangeError)
    expect(semaphore.available).toBe(1)
  })

  test('each mapper runs in the async context of the call', async () => {
    const context = new AsyncLocalStorage<string>()
    const semaphore = new Semaphore(1)
    const permit = semaphore.tryAcquire() as Permit
    const mapped = context.run('caller', () => semaphore.map(counted(3, kind).items, () => context.getStore()))
    await flush()
    context.run('releaser', () => permit.release())
    expect(await mapped).toEqual(['caller', 'caller', 'caller'])
  })
})

describe('iterators that misbehave', () => {
  test.each(['sync', 'async'])('one that throws ends it, and is not told to return: %s', async kind => {
    let returned = 0
    let pulled = 0
    const next = () => {
      if (pulled++ === 1) throw 'broken'
      return { done: false as const, value: pulled }
    }
    const end = () => {
      returned++
      return { done: true as const, value: undefined }
    }
    const items: Iterable<number> | AsyncIterable<number> =
      kind === 'sync'
        ? { [Symbol.iterator]: () => ({ next, return: end }) }
        : { [Symbol.asyncIterator]: () => ({ next: async () => next(), return: async () => end() }) }
    const semaphore = new Semaphore(2)
    const { calls, mapper } = byHand()
    const mapped = watch(semaphore.map(items, mapper))
    await flush()
    expect([mapped.state, calls.length, pulled, returned]).toEqual(['pending', 1, 2, 0])
    calls[0]?.resolve('ended')
    await flush()
    expect([mapped.reason, semaphore.available, returned]).toEqual(['broken', 2, 0])
  })

  test('one that cannot be opened, one whose return throws, one that returns no object', async () => {
    const semaphore = new Semaphore(1)
    const closed = {
      [Symbol.iterator]() {
        throw 'closed'
      }
    }
    await expect(semaphore.map(closed as never, () => 1)).rejects.toBe('closed')
    const badReturn = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false as const, value: 1 }),
        return() {
          throw 'from return'
        }
      })
    }
    await expect(semaphore.map(badReturn, () => Promise.reject('from the mapper'))).rejects.toBe('from the mapper')
    const odd = { [Symbol.iterator]: () => ({ next: () => 7 }) }
    await expect(semaphore.map(odd as never, () => 1)).rejects.toThrow(TypeError)
    expect(semaphore.available).toBe(1)
  })

  test('an abort does not wait for an async iterable that never yields', async () => {
    const controller = new AbortController()
    let returned = 0
    const silent: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          returned++
          return new Promise(() => {})
        }
      })
    }
    const semaphore = new Semaphore(1)
    const mapped = watch(semaphore.map(silent, () => 1, { signal: controller.signal }))
    await flush()
    // No permit is held while the source is slow.
    expect([mapped.state, semaphore.available]).toEqual(['pending', 1])
    controller.abort('enough')
    await flush()
    expect([mapped.state, mapped.reason, returned]).toEqual(['rejected', 'enough', 1])
  })

  test('it rejects once the iterator has ended as well', async () => {
    const end = deferred()
    const items = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false as const, value: 1 }),
        return: async () => {
          await end.promise
          return { done: true as const, value: undefined }
        }
      })
    }
    const failing = () => {
      throw 'failed'
    }
    const mapped = watch(new Semaphore(1).map(items, failing))
    await flush()
    expect(mapped.state).toBe('pending')
    end.resolve()
    await flush()
    expect(mapped.reason).toBe('failed')
  })

  test('an endless async generator runs its finally', async () => {
    const controller = new AbortController()
    let cleaned = false
    async function* endless() {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        cleaned = true
      }
    }
    const seen: number[] = []
    const mapped = new Semaphore(2).map(
      endless(),
      async n => {
        seen.push(n)
        if (n === 50) controller.abort('enough')
        await flush()
      },
      { signal: controller.signal }
    )
    await expect(mapped).rejects.toBe('enough')
    expect([cleaned, seen.at(-1)]).toEqual([true, 50])
  })
})

test('each option is read once, before the state is looked at', async () => {
  const reads: string[] = []
  const watched = (values: Record<string, unknown>) =>
    new Proxy(values, {
      get(target, name) {
        reads.push(String(name))
        return target[String(name)]
      }
    })
  const options = watched({ permits: 2, priority: 1, timeout: 5, signal: new AbortController().signal })
  expect(await new Semaphore(2).map([1, 2, 3], n => n, options)).toEqual([1, 2, 3])
  expect(reads.sort()).toEqual(['permits', 'priority', 'signal', 'timeout'])
})

test('a permit may be released early, and the priority is that of each wait', async () => {
  const semaphore = new Semaphore(1)
  const order: string[] = []
  const permit = semaphore.tryAcquire() as Permit
  const usual = semaphore.run(() => void order.push('usual'))
  const mapped = semaphore.map(
    [1],
    (_, __, own) => {
      order.push('mapped')
      own.release()
    },
    { priority: 1 }
  )
  permit.release()
  await Promise.all([usual, mapped])
  expect(order).toEqual(['mapped', 'usual'])
})

describe('misuse fails at the call', () => {
  const noIterable = [undefined, null, 7, true, {}, 'letters', { [Symbol.iterator]: 7 }, new Promise(() => {})]
  test.each([
    ...noIterable.map((value): Wrong => ['iterable', value, TypeError]),
    ...[undefined, null, 7, 'task', {}].map((value): Wrong => ['mapper', value, TypeError]),
    ...wrongAcquireOptions,
    ...noWholeNumber('options.permits', 1)
  ])('%s: %o', (...wrong) => {
    const semaphore = new Semaphore(2)
    const { items, seen } = counted(1, 'sync')
    const [argument, value] = wrong
    const mapper = vi.fn()
    const given = { iterable: items, mapper, options: {} as unknown }
    Object.assign(given, { [argument.split('.')[0] as string]: argument.includes('.') ? optionsWith(wrong) : value })
    expectMisuse(() => semaphore.map(given.iterable, given.mapper, given.options as never), wrong, semaphore)
    expect([seen.pulled, mapper.mock.calls.length]).toEqual([0, 0])
  })
})
