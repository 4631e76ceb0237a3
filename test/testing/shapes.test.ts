// What is found out about locks of many makes: those of test/fixtures/locks, the published ones, and short ones that are
// written here because their shape is rare.

import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import * as latchkey from '../../src/index.js'
import { findLock, loadWatched } from '../../src/testing/exports.js'
import { watched } from '../../src/testing/gauges.js'
import type { Hints } from '../../src/testing/hints.js'
import { recogniseAll } from '../../src/testing/recognise.js'
import { parametersOf } from '../../src/testing/signature.js'
import type { Subject } from '../../src/testing/subject.js'
import { fixtures } from '../fixtures/locks/index.js'
import { deferred, watch } from '../fixtures/settle.js'

interface Recognised {
  readonly how: string
  readonly subject: Subject
}

/** Evaluates the module as often as it takes, and binds one of its locks. */
async function recognise(load: () => Promise<object>, name?: string, hints?: Hints): Promise<Recognised> {
  const found = await findLock(() => loadWatched(load), name, hints)
  const spare = found.create ? [] : await Promise.all(Array.from({ length: 300 }, () => loadWatched(load)))
  const create = found.create ? watched(found.create) : () => found.pick(spare.pop()!)
  const bind = await recogniseAll(create, found.hints)
  return { how: found.how, subject: bind(create()) }
}

const given = (exports: object, hints?: Hints) => recognise(async () => exports, undefined, hints)

let loads = 0
const load = (file: string) => () => import(`${fromRoot(`test/fixtures/locks/${file}`)}?${loads++}`)

describe('the locks of the corpus', () => {
  test.each(fixtures)('$file is $shape', async ({ file, how, shape }) => {
    const { how: made, subject } = await recognise(load(file))
    expect({ how: made, shape: subject.shape }).toEqual({ how, shape })
  })

  test('are all in the table', () => {
    const files = ['broken', 'sound'].flatMap(kind =>
      readdirSync(fromRoot(`test/fixtures/locks/${kind}`)).map(file => `${kind}/${file}`)
    )
    expect(fixtures.map(({ file }) => file).sort()).toEqual(files.sort())
  })
})

describe('the published locks', () => {
  const both = '{ signal, timeout }'
  test.each<[string, () => Promise<object>, string | undefined, string]>([
    [
      'Mutex',
      async () => latchkey,
      'Mutex',
      `mutex: acquire(${both}) → object that releases, runExclusive(task, ${both}), tryAcquire()`
    ],
    [
      'KeyedMutex',
      async () => latchkey,
      'KeyedMutex',
      `keyed mutex: acquire(key, ${both}) → object that releases, runExclusive(key, task, ${both}), tryAcquire(key)`
    ],
    [
      'Semaphore',
      async () => latchkey,
      'Semaphore',
      'semaphore: acquire({ signal, timeout, permits }) → object that releases, ' +
        'run(task, { signal, timeout, permits }), tryAcquire(permits)'
    ],
    [
      'ReadWriteLock',
      async () => latchkey,
      'ReadWriteLock',
      `read-write-lock: acquireRead(${both}) → object that releases, runRead(task, ${both}), tryAcquireRead(); ` +
        `acquireWrite(${both}) → object that releases, runWrite(task, ${both}), tryAcquireWrite()`
    ],
    [
      'async-mutex Mutex',
      () => import('async-mutex'),
      'Mutex',
      'mutex: acquire() → releaser function, runExclusive(task)'
    ],
    [
      'async-mutex Semaphore',
      () => import('async-mutex'),
      'Semaphore',
      'semaphore: acquire(permits) → [value, releaser], runExclusive(task)'
    ],
    ['async-lock', () => import('async-lock'), undefined, 'keyed mutex: acquire(key, task, { timeout })'],
    ['async-sema', () => import('async-sema'), 'Sema', 'semaphore: acquire(), release(token), tryAcquire()'],
    ['await-lock', () => import('await-lock'), undefined, 'mutex: acquireAsync({ timeout }), release(), tryAcquire()'],
    ['es-toolkit', () => import('es-toolkit'), 'Mutex', 'mutex: acquire(), release()'],
    // @ts-expect-error: it has no types
    ['mutexify', () => import('mutexify'), undefined, 'mutex: acquire(release => …)'],
    // @ts-expect-error: it has no types
    ['mutexify/promise', () => import('mutexify/promise'), undefined, 'mutex: acquire() → releaser function'],
    ['p-limit', () => import('p-limit'), undefined, 'semaphore: lock(task)']
  ])('%s', async (_, load, name, shape) => {
    const { subject } = await recognise(load, name)
    expect(subject.shape).toBe(shape)
  })
})

