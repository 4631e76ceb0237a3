// What Gate and Latch do, as examples, and against a model of their rules.

import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { Gate, Latch, LockClosedError, LockTimeoutError, QueueFullError } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'
import { microtasks } from '../properties/session.js'
import { FAKED, settings, watchRejections } from '../properties/settings.js'

const unhandled = watchRejections()

afterEach(() => {
  vi.useRealTimers()
})

describe('a gate', () => {
  test('lets everyone pass while it is open, and nobody while it is shut', async () => {
    const gate = new Gate()
    const waiters = [watch(gate.wait()), watch(gate.wait())]
    await flush()
    expect([waiters.map(({ state }) => state), gate.waiting, gate.isOpen]).toEqual([['pending', 'pending'], 2, false])
    gate.open()
    const late = watch(gate.wait())
    gate.shut()
    const later = watch(gate.wait())
    await flush()
    expect([...waiters, late, later].map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved', 'pending'])
  })

  // asyncio, test_locks.py, EventTests: set and clear in one go lets those pass who waited, and nobody else.
  test('opened and shut in one go lets those pass who waited', async () => {
    const gate = new Gate()
    const before = watch(gate.wait())
    gate.open()
    gate.shut()
    const after = watch(gate.wait())
    await flush()
    expect([before.state, after.state, gate.waiting]).toEqual(['resolved', 'pending', 1])
  })

  test('may be open from the start', async () => {
    const gate = new Gate({ open: true, name: 'ready' })
    await gate.wait({ timeout: 0 })
    expect(inspect(gate)).toBe('Gate "ready" { open }')
    await expect(gate.wait({ signal: AbortSignal.abort('early') })).rejects.toBe('early')
  })

  test('an observer that shuts it, or comes back, while it lets people pass', async () => {
    let times = 0
    const gate: Gate = new Gate({
      observer: {
        granted: () => {
          if (times++ === 0) gate.shut()
        }
      }
    })
    const waiters = [watch(gate.wait()), watch(gate.wait())]
    gate.open()
    await flush()
    expect([waiters.map(({ state }) => state), gate.waiting]).toEqual([['resolved', 'pending'], 1])
  })
})

describe('a latch', () => {
  test('opens at 0, for those who wait and for those who come', async () => {
    const latch = new Latch(3, { name: 'ready' })
    const waiter = watch(latch.wait())
    latch.countDown(2)
    expect(inspect(latch)).toBe('Latch "ready" { 1 to go, 1 waiting }')
    await flush()
    expect([waiter.state, latch.count]).toEqual(['pending', 1])
    latch.countDown(5)
    await flush()
    expect([waiter.state, latch.count, inspect(latch)]).toEqual(['resolved', 0, 'Latch "ready" { open }'])
    await latch.wait()
    latch.countDown()
    expect(latch.count).toBe(0)
  })

  // java.util.concurrent, CountDownLatchTest: a latch of zero is open.
  test('of 0 is open', async () => {
    await new Latch(0).wait()
  })
})

describe.each([
  { name: 'Gate', make: (options?: object) => new Gate(options), open: (it: Gate | Latch) => (it as Gate).open() },
  {
    name: 'Latch',
    make: (options?: object) => new Latch(1, options),
    open: (it: Gate | Latch) => (it as Latch).countDown()
  }
])('$name: the common members', ({ name, make, open }) => {
  test('giving up at every step, and then nothing is left (G5, G10)', async () => {
    vi.useFakeTimers()
    const it = make()
    const controller = new AbortController()
    const { signal } = controller
    await expect(it.wait({ timeout: 0 })).rejects.toThrow(LockTimeoutError)
    const waiters = [watch(it.wait({ signal })), watch(it.wait({ timeout: 5 })), watch(it.wait({ signal, timeout: 9 }))]
    await vi.advanceTimersByTimeAsync(5)
    controller.abort('gone')
    const free = watch(it.whenFree())
    await vi.advanceTimersByTimeAsync(0)
    expect(waiters.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'rejected'])
    expect([it.waiting, vi.getTimerCount(), getEventListeners(signal, 'abort').length, free.state]).toEqual([
      0,
      0,
      0,
      'resolved'
    ])
  })

  test('whenFree resolves when the last has given up, or passed', async () => {
    const it = make()
    const controller = new AbortController()
    const waiter = watch(it.wait({ signal: controller.signal }))
    const free = watch(it.whenFree())
    await flush()
    expect(free.state).toBe('pending')
    controller.abort('gone')
    await flush()
    expect([waiter.reason, free.state]).toEqual(['gone', 'resolved'])
    void it.wait()
    const again = watch(it.whenFree())
    open(it)
    await flush()
    expect(again.state).toBe('resolved')
  })

  test('cancelWaiters, maxWaiting, close', async () => {
    const it = make({ maxWaiting: 1 })
    const waiter = watch(it.wait())
    await expect(it.wait()).rejects.toThrow(QueueFullError)
    it.cancelWaiters('stop')
    const last = watch(it.wait())
    await it.close()
    await flush()
    expect([waiter.reason, it.closed]).toEqual(['stop', true])
    expect(last.reason).toBeInstanceOf(LockClosedError)
    open(it)
    await expect(it.wait()).rejects.toThrow(LockClosedError)
  })

  test.each([null, 7, 'options', () => {}])('misuse throws at the call: %o (G11)', value => {
    expect(() => make().wait(value as never)).toThrow(new RegExp(`^${name}: options must be an object, got `))
    expect(() => make(value as never)).toThrow(TypeError)
  })
})

