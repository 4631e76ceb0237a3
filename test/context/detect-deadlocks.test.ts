// What a detector refuses and what it lets wait, as examples.

import { AsyncLocalStorage } from 'node:async_hooks'
import {
  Condition,
  DeadlockError,
  Gate,
  KeyedMutex,
  type LockRequest,
  Mutex,
  Pool,
  ReadWriteLock,
  Semaphore
} from 'latchkey'
import { detectDeadlocks, ReentrantMutex } from 'latchkey/context'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { deferred, flush, watch } from '../fixtures/settle.js'
import { watchRejections } from '../properties/settings.js'

const unhandled = watchRejections()
afterEach(async () => {
  await flush()
  expect(unhandled).toEqual([])
})

/** The text of a deadlock without the numbers that scopes have. */
async function deadlock(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => 'resolved',
    (error: unknown) => error
  )
  expect(error).toBeInstanceOf(DeadlockError)
  expect((error as DeadlockError).code).toBe('ERR_DEADLOCK')
  return (error as Error).message.replace(/#\d+/g, '#n')
}

describe('what this context already holds', () => {
  test('a mutex, from a task under it', async () => {
    const mutex = detectDeadlocks().watch(new Mutex({ name: 'tools' }))
    expect(await deadlock(mutex.runExclusive(() => mutex.runExclusive(() => {})))).toBe(
      'Mutex "tools": waiting would never end: #n waits for Mutex "tools", held by #n'
    )
    expect(mutex).toMatchObject({ locked: false, waiting: 0 })
  })

  test('however deep, and through whatever is awaited in between', async () => {
    const mutex = detectDeadlocks().watch(new Mutex())
    const deep = async (levels: number): Promise<void> => {
      await flush()
      if (levels > 0) return deep(levels - 1)
      await mutex.acquire()
    }
    await deadlock(mutex.runExclusive(() => Promise.all([flush(), deep(3)])))
  })

  test('by hand, in a task scope', async () => {
    const detector = detectDeadlocks()
    const mutex = detector.watch(new Mutex())
    const text = await detector.run(
      async () => {
        using _ = await mutex.acquire()
        return deadlock(mutex.acquire())
      },
      { name: 'request 7' }
    )
    expect(text).toBe('Mutex: waiting would never end: request 7 waits for Mutex, held by request 7')
  })

  test('a key, alone or among others; another key is none of its business', async () => {
    const locks = detectDeadlocks().watch(new KeyedMutex<string>({ name: 'users' }))
    await locks.runExclusive('ann', async () => {
      expect(await deadlock(locks.runExclusive('ann', () => {}))).toContain(
        '#n waits for KeyedMutex "users" key "ann", held by'
      )
      await deadlock(locks.acquireMany(['bob', 'ann']))
      await locks.runExclusiveMany(['bob', 'carl'].values(), () => {})
    })
    expect(locks.size).toBe(0)
  })

  test('the write lock while it reads, and reading behind a writer that waits for it', async () => {
    const lock = detectDeadlocks().watch(new ReadWriteLock())
    const done = deferred()
    const reader = lock.runRead(async () => {
      await deadlock(lock.acquireWrite())
      await lock.runRead(() => {}) // nobody writes: readers share
      await done.promise
      await deadlock(lock.runRead(() => {}))
    })
    await flush()
    const writer = lock.runWrite(() => {})
    done.resolve()
    await Promise.all([reader, writer])
  })

  test('the last permit, the last resource', async () => {
    const detector = detectDeadlocks()
    const semaphore = detector.watch(new Semaphore(3))
    await semaphore.run(() => deadlock(semaphore.acquire({ permits: 2 })), { permits: 2 })
    await semaphore.run(() => semaphore.run(() => semaphore.run(() => deadlock(semaphore.run(() => {})))))
    const pool = detector.watch(new Pool({ create: () => ({}), max: 2 }))
    await pool.use(() => pool.use(() => deadlock(pool.acquire())))
  })
})