/** The state of a lock, for the short ones below. */
class Line {
  #held = false
  readonly #line: (() => void)[] = []

  enter(then: () => void): void {
    if (this.#held) this.#line.push(then)
    else {
      this.#held = true
      then()
    }
  }

  leave = (): void => {
    const next = this.#line.shift()
    if (next) next()
    else this.#held = false
  }

  wait(): Promise<void> {
    return new Promise(resolve => this.enter(resolve))
  }
}

describe('rare shapes', () => {
  const rare: readonly (readonly [string, object, string])[] = [
    [
      'a ticket at once, with a promise of its turn',
      class Tickets {
        #line = new Line()
        enter() {
          return { ready: this.#line.wait(), release: this.#line.leave }
        }
      },
      'mutex: enter() → object with a promise and a release'
    ],
    [
      'a lock for each key',
      class Registry {
        #locks = new Map<string, latchkey.Mutex>()
        get(key: string) {
          const lock = this.#locks.get(key) ?? new latchkey.Mutex()
          this.#locks.set(key, lock)
          return lock
        }
      },
      'keyed mutex: get(key).acquire({ signal, timeout }) → object that releases, ' +
        'get(key).runExclusive(task, { signal, timeout }), get(key).tryAcquire()'
    ],
    [
      'the words of Dijkstra',
      class Flag {
        #line = new Line()
        P() {
          return this.#line.wait()
        }
        V() {
          this.#line.leave()
        }
      },
      'mutex: P(), V()'
    ],
    [
      'the task before the key',
      class Tasks {
        #tails: Record<string, Promise<unknown>> = {}
        run(fn: () => unknown, key: string) {
          const result = (this.#tails[key] ?? Promise.resolve()).then(fn)
          this.#tails[key] = result.catch(() => undefined)
          return result
        }
      },
      'keyed mutex: run(task, key)'
    ],
    [
      'a wrapper of tasks',
      class Wrapper {
        #tail: Promise<unknown> = Promise.resolve()
        wrap(fn: () => unknown) {
          return () => {
            const result = this.#tail.then(fn)
            this.#tail = result.catch(() => undefined)
            return result
          }
        }
      },
      'mutex: wrap(task)'
    ],
    [
      'a callback of Node, with the release',
      class NodeStyle {
        #line = new Line()
        acquire(cb: (error: null, release: () => void) => void) {
          this.#line.enter(() => cb(null, this.#line.leave))
        }
      },
      'mutex: acquire(release => …)'
    ],
    [
      'a callback, and a release of the lock',
      class Taker {
        #line = new Line()
        take(cb: () => void) {
          this.#line.enter(cb)
        }
        leave() {
          this.#line.leave()
        }
      },
      'mutex: take(() => …), leave()'
    ],
    [
      'a task that is optional',
      class Either {
        #line = new Line()
        async lock(fn?: () => unknown) {
          await this.#line.wait()
          if (!fn) return this.#line.leave
          try {
            return await fn()
          } finally {
            this.#line.leave()
          }
        }
      },
      'mutex: lock() → releaser function, lock(task)'
    ],
    [
      'a generator that holds while it is not ended',
      class Generator {
        #line = new Line()
        async *hold() {
          await this.#line.wait()
          try {
            yield
          } finally {
            this.#line.leave()
          }
        }
      },
      'mutex: hold() → object with a promise and a release'
    ],
    [
      'owners',
      class Owned {
        #line = new Line()
        #owner: string | undefined
        async acquire(ownerId: string) {
          await this.#line.wait()
          this.#owner = ownerId
        }
        release(ownerId: string) {
          if (this.#owner !== ownerId) throw new Error('not yours')
          this.#line.leave()
        }
      },
      'mutex: acquire(owner), release(owner)'
    ],
    [
      'a pair for each key, whose parameter has no telling name',
      class Pair {
        #lines = new Map<string, Line>()
        async lock(x: string) {
          const line = this.#lines.get(x) ?? new Line()
          this.#lines.set(x, line)
          await line.wait()
        }
        unlock(x: string) {
          this.#lines.get(x)?.leave()
        }
      },
      'keyed mutex: lock(key), unlock(key)'
    ],
    [
      'a name that is no key, for there is one lock',
      class Labelled {
        #line = new Line()
        async acquire(name: string) {
          await this.#line.wait()
          return Object.assign(() => this.#line.leave(), { label: name })
        }
        async run(name: string, fn: () => unknown) {
          const release = await this.acquire(name)
          try {
            return await fn()
          } finally {
            release()
          }
        }
      },
      'mutex: acquire(owner) → releaser function, run(owner, task)'
    ],
    [
      'a method without a telling name',
      class Guarded {
        #tail: Promise<unknown> = Promise.resolve()
        guarded(x: () => unknown) {
          const result = this.#tail.then(x)
          this.#tail = result.catch(() => undefined)
          return result
        }
      },
      'mutex: guarded(task)'
    ],
    [
      'readers and writers in objects of their own',
      class Nested {
        #lock = new latchkey.ReadWriteLock()
        read = { acquire: () => this.#lock.acquireRead() }
        write = { acquire: () => this.#lock.acquireWrite() }
      },
      'read-write-lock: read.acquire() → object that releases; write.acquire() → object that releases'
    ],
    [
      'readers and writers by their tasks',
      class Tasks {
        #lock = new latchkey.ReadWriteLock()
        withRead(fn: () => unknown) {
          return this.#lock.runRead(fn)
        }
        withWrite(fn: () => unknown) {
          return this.#lock.runWrite(fn)
        }
      },
      'read-write-lock: withRead(task); withWrite(task)'
    ]
  ]
  test.each(rare)('%s', async (_, Class, shape) => {
    const { subject } = await given({ Class })
    expect(subject.shape).toBe(shape)
  })

  test('a pair of functions of a module', async () => {
    const line = new Line()
    const lock = () => line.wait()
    const unlock = () => line.leave()
    const { how, subject } = await given({ lock, unlock })
    expect({ how, shape: subject.shape }).toEqual({ how: 'the module as a whole', shape: 'mutex: lock(), unlock()' })
  })
})

describe('what is made of it', () => {
  test.each(fixtures.filter(({ file }) => file.startsWith('sound/')))('$file excludes', async ({ file }) => {
    const { subject } = await recognise(load(file))
    const inside = new Set<number>()
    let most = 0
    const visit = async (client: number) => {
      const stay = async () => {
        inside.add(client)
        most = Math.max(most, inside.size)
        await new Promise(resolve => setImmediate(resolve))
        inside.delete(client)
        return client
      }
      if (!subject.acquire) return subject.run!('a', stay, {})
      const release = await subject.acquire('a', {})
      await stay()
      release()
      return client
    }
    expect(await Promise.all([0, 1, 2, 3].map(visit))).toEqual([0, 1, 2, 3])
    expect(most).toBe(subject.capacity)
  })

  test('waits no longer than it is asked to', async () => {
    const { subject } = await recognise(load('sound/cancellable.ts'))
    const release = await subject.acquire!('', {})
    const leaving = new AbortController()
    const outcomes = Promise.allSettled([
      subject.acquire!('', { signal: leaving.signal }),
      subject.acquire!('', { timeout: 1 })
    ])
    expect(subject.waiting!()).toBe(2)
    leaving.abort('enough')
    const [aborted, expired] = await outcomes
    expect(aborted).toMatchObject({ status: 'rejected', reason: 'enough' })
    expect(expired).toMatchObject({ status: 'rejected' })
    expect(subject.waiting!()).toBe(0)
    release()
  })

  test.each([
    ['cancel-closes.js', 'cancelWaiters', false],
    ['cancel-resets.js', 'cancelWaiters', false],
    ['cancel-forgets.js', 'cancelWaiters', true],
    ['keyed-cancel.js', 'cancelWaiters', true],
    ['close-for-now.js', 'close', false],
    ['ways-to-end.js', 'close', false],
    ['ways-to-end.js', 'cancelWaiters', false]
  ] as const)(
    'what becomes of the next caller tells what %s means: %s is driven: %s',
    async (file, member, isDriven) => {
      const { subject } = await recognise(load(`wild/${file}`))
      expect(member in subject).toBe(isDriven)
    }
  )

  test('a lock that closes is driven so', async () => {
    const { subject } = await given({ Mutex: latchkey.Mutex })
    expect([typeof subject.close, typeof subject.cancelWaiters]).toEqual(['function', 'function'])
  })

  test('a refusal is a rejection, whatever the lock makes of it', async () => {
    class Polite {
      #line = new Line()
      acquire(timeoutMs?: number): Promise<boolean> {
        const timer = deferred<boolean>()
        if (timeoutMs !== undefined) setTimeout(() => timer.resolve(false), timeoutMs)
        return Promise.race([this.#line.wait().then(() => true), timer.promise])
      }
      release() {
        this.#line.leave()
      }
    }
    const { subject } = await given({ Polite })
    expect(subject.takes).toEqual({ signal: false, timeout: true })
    await subject.acquire!('', {})
    await expect(Promise.resolve(subject.acquire!('', { timeout: 1 }))).rejects.toThrow('not granted')
  })

  test('counts the entries of a private map', async () => {
    const { subject } = await recognise(load('broken/leaked-key.ts'))
    const releases = await Promise.all(['a', 'b'].map(key => subject.acquire!(key, {})))
    expect(subject.entries!()).toBe(2)
    for (const release of releases) release()
    expect(subject.entries!()).toBe(2)
  })

  test('counts the entries of a map of the module', async () => {
    const { subject } = await recognise(load('sound/callable-keyed.js'))
    const ended = deferred()
    const running = subject.run!('a', () => ended.promise, {})
    expect(subject.entries!()).toBe(1)
    ended.resolve()
    await running
    expect(subject.entries!()).toBe(0)
  })

  test('gives a token back to the lock that gave it', async () => {
    const { subject } = await recognise(load('sound/owned-token.js'))
    expect(subject.released).toBe('handle')
    const first = await subject.acquire!('', {})
    const second = watch(Promise.resolve(subject.acquire!('', {})))
    first()
    first()
    await new Promise(resolve => setImmediate(resolve))
    expect(second.state).toBe('resolved')
    const third = watch(Promise.resolve(subject.acquire!('', {})))
    first()
    await new Promise(resolve => setImmediate(resolve))
    expect(third.state).toBe('pending')
  })

  test('takes readers together, and a writer alone', async () => {
    const { subject } = await recognise(load('sound/read-write.ts'))
    expect(subject.kind).toBe('read-write-lock')
    await Promise.all([subject.acquire!('', { mode: 'read' }), subject.acquire!('', { mode: 'read' })])
    const writer = watch(Promise.resolve(subject.acquire!('', { mode: 'write' })))
    await new Promise(resolve => setImmediate(resolve))
    expect(writer.state).toBe('pending')
  })
})

describe('hints', () => {
  const Odd = class Odd {
    #line = new Line()
    ask() {
      return this.#line.wait()
    }
    thanks() {
      this.#line.leave()
    }
  }

  test('name the members', async () => {
    const { subject } = await given({ Odd }, { acquire: 'ask', release: 'thanks' })
    expect(subject.shape).toBe('mutex: ask(), thanks()')
  })

  test('leave a way out', async () => {
    const { subject } = await given({ Mutex: latchkey.Mutex }, { shape: 'run', timeout: false })
    expect(subject.shape).toBe('mutex: runExclusive(task, { signal }), tryAcquire()')
    expect(subject.takes).toEqual({ signal: true, timeout: false })
  })

  test('are asked for where it cannot be told, with what was seen', async () => {
    await expect(given({ Odd })).rejects.toThrow(
      /It has:\n {2}ask\(\)\n {2}thanks\(\)\n.*hint `acquire` and, unless each grant .* with `release`; or .* with `run`\.$/s
    )
  })

  test('that name nothing say what there is', async () => {
    await expect(given({ Odd }, { acquire: 'lock' })).rejects.toThrow('the lock has no member lock; it has ask, thanks')
  })

  test('a lock that lets nobody in ends the trials', async () => {
    class Stuck {
      acquire() {
        return new Promise(() => undefined)
      }
      release() {}
    }
    await expect(given({ Stuck })).rejects.toThrow('acquire did not settle within 250 ms on a fresh lock')
  })
})

describe('exports', () => {
  class Mutex extends latchkey.Mutex {}
  test('the one asked for', async () => {
    await expect(recognise(async () => latchkey, 'Muttex')).rejects.toThrow('the module has no export Muttex; it has ')
  })

  test('several are not chosen from', async () => {
    const both = { Mutex, OtherMutex: class OtherMutex extends latchkey.Mutex {} }
    await expect(given(both)).rejects.toThrow('several exports that may be a lock: Mutex, OtherMutex.')
  })

  test.each<[string, object]>([
    ['two names of one class', { Mutex, Lock: Mutex }],
    ['a class and its instance', { Mutex, mutex: new Mutex() }],
    ['a class and what it is derived from', { Base: latchkey.Mutex, Mutex }],
    ['CommonJS with one name', { default: { Mutex, __esModule: true }, Mutex, __esModule: true }]
  ])('of %s there is one to choose', async (_, exports) => {
    expect((await given(exports)).how).toBe('new Mutex()')
  })

  test('one that is a lock by name is', async () => {
    expect((await given({ Mutex, delay: () => undefined, LockError: Error })).how).toBe('new Mutex()')
  })

  test('an instance is made anew by its class', async () => {
    expect((await given({ mutex: new Mutex() })).how).toBe('new Mutex()')
  })

  test('a class that throws for want of arguments says so', async () => {
    class Picky {
      constructor() {
        throw new TypeError('store: expected an object')
      }
    }
    await expect(given({ Picky })).rejects.toThrow(/new Picky\(\) throws: TypeError: store.*hint `args`/s)
  })
})

describe('parameters', () => {
  test.each<[(...args: never[]) => unknown, string[]]>([
    [(a: unknown, b = { c: [1, 2], d: ')' }, ...e: unknown[]) => [a, b, e], ['a', 'b', 'e']],
    [
      async function named({ signal, timeout: ms = 5 }: { signal?: unknown; timeout?: number } = {}) {
        return [signal, ms]
      },
      ['signal timeout']
    ],
    [x => x, ['x']],
    [Math.max, ['', '']]
  ])('%s', (callable, names) => {
    expect(parametersOf(callable).map(({ name, fields }) => (fields.length > 0 ? fields.join(' ') : name))).toEqual(
      names
    )
  })
})
