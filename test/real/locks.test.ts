// What programs do to locks and primitives themselves: keep them in Vue state, subclass them, freeze them, print them.

import { inspect } from 'node:util'
import {
  Barrier,
  Condition,
  Gate,
  KeyedMutex,
  Latch,
  Lazy,
  type Lock,
  Mutex,
  Pool,
  ReadWriteLock,
  Semaphore,
  SingleFlight,
  WaiterQueue
} from 'latchkey'
import { describe, expect, test } from 'vitest'
import { isProxy, reactive, readonly, ref, shallowReactive } from 'vue'
import { flush, watch } from '../fixtures/settle.js'
import { thrownBy } from '../fixtures/thrown.js'

const makers: Record<string, (options?: object) => object> = {
  Mutex: (options?: object) => new Mutex(options),
  KeyedMutex: (options?: object) => new KeyedMutex(options),
  Semaphore: (options?: object) => new Semaphore(2, options),
  ReadWriteLock: (options?: object) => new ReadWriteLock(options),
  Condition: (options?: object) => new Condition(new Mutex(), options),
  Barrier: (options?: object) => new Barrier(2, options),
  Gate: (options?: object) => new Gate(options),
  Latch: (options?: object) => new Latch(2, options),
  SingleFlight: (options?: object) => new SingleFlight(options),
  Lazy: (options?: object) => new Lazy(() => 1, options),
  Pool: (options?: object) => new Pool({ create: () => ({ password: 'secret' }), max: 2, ...options }),
  WaiterQueue: (options?: object) => new WaiterQueue(options)
}
const every = Object.entries(makers).map(([name, make]) => ({ name, make }))

/** A lock of each kind, what frees it, and whether its primitive is free. */
const locks: Record<string, () => Promise<[lock: Lock, isFree: () => boolean]>> = {
  Mutex: async () => {
    const mutex = new Mutex()
    return [await mutex.acquire(), () => !mutex.locked]
  },
  'KeyedMutex, one key': async () => {
    const mutex = new KeyedMutex()
    return [await mutex.acquire('a'), () => mutex.size === 0]
  },
  'KeyedMutex, many keys': async () => {
    const mutex = new KeyedMutex()
    return [await mutex.acquireMany(['a', 'b']), () => mutex.size === 0]
  },
  Permit: async () => {
    const semaphore = new Semaphore(2)
    return [await semaphore.acquire({ permits: 2 }), () => semaphore.available === 2]
  },
  ReadLock: async () => {
    const lock = new ReadWriteLock()
    return [await lock.acquireRead(), () => lock.readers === 0]
  },
  WriteLock: async () => {
    const lock = new ReadWriteLock()
    return [await lock.acquireWrite(), () => !lock.writing]
  },
  PoolLease: async () => {
    const pool = new Pool({ create: () => ({ password: 'secret' }), max: 1 })
    return [await pool.acquire(), () => pool.size === pool.idle]
  }
}
const everyLock = Object.entries(locks).map(([name, take]) => ({ name, take }))

describe('in the state of Vue', () => {
  const wrappers: Record<string, <T extends object>(value: T) => T> = {
    reactive: value => reactive({ value }).value as never,
    'reactive, itself': value => reactive(value) as never,
    shallowReactive: value => shallowReactive({ value }).value as never,
    readonly: value => readonly({ value }).value as never,
    ref: value => ref(value).value as never,
    'a reactive list': value => reactive([value])[0] as never,
    'a reactive map': value => reactive(new Map([['value', value]])).get('value') as never
  }
  describe.each(Object.entries(wrappers))('%s', (_, wrap) => {
    test.each(every)('$name is itself', ({ make }) => {
      const subject = make()
      const kept = wrap(subject)
      expect([kept === (subject as object), isProxy(kept)]).toEqual([true, false])
      expect(String(kept)).toBe(String(subject))
    })

    test.each(everyLock)('a lock of $name is released', async ({ take }) => {
      const [lock, isFree] = await take()
      const kept = wrap(lock)
      expect([kept.held, isFree()]).toEqual([true, false])
      kept.release()
      expect([kept.held, lock.held, isFree()]).toEqual([false, false, true])
    })
  })
})

