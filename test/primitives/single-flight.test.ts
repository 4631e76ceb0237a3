// What a SingleFlight does, as examples. Each names the guarantee of docs/guarantees.md that it shows.

import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import {
  LockCancelledError,
  LockClosedError,
  type LockObserver,
  LockTimeoutError,
  QueueFullError,
  SingleFlight
} from 'latchkey'
import { describe, expect, test, vi } from 'vitest'
import { expectNoLeftovers } from '../fixtures/leftovers.js'
import { type Deferred, deferred, flush, watch } from '../fixtures/settle.js'

expectNoLeftovers()

/** A task that ends when the test says so, and shows its signal and how often it was called. */
interface Job<R> extends Deferred<R> {
  (signal: AbortSignal): Promise<R>
  calls: number
  signal: AbortSignal
}

function job<R = string>(): Job<R> {
  const end = deferred<R>()
  const task = (signal: AbortSignal) => {
    made.calls++
    made.signal = signal
    return end.promise
  }
  const made: Job<R> = Object.assign(task, end, { calls: 0, signal: undefined as unknown as AbortSignal })
  return made
}

const state = ({ size, waiting }: Pick<SingleFlight, 'size' | 'waiting'>) => ({ size, waiting })
const free = { size: 0, waiting: 0 }

describe('sharing', () => {
  test('a value reaches everyone who came while the task ran', async () => {
    const flights = new SingleFlight()
    const load = job<object>()
    const other = vi.fn()
    const all = [flights.run('a', load), flights.run('a', other), flights.run('a', other)]
    expect(state(flights)).toEqual({ size: 1, waiting: 3 })
    const value = { the: 'same object' }
    load.resolve(value)
    for (const result of await Promise.all(all)) expect(result).toBe(value)
    expect(load.calls).toBe(1)
    expect(other).not.toHaveBeenCalled()
    expect(state(flights)).toEqual(free)
  })

  test('an error reaches everyone unchanged, and is not kept (G6)', async () => {
    const flights = new SingleFlight()
    for (const error of [new Error('no'), undefined, null, 0, { any: 'value' }]) {
      const load = job()
      const all = [flights.run('a', load), flights.run('a', load)].map(watch)
      load.reject(error)
      await flush()
      for (const { state, reason } of all) expect([state, reason]).toEqual(['rejected', error])
      expect(all[0]!.reason).toBe(error)
      expect(state(flights)).toEqual(free)
    }
    await expect(flights.run('a', () => 'anew')).resolves.toBe('anew')
  })

  test('nothing is kept: a caller who comes after the end starts anew', async () => {
    const flights = new SingleFlight()
    let calls = 0
    const next = () => flights.run('a', async () => ++calls)
    expect([await next(), await next(), ...(await Promise.all([next(), next()]))]).toEqual([1, 2, 3, 3])
  })

  test('keys do not know of each other, and are compared as a Map does', async () => {
    const flights = new SingleFlight<unknown>()
    const object = {}
    const keys = [Number.NaN, Number.NaN, 0, -0, '0', undefined, null, object, {}]
    const task = vi.fn(async () => 'done')
    const all = keys.map(key => flights.run(key, task))
    expect(task).toHaveBeenCalledTimes(7)
    expect([...flights.keys()]).toEqual([Number.NaN, 0, '0', undefined, null, {}, {}])
    expect([flights.has(object), flights.has({}), flights.has(Number.NaN)]).toEqual([true, false, true])
    await Promise.all(all)
    expect(state(flights)).toEqual(free)
  })

  test('the task starts before the call returns, also where it throws (G6)', async () => {
    const flights = new SingleFlight()
    const error = new Error('at once')
    const task = vi.fn(() => {
      throw error
    })
    const all = [flights.run('a', task), flights.run('a', task)]
    expect(task).toHaveBeenCalledTimes(1)
    for (const one of all) await expect(one).rejects.toBe(error)
    expect(state(flights)).toEqual(free)
  })

  test('any thenable is awaited, and asked once (G6)', async () => {
    const flights = new SingleFlight()
    const then = vi.fn((resolve: (value: number) => void) => resolve(7))
    const task = () => ({ then }) as unknown as PromiseLike<number>
    expect(await Promise.all([flights.run('a', task), flights.run('a', task)])).toEqual([7, 7])
    expect(then).toHaveBeenCalledTimes(1)
  })

  test('the task runs in the context of the caller who brought it, and each goes on in its own (G8)', async () => {
    const storage = new AsyncLocalStorage<string>()
    const flights = new SingleFlight()
    const load = job()
    const seen: unknown[] = []
    const call = (name: string) =>
      storage.run(name, async () => {
        await flights.run('a', signal => {
          seen.push(`task of ${storage.getStore()}`)
          return load(signal)
        })
        seen.push(storage.getStore())
      })
    const all = [call('first'), call('second')]
    storage.run('the one who ends it', () => load.resolve('done'))
    await Promise.all(all)
    expect(seen).toEqual(['task of first', 'first', 'second'])
  })

  test('callers are told in order of arrival, higher priorities first', async () => {
    const flights = new SingleFlight()
    const load = job()
    const order: string[] = []
    const call = (name: string, priority?: number) =>
      flights.run('a', load, { priority }).then(() => void order.push(name))
    const all = [call('a'), call('b'), call('urgent', 1), call('c')]
    load.resolve('done')
    await Promise.all(all)
    expect(order).toEqual(['urgent', 'a', 'b', 'c'])
  })

  test('a task may ask for another key, and one that asks for its own joins itself', async () => {
    const flights = new SingleFlight()
    const inner = vi.fn()
    let own: unknown
    const outer = flights.run('a', async () => {
      own = flights.run('a', inner)
      return `a, ${await flights.run('b', () => 'b')}`
    })
    expect(await outer).toBe('a, b')
    expect(await own).toBe('a, b')
    expect(inner).not.toHaveBeenCalled()
  })

  test('100,000 callers of one task (G9)', async () => {
    const flights = new SingleFlight()
    const load = job<number>()
    const { signal } = new AbortController()
    const all = Array.from({ length: 100_000 }, (_, n) => flights.run('a', load, n % 2 ? { signal } : undefined))
    load.resolve(1)
    expect((await Promise.all(all)).reduce((sum, one) => sum + one)).toBe(100_000)
    expect(load.calls).toBe(1)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

// After golang.org/x/sync/singleflight/singleflight_test.go: TestDo, TestDoErr and TestDoDupSuppress are above.
describe('forget, as in Go', () => {
  test('the next caller starts a second task while the first runs, and a third joins the second (TestForget)', async () => {
    const flights = new SingleFlight()
    const [one, two] = [job<number>(), job<number>()]
    const first = flights.run('key', one)
    expect(flights.forget('key')).toBe(true)
    const second = flights.run('key', two)
    const third = flights.run('key', () => 3)
    two.resolve(2)
    expect(await Promise.all([second, third])).toEqual([2, 2])
    one.resolve(1)
    expect(await first).toBe(1)
  })

  test('an old task that ends does not take the new one off (TestForgetUnshared)', async () => {
    const flights = new SingleFlight()
    const [one, two, three] = [job<number>(), job<number>(), job<number>()]
    const first = flights.run('key', one)
    flights.forget('key')
    const second = flights.run('key', two)
    one.resolve(1)
    expect(await first).toBe(1)
    expect(flights.has('key')).toBe(true)
    const third = flights.run('key', three)
    two.resolve(2)
    expect(await Promise.all([second, third])).toEqual([2, 2])
    expect(three.calls).toBe(0)
  })

  test('an old task that everyone leaves does not take the new one off either', async () => {
    const flights = new SingleFlight()
    const [one, two] = [job(), job()]
    const controller = new AbortController()
    const first = watch(flights.run('key', one, { signal: controller.signal }))
    flights.forget('key')
    const second = flights.run('key', two)
    controller.abort('enough')
    expect([one.signal.reason, two.signal.aborted, flights.has('key')]).toEqual(['enough', false, true])
    two.resolve('two')
    expect(await second).toBe('two')
    expect(first.reason).toBe('enough')
    one.resolve('unheard')
  })

  test('forgetting an unknown key does nothing; a forgotten task still counts for waiting and whenFree', async () => {
    const flights = new SingleFlight()
    const load = job()
    expect(flights.forget('key')).toBe(false)
    const first = flights.run('key', load)
    flights.forget('key')
    expect(flights.forget('key')).toBe(false)
    expect(state(flights)).toEqual({ size: 0, waiting: 1 })
    expect(load.signal.aborted).toBe(false)
    const whenFree = watch(flights.whenFree())
    await flush()
    expect(whenFree.state).toBe('pending')
    load.resolve('done')
    await first
    await flush()
    expect(whenFree.state).toBe('resolved')
  })

  test('a panic and a goexit reach every caller (TestPanicDo): here, a throw', async () => {
    const flights = new SingleFlight()
    const failing = vi.fn(async () => {
      await flush()
      throw new TypeError('invalid memory address')
    })
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => flights.run('key', failing)))
    expect(new Set(all.map(one => (one as PromiseRejectedResult).reason)).size).toBe(1)
    expect(failing).toHaveBeenCalledTimes(1)
  })
})

describe('leaving', () => {
  test('a caller that aborts leaves alone, even the one that brought the task (G5)', async () => {
    const flights = new SingleFlight()
    const load = job()
    const controller = new AbortController()
    const first = watch(flights.run('a', load, { signal: controller.signal }))
    const second = flights.run('a', load)
    const reason = { gone: true }
    controller.abort(reason)
    expect(state(flights)).toEqual({ size: 1, waiting: 1 })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    await flush()
    expect(first.reason).toBe(reason)
    expect(load.signal.aborted).toBe(false)
    load.resolve('for the other')
    expect(await second).toBe('for the other')
  })

  test('one that times out as well', async () => {
    const flights = new SingleFlight({ name: 'users' })
    const load = job()
    const first = watch(flights.run('ann', load, { timeout: 10 }))
    const second = flights.run('ann', load)
    vi.advanceTimersByTime(10)
    await flush()
    expect(first.reason).toBeInstanceOf(LockTimeoutError)
    expect(first.reason).toMatchObject({ message: 'SingleFlight "users" key "ann": waited longer than 10 ms' })
    load.resolve('done')
    expect(await second).toBe('done')
  })

  test('when the last has left, the task is told why, and the next caller starts anew at once', async () => {
    const flights = new SingleFlight()
    const [old, fresh] = [job(), job()]
    const [a, b] = [new AbortController(), new AbortController()]
    const left = [
      flights.run('a', old, { signal: a.signal }),
      flights.run('a', old, { timeout: 10 }),
      flights.run('a', old, { signal: b.signal })
    ].map(watch)
    a.abort('first')
    vi.advanceTimersByTime(10)
    expect(old.signal.aborted).toBe(false)
    b.abort('last')
    expect(old.signal.reason).toBe('last')
    expect(state(flights)).toEqual(free)
    const next = flights.run('a', fresh)
    expect(fresh.calls).toBe(1)
    old.resolve('unheard')
    await flush()
    expect(flights.has('a')).toBe(true)
    fresh.resolve('heard')
    expect(await next).toBe('heard')
    expect(left.map(({ reason }) => (reason as Error).name ?? reason)).toEqual(['first', 'TimeoutError', 'last'])
  })

  test('all on one signal: the last of them ends it', async () => {
    const flights = new SingleFlight()
    const load = job()
    const controller = new AbortController()
    const { signal } = controller
    const all = [1, 2, 3].map(() => watch(flights.run('a', load, { signal })))
    controller.abort('all')
    expect(load.signal.reason).toBe('all')
    await flush()
    for (const { reason } of all) expect(reason).toBe('all')
    load.reject(new Error('nobody hears of it'))
  })

  test('a last timeout aborts with the error that its caller gets', async () => {
    const flights = new SingleFlight()
    const load = job()
    const only = watch(flights.run('a', load, { timeout: 5 }))
    vi.advanceTimersByTime(5)
    await flush()
    expect(load.signal.reason).toBe(only.reason)
    load.reject(load.signal.reason)
  })

  test('whoever comes from a listener of the aborted signal starts anew', async () => {
    const flights = new SingleFlight()
    const controller = new AbortController()
    let next: Promise<string> | undefined
    const left = watch(
      flights.run(
        'a',
        signal => {
          signal.addEventListener('abort', () => {
            next = flights.run('a', () => 'anew')
          })
          return new Promise(() => {})
        },
        { signal: controller.signal }
      )
    )
    controller.abort('bye')
    expect(await next).toBe('anew')
    expect(left.reason).toBe('bye')
  })

  test('whoever comes from the observer, just as the last one leaves, keeps the task going', async () => {
    let rescue: Promise<string> | undefined
    const flights = new SingleFlight({
      observer: {
        abandoned: () => {
          rescue ??= flights.run('a', () => 'not called')
        }
      }
    })
    const load = job()
    const controller = new AbortController()
    const left = watch(flights.run('a', load, { signal: controller.signal }))
    controller.abort('bye')
    expect(load.signal.aborted).toBe(false)
    load.resolve('rescued')
    expect(await rescue).toBe('rescued')
    expect(left.reason).toBe('bye')
  })

  test('the signal does not abort once the task has settled', async () => {
    const late = new AbortController()
    const flights = new SingleFlight({ observer: { granted: () => late.abort('in the midst of the grants') } })
    const load = job()
    const first = flights.run('a', load)
    const second = watch(flights.run('a', load, { signal: late.signal }))
    load.resolve('done')
    expect(await first).toBe('done')
    await flush()
    expect(second.reason).toBe('in the midst of the grants')
    expect(load.signal.aborted).toBe(false)
  })

  test('if the outcome came first, it stands', async () => {
    const controller = new AbortController()
    const flights = new SingleFlight({ observer: { granted: () => controller.abort('right after the grant') } })
    const load = job()
    const caller = flights.run('a', load, { signal: controller.signal })
    load.resolve('done')
    expect(await caller).toBe('done')
    expect([controller.signal.aborted, load.signal.aborted]).toEqual([true, false])
  })

  test.each(['not running', 'running'])('a signal already aborted rejects and starts nothing: %s', async when => {
    const flights = new SingleFlight()
    const [load, task] = [job(), vi.fn()]
    const running = when === 'running' ? flights.run('a', load) : undefined
    await expect(flights.run('a', task, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
    expect(task).not.toHaveBeenCalled()
    load.resolve('done')
    await running
    expect(state(flights)).toEqual(free)
  })

  test.each(['not running', 'running'])('timeout 0 rejects and starts nothing: %s', async when => {
    const flights = new SingleFlight({ name: 'users' })
    const [load, task] = [job(), vi.fn()]
    const running = when === 'running' ? flights.run('a', load) : undefined
    const refused = flights.run('a', task, { timeout: 0 })
    await expect(refused).rejects.toThrow(LockTimeoutError)
    await expect(refused).rejects.toThrow('SingleFlight "users" key "a": no result yet, and timeout is 0 ms')
    expect(task).not.toHaveBeenCalled()
    load.resolve('done')
    await running
    expect(state(flights)).toEqual(free)
  })

  test.each<[string, (flights: SingleFlight, controller: AbortController) => unknown]>([
    ['aborted', (_, controller) => controller.abort('left')],
    ['timed out', () => vi.advanceTimersByTime(50)],
    ['cancelled', flights => flights.cancelWaiters()],
    ['closed', flights => flights.close('left')]
  ])('%s at any step, and everything is free again (G5, G10)', async (_, leave) => {
    for (const step of [
      'in the task',
      'at once',
      'in a microtask',
      'after another came',
      'after forget',
      'at the end'
    ]) {
      const flights = new SingleFlight()
      const controller = new AbortController()
      const load = job()
      const options = { signal: controller.signal, timeout: 50 }
      const task = (signal: AbortSignal) => {
        const running = load(signal)
        if (step === 'in the task') leave(flights, controller)
        return running
      }
      const all = [watch(flights.run('a', task, options))]
      if (step === 'in a microtask') await Promise.resolve()
      if (step === 'after another came') all.push(watch(flights.run('a', load, options)))
      if (step === 'after forget') flights.forget('a')
      if (step === 'at the end') load.resolve('done')
      leave(flights, controller)
      expect(state(flights)).toEqual(free)
      expect(load.signal.aborted).toBe(true)
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
      expect(vi.getTimerCount()).toBe(0)
      const whenFree = watch(flights.whenFree())
      load.reject(new Error('nobody hears of it'))
      await flush()
      expect(all.map(({ state }) => state)).toEqual(all.map(() => 'rejected'))
      expect(whenFree.state).toBe('resolved')
    }
  })
})

describe('what all primitives have', () => {
  test('cancelWaiters sends all away, forgotten tasks included, and aborts the tasks', async () => {
    const flights = new SingleFlight({ name: 'users' })
    const [a, b] = [job(), job()]
    const all = [flights.run('a', a), flights.run('a', a), flights.run('b', b)].map(watch)
    flights.forget('b')
    flights.cancelWaiters()
    expect(state(flights)).toEqual(free)
    await flush()
    for (const { reason } of all) expect(reason).toBeInstanceOf(LockCancelledError)
    expect(a.signal.reason).toBe(all[0]!.reason)
    expect(b.signal.reason).toBe(all[0]!.reason)
    const next = watch(flights.run('a', a))
    flights.cancelWaiters('a reason')
    await flush()
    expect(next.reason).toBe('a reason')
    expect(await flights.run('a', () => 'as usual')).toBe('as usual')
  })

  test('who comes from an observer or a signal while all are sent away is not sent away', async () => {
    const came: Promise<string>[] = []
    const come = (key: string) => came.push(flights.run(key, () => 'new'))
    const flights = new SingleFlight({ observer: { abandoned: ({ keys }) => come(keys[0] as string) } })
    const listening = (key: string) => (signal: AbortSignal) => {
      signal.addEventListener('abort', () => come(key))
      return new Promise(() => {})
    }
    const all = [flights.run('a', listening('b')), flights.run('b', listening('a'))].map(watch)
    flights.cancelWaiters('out')
    expect(await Promise.all(came)).toEqual(['new', 'new', 'new', 'new'])
    for (const { reason } of all) expect(reason).toBe('out')
  })

  test.each<[string, (flights: SingleFlight) => unknown]>([
    ['the last caller has left', () => vi.advanceTimersByTime(5)],
    ['all are sent away', flights => flights.cancelWaiters()],
    ['all is closed', flights => flights.close()]
  ])('by the time a signal aborts, nobody waits and the key is free: %s', async (_, leave) => {
    const flights = new SingleFlight()
    const seen: unknown[] = []
    const task = (signal: AbortSignal) =>
      new Promise<void>(resolve => {
        signal.addEventListener('abort', () => {
          seen.push(state(flights))
          resolve()
        })
      })
    const all = [flights.run('a', task, { timeout: 5 }), flights.run('a', task, { timeout: 5 })].map(watch)
    leave(flights)
    expect(seen).toEqual([free])
    await flights.whenFree()
    await flush()
    expect(all.map(({ state }) => state)).toEqual(['rejected', 'rejected'])
  })

  test('the echo of an abort among those who are sent away does not change the reason', async () => {
    const controller = new AbortController()
    const flights = new SingleFlight({ observer: { abandoned: () => controller.abort('echo') } })
    const load = job()
    const all = [flights.run('a', load), flights.run('a', load, { signal: controller.signal })].map(watch)
    flights.cancelWaiters('out')
    await flush()
    expect([load.signal.reason, ...all.map(({ reason }) => reason)]).toEqual(['out', 'out', 'out'])
  })

  test('close rejects who waits and who comes, aborts the tasks, and resolves when the last has settled', async () => {
    const flights = new SingleFlight({ name: 'users' })
    const [left, open] = [job(), job()]
    const controller = new AbortController()
    const one = watch(flights.run('left', left, { signal: controller.signal }))
    controller.abort('gone')
    const two = watch(flights.run('open', open))
    const closed = watch(flights.close())
    expect(flights.closed).toBe(true)
    expect(flights.close()).toBe(flights.close())
    await flush()
    expect(two.reason).toBeInstanceOf(LockClosedError)
    expect([left.signal.reason, open.signal.reason]).toEqual([one.reason, two.reason])
    await expect(flights.run('new', left)).rejects.toThrow('SingleFlight "users": closed')
    open.reject(open.signal.reason)
    await flush()
    expect(closed.state).toBe('pending')
    left.resolve('ignored its signal')
    await flush()
    expect(closed.state).toBe('resolved')
  })

  test('`await using` closes at the end of the block', async () => {
    const load = job()
    let running: { reason?: unknown } = {}
    const block = async () => {
      await using flights = new SingleFlight()
      running = watch(
        flights.run('a', signal => {
          signal.addEventListener('abort', () => load.resolve('stopped'))
          return load(signal)
        })
      )
    }
    await block()
    expect(running.reason).toBeInstanceOf(LockClosedError)
  })

  test('maxWaiting counts for each task, and counts who brought it', async () => {
    const flights = new SingleFlight({ name: 'users', maxWaiting: 2 })
    const load = job()
    const all = [flights.run('a', load), flights.run('a', load), flights.run('b', load)]
    const refused = flights.run('a', load)
    await expect(refused).rejects.toThrow(QueueFullError)
    await expect(refused).rejects.toThrow('SingleFlight "users" key "a": maxWaiting is 2')
    load.resolve('done')
    await Promise.all(all)

    const none = new SingleFlight({ maxWaiting: 0 })
    const task = vi.fn()
    await expect(none.run('a', task)).rejects.toThrow(QueueFullError)
    expect(task).not.toHaveBeenCalled()
    expect(state(none)).toEqual(free)
    await none.whenFree()
  })

  test('an observer is told who waits, who was served, and who left', async () => {
    const told: string[] = []
    const tell = (event: string) => (request: { keys: readonly unknown[] }, reason?: unknown) =>
      void told.push(`${event} ${request.keys}${reason === undefined ? '' : `: ${reason}`}`)
    const observer: LockObserver = {
      queued: tell('queued'),
      granted: tell('granted'),
      released: tell('released'),
      abandoned: tell('abandoned')
    }
    const flights = new SingleFlight({ observer })
    const controller = new AbortController()
    const load = job()
    const all = [
      flights.run('a', load),
      flights.run('a', load, { signal: controller.signal }),
      flights.run('b', () => Promise.reject(new Error('of the task')))
    ]
    controller.abort('left')
    load.resolve('done')
    await Promise.allSettled(all)
    await flights.close()
    await flights.run('c', load).catch(() => {})
    expect(told).toEqual([
      'queued a',
      'queued a',
      'queued b',
      'abandoned a: left',
      'granted a',
      'granted b', // a failed task has served its callers
      'abandoned c: LockClosedError: SingleFlight: closed'
    ])
  })

  test('whoever asks again while callers are being served starts anew', async () => {
    let again: Promise<string> | undefined
    const flights = new SingleFlight({
      observer: {
        granted: () => {
          again ??= flights.run('a', () => 'new')
        }
      }
    })
    const load = job()
    const all = [flights.run('a', load), flights.run('a', load)]
    load.resolve('old')
    expect(await Promise.all(all)).toEqual(['old', 'old'])
    expect(await again).toBe('new')
  })

  test('an observer that sends the caller away before the task is called: it is not called', async () => {
    const flights = new SingleFlight({ observer: { queued: () => flights.cancelWaiters('never mind') } })
    const task = vi.fn()
    await expect(flights.run('a', task)).rejects.toBe('never mind')
    expect(task).not.toHaveBeenCalled()
    await flights.whenFree()
    expect(state(flights)).toEqual(free)
  })

  test('inspect shows the state', async () => {
    const flights = new SingleFlight({ name: 'users' })
    const load = job()
    expect(inspect(flights)).toBe('SingleFlight "users" { 0 keys }')
    const one = flights.run('a', load)
    expect(inspect(flights)).toBe('SingleFlight "users" { 1 key, 1 waiting }')
    const all = [one, flights.run('b', load), flights.run('b', load)]
    expect(inspect(flights)).toBe('SingleFlight "users" { 2 keys, 3 waiting }')
    load.resolve('done')
    await Promise.all(all)
    await flights.close()
    expect(inspect(flights)).toBe('SingleFlight "users" { closed, 0 keys }')
  })
})

describe('misuse throws at the call, before anything starts (G11)', () => {
  const task = vi.fn()
  const { signal } = new AbortController()

  test.each<[string, (flights: SingleFlight) => unknown, RegExp, typeof TypeError | typeof RangeError]>([
    [
      'no task',
      f => f.run('a', undefined as never),
      /^SingleFlight "s": task must be a function, got undefined/,
      TypeError
    ],
    ['a promise', f => f.run('a', Promise.resolve() as never), /task must be a function, got an object/, TypeError],
    ['no key', f => f.run(task as never, undefined as never), /task must be a function, got undefined/, TypeError],
    ['options', f => f.run('a', task, 5 as never), /"a": options must be an object, got 5/, TypeError],
    ['signal', f => f.run('a', task, { signal: {} as never }), /options\.signal must be an AbortSignal/, TypeError],
    ['timeout', f => f.run('a', task, { signal, timeout: -1 }), /options\.timeout must be .* got -1/, RangeError],
    [
      'timeout type',
      f => f.run('a', task, { timeout: '5' as never }),
      /options\.timeout must be .* got "5"/,
      TypeError
    ],
    ['priority', f => f.run('a', task, { signal, priority: NaN }), /options\.priority must be .* got NaN/, RangeError],
    ['whenFree', f => f.whenFree(7 as never), /options must be an object, got 7/, TypeError],
    ['name', () => new SingleFlight({ name: 7 as never }), /options\.name must be a string, got 7/, TypeError],
    ['maxWaiting', () => new SingleFlight({ maxWaiting: -1 }), /options\.maxWaiting must be .* got -1/, RangeError],
    ['observer', () => new SingleFlight({ observer: null as never }), /options\.observer must be an object/, TypeError]
  ])('%s', (_, call, message, ErrorClass) => {
    for (const state of ['idle', 'closed']) {
      const flights = new SingleFlight({ name: 's' })
      if (state === 'closed') flights.close()
      expect(() => call(flights)).toThrow(ErrorClass)
      expect(() => call(flights)).toThrow(message)
      expect([flights.size, flights.waiting, getEventListeners(signal, 'abort').length]).toEqual([0, 0, 0])
    }
    expect(task).not.toHaveBeenCalled()
  })
})
