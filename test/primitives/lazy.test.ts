// What a Lazy does, as examples. Who waits, leaves and is turned away is the engine's, shared with SingleFlight: its
// tests go further there, and those here show that Lazy is on it.

import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import {
  Lazy,
  LockCancelledError,
  LockClosedError,
  type LockObserver,
  LockTimeoutError,
  QueueFullError
} from 'latchkey'
import { describe, expect, test, vi } from 'vitest'
import { expectNoLeftovers } from '../fixtures/leftovers.js'
import { type Deferred, deferred, flush, watch } from '../fixtures/settle.js'

expectNoLeftovers()

/** A factory each of whose runs ends when the test says so. */
function factoryOf<T>() {
  const runs: (Deferred<T> & { signal: AbortSignal })[] = []
  const factory = (signal: AbortSignal) => {
    const run = { ...deferred<T>(), signal }
    runs.push(run)
    return run.promise
  }
  return { runs, factory }
}

describe('the value', () => {
  test('is made at the first get, and shared by all', async () => {
    const { runs, factory } = factoryOf<object>()
    const lazy = new Lazy(factory)
    expect(runs).toEqual([])
    const all = [lazy.get(), lazy.get()]
    expect([runs.length, lazy.waiting, lazy.ready]).toEqual([1, 2, false])
    const value = {}
    runs[0]!.resolve(value)
    for (const seen of [...(await Promise.all(all)), await lazy.get(), lazy.peek()]) expect(seen).toBe(value)
    expect([runs.length, lazy.waiting, lazy.ready]).toEqual([1, 0, true])
    expect(runs[0]!.signal.aborted).toBe(false)
  })

  test('may be undefined, or any other that looks like nothing', async () => {
    for (const value of [undefined, null, 0, '', false, Number.NaN]) {
      const factory = vi.fn(() => value)
      const lazy = new Lazy(factory)
      expect([lazy.ready, lazy.peek()]).toEqual([false, undefined])
      expect(await Promise.all([lazy.get(), lazy.get()])).toEqual([value, value])
      expect([await lazy.get(), lazy.ready, lazy.peek()]).toEqual([value, true, value])
      expect(factory).toHaveBeenCalledTimes(1)
    }
  })

  test('may come at once, or from any thenable, which is asked once (G6)', async () => {
    expect(await new Lazy(() => 'plain').get()).toBe('plain')
    const then = vi.fn((resolve: (value: number) => void) => resolve(7))
    const lazy = new Lazy(() => ({ then }) as unknown as PromiseLike<number>)
    expect([await lazy.get(), await lazy.get(), lazy.peek()]).toEqual([7, 7, 7])
    expect(then).toHaveBeenCalledTimes(1)
  })

  test('the factory starts before get returns, in the context of its caller (G8)', async () => {
    const storage = new AsyncLocalStorage<string>()
    const lazy = new Lazy(() => storage.getStore())
    const first = storage.run('first', () => lazy.get())
    const second = storage.run('second', () => lazy.get())
    expect(await Promise.all([first, second])).toEqual(['first', 'first'])
  })
})

describe('a factory that fails', () => {
  test('is tried again by the next caller; all who waited get the error, unchanged (G6)', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory)
    for (const [n, error] of [new Error('no'), undefined, 0].entries()) {
      const all = [lazy.get(), lazy.get()].map(watch)
      runs[n]!.reject(error)
      await flush()
      for (const { state, reason } of all) expect([state, reason]).toEqual(['rejected', error])
      expect(all[0]!.reason).toBe(error)
      expect([lazy.ready, lazy.waiting, runs.length]).toEqual([false, 0, n + 1])
    }
    const last = lazy.get()
    runs[3]!.resolve('at last')
    expect([await last, await lazy.get(), runs.length]).toEqual(['at last', 'at last', 4])
  })

  test('also where it throws at once', async () => {
    let failing = true
    const lazy = new Lazy(() => {
      if (failing) throw new Error('not yet')
      return 'there'
    })
    await expect(lazy.get()).rejects.toThrow('not yet')
    failing = false
    expect(await lazy.get()).toBe('there')
  })
})

