// What a ReadWriteLock does, as examples, and against a model of its rules.

import { inspect } from 'node:util'
import fc from 'fast-check'
import { LockClosedError, type ReadLock, ReadWriteLock, type WriteLock } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { deferred, flush, watch } from '../fixtures/settle.js'
import { FAKED, microtasks, settings, watchRejections } from '../properties/settings.js'

const unhandled = watchRejections()

afterEach(() => {
  vi.useRealTimers()
})

describe('readers and writers', () => {
  test('readers share, a writer is alone (G1)', async () => {
    const lock = new ReadWriteLock()
    const readers = await Promise.all([lock.acquireRead(), lock.acquireRead()])
    expect([lock.readers, lock.writing, lock.tryAcquireWrite()]).toEqual([2, false, undefined])
    const writer = watch(lock.acquireWrite())
    readers[0]?.release()
    readers[0]?.release()
    await flush()
    expect([writer.state, lock.readers]).toEqual(['pending', 1])
    readers[1]?.release()
    await flush()
    expect([writer.state, lock.writing, lock.tryAcquireRead()]).toEqual(['resolved', true, undefined])
  })

  test('a waiting writer stops new readers, and readers who queued together go together', async () => {
    const lock = new ReadWriteLock()
    const reader = await lock.acquireRead()
    const writer = lock.acquireWrite()
    const readers = [lock.acquireRead(), lock.acquireRead()]
    const last = watch(lock.acquireWrite())
    expect([lock.tryAcquireRead(), lock.waiting]).toEqual([undefined, 4])
    reader.release()
    ;(await writer).release()
    expect(lock.readers).toBe(2)
    const both = await Promise.all(readers)
    expect(last.state).toBe('pending')
    for (const one of both) one.release()
    await flush()
    expect(last.state).toBe('resolved')
  })

  test('endless readers do not keep a writer out, nor endless writers a reader', async () => {
    const lock = new ReadWriteLock()
    for (const [endless, other] of [
      ['acquireRead', 'acquireWrite'],
      ['acquireWrite', 'acquireRead']
    ] as const) {
      let stop = false
      let rounds = 0
      const loop = async () => {
        while (!stop && rounds++ < 10_000) {
          const held = await lock[endless]()
          await null
          held.release()
        }
      }
      const loops = [loop(), loop(), loop()]
      const one = await lock[other]()
      stop = true
      one.release()
      await Promise.all(loops)
      expect(rounds).toBeLessThan(100)
    }
  })

  test('run releases whatever becomes of the task, and passes on its outcome (G6)', async () => {
    const lock = new ReadWriteLock()
    expect(await lock.runRead(() => 'read')).toBe('read')
    expect(await lock.runWrite(async held => held.held)).toBe(true)
    await expect(lock.runWrite(() => Promise.reject('no'))).rejects.toBe('no')
    const end = deferred<void>()
    const writing = lock.runWrite(() => end.promise)
    const controller = new AbortController()
    const task = vi.fn()
    const skipped = lock.runRead(task, { signal: controller.signal })
    end.resolve()
    await writing
    controller.abort('late')
    await skipped.catch(reason => expect(reason).toBe('late'))
    expect([inspect(lock), lock.waiting]).toEqual(['ReadWriteLock { free }', 0])
  })
})

describe('changing over', () => {
  test('a downgrade lets queued readers in at the same instant, and no writer between', async () => {
    const lock = new ReadWriteLock()
    const writer = await lock.acquireWrite()
    expect(inspect(lock)).toBe('ReadWriteLock { writing }')
    const reader = watch(lock.acquireRead())
    const next = watch(lock.acquireWrite())
    const kept = writer.downgrade()
    expect([writer.held, kept.held, lock.readers, lock.writing]).toEqual([false, true, 2, false])
    expect(inspect(lock)).toBe('ReadWriteLock { 2 readers, 1 waiting }')
    writer.release()
    await flush()
    expect([reader.state, next.state, lock.readers]).toEqual(['resolved', 'pending', 2])
    expect(() => writer.downgrade()).toThrow(
      new TypeError('ReadWriteLock: a write lock that was released cannot be downgraded')
    )
  })

  test('an upgrade succeeds for the only reader, before all who wait', async () => {
    const lock = new ReadWriteLock()
    const [first, second] = [await lock.acquireRead(), await lock.acquireRead()]
    const writer = watch(lock.acquireWrite())
    expect(first?.tryUpgrade()).toBeUndefined()
    second?.release()
    const upgraded = first?.tryUpgrade() as WriteLock
    expect([first?.held, upgraded.held, lock.writing, lock.readers]).toEqual([false, true, true, 0])
    first?.release()
    await flush()
    expect(writer.state).toBe('pending')
    upgraded.release()
    await flush()
    expect(writer.state).toBe('resolved')
    expect(first?.tryUpgrade()).toBeUndefined()
  })

  test('to an observer it is one acquisition', async () => {
    const told: [string, object][] = []
    const observer = {
      granted: (request: object) => told.push(['granted', request]),
      released: (request: object) => told.push(['released', request])
    }
    const lock = new ReadWriteLock({ observer })
    const writer = await lock.acquireWrite()
    ;(writer.downgrade().tryUpgrade() as WriteLock).release()
    expect(told.map(([event]) => event)).toEqual(['granted', 'released'])
    expect(told[0]?.[1]).toBe(told[1]?.[1])
  })
})

