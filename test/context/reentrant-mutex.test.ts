// What a ReentrantMutex lets in, and whom it keeps waiting.

import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { LockClosedError, type LockRequest } from 'latchkey'
import { ReentrantMutex } from 'latchkey/context'
import { describe, expect, test } from 'vitest'
import { deferred, flush, watch } from '../fixtures/settle.js'

describe('inside', () => {
  test('its holder takes it again, to any depth, and the outermost gives it back', async () => {
    const mutex = new ReentrantMutex()
    const deep = (levels: number): Promise<number> =>
      mutex.runExclusive(async () => {
        await flush()
        expect([mutex.locked, mutex.inside]).toEqual([true, true])
        return levels === 0 ? 0 : 1 + (await deep(levels - 1))
      })
    expect(await deep(5)).toBe(5)
    expect([mutex.locked, mutex.inside]).toEqual([false, false])
  })

  test('a child that is started under it and awaited is inside, all of them at once', async () => {
    const mutex = new ReentrantMutex()
    const results = await mutex.runExclusive(() =>
      Promise.all(
        [1, 2].map(async n => {
          await flush()
          return mutex.runExclusive(() => n)
        })
      )
    )
    expect(results).toEqual([1, 2])
  })

  test('others wait until it is given back, in order of arrival', async () => {
    const mutex = new ReentrantMutex()
    const order: string[] = []
    const done = deferred()
    const holder = mutex.runExclusive(async () => {
      await mutex.runExclusive(() => done.promise)
      order.push('holder')
    })
    const others = ['first', 'second'].map(name => mutex.runExclusive(() => order.push(name)))
    await flush()
    expect([order, mutex.waiting]).toEqual([[], 2])
    done.resolve()
    await Promise.all([holder, ...others])
    expect(order).toEqual(['holder', 'first', 'second'])
  })

  test('an error passes through unchanged and leaves it free', async () => {
    const mutex = new ReentrantMutex()
    const error = new Error('inner')
    await expect(mutex.runExclusive(() => mutex.runExclusive(() => { throw error }))).rejects.toBe(error) // biome-ignore format: one line
    expect(mutex.locked).toBe(false)
  })

  test('two mutexes nested in each other are told apart', async () => {
    const [a, b] = [new ReentrantMutex(), new ReentrantMutex()]
    await a.runExclusive(() => b.runExclusive(() => a.runExclusive(() => b.runExclusive(() => {}))))
    await a.runExclusive(() => expect(b.inside).toBe(false))
    expect([a.locked, b.locked]).toEqual([false, false])
  })
})

describe('outside', () => {
  test('a child that outlives the holder waits like everybody else', async () => {
    const mutex = new ReentrantMutex()
    const go = deferred()
    let child: Promise<string> | undefined
    await mutex.runExclusive(() => {
      child = go.promise.then(() => mutex.runExclusive(() => 'child'))
    })
    const done = deferred()
    const holder = mutex.runExclusive(() => done.promise)
    go.resolve()
    const seen = watch(child!)
    await flush()
    expect([seen.state, mutex.waiting]).toEqual(['pending', 1])
    done.resolve()
    await holder
    await flush()
    expect(seen.value).toBe('child')
  })

  test('a child that took it in time and outlives its starter keeps it; what else was started there is outside', async () => {
    const mutex = new ReentrantMutex()
    const [childDone, go] = [deferred(), deferred()]
    let child: Promise<void> | undefined
    let stray: Promise<boolean> | undefined
    await mutex.runExclusive(() => {
      child = mutex.runExclusive(async () => {
        await childDone.promise
        await mutex.runExclusive(() => {}) // the child itself is still inside
      })
      stray = go.promise.then(() => mutex.inside)
    })
    expect(mutex.locked).toBe(true)
    go.resolve()
    expect(await stray).toBe(false)
    const other = watch(mutex.runExclusive(() => 'other'))
    await flush()
    expect(other.state).toBe('pending')
    childDone.resolve()
    await child
    await flush()
    expect(other.value).toBe('other')
  })
})

describe('as a lock of this package', () => {
  test('waiters give up cleanly: abort, timeout, cancelWaiters', async () => {
    const mutex = new ReentrantMutex({ name: 'm' })
    const done = deferred()
    const holder = mutex.runExclusive(() => done.promise)
    const controller = new AbortController()
    const aborted = mutex.runExclusive(() => {}, { signal: controller.signal })
    controller.abort('never mind')
    await expect(aborted).rejects.toBe('never mind')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    await expect(mutex.runExclusive(() => {}, { timeout: 0 })).rejects.toThrow('ReentrantMutex "m": would have to wait')
    const cancelled = mutex.runExclusive(() => {})
    mutex.cancelWaiters()
    await expect(cancelled).rejects.toMatchObject({ code: 'ERR_LOCK_CANCELLED' })
    expect(inspect(mutex)).toBe('ReentrantMutex "m" { locked }')
    done.resolve()
    await holder
    expect(inspect(mutex)).toBe('ReentrantMutex "m" { free }')
  })

  test('a task whose signal aborts right after the grant is not started, and the lock is passed on', async () => {
    const controller = new AbortController()
    let grants = 0
    const observer = { granted: () => ++grants === 2 && controller.abort('late') }
    const mutex = new ReentrantMutex({ observer: observer as never })
    const done = deferred()
    const holder = mutex.runExclusive(() => done.promise)
    let started = false
    const never = watch(
      mutex.runExclusive(
        () => {
          started = true
        },
        { signal: controller.signal }
      )
    )
    const next = mutex.runExclusive(() => 'next')
    done.resolve()
    await holder
    expect(await next).toBe('next')
    expect([started, never.reason, grants]).toEqual([false, 'late', 3])
    expect(mutex.locked).toBe(false)
  })

  test('an aborted signal rejects inside too; a timeout and close do not keep the holder from finishing', async () => {
    const mutex = new ReentrantMutex()
    let closed: Promise<void> | undefined
    await mutex.runExclusive(async () => {
      await expect(mutex.runExclusive(() => {}, { signal: AbortSignal.abort('no') })).rejects.toBe('no')
      expect(await mutex.runExclusive(() => 'at once', { timeout: 0 })).toBe('at once')
      closed = mutex.close()
      expect(await mutex.runExclusive(() => 'still')).toBe('still')
    })
    await closed
    await expect(mutex.runExclusive(() => {})).rejects.toBeInstanceOf(LockClosedError)
  })

  test('an observer is told of the outermost', async () => {
    const told: unknown[] = []
    const tell = (event: string) => (request: LockRequest) => told.push([event, request.source])
    const mutex: ReentrantMutex = new ReentrantMutex({
      observer: { granted: tell('granted'), released: tell('released') }
    })
    await mutex.runExclusive(() => mutex.runExclusive(() => {}))
    expect(told).toEqual([
      ['granted', mutex],
      ['released', mutex]
    ])
  })

  test('misuse throws at the call', () => {
    const mutex = new ReentrantMutex()
    expect(() => mutex.runExclusive('task' as never)).toThrow('ReentrantMutex: task must be a function, got "task"')
    expect(() => mutex.runExclusive(() => {}, { timeout: -1 })).toThrow(RangeError)
    expect(() => new ReentrantMutex({ name: 5 as never })).toThrow(
      'ReentrantMutex: options.name must be a string, got 5'
    )
  })
})