describe('leaving', () => {
  test('a caller leaves alone, even the first one (G5)', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory, { name: 'db' })
    const controller = new AbortController()
    const left = [lazy.get({ signal: controller.signal }), lazy.get({ timeout: 5 })].map(watch)
    const stays = lazy.get()
    controller.abort('bye')
    vi.advanceTimersByTime(5)
    expect([lazy.waiting, runs[0]!.signal.aborted, getEventListeners(controller.signal, 'abort')]).toEqual([
      1,
      false,
      []
    ])
    runs[0]!.resolve('value')
    expect(await stays).toBe('value')
    expect(left[0]!.reason).toBe('bye')
    expect(left[1]!.reason).toMatchObject({ name: 'TimeoutError', message: 'Lazy "db": waited longer than 5 ms' })
  })

  test('when the last has left, the factory is told why, and the next caller starts again at once', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory)
    const controller = new AbortController()
    const left = watch(lazy.get({ signal: controller.signal }))
    controller.abort('bye')
    expect([runs[0]!.signal.reason, lazy.waiting]).toEqual(['bye', 0])
    const next = lazy.get()
    expect(runs).toHaveLength(2)
    runs[0]!.resolve('of the run that nobody waits for')
    await flush()
    expect([lazy.ready, lazy.waiting]).toEqual([false, 1])
    runs[1]!.resolve('value')
    expect([await next, lazy.peek(), left.reason]).toEqual(['value', 'value', 'bye'])
  })

  test('what an abandoned factory makes is dropped even when nobody has come since', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory)
    const left = watch(lazy.get({ timeout: 1 }))
    vi.advanceTimersByTime(1)
    runs[0]!.resolve('too late')
    await flush()
    expect([left.state, lazy.ready, lazy.peek()]).toEqual(['rejected', false, undefined])
  })

  test('an old run that settles late does not disturb the value', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory)
    const left = watch(lazy.get({ timeout: 1 }))
    vi.advanceTimersByTime(1)
    const next = lazy.get()
    runs[1]!.resolve('new')
    await next
    runs[0]!.resolve('old')
    await flush()
    expect([await lazy.get(), left.state]).toEqual(['new', 'rejected'])
  })

  test('an aborted signal rejects in every state; timeout 0 resolves if there is a value', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory, { name: 'db' })
    const aborted = { signal: AbortSignal.abort('before') }
    const notReady = 'Lazy "db": no result yet, and timeout is 0 ms'

    await expect(lazy.get(aborted)).rejects.toBe('before')
    await expect(lazy.get({ timeout: 0 })).rejects.toThrow(notReady)
    expect(runs).toEqual([])

    const first = lazy.get()
    await expect(lazy.get(aborted)).rejects.toBe('before')
    await expect(lazy.get({ timeout: 0 })).rejects.toThrow(LockTimeoutError)

    runs[0]!.resolve('value')
    await first
    await expect(lazy.get(aborted)).rejects.toBe('before')
    expect(await lazy.get({ timeout: 0 })).toBe('value')
    await expect(new Lazy(() => 'value').get({ timeout: 0 })).rejects.toThrow(
      'Lazy: no result yet, and timeout is 0 ms'
    )
  })

  test.each<[string, (lazy: Lazy<string>, controller: AbortController) => unknown]>([
    ['aborted', (_, controller) => controller.abort('left')],
    ['timed out', () => vi.advanceTimersByTime(50)],
    ['cancelled', lazy => lazy.cancelWaiters()],
    ['closed', lazy => lazy.close('left')]
  ])('%s at any step, and everything is free again (G5, G10)', async (_, leave) => {
    for (const step of ['in the factory', 'at once', 'in a microtask', 'after another came', 'at the end']) {
      const { runs, factory } = factoryOf<string>()
      const controller = new AbortController()
      const options = { signal: controller.signal, timeout: 50 }
      const lazy: Lazy<string> = new Lazy(signal => {
        const running = factory(signal)
        if (step === 'in the factory') leave(lazy, controller)
        return running
      })
      const all = [watch(lazy.get(options))]
      if (step === 'in a microtask') await Promise.resolve()
      if (step === 'after another came') all.push(watch(lazy.get(options)))
      if (step === 'at the end') runs[0]!.resolve('too late')
      leave(lazy, controller)
      expect([lazy.waiting, lazy.ready, runs[0]!.signal.aborted]).toEqual([0, false, true])
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
      expect(vi.getTimerCount()).toBe(0)
      const whenFree = watch(lazy.whenFree())
      runs[0]!.reject(new Error('nobody hears of it'))
      await flush()
      expect(all.map(({ state }) => state)).toEqual(all.map(() => 'rejected'))
      expect([whenFree.state, lazy.ready]).toEqual(['resolved', false])
    }
  })
})