describe('giving up, closing, being seen', () => {
  test('readers behind a writer that gives up go at once (G3)', async () => {
    const lock = new ReadWriteLock()
    await lock.acquireRead()
    const controller = new AbortController()
    const writer = watch(lock.acquireWrite({ signal: controller.signal }))
    const reader = watch(lock.acquireRead())
    controller.abort('gone')
    expect(lock.readers).toBe(2)
    await flush()
    expect([writer.reason, reader.state]).toEqual(['gone', 'resolved'])
  })

  test('close', async () => {
    const lock = new ReadWriteLock({ name: 'config' })
    const reader = await lock.acquireRead()
    const waiting = lock.acquireWrite()
    expect(inspect(lock)).toBe('ReadWriteLock "config" { 1 reader, 1 waiting }')
    const closed = watch(lock.close())
    await expect(waiting).rejects.toThrow(LockClosedError)
    await expect(lock.acquireRead()).rejects.toThrow(LockClosedError)
    expect([closed.state, lock.tryAcquireRead()]).toEqual(['pending', undefined])
    reader.release()
    await flush()
    expect(closed.state).toBe('resolved')
  })

  test.each([
    ['options', (lock: ReadWriteLock) => lock.acquireRead(7 as never)],
    ['options', (lock: ReadWriteLock) => lock.runWrite(() => {}, null as never)],
    ['options.timeout', (lock: ReadWriteLock) => lock.acquireWrite({ timeout: -1 })],
    ['task', (lock: ReadWriteLock) => lock.runRead(undefined as never)],
    ['task', (lock: ReadWriteLock) => lock.runWrite({} as never)],
    ['options.name', () => new ReadWriteLock({ name: 7 as never })]
  ])('misuse throws at the call: %s (G11)', (argument, call) => {
    const lock = new ReadWriteLock()
    expect(() => call(lock)).toThrow(new RegExp(`^ReadWriteLock: ${argument} must be .*, got `))
    expect([lock.readers, lock.writing]).toEqual([0, false])
  })
})

test('in any schedule, endless readers do not keep a writer out, nor endless writers a reader', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.constantFrom('read' as const, 'write' as const),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      async (s, endless, crowd, patient) => {
        const lock = new ReadWriteLock()
        const inside = { read: 0, write: 0 }
        let passed = 0
        let came = false
        let done = false
        const step = (what: string) => s.schedule(Promise.resolve(), what)
        const visit = async (kind: 'read' | 'write', served: () => void) => {
          const held = await (kind === 'read' ? lock.acquireRead() : lock.acquireWrite())
          served()
          inside[kind]++
          await step(`${kind}s`)
          expect(inside.write === 0 || (inside.write === 1 && inside.read === 0)).toBe(true)
          inside[kind]--
          held.release()
        }
        const loop = async () => {
          while (!done && passed <= crowd) {
            await visit(endless, () => {
              if (came && !done) passed++
            })
            if (patient) await step('comes again') // else it asks again in the very tick of its release
          }
        }
        const other = async () => {
          await step('the other comes')
          came = true
          await visit(endless === 'read' ? 'write' : 'read', () => {
            done = true
          })
        }
        const all = Promise.all([other(), ...Array.from({ length: crowd }, loop)])
        all.catch(() => {})
        await s.waitIdle()
        await all
        // Those before it, and each of them once: they hold by then, or have been granted and have not heard of it yet.
        expect(passed).toBeLessThanOrEqual(crowd)
        expect([lock.readers, lock.writing, lock.waiting]).toEqual([0, false, 0])
      }
    ),
    settings(500)
  )
})

type Act =
  | { act: 'read' | 'write'; priority: number; signal: number | undefined; timeout: number | undefined }
  | { act: 'try read' | 'try write' | 'cancel' }
  | { act: 'release' | 'change' | 'abort' | 'pass'; pick: number }

const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constantFrom('read' as const, 'write' as const),
      priority: fc.constantFrom(0, 0, 0, 1, -1),
      signal: fc.option(fc.nat(1), { nil: undefined }),
      timeout: fc.constantFrom(undefined, undefined, 5)
    })
  },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('release' as const), pick: fc.nat(5) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constantFrom('change' as const, 'abort' as const, 'pass' as const),
      pick: fc.nat(5)
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constantFrom('try read' as const, 'try write' as const, 'cancel' as const) })
  }
)

