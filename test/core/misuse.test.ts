// G11: a wrong argument fails at the call, before anything is taken or queued, and the text says which argument and what
// it was. Every public entry against everything that is wrong for it, on a primitive that is free, taken and closed.

import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { KeyedMutex, type LockObserver, Mutex, WaiterQueue } from 'latchkey'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { thrownBy } from '../fixtures/thrown.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

type ErrorClass = typeof TypeError | typeof RangeError
/** An argument, as the text should name it, what is wrong with it, and what that should throw. */
type Wrong = [argument: string, value: unknown, ErrorClass]

const noFunction: unknown[] = [undefined, null, 0, 7, 7n, true, '', 'task', Symbol('task'), {}, [], Promise.resolve()]
const noString: unknown[] = [null, 7, 7n, true, Symbol('name'), {}, ['name'], () => 'name']
const noObject: unknown[] = [null, 7, 7n, true, '', 'options', Symbol('options'), () => {}]
const noNumber: unknown[] = [null, 7n, true, '', '7', Symbol('number'), {}, [7], new Date(0), () => 7]
const noSignal: unknown[] = [
  ...[null, 7, 7n, true, '', 'signal', Symbol('signal'), {}, [], () => {}],
  new AbortController(),
  new EventTarget(),
  { aborted: false },
  { aborted: 'no', addEventListener() {}, removeEventListener() {} },
  { aborted: false, addEventListener() {} },
  { aborted: false, removeEventListener() {} }
]
const noIterable: unknown[] = [
  ...[undefined, null, 7, 7n, true, Symbol('keys'), {}, () => {}],
  { [Symbol.iterator]: 7 },
  // Iterable, and never meant as a list of keys.
  ...['', 'key']
]

const typeErrors = (argument: string, values: unknown[]) => values.map((value): Wrong => [argument, value, TypeError])
const rangeErrors = (argument: string, values: unknown[]) => values.map((value): Wrong => [argument, value, RangeError])