/** Words that a subclass may well use for its own. */
const WORDS = `abort aborted add admit advance asked background batch become brisk cancel candidate check claim claims
  claimed controller count create describe destroy done drain enter entries entry exit factory first fits flight flights
  free freed grantor handle held hold holders id idle idleWaiters item items join key kind label lanes last leave length
  line link list lock log max missing name names next observer options out owner parties2 pending permits previous
  priority promise queue quit reason refusal refuse reject rejectWaiters remove request requests reserved resolve run
  running settings settle signal source spectators start state stop subscribe sweep take task tasks tell then2 timeout
  timer total unlink value wait waiters weight withdraw work`
  .split(/\s+/)
  .filter(word => word !== '')

describe('subclasses', () => {
  test.each(every)('of $name may call their own members by any word', async ({ name, make }) => {
    const subject = make()
    const publicNames = new Set<string>()
    for (let at = subject as object; at !== Object.prototype; at = Object.getPrototypeOf(at))
      for (const member of Object.getOwnPropertyNames(at)) publicNames.add(member)
    const hidden = [...publicNames].filter(member => /^[_#$]/.test(member) && member !== '__v_skip')
    expect({ name, hidden, own: Object.keys(subject) }).toEqual({
      name,
      hidden: [],
      own: name === 'Barrier' ? ['parties'] : []
    })
  })

  const trap = (word: string) => () => {
    throw new Error(`${word} was taken for a member of the lock`)
  }
  const own = WORDS.filter(word => !(word in Mutex.prototype) && !(word in Semaphore.prototype))

  /** All of these words as fields, which throw when they are used. */
  function withFields<T extends object>(subject: T): T {
    for (const word of own)
      if (!(word in subject)) Object.defineProperty(subject, word, { get: trap(word), set: trap(word) })
    return subject
  }

  test('whose fields trap every use still work', async () => {
    const mutex = withFields(new Mutex({ name: 'm', timeout: 60_000 }))
    const lock = await mutex.acquire()
    const waiting = [mutex.acquire({ priority: 1 }), mutex.runExclusive(() => 'ran'), mutex.whenFree()] as const
    lock.release()
    ;(await waiting[0]).release()
    expect(await waiting[1]).toBe('ran')
    await waiting[2]
    const keyed = withFields(new KeyedMutex())
    const many = await keyed.acquireMany(['a', 'b'])
    const later = keyed.runExclusiveMany(['b', 'c'], () => 'ran')
    many.release()
    expect(await later).toBe('ran')
    const semaphore = withFields(new Semaphore(2))
    expect(await Promise.all([1, 2, 3].map(n => semaphore.run(async () => n)))).toEqual([1, 2, 3])
    semaphore.resize(1)
    await semaphore.close()
    const readWrite = withFields(new ReadWriteLock())
    expect(await Promise.all([readWrite.runRead(() => 1), readWrite.runWrite(() => 2)])).toEqual([1, 2])
    const pool = withFields(new Pool({ create: () => 'r', max: 1, idleTimeout: 60_000, min: 1 }))
    await pool.warm()
    expect(await Promise.all([pool.use(r => r), pool.use(r => r)])).toEqual(['r', 'r'])
    await pool.close()
    const flights = withFields(new SingleFlight())
    expect(await Promise.all([1, 2].map(n => flights.run('a', () => n)))).toEqual([1, 1])
    const lazy = withFields(new Lazy(() => 'made'))
    expect(await Promise.all([lazy.get(), lazy.get()])).toEqual(['made', 'made'])
    const barrier = withFields(new Barrier(2))
    expect(await Promise.all([barrier.arrive(), barrier.arrive()])).toEqual([0, 1])
    const latch = withFields(new Latch(1))
    const opened = latch.wait()
    latch.countDown()
    await opened
  })

  test('may have a method that runs a task, and one that takes the lock', async () => {
    class Runner extends Mutex {
      options = { retries: 3 }
      line = 'a line'
      source = 'a source'
      run<T>(task: () => T | PromiseLike<T>) {
        return this.runExclusive(task)
      }
      take() {
        return this.tryAcquire()
      }
      freed() {
        throw new Error('not a member of the lock')
      }
      refusal() {
        return Promise.reject(new Error('not a member of the lock'))
      }
    }
    const runner = new Runner({ name: 'runner' })
    expect(await Promise.all([runner.run(() => 1), runner.run(async () => 2)])).toEqual([1, 2])
    expect(String(runner)).toBe('Mutex "runner" { free }')
  })
})

describe('a lock that is frozen, sealed, or released without itself', () => {
  const fix: Record<string, <T>(value: T) => T> = {
    frozen: Object.freeze,
    sealed: Object.seal,
    inextensible: Object.preventExtensions
  }
  describe.each(Object.entries(fix))('%s', (_, freeze) => {
    test.each(everyLock)('$name is released, once', async ({ take }) => {
      const [lock, isFree] = await take()
      freeze(lock)
      expect([lock.held, isFree()]).toEqual([true, false])
      lock.release()
      expect([lock.held, isFree(), `${lock}`]).toEqual([false, true, 'Lock { released }'])
      lock.release()
      lock[Symbol.dispose]()
      expect(isFree()).toBe(true)
    })

    test('read, write and permit: their other methods are whole or refused', async () => {
      const readWrite = new ReadWriteLock()
      const write = freeze(await readWrite.acquireWrite())
      const read = freeze(write.downgrade())
      expect([write.held, read.held, readWrite.readers, readWrite.writing]).toEqual([false, true, 1, false])
      expect(thrownBy(() => write.downgrade())).toBeInstanceOf(TypeError)
      const again = read.tryUpgrade()!
      expect([read.held, again.held, readWrite.readers, readWrite.writing]).toEqual([false, true, 0, true])
      expect(read.tryUpgrade()).toBeUndefined()
      read.release()
      again.release()
      expect([readWrite.readers, readWrite.writing]).toEqual([0, false])
      const semaphore = new Semaphore(3)
      const permit = freeze(semaphore.tryAcquire(3)!)
      thrownBy(() => permit.split(1)?.release())
      permit.release()
      expect(thrownBy(() => permit.split(1))).toBeInstanceOf(RangeError)
      expect(semaphore.available).toBe(3)
    })

    test('a condition waits with it, or says at once that it cannot', async () => {
      const mutex = new Mutex()
      const condition = new Condition(mutex)
      const lock = freeze(await mutex.acquire())
      let waiting: Promise<void> | undefined
      const error = thrownBy(() => {
        waiting = condition.wait(lock)
      })
      if (error !== undefined) expect(`${error}`).toContain('frozen')
      condition.notify()
      await waiting
      expect([lock.held, mutex.locked]).toEqual([true, true])
      lock.release()
      expect(mutex.locked).toBe(false)
    })
  })

  test('a lock that is frozen while a condition waits with it leaves the mutex free', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const lock = await mutex.acquire()
    const waiting = watch(condition.wait(lock))
    Object.freeze(lock)
    condition.notify()
    await flush()
    expect([waiting.state, lock.held, mutex.locked]).toEqual(['rejected', false, false])
  })

  test.each(everyLock)('$name says how release is called, and stays held', async ({ take }) => {
    const [lock, isFree] = await take()
    const { release } = lock
    for (const call of [() => release(), () => release.call({} as Lock), () => [1].forEach(release as never)])
      expect(thrownBy(call)).toMatchObject({ name: 'TypeError', message: expect.stringContaining('lock.release()') })
    expect([lock.held, isFree()]).toEqual([true, false])
    lock.release()
    expect(isFree()).toBe(true)
  })

  test('a frozen primitive works as another one does, with callers that waited before', async () => {
    const mutex = new Mutex()
    const lock = await mutex.acquire()
    const before = mutex.acquire({ timeout: 60_000 })
    Object.freeze(mutex)
    const after = [mutex.runExclusive(() => 'ran'), mutex.acquire().then(lock => lock.release())]
    expect(mutex.waiting).toBe(3)
    lock.release()
    ;(await before).release()
    expect((await Promise.all(after))[0]).toBe('ran')
    expect([mutex.locked, mutex.waiting]).toEqual([false, 0])
    for (const { make } of every) {
      const subject = Object.freeze(make()) as Mutex
      subject.close?.()
      expect(String(subject)).toContain('{')
    }
  })
})

describe('in words', () => {
  test.each(every)('$name: JSON, text and inspect are one form', ({ name, make }) => {
    const subject = make({ name: 'of mine' })
    const text = `${subject}`
    expect(text).toMatch(new RegExp(`^${name} "of mine" \\{ .+ \\}$`))
    expect([JSON.stringify({ subject }), inspect(subject)]).toEqual([JSON.stringify({ subject: text }), text])
  })

  test.each(everyLock)('a lock of $name: the resource is in none', async ({ take }) => {
    const [lock] = await take()
    expect([`${lock}`, JSON.stringify([lock]), inspect(lock)]).toEqual([
      'Lock { held }',
      '["Lock { held }"]',
      'Lock { held }'
    ])
    expect(inspect([lock], { depth: 10, showHidden: true })).not.toContain('secret')
    lock.release()
    expect(JSON.stringify(lock)).toBe('"Lock { released }"')
  })
})

describe('the options of a constructor', () => {
  test.each(every)('$name refuses what is no plain options object, and names that do not exist', ({ name, make }) => {
    if (name !== 'Pool') {
      const Class = make as (options: unknown) => unknown
      const wrong = [
        new Error('cancelled'),
        [],
        new Map(),
        'text',
        7,
        null,
        () => {},
        Promise.resolve(),
        new Mutex(),
        new Date()
      ]
      for (const value of wrong)
        expect(thrownBy(() => Class(value))).toMatchObject({
          name: 'TypeError',
          message: expect.stringMatching(/options must be an? (plain )?object/)
        })
    }
    const nearest: Record<string, string> = {
      maxPending: 'maxWaiting',
      timeOut: 'timeout',
      Name: 'name',
      observers: 'observer'
    }
    for (const [unknown, known] of Object.entries({ ...nearest, skipQueue: '', maxExecutionTime: '' }))
      expect(thrownBy(() => make({ [unknown]: 1 }))).toMatchObject({
        name: 'TypeError',
        message: expect.stringMatching(new RegExp(`options\\.${unknown} .*nearest is ${known}`))
      })
  })

  test.each(every)('$name keeps a copy, and reads each once', async ({ make }) => {
    const reads: string[] = []
    const values: Record<string, unknown> = { name: 'first', maxWaiting: 0, timeout: undefined, observer: {} }
    const options = {}
    for (const option of Object.keys(values))
      Object.defineProperty(options, option, {
        enumerable: true,
        get: () => {
          reads.push(option)
          return values[option]
        }
      })
    // A spread of the pool's would read them as well.
    const subject =
      make === makers.Pool
        ? new Pool(Object.assign(Object.create(options), { create: () => 1, max: 1 }))
        : make(options)
    Object.assign(values, { name: 'second', maxWaiting: Infinity, timeout: 1 })
    expect(String(subject)).toContain('"first"')
    expect(reads.sort()).toEqual(['maxWaiting', 'name', 'observer', 'timeout'])
  })

  test('later changes change nothing', async () => {
    const options = { name: 'first', maxWaiting: 0, max: 1, create: () => 'first', min: 0, maxUses: 1 }
    const pool = new Pool(options)
    Object.assign(options, { name: 'second', maxWaiting: 'many', max: -1, create: undefined, min: 9, maxUses: 0 })
    using lease = await pool.acquire()
    expect([lease.resource, pool.size]).toEqual(['first', 1])
    await expect(pool.acquire()).rejects.toMatchObject({
      code: 'ERR_QUEUE_FULL',
      message: expect.stringContaining('first')
    })
    const onLeave = { calls: 0 }
    const own = { onLeave: () => void onLeave.calls++ }
    const queue = new WaiterQueue(own)
    own.onLeave = () => {
      throw new Error('changed')
    }
    const controller = new AbortController()
    const left = watch(queue.wait({ signal: controller.signal }))
    controller.abort()
    await flush()
    expect([left.state, onLeave.calls]).toEqual(['rejected', 1])
    const gate = { open: true }
    const open = new Gate(gate)
    gate.open = false
    await open.wait()
  })
})