test('a read-write lock does what the model says, step by step', async () => {
  vi.useFakeTimers({ toFake: FAKED })
  await fc.assert(
    fc.asyncProperty(fc.array(anAct, { minLength: 1, maxLength: 40, size: 'max' }), async acts => {
      vi.clearAllTimers()
      const lock = new ReadWriteLock()
      const held: { id: number; lock: ReadLock | WriteLock }[] = []
      const left: number[] = []
      let controllers = [new AbortController(), new AbortController()]
      let ids = 0
      let now = 0

      // The model.
      type One = { id: number; writes: boolean; priority: number; signal: AbortSignal | undefined; deadline: number }
      let waiting: One[] = []
      let holders: { id: number; writes: boolean }[] = []
      const gone: number[] = []
      const fits = (writes: boolean) => holders.every(holder => !holder.writes && !writes)
      const serve = () => {
        for (let head = waiting[0]; head !== undefined && fits(head.writes); head = waiting[0]) {
          waiting.shift()
          holders.push({ id: head.id, writes: head.writes })
        }
      }
      /** One after another, as their timers and listeners come; after each, whoever fits is served. */
      const leave = (leaves: (one: One) => boolean) => {
        for (const leaver of waiting.filter(leaves).sort((a, b) => a.deadline - b.deadline || a.id - b.id)) {
          if (!waiting.includes(leaver)) continue
          gone.push(leaver.id)
          waiting = waiting.filter(one => one !== leaver)
          serve()
        }
      }

      const perform = (step: Act): void => {
        if (step.act === 'read' || step.act === 'write') {
          const id = ids++
          const signal = step.signal === undefined ? undefined : controllers[step.signal]?.signal
          const writes = step.act === 'write'
          waiting.push({ id, writes, priority: step.priority, signal, deadline: now + (step.timeout ?? Infinity) })
          waiting.sort((a, b) => b.priority - a.priority || a.id - b.id)
          serve()
          const options = { priority: step.priority, signal, timeout: step.timeout }
          const asked: Promise<ReadLock | WriteLock> = writes ? lock.acquireWrite(options) : lock.acquireRead(options)
          asked.then(
            granted => held.push({ id, lock: granted }),
            () => left.push(id)
          )
        } else if (step.act === 'try read' || step.act === 'try write') {
          const writes = step.act === 'try write'
          const got = writes ? lock.tryAcquireWrite() : lock.tryAcquireRead()
          expect(got !== undefined).toBe(waiting.length === 0 && fits(writes))
          if (got === undefined) return
          holders.push({ id: ids, writes })
          held.push({ id: ids++, lock: got })
        } else if (step.act === 'cancel') {
          gone.push(...waiting.splice(0).map(({ id }) => id))
          lock.cancelWaiters()
        } else if (step.act === 'abort') {
          const controller = controllers[step.pick % 2] as AbortController
          // The signal has aborted for all of them before the first of them leaves.
          gone.push(...waiting.filter(({ signal }) => signal === controller.signal).map(({ id }) => id))
          waiting = waiting.filter(({ signal }) => signal !== controller.signal)
          serve()
          controller.abort('aborted')
          controllers = controllers.map(one => (one === controller ? new AbortController() : one))
        } else if (step.act === 'pass') {
          now += step.pick
          leave(({ deadline }) => deadline <= now)
          vi.advanceTimersByTime(step.pick)
        } else if (held.length > 0 && 'pick' in step) {
          const at = step.pick % held.length
          const one = held[at] as (typeof held)[number]
          const holder = holders.find(({ id }) => id === one.id) as (typeof holders)[number]
          if (step.act === 'release') {
            held.splice(at, 1)
            holders = holders.filter(other => other !== holder)
            serve()
            one.lock.release()
          } else if (holder.writes) {
            holder.writes = false
            serve()
            one.lock = (one.lock as WriteLock).downgrade()
          } else {
            const upgraded = (one.lock as ReadLock).tryUpgrade()
            expect(upgraded !== undefined).toBe(holders.length === 1)
            holder.writes = upgraded !== undefined
            if (upgraded) one.lock = upgraded
          }
        }
      }
      const check = () => {
        const byId = (a: number, b: number) => a - b
        expect(held.map(({ id }) => id).sort(byId)).toEqual(holders.map(({ id }) => id).sort(byId))
        expect([...left].sort(byId)).toEqual([...gone].sort(byId))
        const writing = holders.some(({ writes }) => writes)
        expect([lock.writing, lock.readers, lock.waiting]).toEqual([
          writing,
          writing ? 0 : holders.length,
          waiting.length
        ])
      }

      for (const step of acts) {
        perform(step)
        await microtasks()
        check()
      }
      for (let rounds = 0; held.length > 0 && rounds < 100; rounds++) {
        perform({ act: 'release', pick: 0 })
        await microtasks()
        check()
      }
      expect([lock.waiting, lock.readers, lock.writing, vi.getTimerCount()]).toEqual([0, 0, false, 0])
    }),
    settings(1500)
  )
  expect(unhandled).toEqual([])
})