const wrongAcquireOptions: Wrong[] = [
  ...typeErrors('options', noObject),
  ...typeErrors('options.signal', noSignal),
  ...typeErrors('options.timeout', noNumber),
  ...rangeErrors('options.timeout', [Number.NaN, -1, -0.5, Number.NEGATIVE_INFINITY]),
  ...typeErrors('options.priority', noNumber),
  ...rangeErrors('options.priority', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
]

const wrongLockOptions: Wrong[] = [
  ...typeErrors('options', noObject),
  ...typeErrors('options.name', noString),
  ...typeErrors('options.maxWaiting', noNumber),
  ...rangeErrors('options.maxWaiting', [Number.NaN, -1, 0.5, Number.NEGATIVE_INFINITY]),
  ...typeErrors('options.observer', [null, 7, 7n, true, '', 'observer', Symbol('observer')]),
  ...(['queued', 'granted', 'released', 'abandoned'] as const).flatMap(member =>
    [null, 7, 'told', {}].map((value): Wrong => [`options.observer.${member}`, value, TypeError])
  )
]

/** `{ signal: … }` and the like, or the argument itself. The other members are right, and must leave nothing behind. */
function optionsWith(argument: string, value: unknown, others: object): unknown {
  const [, member, submember] = argument.split('.')
  if (!member) return value
  return { ...others, [member]: submember ? { [submember]: value } : value }
}

/** A value as a text can show it; an object, at least that it is one. */
function shown(value: unknown): RegExp {
  if (typeof value === 'object' && value !== null) return /object|array/
  return typeof value === 'function' ? /function/ : new RegExp(`(?<![\\w.-])${String(value).replace(/[()]/g, '\\$&')}`)
}

function expectMisuse(call: () => unknown, about: string, [argument, value, ErrorClass]: Wrong): void {
  const error = thrownBy(call)
  expect(error).toBeInstanceOf(ErrorClass)
  const { message } = error as Error
  expect(message.startsWith(about)).toBe(true)
  // Named as a whole: `options` does not stand for `options.timeout`.
  expect(message).toMatch(new RegExp(`(?<![.\\w])${argument.replaceAll('.', '\\.')}(?![.\\w])`))
  expect(message.slice(message.lastIndexOf('got '))).toMatch(shown(value))
}

describe.each([
  { about: 'Mutex', make: (options: never) => new Mutex(options), wrong: wrongLockOptions },
  { about: 'KeyedMutex', make: (options: never) => new KeyedMutex(options), wrong: wrongLockOptions },
  {
    about: 'WaiterQueue',
    make: (options: never) => new WaiterQueue(options),
    wrong: [...wrongLockOptions, ...typeErrors('options.onLeave', noFunction.slice(1))]
  }
])('new $about', ({ about, make, wrong }) => {
  test.each(wrong)('%s: %o', (...wrong) => {
    const [argument, value] = wrong
    expectMisuse(() => make(optionsWith(argument, value, {}) as never), about, wrong)
  })
})

/** What was there before the call and has to be there after it. */
interface Bench {
  mutex: Mutex
  keyed: KeyedMutex<string>
  queue: WaiterQueue<number>
}

interface Entry {
  readonly name: string
  readonly about: (bench: Bench) => object
  readonly call: (bench: Bench, ...args: never[]) => unknown
  /** Right arguments, to be spoilt one at a time. */
  readonly args: Record<string, unknown>
}

const task = vi.fn()
const keys = ['taken', 'other']
const key = 'taken'

/** Of a method by its name, called with the arguments in the order in which they are written here. */
function entry(about: keyof Bench, method: string, args: Record<string, unknown>): Entry {
  return {
    name: `${about}.${method}(${Object.keys(args).join(', ')})`,
    about: bench => bench[about],
    call: (bench, ...args) =>
      (bench[about] as unknown as Record<string, (...args: never[]) => unknown>)[method]!(...args),
    args
  }
}

const options = {}
const entries = [
  entry('mutex', 'acquire', { options }),
  entry('mutex', 'runExclusive', { task, options }),
  entry('mutex', 'whenFree', { options }),
  entry('keyed', 'acquire', { key, options }),
  entry('keyed', 'runExclusive', { key, task, options }),
  entry('keyed', 'acquireMany', { keys, options }),
  entry('keyed', 'tryAcquireMany', { keys }),
  entry('keyed', 'runExclusiveMany', { keys, task, options }),
  entry('keyed', 'whenFree', { options }),
  entry('queue', 'wait', { options })
]

const wrongFor: Record<string, Wrong[]> = {
  options: wrongAcquireOptions,
  task: typeErrors('task', noFunction),
  keys: typeErrors('keys', noIterable),
  key: []
}

describe.each(entries)('$name', ({ about, call, args }) => {
  const names = Object.keys(args)

  const wrong = names.flatMap(name => wrongFor[name]!)
  test.each(wrong)('%s: %o', (...wrong) => {
    const [argument, value] = wrong
    const spoilt = argument.split('.')[0]!
    for (const state of ['free', 'taken', 'closed'])
      for (const aborted of [false, true]) {
        const told: string[] = []
        const bench = makeBench(told)
        const holders = state === 'taken' ? [bench.mutex.tryAcquire()!, bench.keyed.tryAcquire(key)!] : []
        if (state === 'closed') {
          bench.mutex.close()
          bench.keyed.close()
        }
        told.length = 0
        task.mockClear()
        const { signal } = new AbortController()
        // Misuse is told before any state: even where the call would have been refused anyway.
        const others = { signal: aborted ? AbortSignal.abort() : signal, timeout: 50, priority: 1 }
        const before = inspect(bench)

        const given = names.map(name =>
          name !== spoilt ? (name === 'options' ? others : args[name]) : optionsWith(argument, value, others)
        )
        const name = /\w+ "subject"/.exec(inspect(about(bench)))![0]
        expectMisuse(() => call(bench, ...(given as never[])), name, wrong)

        expect(inspect(bench)).toBe(before)
        expect(getEventListeners(signal, 'abort')).toEqual([])
        expect(vi.getTimerCount()).toBe(0)
        expect(told).toEqual([])
        expect(task).not.toHaveBeenCalled()
        for (const lock of holders) lock.release()
        const { mutex, keyed, queue } = bench
        expect([mutex.locked, mutex.waiting, keyed.size, keyed.waiting, queue.size]).toEqual([false, 0, 0, 0, 0])
      }
  })
})

function makeBench(told: string[]): Bench {
  const tell = (event: string) => () => {
    told.push(event)
  }
  const observer: LockObserver = {
    queued: tell('queued'),
    granted: tell('granted'),
    released: tell('released'),
    abandoned: tell('abandoned')
  }
  const options = { name: 'subject', observer }
  return { mutex: new Mutex(options), keyed: new KeyedMutex(options), queue: new WaiterQueue(options) }
}

describe('arguments that are wrong in their own way', () => {
  test('what goes wrong in the iterable of keys reaches the caller, and nothing is taken', () => {
    const mutex = new KeyedMutex<string>()
    const failure = new Error('no more keys')
    function* failing() {
      yield 'a'
      throw failure
    }
    for (const call of [
      () => mutex.acquireMany(failing()),
      () => mutex.tryAcquireMany(failing()),
      () => mutex.runExclusiveMany(failing(), task)
    ])
      expect(call).toThrow(failure)
    expect(mutex.size).toBe(0)
  })

  test('an iterable of keys is gone through once, and an array of keys is not changed', async () => {
    const mutex = new KeyedMutex<string>()
    let rounds = 0
    const keys = {
      *[Symbol.iterator]() {
        rounds++
        yield* ['b', 'a', 'b']
      }
    }
    using lock = await mutex.acquireMany(keys)
    expect({ rounds, held: lock.held, size: mutex.size }).toEqual({ rounds: 1, held: true, size: 2 })
    const frozen = Object.freeze(['b', 'a', 'b'])
    expect(mutex.tryAcquireMany(frozen)).toBeUndefined()
    expect(frozen).toEqual(['b', 'a', 'b'])
  })

  test('what one would pass by mistake', () => {
    const mutex = new Mutex()
    const keyed = new KeyedMutex<string>()
    // @ts-expect-error the options go last
    expect(() => mutex.runExclusive({ timeout: 5 }, task)).toThrow(/\btask\b.*function/)
    // @ts-expect-error the call, not the function
    expect(() => mutex.runExclusive(Promise.resolve())).toThrow(/\btask\b.*function/)
    // @ts-expect-error the key goes first
    expect(() => keyed.runExclusive(task, 'a')).toThrow(/\btask\b.*function.*"a"/)
    expect(() => keyed.acquireMany('abc')).toThrow('KeyedMutex: keys must be an iterable of keys, got "abc"')
    // @ts-expect-error the controller instead of its signal
    expect(() => mutex.acquire({ signal: new AbortController() })).toThrow(/options\.signal\b.*AbortSignal/)
    // @ts-expect-error the timeout instead of the options
    expect(() => mutex.acquire(500)).toThrow(/\boptions\b.*object.*500/)
  })

  test.each([Mutex, KeyedMutex, WaiterQueue])('%o without new', Class => {
    expect(() => (Class as unknown as () => void)()).toThrow(TypeError)
  })
})

describe('what looks unusual and is right', () => {
  test('options that are undefined, empty, or whose members are undefined', async () => {
    const nothing = { signal: undefined, timeout: undefined, priority: undefined }
    for (const options of [undefined, {}, nothing]) {
      const mutex = new Mutex({ name: undefined, maxWaiting: undefined, observer: undefined })
      using lock = await mutex.acquire(options)
      const waiting = mutex.acquire(options)
      lock.release()
      expect((await waiting).held).toBe(true)
    }
  })

  test('the limits of each range', async () => {
    for (const maxWaiting of [0, -0, 1, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY]) new Mutex({ maxWaiting })
    const mutex = new Mutex()
    for (const timeout of [0, -0, 0.5, Number.MAX_VALUE, Number.POSITIVE_INFINITY])
      (await mutex.acquire({ timeout })).release()
    for (const priority of [0, -0, -1.5, Number.MAX_VALUE, -Number.MAX_VALUE])
      (await mutex.acquire({ priority })).release()
    expect(mutex.locked).toBe(false)
  })

  test('any value as a key, and names and observers that are empty', () => {
    const mutex = new KeyedMutex<unknown>({ name: '', observer: {} })
    for (const key of [undefined, null, Number.NaN, Symbol('key'), {}, '']) {
      expect(mutex.tryAcquire(key)?.held).toBe(true)
      expect(mutex.tryAcquire(key)).toBeUndefined()
    }
    expect(mutex.tryAcquireMany([])?.held).toBe(true)
    expect(mutex.tryAcquireMany(new Set([1, 2]))?.held).toBe(true)
  })
})
