// What an observer is told of a lock that leases keys, and what a monitor makes of it.

import { inspect } from 'node:util'
import { InProcessLock } from 'latchkey/distributed'
import { LockMonitor } from 'latchkey/monitor'
import { expect, test } from 'vitest'

const told = (events: string[]) => {
  const note = (event: string) => (request: { keys: readonly unknown[] }, reason?: unknown) =>
    events.push(`${event} ${request.keys}${reason === undefined ? '' : ` ${reason}`}`)
  return { queued: note('queued'), granted: note('granted'), released: note('released'), abandoned: note('abandoned') }
}

test('each caller is queued, and then granted and released or abandoned', async () => {
  const events: string[] = []
  const lock = new InProcessLock({ observer: told(events) })
  const lease = await lock.acquire('a')
  const controller = new AbortController()
  const leaver = lock.acquire('a', { signal: controller.signal })
  controller.abort('enough')
  await expect(leaver).rejects.toBe('enough')
  await lease.release()
  await lease.release()
  await lock.runExclusive('b', () => events.push('runs'))
  await (await lock.tryAcquire('c'))?.release()
  expect(events).toEqual([
    'queued a',
    'granted a',
    'queued a',
    'abandoned a enough',
    'released a',
    'queued b',
    'granted b',
    'runs',
    'released b',
    'granted c',
    'released c'
  ])
})

test('the key is told as released before the next caller has it', async () => {
  const events: string[] = []
  const lock = new InProcessLock({ observer: told(events) })
  await Promise.all([lock.runExclusive('a', () => {}), lock.runExclusive('a', () => {})])
  expect(events).toEqual(['queued a', 'queued a', 'granted a', 'released a', 'granted a', 'released a'])
})

test('a monitor counts leases', async () => {
  const monitor = new LockMonitor()
  const lock = new InProcessLock({ name: 'orders', observer: monitor })
  const lease = await lock.acquire('order 7')
  expect(inspect(monitor.snapshot(), { depth: 9 })).toContain('order 7')
  await lease.release()
  expect(monitor.report()).toContain('InProcessLock "orders"')
})

test('a monitor shows who shares a key', async () => {
  const monitor = new LockMonitor()
  const lock = new InProcessLock({ name: 'orders', observer: monitor })
  const leases = [await lock.acquire('a', { mode: 'shared' }), await lock.acquire('a', { mode: 'shared' })]
  const alone = await lock.acquireMany(['b', 'c'])
  const [snapshot] = monitor.snapshot().locks
  expect(snapshot?.holders).toEqual([
    { id: expect.any(Number), keys: ['a'], mode: 'shared', ms: expect.any(Number) },
    { id: expect.any(Number), keys: ['a'], mode: 'shared', ms: expect.any(Number) },
    { id: expect.any(Number), keys: ['b', 'c'], ms: expect.any(Number) }
  ])
  expect(monitor.report()).toMatch(/"a" {2}shared {2}for/)
  for (const lease of [...leases, alone]) await lease.release()
  expect(monitor.snapshot().locks[0]?.held).toBe(0)
})

test('misuse: an observer that is none', () => {
  expect(() => new InProcessLock({ observer: { granted: 7 as never } })).toThrow(
    /^InProcessLock: options.observer.granted must be a function, got 7/
  )
})