describe('a cycle', () => {
  test('of two mutexes, taken in two orders: the one that closes it is refused, the other goes on', async () => {
    const detector = detectDeadlocks({ stacks: true })
    const [a, b] = ['a', 'b'].map(name => detector.watch(new Mutex({ name }))) as [Mutex, Mutex]
    const both = deferred()
    const one = detector.run(() => a.runExclusive(() => both.promise.then(() => b.runExclusive(() => 'done'))), {
      name: 'one'
    })
    const two = detector.run(() => b.runExclusive(() => both.promise.then(() => a.runExclusive(() => 'done'))), {
      name: 'two'
    })
    both.resolve()
    const error = (await two.catch(error => error)) as DeadlockError
    expect(error.message).toBe(
      'Mutex "a": waiting would never end: two waits for Mutex "a", held by one; one waits for Mutex "b", held by two'
    )
    const at = expect.stringMatching(/^at .*detect-deadlocks\.test\.ts/)
    expect(error.cycle).toEqual([
      { lock: 'Mutex "a"', keys: [], waiter: 'two', holder: 'one', held: true, waitingAt: at, heldAt: at },
      { lock: 'Mutex "b"', keys: [], waiter: 'one', holder: 'two', held: true, waitingAt: at, heldAt: at }
    ])
    expect(await one).toBe('done')
  })

  test('of a reader that was upgraded: it holds as much as a writer', async () => {
    const detector = detectDeadlocks()
    const files = detector.watch(new ReadWriteLock({ name: 'files' }))
    const mutex = detector.watch(new Mutex({ name: 'tools' }))
    const go = deferred()
    const first = detector.run(async () => {
      const read = await files.acquireRead()
      const write = read.tryUpgrade()
      expect(files.writing).toBe(true)
      await go.promise
      await mutex.runExclusive(() => {})
      write?.release()
    })
    const second = detector.run(() =>
      mutex.runExclusive(async () => {
        await go.promise
        await flush()
        return deadlock(files.acquireRead())
      })
    )
    go.resolve()
    expect(await second).toBe(
      'ReadWriteLock "files": waiting would never end: #n waits for ReadWriteLock "files", held by #n; ' +
        '#n waits for Mutex "tools", held by #n'
    )
    await first
  })

  test('over many locks, keys and kinds of holders', async () => {
    const detector = detectDeadlocks()
    const mutex = detector.watch(new Mutex())
    const locks = detector.watch(new KeyedMutex<number>())
    const semaphore = detector.watch(new Semaphore(2))
    const ready = deferred()
    const go = deferred()
    const first = mutex.runExclusive(() => go.promise.then(() => locks.runExclusive(1, () => 1)))
    const second = locks.runExclusive(1, () => go.promise.then(() => semaphore.run(() => 2)))
    const third = semaphore.run(
      async () => {
        ready.resolve()
        await go.promise
        await flush()
        return deadlock(mutex.acquire())
      },
      { permits: 2 }
    )
    go.resolve()
    expect((await third).match(/waits for (\w+)/g)).toEqual([
      'waits for Mutex',
      'waits for KeyedMutex',
      'waits for Semaphore'
    ])
    expect(await Promise.all([first, second])).toEqual([1, 2])
  })

  test('by way of a turn: a claim for many keys that waits for one keeps its turn at the others', async () => {
    const locks = detectDeadlocks().watch(new KeyedMutex<string>())
    const claimed = deferred()
    const holder = locks.runExclusive('b', async () => {
      await claimed.promise
      return deadlock(locks.acquire('a'))
    })
    const claim = locks.runExclusiveMany(['a', 'b'], () => 'claimed')
    claimed.resolve()
    expect(await holder).toBe(
      'KeyedMutex: waiting would never end: #n waits for KeyedMutex key "a", behind a caller; a caller waits for KeyedMutex key "b", held by #n'
    )
    expect(await claim).toBe('claimed')
  })

  test('of a higher priority that comes before somebody who has to go first', async () => {
    const locks = detectDeadlocks().watch(new KeyedMutex<string>())
    const held = await locks.acquire('a')
    const inner = locks.runExclusive('b', () => locks.runExclusive('a', () => 'inner'))
    await deadlock(locks.runExclusiveMany(['a', 'b'], () => {}, { priority: 1 }))
    held.release()
    expect(await inner).toBe('inner')
  })
})

