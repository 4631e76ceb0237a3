// What Gate and Latch do, as examples.

import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { Gate, Latch, LockClosedError, LockTimeoutError, QueueFullError } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'

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