test.each([undefined, null, '1', 1n, {}, Number.NaN, -1, 0.5, Infinity])('misuse: new Latch(%o)', count => {
  expect(() => new Latch(count as never)).toThrow(/^Latch: count must be a whole number >= 0, got /)
  expect(() => new Latch(count as never)).toThrow(typeof count === 'number' ? RangeError : TypeError)
})

test.each([null, '1', {}, Number.NaN, 0, -1, 0.5])('misuse: countDown(%o)', n => {
  const latch = new Latch(2)
  expect(() => latch.countDown(n as never)).toThrow(/^Latch: n must be a whole number >= 1, got /)
  expect(latch.count).toBe(2)
})

test.each([null, 0, 'yes', {}])('misuse: new Gate({ open: %o })', open => {
  expect(() => new Gate({ open: open as never })).toThrow(/^Gate: options.open must be a boolean, got /)
})

type Act =
  | { act: 'wait'; signal: number | undefined; timeout: number | undefined; priority: number }
  | { act: 'open' | 'shut' | 'cancel' }
  | { act: 'abort' | 'pass'; pick: number }

const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constant('wait' as const),
      signal: fc.option(fc.nat(1), { nil: undefined }),
      timeout: fc.constantFrom(undefined, undefined, 0, 5),
      priority: fc.constantFrom(0, 0, 1, -1)
    })
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constantFrom('open' as const, 'shut' as const, 'cancel' as const) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constantFrom('abort' as const, 'pass' as const), pick: fc.nat(6) }) }
)

test('a gate does what the model says, step by step', async () => {
  vi.useFakeTimers({ toFake: FAKED })
  await fc.assert(
    fc.asyncProperty(fc.array(anAct, { minLength: 1, maxLength: 30, size: 'max' }), async acts => {
      vi.clearAllTimers()
      const gate = new Gate()
      const controllers = [new AbortController(), new AbortController()]
      const seen: string[] = []
      let now = 0

      // The model: who waits, whether it is open, and what has become of each.
      type One = { id: number; priority: number; signal: AbortSignal | undefined; deadline: number }
      let waiting: One[] = []
      let open = false
      const fates: string[] = []
      let ids = 0
      const end = (leaves: (one: One) => boolean, fate: string) => {
        for (const { id } of waiting.filter(leaves)) fates.push(`${id} ${fate}`)
        waiting = waiting.filter(one => !leaves(one))
      }

      for (const step of acts) {
        if (step.act === 'wait') {
          const id = ids++
          const signal = step.signal === undefined ? undefined : controllers[step.signal]?.signal
          const one = { id, priority: step.priority, signal, deadline: now + (step.timeout ?? Infinity) }
          if (signal?.aborted) fates.push(`${id} rejected`)
          else if (open) fates.push(`${id} passed`)
          else if (step.timeout === 0) fates.push(`${id} rejected`)
          else waiting.push(one)
          gate.wait({ signal, timeout: step.timeout, priority: step.priority }).then(
            () => seen.push(`${id} passed`),
            () => seen.push(`${id} rejected`)
          )
        } else if (step.act === 'open') {
          open = true
          waiting.sort((a, b) => b.priority - a.priority || a.id - b.id)
          end(() => true, 'passed')
          gate.open()
        } else if (step.act === 'shut') {
          open = false
          gate.shut()
        } else if (step.act === 'cancel') {
          end(() => true, 'rejected')
          gate.cancelWaiters()
        } else if (step.act === 'abort' && 'pick' in step) {
          const at = step.pick % 2
          const { signal } = controllers[at] as AbortController
          end(one => one.signal === signal, 'rejected')
          controllers[at]?.abort('aborted')
          controllers[at] = new AbortController()
        } else if ('pick' in step) {
          now += step.pick
          end(({ deadline }) => deadline <= now, 'rejected')
          vi.advanceTimersByTime(step.pick)
        }
        await microtasks()
        // Those who pass do so in the order of the line; who is rejected is heard of later than who passes.
        const passed = (list: string[]) => list.filter(fate => fate.endsWith('passed'))
        expect(passed(seen)).toEqual(passed(fates))
        expect([...seen].sort()).toEqual([...fates].sort())
        expect([gate.waiting, gate.isOpen]).toEqual([waiting.length, open])
      }
      gate.open()
      await microtasks()
      expect([gate.waiting, vi.getTimerCount()]).toEqual([0, 0])
    }),
    settings(1000)
  )
  expect(unhandled).toEqual([])
})