describe('no cycle', () => {
  test('what somebody else holds is waited for', async () => {
    const detector = detectDeadlocks()
    const [a, b] = [detector.watch(new Mutex()), detector.watch(new Mutex())]
    const task = () => a.runExclusive(() => b.runExclusive(flush))
    await Promise.all([task(), task(), b.runExclusive(flush), task()])
  })

  test('branches that run at the same time do not hold each others locks', async () => {
    const detector = detectDeadlocks()
    const [a, b] = [detector.watch(new Mutex()), detector.watch(new Mutex())]
    const branch = async () => {
      const lock = await b.acquire()
      await flush()
      lock.release()
    }
    await a.runExclusive(() => Promise.all([branch(), branch(), b.runExclusive(flush), b.runExclusive(flush)]))
    await detector.run(() => Promise.all([1, 2].map(() => detector.run(branch))))
  })

  test('nor do branches of one task that lock by hand, once it is seen that there are several', async () => {
    const detector = detectDeadlocks()
    const [a, b] = [detector.watch(new Mutex()), detector.watch(new Mutex())]
    const branch = async () => {
      const lock = await a.acquire()
      await flush()
      lock.release()
    }
    await detector.run(() => Promise.all([branch(), branch(), branch()]))
    await detector.run(async () => {
      const both = await Promise.all([a.acquire(), b.acquire()])
      for (const lock of both) lock.release()
    })
  })

  test('a semaphore of which somebody else holds enough', async () => {
    const semaphore = detectDeadlocks().watch(new Semaphore(3))
    const other = await semaphore.acquire({ permits: 2 })
    const waiting = watch(semaphore.run(() => semaphore.run(() => 'both', { permits: 2 })))
    await flush()
    expect(waiting.state).toBe('pending')
    other.release()
    await flush()
    expect(waiting.value).toBe('both')
  })

  test('but for a large one ahead that never fits, there would be enough', async () => {
    const semaphore = detectDeadlocks().watch(new Semaphore(3))
    await semaphore.run(async () => {
      const large = watch(semaphore.run(() => 'large', { permits: 3 }))
      // It is inside too, and asks for what its own holder keeps: refused. From outside it waits.
      await flush()
      expect(large.reason).toBeInstanceOf(DeadlockError)
    })
    const go = deferred()
    const inside = semaphore.run(() => go.promise.then(() => deadlock(semaphore.acquire())))
    const large = semaphore.run(() => 'large', { permits: 3 })
    go.resolve()
    await inside
    expect(await large).toBe('large')
  })

  test('permits that were split off may come back from elsewhere', async () => {
    const semaphore = detectDeadlocks().watch(new Semaphore(2))
    const handed = deferred<Disposable>()
    const work = semaphore.run(
      async permit => {
        handed.resolve(permit.split(1))
        return semaphore.run(() => 'mine')
      },
      { permits: 2 }
    )
    const part = await handed.promise
    await flush()
    part[Symbol.dispose]()
    expect(await work).toBe('mine')
    await semaphore.run(() => deadlock(semaphore.acquire({ permits: 2 }))) // all was back, and known again
  })

  test('what outlives its holder is in nobody', async () => {
    const mutex = detectDeadlocks().watch(new Mutex())
    const go = deferred()
    let late: Promise<string> | undefined
    await mutex.runExclusive(() => {
      late = go.promise.then(() => mutex.runExclusive(() => 'late'))
    })
    const holding = mutex.runExclusive(flush)
    go.resolve()
    expect(await late).toBe('late')
    await holding
  })

  test('what is detached may wait for what its starter holds', async () => {
    const detector = detectDeadlocks()
    const mutex = detector.watch(new Mutex())
    let detached: Promise<string> | undefined
    await mutex.runExclusive(async () => {
      detached = detector.detach(() => mutex.runExclusive(() => 'detached'))
      await flush()
    })
    expect(await detached).toBe('detached')
  })

  test('nor is what is detached inside a reentrant mutex', async () => {
    const detector = detectDeadlocks()
    const mutex = detector.watch(new ReentrantMutex())
    const order: string[] = []
    let detached: Promise<unknown> | undefined
    await mutex.runExclusive(async () => {
      detached = detector.detach(() => mutex.runExclusive(() => order.push('detached')))
      expect([mutex.inside, mutex.waiting]).toEqual([true, 1])
      await flush()
      order.push('holder')
    })
    await detached
    expect(order).toEqual(['holder', 'detached'])
  })

  test('a lock that was released early is not held any more', async () => {
    const mutex = detectDeadlocks().watch(new Mutex())
    await mutex.runExclusive(async lock => {
      lock.release()
      await mutex.runExclusive(() => {})
    })
  })

  test('who does not wait is not refused: tryAcquire, timeout 0, an aborted signal, a closed lock', async () => {
    const mutex = detectDeadlocks().watch(new Mutex())
    await mutex.runExclusive(async () => {
      expect(mutex.tryAcquire()).toBeUndefined()
      await expect(mutex.acquire({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' })
      await expect(mutex.acquire({ signal: AbortSignal.abort('gone') })).rejects.toBe('gone')
      void mutex.close()
      await expect(mutex.acquire()).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
    })
  })

  test('a reentrant mutex that is taken again, and the condition that gives the mutex up', async () => {
    const detector = detectDeadlocks()
    const reentrant = detector.watch(new ReentrantMutex())
    await reentrant.runExclusive(() => reentrant.runExclusive(() => {}))
    const mutex = detector.watch(new Mutex())
    const condition = new Condition(mutex)
    const waiter = detector.run(async () => {
      const lock = await mutex.acquire()
      await condition.wait(lock)
      await deadlock(mutex.acquire())
      lock.release()
    })
    await flush()
    await mutex.runExclusive(() => condition.notify())
    await waiter
  })
})

describe('a mutex that a condition has taken again', () => {
  /** Two mutexes; a task under the first that waits for the condition of it, and then does `work`. */
  const scene = () => {
    const detector = detectDeadlocks()
    const [a, b] = ['a', 'b'].map(name => detector.watch(new Mutex({ name }))) as [Mutex, Mutex]
    return { detector, a, b, condition: new Condition(a) }
  }

  test('belongs to the task that was given it: what waits for it and holds what that task wants is refused', async () => {
    const { a, b, condition } = scene()
    const held = deferred()
    const first = a.runExclusive(async lock => {
      await condition.wait(lock)
      held.resolve()
      await b.runExclusive(() => 'both')
    })
    await flush()
    const second = b.runExclusive(async () => {
      await a.runExclusive(() => condition.notify())
      await held.promise
      await flush()
      return deadlock(a.acquire())
    })
    expect(await second).toBe(
      'Mutex "a": waiting would never end: #n waits for Mutex "a", held by #n; #n waits for Mutex "b", held by #n'
    )
    await first
  })

  test('and the wait of that task is refused if it closes the cycle', async () => {
    const { a, b, condition } = scene()
    const waiting = deferred()
    const first = a.runExclusive(async lock => {
      await condition.wait(lock)
      await waiting.promise
      return deadlock(b.runExclusive(() => {}))
    })
    await flush()
    const second = b.runExclusive(async () => {
      await a.runExclusive(() => condition.notify())
      const other = a.runExclusive(() => 'second')
      waiting.resolve()
      return other
    })
    expect(await first).toContain('#n waits for Mutex "b", held by #n; #n waits for Mutex "a", held by #n')
    expect(await second).toBe('second')
  })

  test('by way of a task inside, again and again, and not while it waits', async () => {
    const { detector, a, condition } = scene()
    const first = detector.run(() =>
      a.runExclusive(async lock => {
        for (let round = 0; round < 3; round++) {
          await condition.wait(lock)
          await deadlock(a.acquire())
          await Promise.all([flush().then(() => deadlock(a.runExclusive(() => {})))])
        }
        return 'done'
      })
    )
    for (let round = 0; round < 3; round++) {
      await flush()
      await a.runExclusive(() => condition.notify()) // given back meanwhile: no deadlock
      await flush()
      await flush()
    }
    expect(await first).toBe('done')
    expect([a.locked, a.waiting]).toEqual([false, 0])
  })

  test('is not mistaken for one that is taken by hand after the first was released', async () => {
    const { detector, a } = scene()
    await detector.run(() =>
      a.runExclusive(async lock => {
        lock.release()
        const own = await a.acquire()
        await deadlock(a.acquire())
        own.release()
        await a.runExclusive(() => {})
      })
    )
  })

  test('is that of its own task: a branch beside it, in one task scope, may wait for it', async () => {
    const { detector, a, condition } = scene()
    const go = deferred()
    const both = detector.run(() =>
      Promise.all([
        a.runExclusive(async lock => {
          await condition.wait(lock)
          go.resolve()
          await flush()
          await flush()
          return 'first'
        }),
        go.promise.then(() => a.runExclusive(() => 'second'))
      ])
    )
    await flush()
    await a.runExclusive(() => condition.notify())
    expect(await both).toEqual(['first', 'second'])
  })
})

describe('where deadlocks are not refused', () => {
  const twice = (mutex: Mutex) => {
    const controller = new AbortController()
    return mutex.runExclusive(async () => {
      const waiting = mutex.acquire({ signal: controller.signal })
      await flush()
      expect(mutex.waiting).toBe(1)
      controller.abort('enough')
      await expect(waiting).rejects.toBe('enough')
    })
  }

  test('a function is called with the error, and the wait goes on', async () => {
    const found: DeadlockError[] = []
    const mutex = detectDeadlocks({ onDeadlock: error => found.push(error) }).watch(new Mutex({ name: 'tools' }))
    await twice(mutex)
    expect(found).toHaveLength(1)
    expect(found[0]).toBeInstanceOf(DeadlockError)
    expect(found[0]?.cycle).toMatchObject([{ lock: 'Mutex "tools"', held: true }])
  })

  test("'report' warns the process, or else the console", async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await twice(detectDeadlocks({ onDeadlock: 'report' }).watch(new Mutex()))
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/^Mutex: waiting would never end/), { type: 'DeadlockWarning', code: 'ERR_DEADLOCK' }]
    ])
    warned.mockRestore()
    const logged = vi.spyOn(console, 'warn').mockImplementation(() => {})
    vi.stubGlobal('process', undefined)
    try {
      await twice(detectDeadlocks({ onDeadlock: 'report' }).watch(new Mutex()))
    } finally {
      vi.unstubAllGlobals()
    }
    expect(logged.mock.calls).toEqual([[expect.stringMatching(/^Mutex: waiting would never end/)]])
    logged.mockRestore()
  })

  test('work that is not awaited goes through, which a refusal would have stopped', async () => {
    const found: DeadlockError[] = []
    const mutex = detectDeadlocks({ onDeadlock: error => found.push(error) }).watch(new Mutex())
    let late: Promise<string> | undefined
    await mutex.runExclusive(() => {
      late = mutex.runExclusive(() => 'late')
    })
    expect([await late, found.length]).toEqual(['late', 1])
  })

  test('a cycle is told once: who only waits behind it is not said to close another', async () => {
    const found: string[] = []
    const detector = detectDeadlocks({ onDeadlock: error => found.push(error.message) })
    const [a, b, c] = ['a', 'b', 'c'].map(name => detector.watch(new Mutex({ name }))) as [Mutex, Mutex, Mutex]
    const both = deferred()
    const stop = new AbortController()
    const signal = stop.signal
    const stuck = [
      a.runExclusive(() => both.promise.then(() => b.acquire({ signal }))),
      b.runExclusive(() => both.promise.then(() => a.acquire({ signal })))
    ]
    both.resolve()
    await flush()
    expect(found).toHaveLength(1)
    const behind = c.runExclusive(() => a.acquire({ signal }))
    const beside = c.runExclusive(() => 'wanted') // so that what `behind` holds is wanted
    await flush()
    await flush()
    expect(found).toHaveLength(1)
    stop.abort('enough')
    expect(await Promise.allSettled([...stuck, behind])).toMatchObject(Array(3).fill({ reason: 'enough' }))
    expect(await beside).toBe('wanted')
  })

  test('what the function throws is uncaught, and the wait goes on', async () => {
    const thrown: unknown[] = []
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', error => thrown.push(error))
    const onDeadlock = () => {
      throw new Error('its own')
    }
    await twice(detectDeadlocks({ onDeadlock }).watch(new Mutex()))
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
    expect(thrown).toMatchObject([{ message: 'its own' }])
  })
})

