// SharedMutex, in one thread and among real ones.

import { pathToFileURL } from 'node:url'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { SharedMutex, type SharedMutexHandle } from 'latchkey/threads'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { bundled, cleanUp, start, type Thread, until } from './workers.js'

let program = ''
beforeAll(async () => {
  program = await bundled('worker')
})
afterAll(cleanUp)

const counter = () => new Int32Array(new SharedArrayBuffer(8))
const threads: Thread[] = []
async function startAll(count: number, mutex: SharedMutex, cells = counter(), options = {}) {
  const started = await Promise.all(Array.from({ length: count }, () => start(program, mutex, cells, options)))
  threads.push(...started)
  return started
}
const stopAll = () => Promise.all(threads.splice(0).map(({ worker }) => worker.terminate()))
afterAll(stopAll)

/** The handle, as another thread receives it. */
function sent(handle: SharedMutexHandle): SharedMutexHandle {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(handle)
  const { message } = receiveMessageOnPort(port2) as { message: SharedMutexHandle }
  port1.close()
  return message
}

describe('in one thread', () => {
  test('grants one caller at a time, in order of arrival', async () => {
    const mutex = new SharedMutex({ name: 'index' })
    const order: number[] = []
    const first = await mutex.acquire()
    const others = [1, 2, 3].map(number => mutex.runExclusive(() => order.push(number)))
    expect(mutex.waiting).toBe(3)
    expect(String(mutex)).toBe('SharedMutex "index" { held by thread 1 }')
    first.release()
    first.release()
    await Promise.all(others)
    expect(order).toEqual([1, 2, 3])
    expect(mutex.locked).toBe(false)
    expect(mutex.waiting).toBe(0)
  })

  test('runExclusive on a free lock starts the task before it returns, and releases whatever it does', async () => {
    const mutex = new SharedMutex()
    let started = false
    const failing = mutex.runExclusive(() => {
      started = true
      throw new Error('from the task')
    })
    expect(started).toBe(true)
    await expect(failing).rejects.toThrow('from the task')
    expect(await mutex.runExclusive(async lock => lock.held)).toBe(true)
    expect(mutex.locked).toBe(false)
  })

  test('tryAcquire takes what is free, and overtakes no caller', async () => {
    const mutex = new SharedMutex()
    const lock = mutex.tryAcquire()
    expect(lock?.held).toBe(true)
    expect(mutex.tryAcquire()).toBeUndefined()
    const waits = mutex.acquire()
    lock?.release()
    expect(mutex.tryAcquire()).toBeUndefined()
    ;(await waits).release()
    expect(mutex.tryAcquire()?.abandoned).toBe(false)
  })

  test('an aborted signal rejects before anything is taken, and with its reason untouched', async () => {
    const mutex = new SharedMutex()
    const reason = { no: 'error' }
    const signal = AbortSignal.abort(reason)
    await expect(mutex.acquire({ signal })).rejects.toBe(reason)
    const task = vi.fn()
    await expect(mutex.runExclusive(task, { signal })).rejects.toBe(reason)
    expect(task).not.toHaveBeenCalled()
    expect(mutex.locked).toBe(false)
  })

  test('acquireSync is refused where a caller of this thread holds', async () => {
    const mutex = new SharedMutex()
    const lock = await mutex.acquire()
    expect(() => mutex.acquireSync()).toThrow(expect.objectContaining({ code: 'ERR_DEADLOCK' }))
    expect(() => mutex.acquireSync({ timeout: 50 })).toThrow(expect.objectContaining({ code: 'ERR_DEADLOCK' }))
    expect(() => mutex.acquireSync({ timeout: 0 })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_TIMEOUT' }))
    lock.release()
    const again = mutex.acquireSync()
    await expect(mutex.acquire({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' })
    again.release()
  })

  test('a second attach returns the same lock, from a handle that was sent too', () => {
    const mutex = new SharedMutex({ name: 'same' })
    expect(SharedMutex.attach(mutex.handle)).toBe(mutex)
    expect(SharedMutex.attach(sent(mutex.handle))).toBe(mutex)
  })

  test('another copy of the package attaches to the same lock', async () => {
    const copy = (await import(pathToFileURL(await bundled('entry')).href)) as { SharedMutex: typeof SharedMutex }
    const mutex = new SharedMutex()
    expect(copy.SharedMutex).not.toBe(SharedMutex)
    expect(copy.SharedMutex.attach(mutex.handle)).toBe(mutex)
  })

  test('close rejects current waiters and later calls, and resolves when the holder has released', async () => {
    const mutex = new SharedMutex()
    const lock = await mutex.acquire()
    const waits = expect(mutex.acquire()).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
    const closed = mutex.close()
    expect(mutex.close()).toBe(closed)
    await waits
    await expect(mutex.acquire()).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
    await expect(mutex.runExclusive(() => 1)).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' })
    expect(() => mutex.acquireSync()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_CLOSED' }))
    expect(mutex.tryAcquire()).toBeUndefined()
    const settled = vi.fn()
    closed.then(settled)
    await Promise.resolve()
    expect(settled).not.toHaveBeenCalled()
    lock.release()
    await closed
    // Its number is free again: a new lock object can attach in this thread.
    const again = SharedMutex.attach(mutex.handle)
    expect(again).not.toBe(mutex)
    expect(again.thread).toBe(1)
  })

  test.each<[string, () => unknown, ErrorConstructor, RegExp]>([
    ['options', () => new SharedMutex(5 as never), TypeError, /options must be an object, got 5/],
    ['a name', () => new SharedMutex({ name: 5 as never }), TypeError, /options.name must be a string, got 5/],
    ['an option', () => new SharedMutex({ nmae: 'x' } as never), TypeError, /options.nmae does not exist/],
    ['no handle', () => SharedMutex.attach(undefined as never), TypeError, /handle must be an object, got undefined/],
    [
      'a kind',
      () => SharedMutex.attach({ kind: 'X' } as never),
      TypeError,
      /handle must be the handle of a SharedMutex/
    ],
    [
      'memory',
      () => SharedMutex.attach({ kind: 'SharedMutex', name: undefined, memory: new SharedArrayBuffer(8) }),
      TypeError,
      /handle.memory must be the SharedArrayBuffer of a SharedMutex/
    ],
    [
      'a handle that went through JSON',
      () => SharedMutex.attach(JSON.parse(JSON.stringify(new SharedMutex().handle))),
      TypeError,
      /handle.memory must be/
    ],
    ['a timeout', () => new SharedMutex().acquire({ timeout: -1 }), RangeError, /options.timeout must be .* got -1/],
    ['a sync timeout', () => new SharedMutex().acquireSync({ timeout: -1 }), RangeError, /options.timeout must be/],
    ['a signal', () => new SharedMutex().acquire({ signal: {} as never }), TypeError, /options.signal must be/],
    ['a task', () => new SharedMutex().runExclusive(1 as never), TypeError, /task must be a function, got 1/],
    ['a worker', () => new SharedMutex().watch({} as never), TypeError, /worker must be a Worker/],
    ['its own number', () => new SharedMutex().repair(1), RangeError, /thread must be the number of another thread/],
    ['a number', () => new SharedMutex().repair(16), RangeError, /thread must be .* got 16/]
  ])('refuses %s that is wrong, at the call', (_, call, ErrorClass, message) => {
    expect(call).toThrow(ErrorClass)
    expect(call).toThrow(message)
  })

  test('without shared memory the constructor says what is missing', () => {
    vi.stubGlobal('crossOriginIsolated', false)
    try {
      expect(() => new SharedMutex()).toThrow(/cross-origin isolated.*Cross-Origin-Opener-Policy/)
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

describe('among threads', () => {
  test('excludes, whichever way each of four threads waits', async () => {
    const mutex = new SharedMutex()
    const cells = counter()
    const all = await startAll(4, mutex, cells)
    const ways = ['async', 'sync', 'mixed', 'async'] as const
    const counted = await Promise.all(
      all.map((thread, index) => thread.call({ do: 'count', times: 500, how: ways[index]! }))
    )
    expect(counted).toEqual([true, true, true, true])
    expect(cells[0]).toBe(2500)
    expect(mutex.locked).toBe(false)
    await stopAll()
  }, 60_000)

  test('is handed on in order of arrival, to threads that block as to those that do not', async () => {
    const mutex = new SharedMutex()
    const [one, two, three] = (await startAll(3, mutex)) as [Thread, Thread, Thread]
    const lock = await mutex.acquire()
    const order: number[] = []
    for (const [thread, how] of [
      [three, 'acquire'],
      [one, 'acquireSync'],
      [two, 'acquire']
    ] as const) {
      const before = String(mutex)
      thread.call({ do: how }).then(() => {
        order.push(thread.number)
        return thread.call({ do: 'release' })
      })
      await until(() => String(mutex) !== before, 'it stands in the queue')
    }
    expect(String(mutex)).toBe(`SharedMutex { held by thread 1, then ${three.number}, ${one.number}, ${two.number} }`)
    lock.release()
    await until(() => order.length === 3 && !mutex.locked, 'all were served')
    expect(order).toEqual([three.number, one.number, two.number])
    await stopAll()
  })

  test('a thread that blocks does not wait for its own callers that do not', async () => {
    const mutex = new SharedMutex()
    const [thread] = (await startAll(1, mutex)) as [Thread]
    expect(await thread.call({ do: 'acquire' })).toMatchObject({ abandoned: false })
    let granted = false
    const waits = mutex.runExclusive(() => {
      granted = true
    })
    expect(() => mutex.acquireSync({ timeout: 5 })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_TIMEOUT' }))
    expect(mutex.waiting).toBe(1)
    thread.worker.postMessage([99, { do: 'release' }])
    const lock = mutex.acquireSync()
    expect([lock.held, granted, mutex.waiting]).toEqual([true, false, 1])
    lock.release()
    await waits
    expect(granted).toBe(true)
    await stopAll()
  })

  test('a wait that is aborted or times out leaves nothing', async () => {
    const mutex = new SharedMutex({ name: 'held' })
    const [thread] = (await startAll(1, mutex)) as [Thread]
    await thread.call({ do: 'acquire' })
    const controller = new AbortController()
    const remove = vi.spyOn(controller.signal, 'removeEventListener')
    const aborted = expect(mutex.acquire({ signal: controller.signal })).rejects.toBe('enough')
    await until(() => String(mutex).includes('then 1'), 'it stands in the queue')
    controller.abort('enough')
    await aborted
    expect(remove).toHaveBeenCalledTimes(1)
    expect(String(mutex)).toBe(`SharedMutex "held" { held by thread ${thread.number} }`)
    await expect(mutex.acquire({ timeout: 5 })).rejects.toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
      message: 'SharedMutex "held": waited longer than 5 ms',
      stack: expect.stringContaining('shared-mutex.test')
    })
    // One that waits behind another caller of its thread.
    const first = mutex.acquire()
    await expect(mutex.acquire({ timeout: 5 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' })
    expect(mutex.waiting).toBe(1)
    await thread.call({ do: 'release' })
    ;(await first).release()
    expect([mutex.locked, mutex.waiting]).toEqual([false, 0])
    await stopAll()
  })

  test('a grant that came before the abort stands, and a task is not started after one', async () => {
    const mutex = new SharedMutex()
    const [thread] = (await startAll(1, mutex)) as [Thread]
    for (const run of [false, true]) {
      await thread.call({ do: 'acquire' })
      const controller = new AbortController()
      const task = vi.fn()
      const waits = run
        ? mutex.runExclusive(task, { signal: controller.signal })
        : mutex.acquire({ signal: controller.signal })
      await until(() => String(mutex).includes('then 1'), 'it stands in the queue')
      thread.worker.postMessage([99, { do: 'release' }])
      // This thread does not come to hear of the grant before it aborts.
      while (!String(mutex).includes('held by thread 1')) {}
      controller.abort('too late')
      if (run) {
        await expect(waits).rejects.toBe('too late')
        expect(task).not.toHaveBeenCalled()
      } else ((await waits) as { release(): void }).release()
      expect(mutex.locked).toBe(false)
    }
    await stopAll()
  })

  test.each(['terminate', 'exit'])('a holder that ends by %s is followed by the next, which is told', async how => {
    const mutex = new SharedMutex()
    const [one, two] = (await startAll(2, mutex)) as [Thread, Thread]
    await one.call({ do: 'acquire' })
    const next = two.call({ do: 'acquireSync' })
    await until(() => String(mutex).includes(`then ${two.number}`), 'it stands in the queue')
    const last = mutex.acquire()
    if (how === 'exit') one.worker.postMessage([99, { do: 'exit' }])
    else one.worker.terminate()
    expect(await next).toMatchObject({ abandoned: true })
    await two.call({ do: 'release' })
    const lock = await last
    expect(lock.abandoned).toBe(false)
    lock.release()
    await stopAll()
  })

  test('a thread that waits and ends is taken out, and its number is used again', async () => {
    const mutex = new SharedMutex()
    const [one] = (await startAll(1, mutex)) as [Thread]
    const lock = await mutex.acquire()
    one.call({ do: 'acquireSync' })
    await until(() => String(mutex).includes('then 2'), 'it stands in the queue')
    mutex.watch(one.worker)
    await one.worker.terminate()
    await until(() => !String(mutex).includes('then'), 'it is taken out')
    const [other] = (await startAll(1, mutex)) as [Thread]
    expect(other.number).toBe(2)
    lock.release()
    expect(await other.call({ do: 'acquire' })).toMatchObject({ abandoned: false })
    await stopAll()
  })

  test('what a thread watches is repaired when that thread ends', async () => {
    const mutex = new SharedMutex()
    const [one] = (await startAll(1, mutex)) as [Thread]
    expect(await one.call({ do: 'nested' })).toMatchObject([0, { thread: 3 }])
    expect(String(mutex)).toBe('SharedMutex { held by thread 3 }')
    const next = mutex.acquire()
    await one.worker.terminate()
    expect((await next).abandoned).toBe(true)
    await stopAll()
  })

  test('one that is not watched is repaired by hand', async () => {
    const mutex = new SharedMutex()
    const [one] = (await startAll(1, mutex, counter(), { watched: false })) as [Thread]
    await one.call({ do: 'acquire' })
    await one.worker.terminate()
    await one.ended
    expect(mutex.locked).toBe(true)
    const next = mutex.acquire()
    mutex.repair(one.number)
    expect((await next).abandoned).toBe(true)
    expect(() => mutex.watch(one.worker)).toThrow(/has ended already/)
  })

  test('a sixteenth thread is refused, until one has closed', async () => {
    const mutex = new SharedMutex({ name: 'full' })
    // Threads of their own are expensive: the platform is asked what this thread is called.
    const copies = []
    for (let id = 2; id <= 15; id++) copies.push(await attachAs(mutex.handle, id))
    await expect(attachAs(mutex.handle, 16)).rejects.toThrow('SharedMutex "full": 15 threads are attached already')
    await copies[4]?.close()
    expect((await attachAs(mutex.handle, 16)).thread).toBe(6)
  })
})

/** Attaches as another thread would, in this one. */
async function attachAs(handle: SharedMutexHandle, threadId: number): Promise<SharedMutex> {
  const key = Symbol.for('latchkey.threads')
  const global = globalThis as { [key: symbol]: unknown }
  const own = global[key]
  const builtin = process.getBuiltinModule
  global[key] = new Map()
  process.getBuiltinModule = ((name: string) => ({ ...(builtin(name) as object), threadId })) as never
  try {
    return SharedMutex.attach(handle)
  } finally {
    process.getBuiltinModule = builtin
    global[key] = own
  }
}