describe('what all primitives have', () => {
  test('cancelWaiters sends all away and aborts the factory; the next caller starts again', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory)
    const all = [lazy.get(), lazy.get()].map(watch)
    lazy.cancelWaiters()
    await flush()
    for (const { reason } of all) expect(reason).toBeInstanceOf(LockCancelledError)
    expect(runs[0]!.signal.reason).toBe(all[0]!.reason)
    const next = lazy.get()
    runs[1]!.resolve('value')
    expect(await next).toBe('value')
    lazy.cancelWaiters()
    expect(lazy.ready).toBe(true)
    runs[0]!.reject(new Error('nobody hears of it'))
  })

  test('close refuses who comes, even if there is a value, which peek still has', async () => {
    const lazy = new Lazy(() => 'value', { name: 'db' })
    await lazy.get()
    await lazy.close()
    await expect(lazy.get()).rejects.toThrow('Lazy "db": closed')
    expect([lazy.closed, lazy.peek()]).toEqual([true, 'value'])
  })

  test('close waits for a factory that runs, and tells it', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory)
    const waiting = watch(lazy.get())
    const closed = watch(lazy[Symbol.asyncDispose]())
    await flush()
    expect([waiting.reason, closed.state]).toEqual([runs[0]!.signal.reason, 'pending'])
    expect(waiting.reason).toBeInstanceOf(LockClosedError)
    runs[0]!.resolve('too late')
    await flush()
    expect([closed.state, lazy.ready]).toEqual(['resolved', false])
  })

  test('maxWaiting counts who waits for the factory, not who finds the value', async () => {
    const { runs, factory } = factoryOf<string>()
    const lazy = new Lazy(factory, { maxWaiting: 1 })
    const first = lazy.get()
    await expect(lazy.get()).rejects.toThrow(QueueFullError)
    runs[0]!.resolve('value')
    await first
    expect(await Promise.all([lazy.get(), lazy.get()])).toEqual(['value', 'value'])
  })

  test('an observer is told who waits, who was served, and who left', async () => {
    const told: string[] = []
    const tell = (event: string) => (_: object, reason?: unknown) =>
      void told.push(reason === undefined ? event : `${event}: ${reason}`)
    const observer: LockObserver = {
      queued: tell('queued'),
      granted: tell('granted'),
      released: tell('released'),
      abandoned: tell('abandoned')
    }
    const lazy = new Lazy(() => 'value', { observer })
    const controller = new AbortController()
    const all = [lazy.get({ signal: controller.signal }), lazy.get()]
    controller.abort('left')
    await Promise.allSettled(all)
    await lazy.get()
    expect(told).toEqual(['queued', 'queued', 'abandoned: left', 'granted', 'granted'])
  })

  test('inspect shows the state', async () => {
    const lazy = new Lazy(() => 'value', { name: 'db' })
    expect(inspect(lazy)).toBe('Lazy "db" { empty }')
    const waiting = lazy.get()
    expect(inspect(lazy)).toBe('Lazy "db" { running, 1 waiting }')
    await waiting
    expect(inspect(lazy)).toBe('Lazy "db" { ready }')
    await lazy.close()
    expect(inspect(lazy)).toBe('Lazy "db" { closed, ready }')
  })
})

describe('misuse throws at the call, before anything starts (G11)', () => {
  const factory = vi.fn()
  const { signal } = new AbortController()

  test.each<[string, (lazy: Lazy<unknown>) => unknown, RegExp, typeof TypeError | typeof RangeError]>([
    ['no factory', () => new Lazy(undefined as never), /^Lazy: factory must be a function, got undefined/, TypeError],
    ['a value', () => new Lazy(5 as never, { name: 'x' }), /^Lazy "x": factory must be a function, got 5/, TypeError],
    ['a promise', () => new Lazy(Promise.resolve() as never), /factory must be a function, got an object/, TypeError],
    ['name', () => new Lazy(factory, { name: 7 as never }), /options\.name must be a string, got 7/, TypeError],
    ['maxWaiting', () => new Lazy(factory, { maxWaiting: NaN }), /options\.maxWaiting must be .* got NaN/, RangeError],
    ['options', lazy => lazy.get(5 as never), /^Lazy "s": options must be an object, got 5/, TypeError],
    ['signal', lazy => lazy.get({ signal: {} as never }), /options\.signal must be an AbortSignal/, TypeError],
    ['timeout', lazy => lazy.get({ signal, timeout: -1 }), /options\.timeout must be .* got -1/, RangeError],
    [
      'priority',
      lazy => lazy.get({ signal, priority: '1' as never }),
      /options\.priority must be .* got "1"/,
      TypeError
    ],
    ['whenFree', lazy => lazy.whenFree(7 as never), /options must be an object, got 7/, TypeError]
  ])('%s', (_, call, message, ErrorClass) => {
    for (const state of ['empty', 'closed']) {
      const lazy = new Lazy(factory, { name: 's' })
      if (state === 'closed') lazy.close()
      expect(() => call(lazy)).toThrow(ErrorClass)
      expect(() => call(lazy)).toThrow(message)
      expect([lazy.waiting, getEventListeners(signal, 'abort').length]).toEqual([0, 0])
    }
    expect(factory).not.toHaveBeenCalled()
  })
})