describe('scopes end with their work, whichever way', () => {
  test('what a task that rejects has left behind is in nobody', async () => {
    const detector = detectDeadlocks()
    const mutex = detector.watch(new Mutex())
    for (const run of [
      (task: () => Promise<never>) => mutex.runExclusive(task),
      (task: () => Promise<never>) => detector.run(async () => { await mutex.acquire().then(lock => void task().catch(() => lock.release())); throw new Error('over') }) // biome-ignore format: one line
    ]) {
      const go = deferred()
      let late: Promise<string> | undefined
      await run(() => {
        late = go.promise.then(() => mutex.runExclusive(() => 'late'))
        return Promise.reject(new Error('over'))
      }).catch(() => {})
      const holding = mutex.runExclusive(flush)
      go.resolve()
      expect(await late).toBe('late')
      await holding
    }
  })
})

describe('a watched lock is otherwise as before', () => {
  test('it is the same object, watched once, and its own observer hears of refusals too', async () => {
    const told: string[] = []
    const tell = (event: string) => (_: LockRequest, reason?: unknown) => {
      told.push(reason === undefined ? event : `${event} ${(reason as Error).name}`)
    }
    const observer = {
      queued: tell('queued'),
      granted: tell('granted'),
      released: tell('released'),
      abandoned: tell('abandoned')
    }
    const detector = detectDeadlocks()
    const mutex = new Mutex({ observer })
    expect(detector.watch(mutex)).toBe(mutex)
    expect(detector.watch(mutex)).toBe(mutex)
    await mutex.runExclusive(() => deadlock(mutex.acquire()))
    const lock = await mutex.acquire()
    const next = mutex.acquire()
    lock.release()
    ;(await next).release()
    expect(told).toEqual([
      ...['granted', 'abandoned DeadlockError', 'released'],
      ...['granted', 'queued', 'released', 'granted', 'released']
    ])
  })

  test('results, errors and unhandled rejections reach the caller; a task keeps its context', async () => {
    const storage = new AsyncLocalStorage<string>()
    const mutex = detectDeadlocks().watch(new Mutex())
    const contexts = ['one', 'two'].map(name =>
      storage.run(name, () => mutex.runExclusive(async () => storage.getStore()))
    )
    expect(await Promise.all(contexts)).toEqual(['one', 'two'])
    const error = new Error('its own')
    await expect(mutex.runExclusive(() => { throw error })).rejects.toBe(error) // biome-ignore format: one line
    expect(mutex.locked).toBe(false)
    expect(() => mutex.runExclusive(7 as never)).toThrow('Mutex: task must be a function, got 7')
    expect(() => mutex.acquire({ timeout: -1 })).toThrow(RangeError)
  })

  test('nothing is kept of what is over', async () => {
    const detector = detectDeadlocks()
    const locks = detector.watch(new KeyedMutex<object>())
    const use: ((key: object) => Promise<unknown>)[] = [
      key => locks.runExclusive(key, () => locks.runExclusiveMany([{}], () => {})),
      key => Promise.all([1, 2].map(() => locks.acquire(key).then(lock => lock.release()))),
      key =>
        detector.run(() => Promise.all([1, 2].map(() => locks.acquireMany([key, {}]).then(lock => lock.release())))),
      key => locks.runExclusive(key, () => deadlock(locks.acquire(key))),
      key => locks.runExclusive(key, () => locks.acquire(key, { timeout: 0 }).catch(() => {}))
    ]
    const tryOut = async (work: (key: object) => Promise<unknown>) => {
      const key = {}
      await work(key)
      return new WeakRef(key)
    }
    const gone: WeakRef<object>[] = []
    for (const work of use) gone.push(await tryOut(work))
    await use[1]!({}) // the engine keeps the waiter that came last, until the next one
    await flush()
    ;(globalThis as { gc?: () => void }).gc!()
    expect(gone.map(key => key.deref())).toEqual(use.map(() => undefined))
  })
})

describe('misuse', () => {
  const detector = detectDeadlocks()
  const used = new Mutex()
  used.tryAcquire()

  test('a lock that is in use is refused, and left alone', () => {
    expect(() => detector.watch(used)).toThrow(/lock must be watched while it is free, and Mutex is in use/)
    expect(Object.keys(used)).not.toContain('acquire')
  })

  test('a lock that was contended, and is free again, can be watched', async () => {
    const contended = new Mutex()
    await Promise.all([contended.runExclusive(flush), contended.acquire().then(lock => lock.release())])
    detector.watch(contended)
    const inner = contended.runExclusive(() => contended.runExclusive(() => {}))
    await expect(inner).rejects.toMatchObject({ code: 'ERR_DEADLOCK' })
  })

  test.each<[string, () => unknown, string]>([
    ['options', () => detectDeadlocks(null as never), 'detectDeadlocks: options must be an object, got null'],
    [
      'stacks',
      () => detectDeadlocks({ stacks: 1 as never }),
      'detectDeadlocks: options.stacks must be a boolean, got 1'
    ],
    [
      'onDeadlock',
      () => detectDeadlocks({ onDeadlock: 'log' as never }),
      `detectDeadlocks: options.onDeadlock must be 'reject', 'report' or a function, got "log"`
    ],
    [
      'watch nothing',
      () => detector.watch(undefined as never),
      'DeadlockDetector: lock must be a lock of this package that can be held, got undefined'
    ],
    [
      'watch a gate',
      () => detector.watch(new Gate()),
      'DeadlockDetector: lock must be a lock of this package that can be held, got an object'
    ],
    ['run nothing', () => detector.run(5 as never), 'DeadlockDetector.run: task must be a function, got 5'],
    [
      'run options',
      () => detector.run(() => {}, null as never),
      'DeadlockDetector.run: options must be an object, got null'
    ],
    [
      'detach name',
      () => detector.detach(() => {}, { name: 5 as never }),
      'DeadlockDetector.detach: options.name must be a string, got 5'
    ]
  ])('%s', (_, call, text) => {
    expect(call).toThrow(new TypeError(text))
  })
})
